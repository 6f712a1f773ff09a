/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include <stdlib.h>
#include "event/assembler.h"
#include "record/count.h"

/* The compatibility mode: what the feed of libauparse 3.0.9 does, in logarithmic time.
 *
 * The library delivers the oldest event by (sec, ms, serial), and only when that one is complete; equals are taken by the lowest
 * index of its array, so slots are handed out as it does. Any record whose time is two whole seconds ahead completes an event. */

#define EOE_TIMEOUT 2
#define LINE_WINDOW 80u /* a header beyond these is not read the same way by the library */
#define NODE_WINDOW 340u
#define LEAST_STAMP 19u /* bytes of the word "msg=audit(…):"; the library takes no shorter one for a header */
#define MAC_FIRST   AUDIT_MAC_UNLBL_ALLOW
#define MAC_LAST    AUDIT_MAC_CALIPSO_DEL

typedef bool (*Before)(const Open *a, const Open *b);

static bool before_in_order(const Open *a, const Open *b) {
        const RecordId *x = &a->event.id, *y = &b->event.id;

        if (x->sec != y->sec)
                return x->sec < y->sec;
        if (x->ms != y->ms)
                return x->ms < y->ms;
        if (x->serial != y->serial)
                return x->serial < y->serial;
        return a->slot < b->slot;
}

static bool before_in_time(const Open *a, const Open *b) { return a->event.id.sec < b->event.id.sec; }

static uint32_t *index_in(const EventAssembler *a, const OpenHeap *h, Open *o) {
        return h == &a->order ? &o->order_index : &o->second_index;
}

static Before rule_of(const EventAssembler *a, const OpenHeap *h) {
        return h == &a->order ? before_in_order : before_in_time;
}

static void heap_place(EventAssembler *a, OpenHeap *h, size_t i, Open *o) {
        h->v[i] = o;
        *index_in(a, h, o) = (uint32_t)i;
}

static void heap_up(EventAssembler *a, OpenHeap *h, size_t i, Open *o) {
        Before before = rule_of(a, h);

        for (; i && before(o, h->v[(i - 1) / 2]); i = (i - 1) / 2)
                heap_place(a, h, i, h->v[(i - 1) / 2]);
        heap_place(a, h, i, o);
}

static void heap_down(EventAssembler *a, OpenHeap *h, size_t i, Open *o) {
        Before before = rule_of(a, h);

        for (size_t child; (child = 2 * i + 1) < h->n; i = child) {
                if (child + 1 < h->n && before(h->v[child + 1], h->v[child]))
                        child++;
                if (!before(h->v[child], o))
                        break;
                heap_place(a, h, i, h->v[child]);
        }
        heap_place(a, h, i, o);
}

static bool heap_reserve(OpenHeap *h) {
        size_t cap = h->cap ? h->cap * 2 : 64;
        Open **v;

        if (h->n < h->cap)
                return true;
        v = realloc(h->v, cap * sizeof(Open *));
        if (!v)
                return false;
        h->v = v;
        h->cap = cap;
        return true;
}

static void heap_push(EventAssembler *a, OpenHeap *h, Open *o) { heap_up(a, h, h->n++, o); }

static void heap_remove(EventAssembler *a, OpenHeap *h, Open *o) {
        size_t i = *index_in(a, h, o);
        Open *last = h->v[--h->n];

        if (last == o)
                return;
        if (i && rule_of(a, h)(last, h->v[(i - 1) / 2]))
                heap_up(a, h, i, last);
        else
                heap_down(a, h, i, last);
}

static bool slot_take(EventAssembler *a, uint32_t *ret) {
        size_t w = a->slot_hint;

        while (w < a->n_slot_words && !a->slots[w])
                w++;
        if (w == a->n_slot_words) {
                size_t n = a->n_slot_words ? a->n_slot_words * 2 : 16;
                uint64_t *slots = realloc(a->slots, n * sizeof(*slots));

                if (!slots)
                        return false;
                memset(slots + a->n_slot_words, 0xFF, (n - a->n_slot_words) * sizeof(*slots));
                a->slots = slots;
                a->n_slot_words = n;
        }
        a->slot_hint = w;
        *ret = (uint32_t)(w * 64 + (size_t)__builtin_ctzll(a->slots[w]));
        a->slots[w] &= a->slots[w] - 1;
        return true;
}

static void slot_give(EventAssembler *a, uint32_t slot) {
        a->slots[slot / 64] |= 1ull << slot % 64;
        if (slot / 64 < a->slot_hint)
                a->slot_hint = slot / 64;
}

void auparse_done(EventAssembler *a) {
        free(a->order.v);
        free(a->seconds.v);
        free(a->slots);
}

static void forget_unchecked(EventAssembler *a, Open *o) {
        Open **p = &a->unchecked;

        if (!o->unchecked)
                return;
        while (*p != o)
                p = &(*p)->next_unchecked;
        *p = o->next_unchecked;
        o->unchecked = false;
}

