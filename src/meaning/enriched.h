/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The fields that auditd appended to a record, found by the name of the field that they explain.
 *
 * auditd writes UID="root" for uid=0. Facts of libauparse 3.0.9 (load_interpretation_list()): the name in
 * lower case is the name of the field, the first of several counts, "unknown-…" is looked up anew, and a
 * record whose first added word is SADDR={ … } has no other. Finding is constant in time however many
 * there are. */
#include "record/field.h"

typedef struct {
        const FieldVec *fields;
        const Field *first;
        uint32_t n;
        uint64_t seen;   /* one bit for each sort of name that is there */
        Str saddr;       /* "{ … }" up to the end of the record, or empty */
        uint32_t *slots; /* more than a few: open addressing, index + 1 */
        size_t cap;      /* of slots, in use for this record; 0: none */
        size_t allocated;
} Enriched;

void enriched_begin(Enriched *e, const Record *record, const FieldVec *fields);
void enriched_done(Enriched *e);

bool enriched_search(const Enriched *e, Str name, Str *ret);

static inline uint64_t enriched_bit(Str name) {
        if (!name.n)
                return 1;
        return 1ull << ((name.n * 7 + (unsigned)(name.p[0] & 31) * 3 + (unsigned)(name.p[name.n - 1] & 31)) &
                        63);
}

/* What auditd wrote for the field @name, quotes included. False: nothing, or nothing of use. */
static inline bool enriched_find(const Enriched *e, Str name, Str *ret) {
        return e->seen & enriched_bit(name) && enriched_search(e, name, ret);
}
