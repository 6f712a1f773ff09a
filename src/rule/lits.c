/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "rule/lits.h"

#define HIT        0x80000000u /* in a transition: the state it leads to, or one behind it, reports something */
#define MAX_STATES 0x00800000u /* times 255 classes is less than HIT */

enum { CLASS_OTHER, CLASS_START, CLASS_END, FIRST_CLASS };

typedef struct {
        uint64_t hash;
        uint32_t first, n; /* in ids */
} ExactSlot;

struct Lits {
        /* whole values */
        ExactSlot *slots;
        size_t n_slots, longest;
        uint64_t shapes[4]; /* bits: there is such a text, by its length and its first byte */
        char *lowered;      /* room for a value of that length, so that asking needs no memory */
        /* the automaton */
        uint8_t classes[256];
        uint32_t n_classes, n_states, cap_states, start;
        uint32_t *next;  /* n_states x n_classes; once it is built, where the row of the next state begins */
        uint32_t *fail;  /* while it is built */
        uint32_t *links; /* the nearest suffix of a state that reports something, or 0 */
        uint32_t *heads; /* of a state's own reports: index + 1 */
        struct {
                uint32_t id, next;
        } * reports;
        size_t n_reports;
        uint32_t *ids;
};

static uint8_t lower(char c) { return (uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c); }

/* A bit of 256 for a length and a first byte. */
static uint8_t shape_of(Str s) { return (uint8_t)((s.n ? lower(*s.p) : 0) * 5 + s.n * 37); }

/* A short row of symbols for the automaton: anchors and classes of bytes. */
typedef struct {
        uint8_t v[LITS_MAX + 2];
        size_t n;
} Word;

static Word word_of(const Lits *l, const Lit *lit) {
        bool cut = lit->text.n > LITS_MAX;
        Str s = cut ? (Str){ lit->text.p + lit->text.n - LITS_MAX, LITS_MAX } : lit->text;
        Word w = { .n = 0 };

        if (lit->kind == LIT_PREFIX && !cut)
                w.v[w.n++] = CLASS_START;
        for (size_t i = 0; i < s.n; i++)
                w.v[w.n++] = l->classes[(uint8_t)s.p[i]];
        if (lit->kind == LIT_SUFFIX)
                w.v[w.n++] = CLASS_END;
        return w;
}

static void make_classes(Lits *l, const Lit *v, size_t n) {
        l->n_classes = FIRST_CLASS;
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; v[i].kind != LIT_EXACT && k < v[i].text.n; k++) {
                        uint8_t c = lower(v[i].text.p[k]);

                        if (l->classes[c])
                                continue;
                        /* 253 bytes can be told apart; the rest share the last class, which only makes the sieve coarser */
                        l->classes[c] = (uint8_t)(l->n_classes < 255 ? l->n_classes++ : 254);
                }
        for (int c = 'A'; c <= 'Z'; c++)
                l->classes[c] = l->classes[c | 0x20];
}

static int new_state(Lits *l, uint32_t *ret) {
        if (l->n_states == l->cap_states) {
                uint32_t cap = l->cap_states ? l->cap_states * 2 : 256;
                uint32_t *next = reallocarray(l->next, (size_t)cap * l->n_classes, sizeof(*next));
                uint32_t *heads;

                if (!next || cap > MAX_STATES)
                        return -ENOMEM;
                l->next = next;
                heads = reallocarray(l->heads, cap, sizeof(*heads));
                if (!heads)
                        return -ENOMEM;
                l->heads = heads;
                l->cap_states = cap;
        }
        memset(l->next + (size_t)l->n_states * l->n_classes, 0, l->n_classes * sizeof(*l->next));
        l->heads[l->n_states] = 0;
        *ret = l->n_states++;
        return 0;
}

static int add_word(Lits *l, const Lit *lit) {
        Word w = word_of(l, lit);
        uint32_t state = 0;

        for (size_t i = 0; i < w.n; i++) {
                size_t at = (size_t)state * l->n_classes + w.v[i];
                uint32_t to = l->next[at];

                if (!to) {
                        if (new_state(l, &to))
                                return -ENOMEM;
                        l->next[at] = to;
                }
                state = to;
        }
        l->reports[l->n_reports].id = lit->id;
        l->reports[l->n_reports].next = l->heads[state];
        l->heads[state] = (uint32_t)++l->n_reports;
        return 0;
}

/* Breadth first: a state's failure is known before those behind it. */
static int make_links(Lits *l) {
        uint32_t *queue = calloc(l->n_states, sizeof(*queue)), head = 0, tail = 0;

        l->fail = calloc(l->n_states, sizeof(*l->fail));
        l->links = calloc(l->n_states, sizeof(*l->links));
        if (!queue || !l->fail || !l->links) {
                free(queue);
                return -ENOMEM;
        }
        for (uint32_t c = 0; c < l->n_classes; c++)
                if (l->next[c])
                        queue[tail++] = l->next[c];
        while (head < tail) {
                uint32_t s = queue[head++], *row = l->next + (size_t)s * l->n_classes;
                const uint32_t *back = l->next + (size_t)l->fail[s] * l->n_classes;

                l->links[s] = l->heads[l->fail[s]] ? l->fail[s] : l->links[l->fail[s]];
                for (uint32_t c = 0; c < l->n_classes; c++)
                        if (row[c]) {
                                l->fail[row[c]] = back[c];
                                queue[tail++] = row[c];
                        } else
                                row[c] = back[c];
        }
        for (size_t i = 0; i < (size_t)l->n_states * l->n_classes; i++) {
                uint32_t to = l->next[i];

                l->next[i] = to * l->n_classes | (l->heads[to] || l->links[to] ? HIT : 0);
        }
        free(queue);
        free(l->fail);
        l->fail = NULL;
        return 0;
}

