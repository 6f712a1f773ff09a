/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "rule/lits.h"

#define HIT        0x80000000u /* in a transition: the state it leads to, or one behind it, reports something */
#define MAX_STATES 0x00800000u /* times 255 classes is less than HIT */

enum { CLASS_OTHER, FIRST_CLASS };

typedef struct {
        uint64_t hash;
        uint32_t first, n; /* in ids */
} ExactSlot;

/* Of beginnings, of ends (read backwards), or of parts. */
typedef struct {
        uint8_t classes[256];
        uint32_t n_classes, n_states, cap_states;
        size_t longest;
        uint32_t *
                next; /* n_states x n_classes; once it is built, where the row of the next state begins; 0: the first, or none */
        uint32_t *fail;  /* while it is built */
        uint32_t *links; /* the nearest suffix of a state that reports something, or 0 */
        uint32_t *heads; /* of a state's own reports: index + 1 */
        struct {
                uint32_t id, next;
        } * reports;
        size_t n_reports;
} Automaton;

struct Lits {
        /* whole values */
        ExactSlot *slots;
        size_t n_slots, longest;
        uint64_t shapes[4]; /* bits: there is such a text, by its length and its first byte */
        char *lowered;      /* room for a value of that length, so that asking needs no memory */
        uint32_t *ids;
        Automaton begin, end, inside;
};

static uint8_t lower(char c) { return (uint8_t)(c >= 'A' && c <= 'Z' ? c | 0x20 : c); }

/* A bit of 256 for a length and a first byte. */
static uint8_t shape_of(Str s) { return (uint8_t)((s.n ? lower(*s.p) : 0) * 5 + s.n * 37); }

/* A short row of classes of bytes. */
typedef struct {
        uint8_t v[LITS_MAX];
        size_t n;
} Word;

static Word word_of(const Automaton *a, const Lit *lit) {
        size_t n = lit->text.n < LITS_MAX ? lit->text.n : LITS_MAX;
        const char *p = lit->text.p + (lit->kind == LIT_PREFIX ? 0 : lit->text.n - n);
        Word w = { .n = n };

        for (size_t i = 0; i < n; i++)
                w.v[i] = a->classes[(uint8_t)p[lit->kind == LIT_SUFFIX ? n - 1 - i : i]];
        return w;
}

static void make_classes(Automaton *a, LitKind kind, const Lit *v, size_t n) {
        a->n_classes = FIRST_CLASS;
        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; v[i].kind == kind && k < v[i].text.n; k++) {
                        uint8_t c = lower(v[i].text.p[k]);

                        if (a->classes[c])
                                continue;
                        /* 253 bytes can be told apart; the rest share the last class, which only makes the sieve coarser */
                        a->classes[c] = (uint8_t)(a->n_classes < 255 ? a->n_classes++ : 254);
                }
        for (int c = 'A'; c <= 'Z'; c++)
                a->classes[c] = a->classes[c | 0x20];
}

static int new_state(Automaton *a, uint32_t *ret) {
        if (a->n_states == a->cap_states) {
                uint32_t cap = a->cap_states ? a->cap_states * 2 : 256;
                uint32_t *next = reallocarray(a->next, (size_t)cap * a->n_classes, sizeof(*next));
                uint32_t *heads;

                if (!next || cap > MAX_STATES)
                        return -ENOMEM;
                a->next = next;
                heads = reallocarray(a->heads, cap, sizeof(*heads));
                if (!heads)
                        return -ENOMEM;
                a->heads = heads;
                a->cap_states = cap;
        }
        memset(a->next + (size_t)a->n_states * a->n_classes, 0, a->n_classes * sizeof(*a->next));
        a->heads[a->n_states] = 0;
        *ret = a->n_states++;
        return 0;
}

static int add_word(Automaton *a, const Lit *lit) {
        Word w = word_of(a, lit);
        uint32_t state = 0;

        if (w.n > a->longest)
                a->longest = w.n;
        for (size_t i = 0; i < w.n; i++) {
                size_t at = (size_t)state * a->n_classes + w.v[i];
                uint32_t to = a->next[at];

                if (!to) {
                        if (new_state(a, &to))
                                return -ENOMEM;
                        a->next[at] = to;
                }
                state = to;
        }
        a->reports[a->n_reports].id = lit->id;
        a->reports[a->n_reports].next = a->heads[state];
        a->heads[state] = (uint32_t)++a->n_reports;
        return 0;
}

/* Breadth first: a state's failure is known before those behind it. */
static int make_links(Automaton *a) {
        uint32_t *queue = calloc(a->n_states, sizeof(*queue)), head = 0, tail = 0;

        a->fail = calloc(a->n_states, sizeof(*a->fail));
        if (!queue || !a->fail) {
                free(queue);
                return -ENOMEM;
        }
        for (uint32_t c = 0; c < a->n_classes; c++)
                if (a->next[c])
                        queue[tail++] = a->next[c];
        while (head < tail) {
                uint32_t s = queue[head++], *row = a->next + (size_t)s * a->n_classes;
                const uint32_t *back = a->next + (size_t)a->fail[s] * a->n_classes;

                a->links[s] = a->heads[a->fail[s]] ? a->fail[s] : a->links[a->fail[s]];
                for (uint32_t c = 0; c < a->n_classes; c++)
                        if (row[c]) {
                                a->fail[row[c]] = back[c];
                                queue[tail++] = row[c];
                        } else
                                row[c] = back[c];
        }
        free(queue);
        free(a->fail);
        a->fail = NULL;
        return 0;
}

/* Where each row begins, and whether what it stands for reports something. */
static void finish(Automaton *a) {
        for (size_t i = 0; i < (size_t)a->n_states * a->n_classes; i++) {
                uint32_t to = a->next[i];

                a->next[i] = to * a->n_classes | (a->heads[to] || a->links[to] ? HIT : 0);
        }
}

