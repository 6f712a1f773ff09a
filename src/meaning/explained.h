/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What auditd appended to a record, remembered as a whole.
 *
 * The names behind 0x1D hardly ever vary: the same user makes the same system calls. So the bytes are the
 * key, and what is kept is the finished JSON of the object "enriched" and of each entry of "text" that
 * follows from it. Bounded: EXPLAINED_SETS sets of at most EXPLAINED_MAX bytes. Anything unusual (repeated
 * names, other bytes than printable ASCII, addresses, which do vary) is refused: the caller then takes the
 * way that knows everything. */
#include "base/buf.h"
#include "meaning/vocabulary.h"

#define EXPLAINED_SETS 1024u
#define EXPLAINED_MAX  1024u

typedef struct {
        Str text;  /* what the field means */
        Str entry; /* "name":"text", with 32 readable bytes behind it */
} Explanation;

typedef struct {
        uint64_t id; /* unlike that of any other set: Word.explained_by of the names in it */
        uint64_t hash;
        Str bytes; /* behind the 0x1D */
        Str json;  /* entries of "enriched", each with its comma */
        size_t n;
        Explanation *items; /* Word.explained_as is the index */
        Word **words;
        char *memory;
} ExplainedSet;

typedef struct Explained Explained;

int explained_new(Explained **ret); /* 0 or -ENOMEM */
Explained *explained_free(Explained *e);

/* When words are gone. */
void explained_forget(Explained *e);

/* The set for @bytes, whose words are marked until the next call; NULL: to be written the long way. @type:
 * of the record. RECORD_SLACK bytes follow @bytes. */
const ExplainedSet *explained_find(Explained *e, Vocabulary *words, int type, Str bytes);
