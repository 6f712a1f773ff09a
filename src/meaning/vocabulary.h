/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Names of fields that were met: what is to be known about one is worked out once.
 *
 * Records of one type have the same names in the same order, so a name is mostly found with one
 * comparison, by the type of the record and its place. Bounded: when it holds more than VOCABULARY_MAX
 * names at the start of a record it begins anew; within one record it grows with the fields (FIELD_MAX). */
#include "base/arena.h"
#include "meaning/decode.h"

#define VOCABULARY_MAX 4096u

typedef struct Memo Memo; /* memo.h */

typedef struct {
        Str name;
        FieldKind kind;      /* in records whose type makes no exception: decode_kind(0, name) */
        bool exact;          /* the name is UTF-8 */
        uint64_t bit;        /* enriched_bit(name) */
        const char *opening; /* "name":" for JSON, quotes and colon included; 32 readable bytes follow */
        size_t n_opening;
        uint64_t seen_in;  /* number of the object in which it stood last … */
        uint32_t last;     /* … and the index of the field there; both belong to the writer of the object */
        uint64_t exact_in; /* number of the object whose string "base64" has; belongs to event-json.c */
        uint32_t explained_as; /* belong to explained.h */
        uint64_t explained_by;
        Memo *memos; /* belongs to memo.h; NULL until something is remembered */
} Word;

typedef struct Vocabulary Vocabulary;

int vocabulary_new(Vocabulary **ret); /* 0 or -ENOMEM */
Vocabulary *vocabulary_free(Vocabulary *v);

/* Before the first word of a record. True: words handed out before are gone. */
bool vocabulary_begin(Vocabulary *v);

/* Names that are not UTF-8 and look the same in JSON are one word. NULL: out of memory. */
Word *vocabulary_find(Vocabulary *v, Str name);

/* Where vocabulary_word() looks first. */
#define VOCABULARY_TYPES  256u
#define VOCABULARY_PLACES 64u
Word **vocabulary_guesses(Vocabulary *v, int type); /* VOCABULARY_PLACES of them */

/* The same as vocabulary_find(), faster where @name stood at @place in the record of the same type before. */
static inline Word *vocabulary_word(Vocabulary *v, Word **guesses, size_t place, Str name) {
        Word **guess = &guesses[place % VOCABULARY_PLACES];

        if (unlikely(!*guess || (*guess)->name.n != name.n || memcmp((*guess)->name.p, name.p, name.n)))
                *guess = vocabulary_find(v, name);
        return *guess;
}

/* Memory that lives as long as the words. Zeroed; NULL: out of memory. */
void *vocabulary_alloc(Vocabulary *v, size_t n);

/* A number that no object had before, for Word.seen_in. */
uint64_t vocabulary_next_object(Vocabulary *v);
