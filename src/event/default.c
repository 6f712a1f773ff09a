/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include <stdlib.h>
#include "event/assembler.h"

/* An event ends when its node's clock went on by the timeout since it opened. What counts is progress: small steps back are records
 * out of order, larger ones a clock that was set, and neither takes progress back or adds to it. */
static void advance(EventAssembler *a, Node *node, const RecordId *id) {
        int64_t now = id->sec * 1000 + id->ms, step = now - node->clock_ms, timeout = a->limits.timeout_ms;

        if (likely(!step))
                return;
        if (unlikely(!node->heard) || step < -timeout) {
                node->heard = true;
                node->clock_ms = now;
        }
        if (now <= node->clock_ms)
                return;
        node->clock_ms = now;
        node->progress_ms += step < timeout ? step : timeout;
        while (a->mode == EVENT_DEFAULT && node->open.first &&
               node->progress_ms - node->open.first->opened_progress_ms >= timeout)
                assembler_end(a, node->open.first, EVENT_END_TIMEOUT);
}

/* Those of auditd's own events are counted by itself. When it starts nobody knows what was before. */
static void note_serial(EventAssembler *a, Node *node, int type, uint64_t serial) {
        uint64_t before = node->serials.gaps;

        if (likely(type < AUDIT_FIRST_DAEMON || type > AUDIT_LAST_DAEMON))
                serials_note(&node->serials, serial, node->clock_ms);
        else if (type == AUDIT_DAEMON_START)
                serials_restart(&node->serials);
        a->counters.serial_gaps += node->serials.gaps - before;
}

static int drop(EventAssembler *a, Record *r, uint64_t *counter) {
        ++*counter;
        assembler_drop_record(a, r);
        return counter == &a->counters.eoe ? 0 : EVENT_E_DROPPED;
}

static int compare_place(const void *x, const void *y) {
        const Open *a = *(Open *const *)x, *b = *(Open *const *)y;
        const RecordId *i = &a->event.id, *k = &b->event.id;

        if (i->sec != k->sec)
                return i->sec < k->sec ? -1 : 1;
        if (i->ms != k->ms)
                return i->ms < k->ms ? -1 : 1;
        if (i->serial != k->serial)
                return i->serial < k->serial ? -1 : 1;
        return a->order_index < b->order_index ? -1 : 1;
}

void whole_flush(EventAssembler *a) {
        Open **v = calloc(a->n_open + 1, sizeof(Open *));
        uint32_t n = 0;

        if (!v)
                return; /* as they came is the next best */
        for (Open *o = a->arrival.first; o; o = o->newer) {
                o->order_index = n;
                v[n++] = o;
        }
        qsort(v, n, sizeof(Open *), compare_place);
        for (uint32_t i = 0; i < n; i++)
                assembler_end(a, v[i], EVENT_END_EOF);
        free(v);
}

int default_add(EventAssembler *a, Record *r, const RecordId *id) {
        Node *node = assembler_node(a, id->node);
        uint64_t hash = 0;
        Open *o;

        if (unlikely(!node))
                return drop(a, r, &a->counters.no_memory);
        o = assembler_find(a, id, node, &hash);
        if (o && unlikely(assembler_is_full(a, o, r))) {
                hash = o->hash;
                assembler_end(a, o, EVENT_END_LIMIT);
                o = NULL;
        }
        if (!o) {
                if (r->type == AUDIT_EOE)
                        return drop(a, r, &a->counters.eoe);
                advance(a, node, id);
                note_serial(a, node, r->type, id->serial);
                o = assembler_open(a, id, node, hash);
                if (unlikely(!o))
                        return drop(a, r, &a->counters.no_memory);
        }
        assembler_append(a, o, r);
        if (a->mode == EVENT_DEFAULT && event_type_is_last(r->type))
                assembler_end(a, o, EVENT_END_TERMINAL);
        return 0;
}
