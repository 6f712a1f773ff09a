/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What waits until no earlier event can come: correlations and parents of processes need events in order.
 *
 * Events complete out of order, by up to the end-of-event timeout. A Pending holds what one event contributes, texts included, and is
 * taken out in the order of (time, serial, arrival). Bounded in number and bytes: the earliest is forced out. */
#include "event/event.h"

/* Where what waits lies. What comes in turn goes in turn, so each is put behind the one before, in blocks that are taken again when all in them
 * are gone. */
typedef struct PendingBlock PendingBlock;
typedef struct {
        PendingBlock *current, *spare;
        size_t n_spare, bytes; /* bytes: of the blocks in which something is, and the current one */
} PendingMemory;

/* A rule held for the event; the values are those that correlations want, in the order of Rule.wants. */
typedef struct {
        uint32_t rule;
        uint32_t first, n; /* in Pending.values */
} Occurrence;

typedef struct {
        int64_t time_ms;
        int64_t at_ms; /* by the clocks of nodes (node-clock.h): its place in the queue */
        uint64_t serial, order;
        Event *event; /* a copy in the same piece of memory, or NULL when nobody needs it */
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
        size_t size; /* bytes of this */
        PendingBlock *block;
} Pending;

/* Events come nearly in order: what is not before the last of them is put behind it, the rest goes into a heap. */
typedef struct {
        size_t n, bytes; /* of all */
        Pending **run;   /* a ring; cap_run is 0 or a power of two */
        size_t first, n_run, cap_run;
        Pending **heap;
        size_t n_heap, cap_heap;
        PendingMemory memory;
} PendingQueue;

#define PENDING_MAX       65536u
#define PENDING_MAX_BYTES (16u << 20)
/* Of blocks in which little is left: what is late goes at once, and may have lain beside what stays. */
#define PENDING_MAX_MEMORY (2 * PENDING_MAX_BYTES)

/* A copy, in one piece, of all that @p points to. NULL on ENOMEM. @event NULL: none is kept. */
Pending *pending_new(PendingMemory *m, const Pending *p, const Event *event);
Pending *pending_free(PendingMemory *m, Pending *p); /* @m: that of pending_new(); returns NULL */
void pending_memory_done(PendingMemory *m);          /* when all are free */

int pending_push(PendingQueue *q, Pending *p); /* 0: @p is the queue's; -ENOMEM: it is not */
Pending *pending_pop(PendingQueue *q);         /* the earliest, or NULL */

const Pending *pending_first(const PendingQueue *q);  /* the same, which stays; NULL: there is none */
Pending *pending_at(const PendingQueue *q, size_t i); /* any of them, in no order; @i < n */

static inline bool pending_full(const PendingQueue *q) {
        return q->n >= PENDING_MAX || q->bytes >= PENDING_MAX_BYTES || q->memory.bytes >= PENDING_MAX_MEMORY;
}
void pending_done(PendingQueue *q);