static int automaton_init(Automaton *a, LitKind kind, const Lit *v, size_t n) {
        uint32_t root;
        size_t words = 0;

        for (size_t i = 0; i < n; i++)
                words += v[i].kind == kind;
        if (!words)
                return 0;
        make_classes(a, kind, v, n);
        a->reports = calloc(words, sizeof(*a->reports));
        if (!a->reports || new_state(a, &root))
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                if (v[i].kind == kind && add_word(a, &v[i]))
                        return -ENOMEM;
        a->links = calloc(a->n_states, sizeof(*a->links));
        if (!a->links || (kind == LIT_INSIDE && make_links(a)))
                return -ENOMEM;
        finish(a);
        return 0;
}

static void automaton_done(Automaton *a) {
        free(a->next);
        free(a->fail);
        free(a->links);
        free(a->heads);
        free(a->reports);
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
        r = r ? r : automaton_init(&l->begin, LIT_PREFIX, v, n);
        r = r ? r : automaton_init(&l->end, LIT_SUFFIX, v, n);
        r = r ? r : automaton_init(&l->inside, LIT_INSIDE, v, n);
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
        automaton_done(&l->begin);
        automaton_done(&l->end);
        automaton_done(&l->inside);
        free(l);
        return NULL;
}

/* Returns the row without the sign. */
static uint32_t report(const Automaton *a, uint32_t row, LitFn fn, void *userdata) {
        row &= ~HIT;
        for (uint32_t state = row / a->n_classes; state; state = a->links[state])
                for (uint32_t i = a->heads[state]; i; i = a->reports[i - 1].next)
                        fn(userdata, a->reports[i - 1].id);
        return row;
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

static inline uint32_t step(const Automaton *a, uint32_t row, char c, LitFn fn, void *userdata) {
        row = a->next[row + a->classes[(uint8_t)c]];
        return unlikely(row & HIT) ? report(a, row, fn, userdata) : row;
}

/* Beginnings and ends: few bytes are looked at, as a rule one. */
static void search_ends(const Lits *l, Str value, LitFn fn, void *userdata) {
        uint32_t row = 1;

        if (l->n_slots && value.n <= l->longest)
                search_exact(l, value, fn, userdata);
        for (size_t i = 0; l->begin.n_states && row && i < value.n; i++)
                row = step(&l->begin, i ? row : 0, value.p[i], fn, userdata);
        row = 1;
        for (size_t i = 0; l->end.n_states && row && i < value.n; i++)
                row = step(&l->end, i ? row : 0, value.p[value.n - 1 - i], fn, userdata);
}

/* A text on its way through the automaton. */
typedef struct {
        const char *p, *end;
        uint32_t row;
} Lane;

/* Each step waits for memory that the one before has named: two texts at once wait half as long. */
static void walk_both(const Automaton *l, Lane *a, Lane *b, LitFn fn, void *userdata) {
        const uint8_t *p = (const uint8_t *)a->p, *q = (const uint8_t *)b->p, *classes = l->classes;
        const uint32_t *next = l->next;
        size_t n = (size_t)(a->end - a->p), m = (size_t)(b->end - b->p), x = a->row, y = b->row;

        n = m < n ? m : n;
        for (size_t i = 0; i < n; i++) {
                x = next[x + classes[p[i]]];
                y = next[y + classes[q[i]]];
                if (likely(!((x | y) & HIT)))
                        continue;
                x = x & HIT ? report(l, (uint32_t)x, fn, userdata) : x;
                y = y & HIT ? report(l, (uint32_t)y, fn, userdata) : y;
        }
        a->p += n;
        b->p += n;
        a->row = (uint32_t)x;
        b->row = (uint32_t)y;
}

static void walk_one(const Automaton *l, Lane *a, LitFn fn, void *userdata) {
        const uint8_t *p = (const uint8_t *)a->p, *classes = l->classes;
        const uint32_t *next = l->next;
        size_t n = (size_t)(a->end - a->p), x = a->row;

        for (size_t i = 0; i < n; i++) {
                x = next[x + classes[p[i]]];
                if (unlikely(x & HIT))
                        x = report(l, (uint32_t)x, fn, userdata);
        }
        a->p += n;
        a->row = (uint32_t)x;
}

/* A long text is cut in two; the second half begins early enough for what lies across the cut. */
static void walk(const Automaton *l, Lane *a, LitFn fn, void *userdata) {
        size_t n = (size_t)(a->end - a->p), half = (n + l->longest) / 2;
        Lane b;

        if (n > l->longest * 2 && n > 32) {
                b = (Lane){ a->p + half - l->longest, a->end, 0 };
                a->end = a->p + half;
                walk_both(l, a, &b, fn, userdata);
                walk_one(l, a, fn, userdata);
                *a = b;
        }
        walk_one(l, a, fn, userdata);
}

void lits_search(const Lits *l, Str value, LitFn fn, void *userdata) {
        Lane a = { value.p, value.p + value.n, 0 };

        search_ends(l, value, fn, userdata);
        if (l->inside.n_states)
                walk(&l->inside, &a, fn, userdata);
}

void lits_search_both(const Lits *l, Str value, Str other, LitFn fn, void *userdata) {
        Lane a = { value.p, value.p + value.n, 0 }, b = { other.p, other.p + other.n, 0 };

        search_ends(l, value, fn, userdata);
        search_ends(l, other, fn, userdata);
        if (!l->inside.n_states)
                return;
        walk_both(&l->inside, &a, &b, fn, userdata);
        walk(&l->inside, &a, fn, userdata);
        walk(&l->inside, &b, fn, userdata);
}