static int build_automaton(Lits *l, const Lit *v, size_t n) {
        uint32_t root;
        size_t words = 0;

        make_classes(l, v, n);
        for (size_t i = 0; i < n; i++)
                words += v[i].kind != LIT_EXACT;
        if (!words)
                return 0;
        l->reports = calloc(words, sizeof(*l->reports));
        if (!l->reports || new_state(l, &root))
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (v[i].kind != LIT_EXACT && add_word(l, &v[i]))
                        return -ENOMEM;
        if (make_links(l))
                return -ENOMEM;
        l->start = l->next[CLASS_START] & ~HIT;
        return 0;
}

/* ---- whole values ---- */

static int by_text(const void *a, const void *b) {
        Str x = ((const Lit *)a)->text, y = ((const Lit *)b)->text;
        int k = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

        return k ? k : (x.n > y.n) - (x.n < y.n);
}

static ExactSlot *slot_of(const Lits *l, uint64_t hash) {
        size_t at = hash & (l->n_slots - 1);

        while (l->slots[at].n && l->slots[at].hash != hash)
                at = (at + 1) & (l->n_slots - 1);
        return &l->slots[at];
}

static int build_exact(Lits *l, const Lit *v, size_t n) {
        Lit *exact = calloc(n + 1, sizeof(*exact));
        size_t used = 0;

        if (!exact)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (v[i].kind == LIT_EXACT)
                        exact[used++] = v[i];
        qsort(exact, used, sizeof(*exact), by_text);
        for (l->n_slots = used ? 16 : 0; l->n_slots && l->n_slots < used * 4;)
                l->n_slots *= 2;
        l->slots = calloc(l->n_slots + 1, sizeof(*l->slots));
        l->ids = calloc(used + 1, sizeof(*l->ids));
        for (size_t i = 0; l->slots && l->ids && i < used; i++) {
                ExactSlot *s = slot_of(l, hash_str(exact[i].text));

                if (!s->n) {
                        s->hash = hash_str(exact[i].text);
                        s->first = (uint32_t)i;
                }
                s->n++;
                l->ids[i] = exact[i].id;
                l->shapes[shape_of(exact[i].text) / 64] |= UINT64_C(1) << shape_of(exact[i].text) % 64;
                if (exact[i].text.n > l->longest)
                        l->longest = exact[i].text.n;
        }
        free(exact);
        l->lowered = malloc(l->longest + 1);
        return l->slots && l->ids && l->lowered ? 0 : -ENOMEM;
}

int lits_new(Lits **ret, const Lit *v, size_t n) {
        Lits *l = calloc(1, sizeof(*l));
        int r;

        if (!l)
                return -ENOMEM;
        r = build_exact(l, v, n);
        r = r ? r : build_automaton(l, v, n);
        if (r)
                lits_free(l);
        else
                *ret = l;
        return r;
}

Lits *lits_free(Lits *l) {
        if (!l)
                return NULL;
        free(l->slots);
        free(l->lowered);
        free(l->ids);
        free(l->next);
        free(l->fail);
        free(l->links);
        free(l->heads);
        free(l->reports);
        free(l);
        return NULL;
}

static void report(const Lits *l, uint32_t row, LitFn fn, void *userdata) {
        for (uint32_t state = row / l->n_classes; state; state = l->links[state])
                for (uint32_t i = l->heads[state]; i; i = l->reports[i - 1].next)
                        fn(userdata, l->reports[i - 1].id);
}

static void search_exact(const Lits *l, Str value, LitFn fn, void *userdata) {
        uint8_t shape = shape_of(value);
        const ExactSlot *s;

        if (!(l->shapes[shape / 64] >> shape % 64 & 1))
                return;
        for (size_t i = 0; i < value.n; i++)
                l->lowered[i] = (char)lower(value.p[i]);
        s = slot_of(l, hash_str((Str){ l->lowered, value.n }));
        for (uint32_t i = 0; i < s->n; i++)
                fn(userdata, l->ids[s->first + i]);
}

void lits_search(const Lits *l, Str value, LitFn fn, void *userdata) {
        const uint32_t *next = l->next;
        uint32_t row = l->start;

        if (l->n_slots && value.n <= l->longest)
                search_exact(l, value, fn, userdata);
        if (!l->n_states)
                return;
        for (size_t i = 0; i < value.n; i++) {
                row = next[row + l->classes[(uint8_t)value.p[i]]];
                if (unlikely(row & HIT)) {
                        row &= ~HIT;
                        report(l, row, fn, userdata);
                }
        }
        row = next[row + CLASS_END];
        if (row & HIT)
                report(l, row & ~HIT, fn, userdata);
}
