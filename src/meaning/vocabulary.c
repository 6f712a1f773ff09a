/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/escape.h"
#include "base/hash.h"
#include "meaning/enriched.h"
#include "meaning/vocabulary.h"

struct Vocabulary {
        Word **slots; /* open addressing */
        size_t n, cap;
        uint64_t objects;
        Arena arena;
        Buf scratch;
        Word *guesses[VOCABULARY_TYPES][VOCABULARY_PLACES];
};

int vocabulary_new(Vocabulary **ret) {
        Vocabulary *v = calloc(1, sizeof(*v));

        if (!v)
                return -ENOMEM;
        v->scratch = BUF_INIT;
        *ret = v;
        return 0;
}

Vocabulary *vocabulary_free(Vocabulary *v) {
        if (!v)
                return NULL;
        free(v->slots);
        arena_done(&v->arena);
        buf_done(&v->scratch);
        free(v);
        return NULL;
}

bool vocabulary_begin(Vocabulary *v) {
        if (likely(v->n <= VOCABULARY_MAX))
                return false;
        free(v->slots);
        v->slots = NULL;
        v->n = v->cap = 0;
        memset(v->guesses, 0, sizeof(v->guesses));
        arena_done(&v->arena);
        return true;
}

uint64_t vocabulary_next_object(Vocabulary *v) { return ++v->objects; }

static size_t slot_of(Word *const *slots, size_t cap, Str name) {
        /* the lower bits of names that differ in the last letter lie in a row */
        size_t i = (hash_str(name) >> 32) & (cap - 1);

        while (slots[i] && !str_eq(slots[i]->name, name))
                i = (i + 1) & (cap - 1);
        return i;
}

static bool grow(Vocabulary *v) {
        size_t cap = v->cap ? 2 * v->cap : 512;
        Word **slots = calloc(cap, sizeof(*slots));

        if (!slots)
                return false;
        for (size_t i = 0; i < v->cap; i++)
                if (v->slots[i])
                        slots[slot_of(slots, cap, v->slots[i]->name)] = v->slots[i];
        free(v->slots);
        v->slots = slots;
        v->cap = cap;
        return true;
}

/* A copy with room behind it that wide loads may read. */
static Str keep(Vocabulary *v, Str s) {
        char *p = arena_alloc(&v->arena, s.n + 32);

        if (p && s.n)
                memcpy(p, s.p, s.n);
        return (Str){ p, s.n };
}

static Word *add(Vocabulary *v, Str name, Str opening, bool exact) {
        Word *w = arena_alloc(&v->arena, sizeof(*w));
        Str kept_opening = keep(v, opening);

        if (!w || !kept_opening.p)
                return NULL;
        *w = (Word){ .name = keep(v, name),
                     .kind = decode_kind(0, name),
                     .exact = exact,
                     .bit = enriched_bit(name),
                     .opening = kept_opening.p,
                     .n_opening = kept_opening.n };
        if (!w->name.p)
                return NULL;
        v->slots[slot_of(v->slots, v->cap, name)] = w;
        v->n++;
        return w;
}

static Word *learn(Vocabulary *v, Str name) {
        bool exact;

        buf_clear(&v->scratch);
        BUF_LIT(&v->scratch, "\"");
        exact = escape_json(&v->scratch, name);
        BUF_LIT(&v->scratch, "\":\"");
        if (v->scratch.failed || (2 * v->n >= v->cap && !grow(v)))
                return NULL;
        if (!exact) { /* it is known by what it looks like */
                Word *same;

                name = (Str){ v->scratch.p + 1, v->scratch.n - 4 };
                same = v->slots[slot_of(v->slots, v->cap, name)];
                if (same) {
                        same->exact = false;
                        return same;
                }
        }
        return add(v, name, buf_view(&v->scratch), exact);
}

Word *vocabulary_find(Vocabulary *v, Str name) {
        Word *w = v->cap ? v->slots[slot_of(v->slots, v->cap, name)] : NULL;

        return w ? w : learn(v, name);
}

Word **vocabulary_guesses(Vocabulary *v, int type) { return v->guesses[(unsigned)type % VOCABULARY_TYPES]; }
void *vocabulary_alloc(Vocabulary *v, size_t n) { return arena_alloc(&v->arena, n); }
