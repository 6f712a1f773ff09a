/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The last few values of each field whose meaning depends on nothing but the type of the record, with the
 * finished JSON of that meaning.
 *
 * For names that decode_kind() knows only, so there are few (memory: words × MEMO_WAYS × sizeof(Memo)). */
#include "meaning/vocabulary.h"

#define MEMO_WAYS  4u
#define MEMO_VALUE 256u
#define MEMO_ENTRY 256u

struct Memo {
        uint64_t generation; /* meaning_generation() when it was stored; 0: free */
        int32_t type;
        uint16_t n_value, n_entry; /* n_entry 0: the value is its own meaning */
        bool quoted;
        char value[MEMO_VALUE];
        char entry[MEMO_ENTRY + 32]; /* "name":"text", and room for wide loads */
};

/* The place where the value is remembered or to be remembered; NULL: it is not worth it, or out of memory. */
static inline Memo *memo_at(Vocabulary *v, Word *w, Str value) {
        size_t h;

        if (value.n > MEMO_VALUE || !value.n)
                return NULL;
        if (unlikely(!w->memos)) {
                w->memos = vocabulary_alloc(v, MEMO_WAYS * sizeof(Memo));
                if (!w->memos)
                        return NULL;
        }
        h = value.n + (uint8_t)value.p[value.n - 1] + 2u * (uint8_t)value.p[value.n / 2] +
            3u * (uint8_t)value.p[0];
        return &w->memos[(h ^ h >> 3) % MEMO_WAYS];
}

static inline bool memo_holds(const Memo *m, uint64_t generation, int type, const Field *f) {
        return m->generation == generation && m->type == type && m->n_value == f->value.n &&
               m->quoted == f->quoted && !memcmp(m->value, f->value.p, f->value.n);
}

/* @entry: what was written for the value, empty for nothing. */
static inline void memo_store(Memo *m, uint64_t generation, int type, const Field *f, Str entry) {
        if (entry.n > MEMO_ENTRY)
                return;
        m->generation = generation;
        m->type = type;
        m->quoted = f->quoted;
        m->n_value = (uint16_t)f->value.n;
        m->n_entry = (uint16_t)entry.n;
        memcpy(m->value, f->value.p, f->value.n);
        if (entry.n)
                memcpy(m->entry, entry.p, entry.n);
}
