/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "base/hash.h"
#include "meaning/enriched.h"

#define FEW 16u

static inline char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

static bool explains(const Field *f, Str name) {
        if (f->name.n != name.n)
                return false;
        for (size_t i = 0; i < name.n; i++)
                if (lower(f->name.p[i]) != name.p[i])
                        return false;
        return true;
}

static uint64_t lower_hash(Str name) {
        uint64_t h = name.n;

        for (size_t i = 0; i < name.n; i++)
                h = hash_mix(h ^ (uint8_t)lower(name.p[i]), hash_secret[1]) + hash_secret[0];
        /* once more: names that differ in the last letter lie in a row, which with others make long runs */
        return hash_mix(h, hash_secret[1]);
}

static bool make_room(Enriched *e, size_t n) {
        size_t cap = 64;
        uint32_t *slots;

        while (cap < 2 * n)
                cap *= 2;
        if (cap > e->allocated) {
                slots = realloc(e->slots, cap * sizeof(*slots));
                if (!slots)
                        return false;
                e->slots = slots;
                e->allocated = cap;
        }
        memset(e->slots, 0, cap * sizeof(*e->slots));
        e->cap = cap;
        return true;
}

static void index_all(Enriched *e) {
        if (!make_room(e, e->n)) {
                e->seen = 0; /* as if auditd had added nothing */
                return;
        }
        for (uint32_t k = 0; k < e->n; k++) {
                size_t i = lower_hash(e->first[k].name) & (e->cap - 1);

                while (e->slots[i] &&
                       lower_hash(e->first[e->slots[i] - 1].name) != lower_hash(e->first[k].name))
                        i = (i + 1) & (e->cap - 1);
                if (!e->slots[i])
                        e->slots[i] = k + 1;
        }
}

/* The braces are looked for in the whole rest of the line, which is all taken for the address. */
static void take_saddr(Enriched *e, const Record *record) {
        const char *p = e->first->value.p - e->first->braced, *end = record->text.p + record->text.n;
        const char *open = memchr(p, '{', (size_t)(end - p));

        if (!open || !memchr(open, '}', (size_t)(end - open)))
                return;
        e->saddr = (Str){ open, (size_t)(end - open) };
        e->seen = enriched_bit(STR("saddr"));
}

void enriched_begin(Enriched *e, const Record *record, const FieldVec *fields) {
        e->seen = 0;
        e->cap = 0;
        e->saddr = STR_NULL;
        e->n = (uint32_t)fields->n_enriched;
        if (!e->n)
                return;
        e->first = fields->v + fields->n - fields->n_enriched;
        if (str_eq(e->first->name, STR("SADDR"))) {
                take_saddr(e, record);
                return;
        }
        for (uint32_t k = 0; k < e->n; k++)
                e->seen |= enriched_bit(e->first[k].name);
        if (e->n > FEW)
                index_all(e);
}

void enriched_done(Enriched *e) {
        free(e->slots);
        *e = (Enriched){ 0 };
}

static const Field *search(const Enriched *e, Str name) {
        if (!e->cap) {
                for (uint32_t k = 0; k < e->n; k++)
                        if (explains(&e->first[k], name))
                                return &e->first[k];
                return NULL;
        }
        for (size_t i = lower_hash(name) & (e->cap - 1); e->slots[i]; i = (i + 1) & (e->cap - 1))
                if (explains(&e->first[e->slots[i] - 1], name))
                        return &e->first[e->slots[i] - 1];
        return NULL;
}

bool enriched_search(const Enriched *e, Str name, Str *ret) {
        const Field *f;

        if (e->saddr.n) {
                *ret = e->saddr;
                return str_eq(name, STR("saddr"));
        }
        f = search(e, name);
        if (!f || str_starts(f->value, STR("unknown-")) || f->braced)
                return false;
        *ret = f->quoted ? (Str){ f->value.p - 1, f->value.n + 2 } : f->value;
        return true;
}
