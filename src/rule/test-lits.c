/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the automaton finds is what a plain search finds, wherever a text is cut; and a queue gives back in order what came in any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "rule/lits.h"
#include "rule/pending.h"

#define N_LITS 24u
#define ROUNDS 400

static uint32_t seed = 1;

static uint32_t draw(uint32_t n) {
        seed = seed * 1664525u + 1013904223u;
        return (seed >> 8) % n;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

/* Few letters, so that literals are found often, and also one inside another. */
static size_t write_text(char *to, size_t max, bool capitals) {
        size_t n = draw((uint32_t)max + 1);

        for (size_t i = 0; i < n; i++)
                to[i] = (capitals ? "abcABC/" : "abc/")[draw(capitals ? 7 : 4)];
        return n;
}

static bool stands(const Lit *l, Str value, size_t at) {
        if (at + l->text.n > value.n)
                return false;
        for (size_t i = 0; i < l->text.n; i++)
                if (lower(value.p[at + i]) != l->text.p[i])
                        return false;
        return true;
}

static bool is_there(const Lit *l, Str value) {
        switch (l->kind) {
        case LIT_EXACT: return value.n == l->text.n && stands(l, value, 0);
        case LIT_PREFIX: return stands(l, value, 0);
        case LIT_SUFFIX: return value.n >= l->text.n && stands(l, value, value.n - l->text.n);
        default:
                for (size_t i = 0; i + l->text.n <= value.n; i++)
                        if (stands(l, value, i))
                                return true;
                return false;
        }
}

static void found(void *userdata, uint32_t id) { ((bool *)userdata)[id] = true; }

static void compare(const Lit *v, const bool *got, Str a, Str b) {
        for (size_t i = 0; i < N_LITS; i++)
                assert_int_equal(got[i], is_there(&v[i], a) || is_there(&v[i], b));
}

/* Literals in the midst of it, most of all where a long text would be cut. */
static void plant(char *to, size_t n, const Lit *v) {
        for (int i = 0; i < 3; i++) {
                Str s = v[draw(N_LITS)].text;
                size_t near = n / 2 + draw(40), at = near > 20 ? near - 20 : 0;

                if (at + s.n < n && s.n)
                        memcpy(to + at, s.p, s.n);
        }
}

static void finds_what_a_plain_search_finds(void **state) {
        static char texts[N_LITS][LITS_MAX], value[2][600];
        unsigned n_found = 0;

        for (int round = 0; round < ROUNDS; round++) {
                Lit v[N_LITS];
                Lits *l;

                for (uint32_t i = 0; i < N_LITS; i++) {
                        LitKind kind = draw(4);
                        size_t n = write_text(texts[i], LITS_MAX, false);

                        if (!n && kind != LIT_EXACT)
                                texts[i][n++] = 'a';
                        v[i] = (Lit){ kind, { texts[i], n }, i };
                }
                assert_int_equal(lits_new(&l, v, N_LITS), 0);
                for (int i = 0; i < 20; i++) {
                        bool alone[N_LITS] = { false }, both[N_LITS] = { false };
                        Str a = { value[0], write_text(value[0], i % 2 ? 20 : sizeof(value[0]), true) };
                        Str b = { value[1], write_text(value[1], i % 3 ? 40 : sizeof(value[1]), true) };

                        plant(value[0], a.n, v);
                        plant(value[1], b.n, v);
                        lits_search(l, a, found, alone);
                        compare(v, alone, a, a);
                        lits_search_both(l, a, b, found, both);
                        compare(v, both, a, b);
                        for (size_t k = 0; k < N_LITS; k++)
                                n_found += both[k];
                }
                lits_free(l);
        }
        assert_true(n_found > ROUNDS * 20);
}

static void put(PendingQueue *q, int64_t time_ms, uint64_t serial, uint64_t order) {
        Pending p = { .at_ms = time_ms, .serial = serial, .order = order };

        assert_int_equal(pending_push(q, pending_new(&q->memory, &p, NULL)), 0);
}

static bool in_order(const Pending *a, const Pending *b) {
        if (a->at_ms != b->at_ms)
                return a->at_ms < b->at_ms;
        return a->serial != b->serial ? a->serial < b->serial : a->order < b->order;
}

/* @jitter: by how much an event may come too late. */
static void check_order(uint32_t jitter) {
        PendingQueue q = { 0 };
        uint64_t order = 0, given = 0;

        for (int round = 0; round < 50; round++) {
                Pending *last = NULL, *p;
                size_t bytes = 0;

                for (uint32_t n = draw(300); n > 0; n--, order++)
                        put(&q, (int64_t)order / 3 - draw(jitter), draw(4), order);
                for (size_t i = 0; i < q.n; i++)
                        bytes += pending_at(&q, i)->size;
                assert_int_equal(bytes, q.bytes);
                for (uint32_t n = draw(300); n > 0 && q.n; n--, given++) {
                        const Pending *first = pending_first(&q);

                        p = pending_pop(&q);
                        assert_ptr_equal(p, first);
                        assert_true(!last || in_order(last, p));
                        pending_free(&q.memory, last);
                        last = p;
                }
                pending_free(&q.memory, last);
        }
        assert_int_equal(given + q.n, order);
        pending_done(&q);
}

static void gives_back_in_order(void **state) {
        check_order(1);
        check_order(5);
        check_order(1000);
}

/* Of each few that lie together one stays: what stays is little, but so is the memory. */
static void memory_is_bounded(void **state) {
        PendingQueue q = { 0 };
        char text[1000] = "";
        Str value = { text, sizeof(text) };
        Pending with_value = { .values = &value, .n_values = 1 };
        uint64_t n = 0;

        for (; !pending_full(&q); n++) {
                Pending *p;

                with_value.at_ms = (int64_t)n;
                p = pending_new(&q.memory, &with_value, NULL);
                assert_non_null(p);
                if (n % 100)
                        pending_free(&q.memory, p);
                else
                        assert_int_equal(pending_push(&q, p), 0);
        }
        assert_true(q.n < PENDING_MAX && q.bytes < PENDING_MAX_BYTES);
        assert_true(q.memory.bytes < PENDING_MAX_MEMORY + PENDING_MAX_MEMORY / 100);
        while (q.n)
                pending_free(&q.memory, pending_pop(&q));
        assert_true(q.memory.bytes < PENDING_MAX_MEMORY / 100);
        pending_done(&q);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(finds_what_a_plain_search_finds),
                cmocka_unit_test(gives_back_in_order),
                cmocka_unit_test(memory_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
