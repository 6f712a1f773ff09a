/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What waits until no earlier event can come: correlations and parents of processes need events in order.
 *
 * Events complete out of order, by up to the end-of-event timeout. A Pending holds what one event contributes, texts included, and is
 * taken out in the order of (time, serial, arrival). Bounded in number and bytes: the earliest is forced out. */
#include "event/event.h"

/* A rule held for the event; the values are those that correlations want, in the order of Rule.wants. */
typedef struct {
        uint32_t rule;
        uint32_t first, n; /* in Pending.values */
} Occurrence;

typedef struct {
        int64_t time_ms;
        uint64_t serial, order;
        Event *event; /* a copy, or NULL when nobody needs it */
        Str node;
        bool exec; /* a successful execve: asks for its parent */
        bool by_text; /* and only what the parent's texts hold can matter; known to those who saw the event only */
        int64_t ppid;
        Str live; /* the parent's program as /proc has it; STR_NULL: not asked, or not known */
        Occurrence *occurrences;
        size_t n_occurrences;
        Str *values; /* STR_NULL: the field was absent */
        size_t n_values;
        uint32_t *told; /* correlations that have hit the event already */
        size_t n_told, cap_told;
        size_t size; /* bytes of this allocation and of the event's */
} Pending;

typedef struct {
        Pending **heap;
        size_t n, cap;
        size_t bytes;
} PendingQueue;

#define PENDING_MAX       65536u
#define PENDING_MAX_BYTES (16u << 20)

/* A copy, in one piece, of all that @p points to. NULL on ENOMEM. @event NULL: none is kept. */
Pending *pending_new(const Pending *p, const Event *event);
Pending *pending_free(Pending *p); /* returns NULL */

int pending_push(PendingQueue *q, Pending *p); /* 0: @p is the queue's; -ENOMEM: it is not */
Pending *pending_pop(PendingQueue *q);         /* the earliest, or NULL */
static inline bool pending_full(const PendingQueue *q) {
        return q->n >= PENDING_MAX || q->bytes >= PENDING_MAX_BYTES;
}
void pending_done(PendingQueue *q);
