/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "sink/lines.h"
#include "sink/sink.h"

static const SinkOps *const types[] = { &sink_desktop, &sink_exec,     &sink_file,
                                        &sink_journal, &sink_kafka,    &sink_mail,
                                        &sink_syslog,  &sink_terminal, &sink_webhook };

const CounterDesc sink_counter_descs[] = {
        { "offered", "alerts routed to the sink", offsetof(SinkCounters, offered), false },
        { "delivered", "alerts the far end has", offsetof(SinkCounters, delivered), false },
        { "refused", "alerts the far end does not want, or there is none", offsetof(SinkCounters, refused),
          false },
        { "failed", "attempts that failed, and are made again or given up", offsetof(SinkCounters, failed),
          false },
        { "overflow", "alerts dropped because too many waited", offsetof(SinkCounters, overflow), true },
};
const size_t sink_n_counter_descs = ARRAY_SIZE(sink_counter_descs);

typedef struct {
        uint64_t id; /* 0: free */
        Alert *alert;
        bool taken; /* by the driver, and not settled yet */
} Flight;

/* Flights wait in the order of their ids in a ring; the driver has some of the first ones. */
struct Sink {
        const SinkOps *ops;
        Str name;
        void *state;
        sd_event *loop;
        SinkSettledFn settled;
        void *userdata;
        SinkCounters counters;
        uint64_t first,
                next; /* ids of the oldest flight and of the next one; a flight's place is id % SINK_QUEUE */
        uint64_t submit_at; /* the first that the driver does not have */
        size_t n_pending;
        bool submitting;
        Lines lines;
        uint64_t retry_after; /* of the flight that is being settled */
        Flight flights[SINK_QUEUE];
};

const SinkOps *sink_find_type(Str type) {
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (str_eqz(type, types[i]->type))
                        return types[i];
        return NULL;
}

const char *sink_type_name(size_t i) { return i < ARRAY_SIZE(types) ? types[i]->type : NULL; }

int sink_new(Sink **ret, const SinkOps *ops, Str name, const SinkConf *conf, sd_event *loop, SinkSettledFn fn,
             void *userdata) {
        Sink *sink = calloc(1, sizeof(*sink));
        int r;

        if (!sink)
                return -ENOMEM;
        sink->ops = ops;
        sink->name = name;
        sink->settled = fn;
        sink->userdata = userdata;
        sink->first = sink->next = sink->submit_at = 1;
        sink->loop = sd_event_ref(loop);
        r = ops->lines ? lines_init(&sink->lines, sink, ops->lines) : 0;
        if (r >= 0)
                r = ops->open(sink, conf);
        if (r < 0) {
                lines_done(&sink->lines);
                sd_event_unref(sink->loop);
                free(sink);
                return r;
        }
        *ret = sink;
        return 0;
}

static Flight *flight_of(Sink *sink, uint64_t id) { return &sink->flights[id % SINK_QUEUE]; }

Sink *sink_free(Sink *sink) {
        if (!sink)
                return NULL;
        lines_done(&sink->lines);
        sink->ops->close(sink);
        sink->submitting = true; /* nothing more goes to the driver */
        for (uint64_t id = sink->first; id < sink->next; id++)
                if (flight_of(sink, id)->id == id) {
                        flight_of(sink, id)->taken = true;
                        sink_settle(sink, id, SINK_RETRY, "the program ends");
                }
        sd_event_unref(sink->loop);
        free(sink);
        return NULL;
}

/* Gives the driver what it will take. */
static void submit(Sink *sink) {
        if (sink->submitting)
                return;
        sink->submitting = true;
        while (sink->submit_at < sink->next) {
                uint64_t id = sink->submit_at;
                Flight *f = flight_of(sink, id);

                f->taken = true; /* a driver may settle at once */
                sink->submit_at++;
                if (sink->ops->submit(sink, id, f->alert) == SINK_E_BUSY) {
                        f->taken = false;
                        sink->submit_at--;
                        break;
                }
        }
        sink->submitting = false;
}

