/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "alert/attempt.h"
#include "meaning/meaning.h"
#include "meaning/proc.h"
#include "role/account/counters.h"
#include "role/account/kernel-state.h"
#include "role/deliver/checkpoint.h"
#include "role/deliver/events-in.h"
#include "role/deliver/outlet.h"
#include "role/deliver/route.h"
#include "role/engine/catch-up.h"
#include "role/engine/echo.h"
#include "role/engine/engine.h"
#include "role/engine/events-out.h"
#include "role/engine/keep.h"
#include "role/engine/outbox.h"
#include "role/engine/role-engine.h"
#include "role/source/role-source.h"
#include "role/supervisor/supervisor.h"
#include "source/kafka-intake.h"
#include "source/line.h"
#include "source/source.h"

/* What is printed without a table: what is there now, and not how often something was. */
static const CounterDesc gauges[] = {
        { "alerts_held", "alerts that wait to be told together", 0, false },
        { "spool_bytes", "bytes of the spool's file in use", 0, false },
        { "spool_unusable", "1 while the spool's file cannot be used", 0, false },
        { "counters_cut", "1 when there are too many sinks to show them all", 0, false },
};
static const CounterDesc sink_gauges[] = {
        { "waiting", "alerts that the sink is to get yet", 0, false },
        { "dead_letters", "alerts given up that are kept", 0, false },
        { "rests_ms", "time until a sink that fails is tried again", 0, false },
};
static const CounterDesc others[] = {
        { "engine_messages_bad", "messages of the engine that were none, and dropped", 0, true },
};

typedef struct {
        const CounterDesc *descs;
        const size_t *n;
} Table;

static const size_t n_others = ARRAY_SIZE(others);

static const Table tables[] = {
        { line_counter_descs, &line_n_counter_descs },
        { source_counter_descs, &source_n_counter_descs },
        { kafka_counter_descs, &kafka_n_counter_descs },
        { feed_counter_descs, &feed_n_counter_descs },
        { event_counter_descs, &event_n_counter_descs },
        { event_gap_counter_descs, &event_n_gap_counter_descs },
        { engine_role_counter_descs, &engine_role_n_counter_descs },
        { echo_counter_descs, &echo_n_counter_descs },
        { engine_counter_descs, &engine_n_counter_descs },
        { attempt_counter_descs, &attempt_n_counter_descs },
        { proc_counter_descs, &proc_n_counter_descs },
        { rule_counter_descs, &rule_n_counter_descs },
        { meaning_counter_descs, &meaning_n_counter_descs },
        { keep_counter_descs, &keep_n_counter_descs },
        { checkpoint_counter_descs, &checkpoint_n_counter_descs },
        { catch_up_counter_descs, &catch_up_n_counter_descs },
        { outbox_counter_descs, &outbox_n_counter_descs },
        { events_out_counter_descs, &events_out_n_counter_descs },
        { events_in_counter_descs, &events_in_n_counter_descs },
        { route_counter_descs, &route_n_counter_descs },
        { store_counter_descs, &store_n_counter_descs },
        { spool_counter_descs, &spool_n_counter_descs },
        { kernel_counter_descs, &kernel_n_counter_descs },
        { supervisor_counter_descs, &supervisor_n_counter_descs },
        { others, &n_others },
};

static const Table sink_tables[] = {
        { sink_counter_descs, &sink_n_counter_descs },
        { sink_lines_counter_descs, &sink_lines_n_counter_descs },
        { outlet_counter_descs, &outlet_n_counter_descs },
};

static bool find(Str name, const Table *t, size_t n_t, const CounterDesc *g, size_t n_g, CounterKind *ret) {
        for (size_t i = 0; i < n_t; i++)
                for (size_t k = 0; k < *t[i].n; k++)
                        if (str_eqz(name, t[i].descs[k].name)) {
                                *ret = (CounterKind){ &t[i].descs[k], false };
                                return true;
                        }
        for (size_t i = 0; i < n_g; i++)
                if (str_eqz(name, g[i].name)) {
                        *ret = (CounterKind){ &g[i], true };
                        return true;
                }
        return false;
}

static bool find_of_sink(Str name, StrList sinks, CounterLine *ret) {
        const Str head = STR("sink_");

        if (!str_starts(name, head))
                return false;
        name = (Str){ name.p + head.n, name.n - head.n };
        for (size_t i = 0; i < sinks.n; i++) {
                size_t n = sinks.v[i].n;

                if (!str_starts(name, sinks.v[i]) || name.n <= n || name.p[n] != '_' ||
                    !find((Str){ name.p + n + 1, name.n - n - 1 }, sink_tables, ARRAY_SIZE(sink_tables),
                          sink_gauges, ARRAY_SIZE(sink_gauges), &ret->kind))
                        continue;
                ret->sink = sinks.v[i];
                return true;
        }
        return false;
}

bool counters_parse(Str line, StrList sinks, CounterLine *ret) {
        const char *blank = line.n ? memrchr(line.p, ' ', line.n) : NULL;
        CounterLine found = { .sink = STR("") };
        Str name = { line.p, blank ? (size_t)(blank - line.p) : 0 };

        if (!name.n || !str_u64((Str){ blank + 1, line.n - name.n - 1 }, 10, &found.value))
                return false;
        if (!find(name, tables, ARRAY_SIZE(tables), gauges, ARRAY_SIZE(gauges), &found.kind) &&
            !find_of_sink(name, sinks, &found))
                return false;
        *ret = found;
        return true;
}

bool counters_is_loss(Str name) {
        CounterKind kind;

        return (find(name, tables, ARRAY_SIZE(tables), NULL, 0, &kind) ||
                find(name, sink_tables, ARRAY_SIZE(sink_tables), NULL, 0, &kind)) &&
               kind.desc->loss;
}

bool counters_next_line(Str *rest, Str *ret) {
        const char *end;

        if (!rest->n)
                return false;
        end = memchr(rest->p, '\n', rest->n);
        *ret = (Str){ rest->p, end ? (size_t)(end - rest->p) : rest->n };
        *rest = (Str){ rest->p + ret->n + !!end, rest->n - ret->n - !!end };
        return true;
}
