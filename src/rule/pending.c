/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include "rule/pending.h"

static size_t round_up(size_t n) { return (n + 15) & ~(size_t)15; }

#define BLOCK_BYTES (64u << 10)
#define BLOCK_SPARE 16u

struct PendingBlock {
        PendingBlock *next; /* of those that are spare */
        size_t size, used;
        size_t live; /* in it, not freed yet */
        alignas(16) char data[];
};

/* Empty, and nobody's. */
static void put_away(PendingMemory *m, PendingBlock *b) {
        m->bytes -= b->size;
        if (b->size != BLOCK_BYTES || m->n_spare == BLOCK_SPARE) {
                free(b);
                return;
        }
        b->next = m->spare;
        m->spare = b;
        m->n_spare++;
}

static PendingBlock *take_block(PendingMemory *m, size_t size) {
        PendingBlock *b = m->spare;

        if (b && size == BLOCK_BYTES) {
                m->spare = b->next;
                m->n_spare--;
        } else {
                b = malloc(sizeof(*b) + size);
                if (!b)
                        return NULL;
                b->size = size;
                b->used = b->live = 0;
        }
        m->bytes += size;
        return b;
}

/* With that much room in it. What is large has its own, so that less than a quarter of a block is waste. */
static PendingBlock *block_for(PendingMemory *m, size_t size) {
        PendingBlock *b = m->current;

        if (size > BLOCK_BYTES / 4)
                return take_block(m, size);
        if (b && b->size - b->used >= size)
                return b;
        b = take_block(m, BLOCK_BYTES);
        if (b)
                m->current = b;
        return b;
}

/* One that was in it is gone. */
static void leave_block(PendingMemory *m, PendingBlock *b) {
        if (--b->live)
                return;
        b->used = 0;
        if (b != m->current)
                put_away(m, b);
}

static size_t event_size(const Event *event) {
        size_t size = round_up(sizeof(*event)) + event->id.node.n + RECORD_SLACK;

        for (const Record *r = event->records; r; r = r->next)
                size += round_up(sizeof(*r)) + round_up(r->text.n + RECORD_SLACK);
        return size;
}

/* @to: room for event_size(). */
static Event *copy_event(const Event *event, char *to) {
        Event *e = (Event *)to;
        Record **link = &e->records;

        *e = *event;
        to += round_up(sizeof(*e));
        for (const Record *r = event->records; r; r = r->next) {
                Record *copy = (Record *)to;
                char *text = to + round_up(sizeof(*copy));

                *copy = *r;
                copy->text.p = text;
                copy->next = NULL;
                memcpy(text, r->text.p, r->text.n);
                memset(text + r->text.n, 0, RECORD_SLACK);
                *link = copy;
                link = &copy->next;
                to = text + round_up(r->text.n + RECORD_SLACK);
        }
        *link = NULL;
        e->id.node = str_put(&to, event->id.node);
        return e;
}

Pending *pending_new(PendingMemory *m, const Pending *p, const Event *event) {
        size_t size = round_up(sizeof(*p)) + round_up(p->n_occurrences * sizeof(*p->occurrences)) +
                      round_up(p->n_values * sizeof(*p->values)) + (event ? event_size(event) : 0) +
                      p->node.n + p->live.n;
        PendingBlock *block;
        Pending *out;
        char *at;

        for (size_t i = 0; i < p->n_values; i++)
                size += p->values[i].n;
        size = round_up(size);
        block = block_for(m, size);
        if (!block)
                return NULL;
        out = (Pending *)(block->data + block->used);
        block->used += size;
        block->live++;
        *out = *p;
        out->size = size;
        out->block = block;
        out->occurrences = (Occurrence *)((char *)out + round_up(sizeof(*p)));
        out->values =
                (Str *)((char *)out->occurrences + round_up(p->n_occurrences * sizeof(*p->occurrences)));
        at = (char *)out->values + round_up(p->n_values * sizeof(*p->values));
        out->event = event ? copy_event(event, at) : NULL;
        at += event ? event_size(event) : 0;
        if (p->n_occurrences)
                memcpy(out->occurrences, p->occurrences, p->n_occurrences * sizeof(*p->occurrences));
        for (size_t i = 0; i < p->n_values; i++)
                out->values[i] = str_put(&at, p->values[i]);
        out->node = str_put(&at, p->node);
        out->live = str_put(&at, p->live);
        return out;
}