static void complete(EventAssembler *a, Open *o, EventEnd ended) {
        o->state = OPEN_COMPLETE;
        o->event.ended = ended;
        forget_unchecked(a, o);
        heap_remove(a, &a->seconds, o);
        assembler_untable(a, o);
}

void auparse_forget(EventAssembler *a, Open *o) {
        if (o->state == OPEN_BUILDING)
                complete(a, o, o->event.ended);
        heap_remove(a, &a->order, o);
        slot_give(a, o->slot);
}

static void drain(EventAssembler *a) {
        while (a->order.n && a->order.v[0]->state == OPEN_COMPLETE)
                assembler_end(a, a->order.v[0], a->order.v[0]->event.ended);
}

void auparse_flush(EventAssembler *a) {
        drain(a);
        while (a->order.n) {
                Open *o = a->order.v[0];

                assembler_end(a, o, o->state == OPEN_COMPLETE ? o->event.ended : EVENT_END_EOF);
        }
}

static bool is_last(int type) {
        return type == AUDIT_PROCTITLE || type == AUDIT_EOE || type < AUDIT_FIRST_EVENT ||
               type >= AUDIT_FIRST_ANOM_MSG || type == AUDIT_KERNEL ||
               (type >= MAC_FIRST && type <= MAC_LAST);
}

static void check(EventAssembler *a, Open *o, int64_t sec) {
        if (is_last(o->tail->type))
                complete(a, o, EVENT_END_TERMINAL);
        for (Open *u = a->unchecked, *next; u; u = next) {
                next = u->next_unchecked;
                if (is_last(u->tail->type))
                        complete(a, u, EVENT_END_TERMINAL);
        }
        while (a->seconds.n && a->seconds.v[0]->event.id.sec + EOE_TIMEOUT <= sec)
                complete(a, a->seconds.v[0], EVENT_END_TIMEOUT);
}

static Open *open_event(EventAssembler *a, const RecordId *id, Node *node, uint64_t hash) {
        uint32_t slot;
        Open *o;

        if (!heap_reserve(&a->order) || !heap_reserve(&a->seconds) || !slot_take(a, &slot))
                return NULL;
        o = assembler_open(a, id, node, hash);
        if (!o) {
                slot_give(a, slot);
                return NULL;
        }
        o->slot = slot;
        o->state = OPEN_BUILDING;
        heap_push(a, &a->order, o);
        heap_push(a, &a->seconds, o);
        return o;
}

/* A header that the library would read the same way. A known type has no odd byte in its name; a node may. */
static inline bool is_regular(const Record *r) {
        bool node = r->flags & RECORD_NODE;

        return r->type >= 0 && r->body - r->type_off - r->type_len >= LEAST_STAMP + 2 &&
               r->body <= (node ? NODE_WINDOW : LINE_WINDOW) &&
               (r->body == r->text.n || r->text.p[r->body - 1] == ' ') &&
               (likely(!node) || !memchr(r->text.p, 0x1D, r->body));
}

static int drop(EventAssembler *a, Record *r, uint64_t *counter, int error) {
        ++*counter;
        assembler_drop_record(a, r);
        return error;
}

static int add_parsed(EventAssembler *a, Record *r, const RecordId *id, bool bad) {
        Node *node = assembler_node(a, id->node);
        uint64_t hash = 0;
        Open *o;

        if (!node)
                return drop(a, r, &a->counters.no_memory, EVENT_E_DROPPED);
        o = assembler_find(a, id, node, &hash);
        if (o && unlikely(assembler_is_full(a, o, r))) {
                hash = o->hash;
                assembler_end(a, o, EVENT_END_LIMIT);
                o = NULL;
        }
        if (!o) {
                if (bad)
                        return drop(a, r, &a->counters.bad_unparsed, EVENT_E_DROPPED);
                if (r->type == AUDIT_EOE)
                        return drop(a, r, &a->counters.eoe, 0);
                o = open_event(a, id, node, hash);
                if (!o)
                        return drop(a, r, &a->counters.no_memory, EVENT_E_DROPPED);
        }
        assembler_append(a, o, r);
        if (unlikely(bad)) {
                if (!o->unchecked) {
                        o->unchecked = true;
                        o->next_unchecked = a->unchecked;
                        a->unchecked = o;
                }
                return 0;
        }
        check(a, o, id->sec);
        drain(a);
        return 0;
}

int auparse_add(EventAssembler *a, Str line, Record *r, const RecordId *id) {
        bool bad = false;
        RecordId slow;

        if (unlikely(!id || !is_regular(r))) {
                if (header_parse_compat(line, r, &slow, &bad))
                        return drop(a, r, &a->counters.bad_header, EVENT_E_NO_RECORD);
                id = &slow;
        } else if (unlikely(r->type == AUDIT_AVC || r->type == AUDIT_USER_AVC)) {
                r->n_fields = (int32_t)count_fields(r, &bad);
        }
        return add_parsed(a, r, id, bad);
}
