/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Names of fields that were met: what is to be known about one is worked out once.
 *
 * Records of one type have the same names in the same order, so a name is mostly found with one comparison, by the type of the
 * record and its place. Bounded: when it holds more than VOCABULARY_MAX names at the start of a record it begins
 * anew; within one record it grows with the fields (FIELD_MAX). */
#include "base/arena.h"
#include "meaning/decode.h"

#define VOCABULARY_MAX 4096u

typedef struct {
        Str name;
        FieldKind kind;      /* in records whose type makes no exception: decode_kind(0, name) */
        bool exact;          /* the name is UTF-8 */
        uint64_t bit;        /* enriched_bit(name) */
        const char *opening; /* "name":" for JSON, quotes and colon included; 32 readable bytes follow */
        size_t n_opening;
        uint64_t seen_in; /* number of the object in which it stood last … */
        uint32_t last;    /* … and the index of the field there; both belong to the writer of the object */
} Word;

typedef struct Vocabulary Vocabulary;

int vocabulary_new(Vocabulary **ret); /* 0 or -ENOMEM */
Vocabulary *vocabulary_free(Vocabulary *v);

/* Before the first word of a record: words handed out before may be gone. */
void vocabulary_begin(Vocabulary *v);

/* Names that are not UTF-8 and look the same in JSON are one word. NULL: out of memory. */
Word *vocabulary_word(Vocabulary *v, int type, size_t place, Str name);

/* A number that no object had before, for Word.seen_in. */
uint64_t vocabulary_next_object(Vocabulary *v);
