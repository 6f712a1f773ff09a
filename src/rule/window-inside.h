/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of a Window, for what counts (window.c) and what saves it (window-save.c). */
#include "rule/window.h"

typedef struct {
        int64_t time_ms;
        uint64_t serial, event;
        uint64_t value; /* hash of the counted values, 0: it has none */
        long double number;
        uint32_t ref, occurrence;
        bool has_number, told;
} WindowMember;

/* How often a value stands in the window; open addressing. */
typedef struct {
        uint64_t value;
        uint32_t count;
} WindowSlot;

struct WindowGroup {
        WindowGroup *chain, *newer, *older;
        uint64_t hash;
        Str *values;
        size_t bytes;
        WindowMember *ring;
        size_t head, n, cap;
        size_t lo, hi;     /* counted are the members [lo, hi): the window of the last event */
        uint64_t n_events; /* distinct */
        uint32_t *per_ref; /* occurrences of each reference */
        int64_t *
                starts; /* temporal_ordered: the latest start of a chain that ends with reference i, or INT64_MIN */
        uint64_t *start_events; /* the event that made it so: the next link must be a later one */
        int64_t *starts_before; /* the same before that event */
        long double sum;
        uint64_t n_numbers;
        WindowSlot *slots;
        size_t n_slots, n_distinct, n_used;
        int64_t last_ms;
        uint64_t last_event; /* that touched it: not forgotten before it was asked about */
        uint64_t asked;
        bool asked_once, held, ends_chain;
        int64_t chain_start;
};

struct Window {
        const Correlation *c;
        uint64_t secret[2]; /* of the hashes of counted values: they go to a successor of this process */
        WindowTotal *total;
        WindowGroup **buckets; /* a power of two; NULL: there was no group yet */
        size_t n_buckets;
        size_t n_groups, bytes, max_members;
        WindowGroup *newest, *oldest;
        WindowCounters counters;
};

static inline WindowMember *window_member(const WindowGroup *g, size_t i) {
        return &g->ring[(g->head + i) & (g->cap - 1)];
}

/* So much more is held; less when negative. */
static inline void window_account(Window *w, ptrdiff_t bytes) {
        w->bytes += (size_t)bytes;
        w->total->bytes += (size_t)bytes;
}

void window_forget(Window *w, WindowGroup *g);

/* The group of these values, or NULL. */
WindowGroup *window_find(const Window *w, const Str *values);
WindowGroup *window_add_group(Window *w, const Str *values); /* that is not there yet; NULL on ENOMEM */

int window_reserve(Window *w, WindowGroup *g, size_t n); /* room for so many members; 0 or -ENOMEM */

/* The member behind those that are counted enters the window. 0 or -ENOMEM. */
int window_count_next(Window *w, WindowGroup *g);
