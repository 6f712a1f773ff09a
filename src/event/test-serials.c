/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "event/serials.h"

/* A million numbers later, and much later: what is missing has been counted, and the rest can be seen. */
static uint64_t gaps_at_end(Serials *s) {
        Serials copy = *s;

        for (unsigned i = 1; i <= 2; i++)
                serials_settle(&copy, i);
        return copy.gaps;
}

static uint64_t gaps_of(const uint64_t *v, size_t n) {
        Serials s = { 0 };

        for (size_t i = 0; i < n; i++)
                serials_note(&s, v[i], 0);
        return gaps_at_end(&s);
}

static void sequences(void **state) {
        static const struct {
                uint64_t v[12], gaps;
        } rows[] = {
                { { 1, 2, 3 }, 0 },
                { { 500, 501 }, 0 }, /* what was before us is not missing */
                { { 500, 501, 503 }, 1 },
                { { 500, 503, 502, 501 }, 0 }, /* out of order */
                { { 500, 503, 501 }, 1 },
                { { 500, 501, 501, 501, 502 }, 0 }, /* late records */
                { { 500, 400, 501, 300, 502 }, 0 }, /* older than us */
                { { 500, 1500 }, 999 },             /* within the window */
                { { 500, 2500 }, 1999 },            /* beyond it */
                { { 500, 2500, 2499, 2000 }, 1997 },
                { { 500, 100000, 501 }, 0 },                    /* one that nothing follows */
                { { 500, 100000, 100001 }, 99499 },             /* it goes on there */
                { { 500, 100002, 100001 }, 99500 },             /* 〃, out of order */
                { { 90000, 1, 2, 3, 4 }, 0 },                   /* another boot */
                { { 90000, 2, 1, 3, 5 }, 1 },                   /* 〃, out of order */
                { { 90000, 7, 90001, 9, 90002 }, 0 },           /* strays */
                { { 90000, 1, 2, 90001, 90002 }, 0 },           /* two in one, in turn */
                { { 500, 40000000, 40000001 }, 0 },             /* more than can be lost */
                { { UINT32_MAX - 1, UINT32_MAX, 1, 2, 3 }, 0 }, /* it is counted round */
                { { 500, 501, UINT64_MAX, UINT64_MAX - 1, 502 }, 0 },
                { { 1ull << 63, (1ull << 63) + 1 }, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                size_t n = 0;

                while (n < ARRAY_SIZE(rows[i].v) && rows[i].v[n])
                        n++;
                if (gaps_of(rows[i].v, n) != rows[i].gaps)
                        fail_msg("row %zu: %llu", i, (unsigned long long)gaps_of(rows[i].v, n));
        }
}

/* Numbers up to a window out of order, some of them missing: as many are counted, by the window and by the clock alike. */
static void any_order(void **state) {
        static uint64_t v[200000];

        srand(7);
        for (unsigned round = 0; round < 20; round++) {
                unsigned depth = 1u + (unsigned)rand() % (SERIALS_WINDOW / 2 - 1), n = 0, missing = 0;
                Serials s = { 0 };

                for (uint64_t k = 1; k <= ARRAY_SIZE(v); k++)
                        if (k == 1 || k == ARRAY_SIZE(v) || rand() % 100)
                                v[n++] = k + 1000000;
                        else
                                missing++;
                for (unsigned i = 1; i + depth < n; i += depth)
                        for (unsigned k = 0; k < depth; k++) {
                                unsigned other = i + (unsigned)rand() % depth;
                                uint64_t x = v[i + k];

                                v[i + k] = v[other];
                                v[other] = x;
                        }
                for (unsigned i = 0; i < n; i++)
                        serials_note(&s, v[i],
                                     i * 10); /* a window is ten seconds, so nothing counts too early */
                assert_int_equal(gaps_at_end(&s), missing);
        }
}

/* On a machine where little happens what is missing counts after seconds, and not before. */
static void the_clock_counts_too(void **state) {
        Serials s = { 0 };

        serials_note(&s, 10, 100000);
        serials_note(&s, 12, 100100);
        serials_note(&s, 13, 101000);
        serials_note(&s, 11, 102000); /* late, but there */
        serials_note(&s, 15, 103000);
        assert_int_equal(s.gaps, 0);
        serials_note(&s, 16, 106000);
        serials_note(&s, 17, 112000);
        assert_int_equal(s.gaps, 1);
        serials_note(&s, 14, 112000); /* too late */
        serials_note(&s, 19, 50000);  /* the clock was set back */
        serials_note(&s, 20, 56000);
        serials_note(&s, 21, 62000);
        assert_int_equal(s.gaps, 2);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(sequences),
                cmocka_unit_test(any_order),
                cmocka_unit_test(the_clock_counts_too),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
