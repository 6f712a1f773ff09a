/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/pending.h"

static size_t round_up(size_t n) { return (n + 15) & ~(size_t)15; }

static Str put(char **at, Str s) {
        Str kept = { *at, s.n };

        if (!s.p)
                return STR_NULL;
        if (s.n)
                memcpy(*at, s.p, s.n);
        *at += s.n;
        return kept;
}

static Event *copy_event(const Event *event, size_t *ret_size) {
        size_t n = 0, size = 0;
        Record *last = NULL, *to;
        Event *e;
        char *text;

        for (const Record *r = event->records; r; r = r->next, n++)
                size += round_up(r->text.n + RECORD_SLACK);
        size += round_up(sizeof(*e)) + round_up(n * sizeof(*to)) + event->id.node.n + RECORD_SLACK;
        e = malloc(size);
        if (!e)
                return NULL;
        *e = *event;
        to = (Record *)((char *)e + round_up(sizeof(*e)));
        text = (char *)to + round_up(n * sizeof(*to));
        e->records = to;
        for (const Record *r = event->records; r; r = r->next, to++) {
                *to = *r;
                to->text.p = text;
                memcpy(text, r->text.p, r->text.n);
                memset(text + r->text.n, 0, RECORD_SLACK);
                text += round_up(r->text.n + RECORD_SLACK);
                to->next = NULL;
                if (last)
                        last->next = to;
                last = to;
        }
        e->id.node = put(&text, event->id.node);
        *ret_size = size;
        return e;
}

Pending *pending_new(const Pending *p, const Event *event) {
        size_t event_size = 0, size = round_up(sizeof(*p)) +
                                      round_up(p->n_occurrences * sizeof(*p->occurrences)) +
                                      round_up(p->n_values * sizeof(*p->values)) + p->node.n + p->live.n;
        Event *copy = event ? copy_event(event, &event_size) : NULL;
        Pending *out;
        char *at;

        for (size_t i = 0; i < p->n_values; i++)
                size += p->values[i].n;
        out = event && !copy ? NULL : malloc(size);
        if (!out) {
                free(copy);
                return NULL;
        }
        *out = *p;
        out->event = copy;
        out->size = size + event_size;
        out->occurrences = (Occurrence *)((char *)out + round_up(sizeof(*p)));
        out->values =
                (Str *)((char *)out->occurrences + round_up(p->n_occurrences * sizeof(*p->occurrences)));
        at = (char *)out->values + round_up(p->n_values * sizeof(*p->values));
        if (p->n_occurrences)
                memcpy(out->occurrences, p->occurrences, p->n_occurrences * sizeof(*p->occurrences));
        for (size_t i = 0; i < p->n_values; i++)
                out->values[i] = put(&at, p->values[i]);
        out->node = put(&at, p->node);
        out->live = put(&at, p->live);
        return out;
}

Pending *pending_free(Pending *p) {
        if (p) {
                free(p->event);
                free(p->told);
        }
        free(p);
        return NULL;
}

static bool before(const Pending *a, const Pending *b) {
        if (a->time_ms != b->time_ms)
                return a->time_ms < b->time_ms;
        if (a->serial != b->serial)
                return a->serial < b->serial;
        return a->order < b->order;
}

static void swap(PendingQueue *q, size_t a, size_t b) {
        Pending *p = q->heap[a];

        q->heap[a] = q->heap[b];
        q->heap[b] = p;
}

int pending_push(PendingQueue *q, Pending *p) {
        size_t i = q->n;

        if (q->n == q->cap) {
                size_t cap = q->cap ? q->cap * 2 : 64;
                Pending **heap = reallocarray(q->heap, cap, sizeof(*heap));

                if (!heap)
                        return -ENOMEM;
                q->heap = heap;
                q->cap = cap;
        }
        q->heap[q->n++] = p;
        q->bytes += p->size;
        for (; i && before(q->heap[i], q->heap[(i - 1) / 2]); i = (i - 1) / 2)
                swap(q, i, (i - 1) / 2);
        return 0;
}

Pending *pending_pop(PendingQueue *q) {
        Pending *top = q->n ? q->heap[0] : NULL;
        size_t i = 0;

        if (!top)
                return NULL;
        q->heap[0] = q->heap[--q->n];
        q->bytes -= top->size;
        for (;;) {
                size_t least = i;

                for (size_t k = 2 * i + 1; k <= 2 * i + 2 && k < q->n; k++)
                        if (before(q->heap[k], q->heap[least]))
                                least = k;
                if (least == i)
                        return top;
                swap(q, i, least);
                i = least;
        }
}

void pending_done(PendingQueue *q) {
        for (size_t i = 0; i < q->n; i++)
                pending_free(q->heap[i]);
        free(q->heap);
        *q = (PendingQueue){ 0 };
}
