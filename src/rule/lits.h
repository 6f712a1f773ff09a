/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Many literals looked for in one value at once, without regard to the case of ASCII letters.
 *
 * Whole values by a hash table; beginnings, ends and parts by one automaton (Aho and Corasick) that reads each byte once, however many
 * literals there are. It is a sieve: what it reports for a literal longer than LITS_MAX may be wrong, what it does not report is
 * not there. Read-only once built. */
#include "base/str.h"

#define LITS_MAX 16u

typedef enum { LIT_EXACT, LIT_PREFIX, LIT_SUFFIX, LIT_INSIDE } LitKind;

typedef struct {
        LitKind kind;
        Str text; /* in lower case; not empty unless LIT_EXACT */
        uint32_t id;
} Lit;

typedef struct Lits Lits;

int lits_new(Lits **ret, const Lit *v, size_t n);
Lits *lits_free(Lits *l); /* returns NULL */

/* Called with the id of each literal found; may come more than once for one. */
typedef void (*LitFn)(void *userdata, uint32_t id);
void lits_search(const Lits *l, Str value, LitFn fn, void *userdata);

/* As lits_search() of the one and of the other, in less time. */
void lits_search_both(const Lits *l, Str value, Str other, LitFn fn, void *userdata);