int sink_offer(Sink *sink, Alert *alert) {
        sink->counters.offered++;
        if (sink->next - sink->first == SINK_QUEUE) {
                sink->counters.overflow++;
                return SINK_E_FULL;
        }
        *flight_of(sink, sink->next) = (Flight){ .id = sink->next, .alert = alert_ref(alert) };
        sink->next++;
        sink->n_pending++;
        submit(sink);
        return 0;
}

void sink_settle(Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        Flight *f = flight_of(sink, id);

        assert(f->id == id && f->taken); /* settled twice, or never taken */
        sink->counters.delivered += verdict == SINK_DELIVERED;
        sink->counters.refused += verdict == SINK_REFUSED;
        sink->counters.failed += verdict == SINK_RETRY;
        alert_unref(f->alert);
        *f = (Flight){ 0 };
        sink->n_pending--;
        while (sink->first < sink->submit_at && !flight_of(sink, sink->first)->id)
                sink->first++;
        if (sink->settled)
                sink->settled(sink->userdata, sink, id, verdict, why);
        sink->retry_after = 0;
        submit(sink);
}

void sink_settle_after(Sink *sink, uint64_t id, const char *why, uint64_t ms) {
        sink->retry_after = ms;
        sink_settle(sink, id, SINK_RETRY, why);
}

void sink_lines(Sink *sink, Str node, Str lines) { lines_add(&sink->lines, node, lines); }
void sink_lines_give_up(Sink *sink) { lines_give_up(&sink->lines); }
bool sink_lines_pending(const Sink *sink) {
        const Lines *l = &sink->lines;

        return l->first || l->taken > l->counters.written + l->counters.refused;
}
void sink_lines_written(Sink *sink, uint64_t n) { sink->lines.counters.written += n; }
void sink_lines_refused(Sink *sink, uint64_t n) { sink->lines.counters.refused += n; }
const SinkLinesCounters *sink_lines_counters(const Sink *sink) {
        return sink->ops->lines ? &sink->lines.counters : NULL;
}

uint64_t sink_retry_after(const Sink *sink) { return sink->retry_after; }
size_t sink_room(const Sink *sink) { return SINK_QUEUE - (size_t)(sink->next - sink->first); }
size_t sink_pending(const Sink *sink) { return sink->n_pending; }
Str sink_name(const Sink *sink) { return sink->name; }
const SinkCounters *sink_counters(const Sink *sink) { return &sink->counters; }
void sink_set_state(Sink *sink, void *state) { sink->state = state; }
void *sink_state(const Sink *sink) { return sink->state; }
sd_event *sink_loop(const Sink *sink) { return sink->loop; }

const SinkSetting *sink_conf_find(const SinkConf *conf, const char *name) {
        for (size_t i = 0; i < conf->n_settings; i++)
                if (str_eqz(conf->settings[i].name, name))
                        return &conf->settings[i];
        return NULL;
}

Str sink_conf_text(const SinkConf *conf, const char *name, Str fallback) {
        const SinkSetting *s = sink_conf_find(conf, name);

        return s ? s->values[0] : fallback;
}

uint64_t sink_conf_number(const SinkConf *conf, const char *name, uint64_t fallback) {
        const SinkSetting *s = sink_conf_find(conf, name);

        return s ? s->number : fallback;
}

bool sink_conf_flag(const SinkConf *conf, const char *name, bool fallback) {
        const SinkSetting *s = sink_conf_find(conf, name);

        return s ? s->flag : fallback;
}

int sink_bad_conf(Sink *sink, const char *fmt, ...) {
        char why[256];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(why, sizeof(why), fmt, ap);
        va_end(ap);
        if (sink->settled)
                sink->settled(sink->userdata, sink, 0, SINK_REFUSED, why);
        return -EINVAL;
}
