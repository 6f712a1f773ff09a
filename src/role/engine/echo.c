/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/hash.h"
#include "role/engine/echo.h"

#define HOST_MAX 256u

typedef struct {
        uint64_t rule; /* hash of its id; 0: free */
        uint64_t until_ns;
} Told;

struct Echo {
        EchoSelf self;
        char host[HOST_MAX];
        FieldVec fields;
        FieldNames names;
        Told told[ECHO_RULES];
        EchoCounters counters;
};

const CounterDesc echo_counter_descs[] = {
        { "own_hits_folded", "times a rule was true of what aulert itself did, and that was not told again",
          offsetof(EchoCounters, folded), false },
        { "own_events_kept_back", "events of aulert itself that events: did not send on",
          offsetof(EchoCounters, events), false },
};
const size_t echo_n_counter_descs = ARRAY_SIZE(echo_counter_descs);

int echo_new(Echo **ret, const EchoSelf *self) {
        Echo *e = calloc(1, sizeof(*e));

        if (!e)
                return -ENOMEM;
        e->self = *self;
        (void)gethostname(e->host, sizeof(e->host) - 1);
        field_names_add(&e->names, STR("pid"));
        field_names_add(&e->names, STR("ppid"));
        field_names_add(&e->names, STR("uid"));
        *ret = e;
        return 0;
}

Echo *echo_free(Echo *e) {
        if (e)
                field_vec_done(&e->fields);
        free(e);
        return NULL;
}

/* auditd.conf's name_format may write the short name or the whole one, a made-up one, or an address. */
static bool is_here(const Echo *e, Str node) {
        Str host = str_from(e->host);
        Str *shorter = node.n < host.n ? &node : &host, *longer = node.n < host.n ? &host : &node;

        for (uint32_t i = 0; i < e->self.n_nodes && i < ECHO_NODES; i++)
                if (str_eqz(node, e->self.nodes[i]))
                        return true;
        return !node.n || (shorter->n && str_starts(*longer, *shorter) &&
                           (longer->n == shorter->n || longer->p[shorter->n] == '.'));
}

static bool is_uid(const Echo *e, uint64_t uid) {
        for (size_t i = 0; i < ECHO_UIDS; i++)
                if (e->self.uids[i] >= 0 && uid == (uint64_t)e->self.uids[i])
                        return true;
        return false;
}

/* What a program wrote into msg='…' is nobody's word for who it is. */
static bool is_own_record(const Echo *e, bool before_us) {
        for (size_t i = 0; i < e->fields.n; i++) {
                const Field *f = &e->fields.v[i];
                uint64_t n;

                if (f->part != FIELD_KERNEL || !str_u64(f->value, 10, &n))
                        continue;
                if (str_eq(f->name, STR("uid"))
                            ? is_uid(e, n)
                            : !before_us && n == (uint64_t)e->self.pid &&
                                      (str_eq(f->name, STR("pid")) || str_eq(f->name, STR("ppid"))))
                        return true;
        }
        return false;
}

bool echo_is_own(Echo *e, const Event *event) {
        bool before_us;

        if (!e || !e->self.pid || !is_here(e, event->id.node))
                return false;
        /* The kernel's stamp may be a tick older than what the clock says at the same moment. */
        before_us = event->id.sec < e->self.since - 1;
        for (const Record *r = event->records; r; r = r->next)
                if (field_split_named(&e->fields, r, &e->names) == 0 && is_own_record(e, before_us))
                        return true;
        return false;
}

bool echo_tells(Echo *e, Str rule_id, uint64_t now_ns) {
        uint64_t rule = hash_str(rule_id) | 1;
        Told *free_one = NULL;

        for (size_t i = 0; i < ECHO_RULES; i++) {
                Told *t = &e->told[(rule + i) % ECHO_RULES];
                bool over = now_ns >= t->until_ns;

                if (t->rule == rule && !over) {
                        free_one = NULL;
                        break;
                }
                if (!free_one && over)
                        free_one = t;
                if (!t->rule)
                        break;
        }
        if (free_one)
                *free_one = (Told){ rule, now_ns + ECHO_MS * NS_PER_MS };
        e->counters.folded += !free_one;
        return free_one;
}

bool echo_keeps_back(Echo *e, const Event *event) {
        if (!echo_is_own(e, event))
                return false;
        e->counters.events++;
        return true;
}

void echo_print_counters(const Echo *e, Buf *out, bool only_loss) {
        if (e)
                counter_print(out, echo_counter_descs, echo_n_counter_descs, &e->counters, only_loss);
}
