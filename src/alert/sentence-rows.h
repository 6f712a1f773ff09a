/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The table that sentences are made from; sentence.c fills it in. */
#include "alert/facts.h"

/* What is known about the name that somebody tried to log in with. */
typedef enum {
        NAME_ANY,
        NAME_REFUSED, /* the record hides it, another record told it, and the account exists */
        NAME_UNKNOWN, /* as above, and there is no such account */
        NAME_HIDDEN,  /* nobody told */
} NameState;

typedef struct {
        int32_t type;
        const char *exe; /* name of the program; with * at the end: how it begins; NULL: any */
        const char *op;  /* op= begins so; NULL: any */
        FactsResult result;
        NameState name;
        const char *text; /* {word}: see words[]; [ … ] is left out when a word in it says nothing */
} Row;

/* The first row that fits is used. */
extern const Row sentence_rows[];
extern const size_t sentence_n_rows;

/* What is no matter of type, program, op and result. */
extern const Row sentence_promisc_in, sentence_promisc_out;
extern const Row sentence_ran, sentence_used; /* SYSCALL with EXECVE, and without */

/* What fits types that no row knows. */
typedef struct {
        int32_t first, last;
        bool tells; /* as sentence_knows() */
        const char *text;
} SentenceGroup;

extern const SentenceGroup sentence_groups[];
extern const size_t sentence_n_groups;

/* There is such a {word}. */
bool sentence_has_word(Str name);
