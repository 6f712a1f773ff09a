/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The engine's alerts on their way to deliver: each is kept until deliver says that it is in the spool.
 *
 * Deliver may be replaced meanwhile: its successor gets again what was not committed (the same ids: it knows what it has).
 * Bounded: beyond OUTBOX_MAX bytes the oldest that was sent is not kept any more (deliver has it in memory while the spool
 * cannot be written); where none was sent, the alert at hand is dropped. Both are counted. Never waits. */
#include "alert/alert.h"

#define OUTBOX_MAX (8u << 20)

typedef struct {
        uint64_t sent;      /* alerts given to deliver, again or not */
        uint64_t dropped;   /* because too many were not sent */
        uint64_t forgotten; /* sent, and not committed */
} OutboxCounters;

extern const CounterDesc outbox_counter_descs[];
extern const size_t outbox_n_counter_descs;

typedef struct OutboxItem OutboxItem;

typedef struct {
        int link;           /* the socket to deliver, or -1; the caller's */
        uint64_t seq;       /* of the last alert */
        uint64_t committed; /* all up to this one are in the spool */
        OutboxItem *first, *last, *unsent;
        size_t bytes;
        OutboxCounters counters;
} Outbox;

void outbox_done(Outbox *o);
/* Packs the alert under the next number and sends what can be sent. */
void outbox_put(Outbox *o, Alert *alert);
/* 0: all is sent; -EAGAIN: the socket is full, try again when it can be written; -errno: the other side is gone. */
int outbox_send(Outbox *o);
void outbox_commit(Outbox *o, uint64_t seq);
/* Another deliver: everything that is not committed goes to it. */
void outbox_relink(Outbox *o, int link);
/* At the end: what was not sent is dropped, and counted. */
void outbox_give_up(Outbox *o);
/* Deliver takes less than comes: who can make the alerts later should. */
static inline bool outbox_is_half_full(const Outbox *o) { return o->unsent && o->bytes >= OUTBOX_MAX / 2; }
static inline bool outbox_is_nearly_full(const Outbox *o) {
        return o->unsent && o->bytes >= OUTBOX_MAX / 4 * 3;
}
static inline bool outbox_is_empty(const Outbox *o) { return !o->first; }
