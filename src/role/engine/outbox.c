/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "alert/alert-pack.h"
#include "role/engine/outbox.h"
#include "role/ipc.h"

struct OutboxItem {
        OutboxItem *next;
        uint64_t seq;
        size_t n;
        char bytes[];
};

const CounterDesc outbox_counter_descs[] = {
        { "alerts_sent", "alerts given to the process that delivers", offsetof(OutboxCounters, sent), false },
        { "alerts_dropped", "alerts dropped because too many could not be sent yet",
          offsetof(OutboxCounters, dropped), true },
        { "alerts_uncommitted",
          "alerts that deliver has, and would not get again if it died before they are in the spool",
          offsetof(OutboxCounters, forgotten), false },
};
const size_t outbox_n_counter_descs = ARRAY_SIZE(outbox_counter_descs);

static void drop_first(Outbox *o) {
        OutboxItem *item = o->first;

        o->first = item->next;
        if (!o->first)
                o->last = NULL;
        if (o->unsent == item)
                o->unsent = item->next;
        o->bytes -= item->n;
        free(item);
}

void outbox_done(Outbox *o) {
        while (o->first)
                drop_first(o);
}

static OutboxItem *item_new(Alert *alert) {
        OutboxItem *item = NULL;
        Buf packed = BUF_INIT;

        if (alert_pack(&packed, alert) == 0)
                item = malloc(sizeof(*item) + packed.n);
        if (item) {
                *item = (OutboxItem){ .n = packed.n };
                memcpy(item->bytes, packed.p, packed.n);
        }
        buf_done(&packed);
        return item;
}

void outbox_put(Outbox *o, Alert *alert) {
        OutboxItem *item;

        while (o->bytes >= OUTBOX_MAX && o->first != o->unsent) {
                drop_first(o);
                o->counters.forgotten++;
        }
        item = o->bytes < OUTBOX_MAX ? item_new(alert) : NULL;
        if (!item) {
                o->counters.dropped++;
                return;
        }
        item->seq = ++o->seq;
        if (o->last)
                o->last->next = item;
        else
                o->first = item;
        o->last = item;
        o->bytes += item->n;
        if (!o->unsent)
                o->unsent = item;
        outbox_send(o);
}

int outbox_send(Outbox *o) {
        while (o->unsent && o->link >= 0) {
                OutboxItem *item = o->unsent;
                int r = ipc_send(o->link, IPC_ALERT, item->seq, 0, (Str){ item->bytes, item->n }, -1);

                if (r < 0)
                        return r;
                o->counters.sent++;
                o->unsent = item->next;
        }
        return 0;
}

void outbox_commit(Outbox *o, uint64_t seq) {
        if (seq > o->seq)
                return; /* it cannot know of one that was not made */
        while (o->first && o->first != o->unsent && o->first->seq <= seq)
                drop_first(o);
        if (seq > o->committed)
                o->committed = seq;
}

void outbox_relink(Outbox *o, int link) {
        o->link = link;
        o->unsent = o->first;
        outbox_send(o);
}

void outbox_give_up(Outbox *o) {
        for (const OutboxItem *item = o->unsent; item; item = item->next)
                o->counters.dropped++;
        outbox_done(o);
}