Pending *pending_free(PendingMemory *m, Pending *p) {
        if (p) {
                free(p->told);
                leave_block(m, p->block);
        }
        return NULL;
}

void pending_memory_done(PendingMemory *m) {
        free(m->current);
        for (PendingBlock *b = m->spare, *next; b; b = next) {
                next = b->next;
                free(b);
        }
        *m = (PendingMemory){ 0 };
}

static bool before(const Pending *a, const Pending *b) {
        if (a->at_ms != b->at_ms)
                return a->at_ms < b->at_ms;
        if (a->serial != b->serial)
                return a->serial < b->serial;
        return a->order < b->order;
}

static void swap(PendingQueue *q, size_t a, size_t b) {
        Pending *p = q->heap[a];

        q->heap[a] = q->heap[b];
        q->heap[b] = p;
}

static int push_heap(PendingQueue *q, Pending *p) {
        size_t i = q->n_heap;

        if (i == q->cap_heap) {
                size_t cap = i ? i * 2 : 64;
                Pending **heap = reallocarray(q->heap, cap, sizeof(*heap));

                if (!heap)
                        return -ENOMEM;
                q->heap = heap;
                q->cap_heap = cap;
        }
        q->heap[q->n_heap++] = p;
        for (; i && before(q->heap[i], q->heap[(i - 1) / 2]); i = (i - 1) / 2)
                swap(q, i, (i - 1) / 2);
        return 0;
}

static Pending *pop_heap(PendingQueue *q) {
        Pending *top = q->heap[0];
        size_t i = 0;

        q->heap[0] = q->heap[--q->n_heap];
        for (;;) {
                size_t least = i;

                for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < q->n_heap; k++)
                        if (before(q->heap[k], q->heap[least]))
                                least = k;
                if (least == i)
                        return top;
                swap(q, i, least);
                i = least;
        }
}

static Pending **run_at(const PendingQueue *q, size_t i) {
        return &q->run[(q->first + i) & (q->cap_run - 1)];
}

static int push_run(PendingQueue *q, Pending *p) {
        if (q->n_run == q->cap_run) {
                size_t cap = q->cap_run ? q->cap_run * 2 : 64;
                Pending **run = calloc(cap, sizeof(*run));

                if (!run)
                        return -ENOMEM;
                for (size_t i = 0; i < q->n_run; i++)
                        run[i] = *run_at(q, i);
                free(q->run);
                q->run = run;
                q->first = 0;
                q->cap_run = cap;
        }
        *run_at(q, q->n_run++) = p;
        return 0;
}

static Pending *pop_run(PendingQueue *q) {
        Pending *p = *run_at(q, 0);

        q->first++;
        q->n_run--;
        /* they were put here seconds ago */
        if (q->n_run > 2)
                __builtin_prefetch(*run_at(q, 2));
        return p;
}

static bool is_next(const PendingQueue *q, const Pending *p) {
        return !q->n_run || !before(p, *run_at(q, q->n_run - 1));
}

int pending_push(PendingQueue *q, Pending *p) {
        int r = is_next(q, p) ? push_run(q, p) : push_heap(q, p);

        if (r)
                return r;
        q->n++;
        q->bytes += p->size;
        return 0;
}

static bool heap_is_first(const PendingQueue *q) {
        return q->n_heap && (!q->n_run || before(q->heap[0], *run_at(q, 0)));
}

const Pending *pending_first(const PendingQueue *q) {
        return heap_is_first(q) ? q->heap[0] : q->n_run ? *run_at(q, 0) : NULL;
}

Pending *pending_pop(PendingQueue *q) {
        Pending *p;

        if (!q->n)
                return NULL;
        p = heap_is_first(q) ? pop_heap(q) : pop_run(q);
        q->n--;
        q->bytes -= p->size;
        return p;
}

Pending *pending_at(const PendingQueue *q, size_t i) {
        return i < q->n_run ? *run_at(q, i) : q->heap[i - q->n_run];
}

void pending_done(PendingQueue *q) {
        for (size_t i = 0; i < q->n; i++)
                pending_free(&q->memory, pending_at(q, i));
        pending_memory_done(&q->memory);
        free(q->run);
        free(q->heap);
        *q = (PendingQueue){ 0 };
}
