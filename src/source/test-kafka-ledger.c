/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "source/kafka-ledger.h"

static void give(Ledger *l, int32_t partition, int64_t from, int64_t to, uint64_t at_s) {
        for (int64_t o = from; o < to; o++)
                assert_int_equal(ledger_add(l, partition, o, at_s * NS_PER_S), 0);
}

static void expect(Ledger *l, int32_t partition, int64_t offset, int64_t again) {
        int64_t o = -2, a = -2;

        assert_int_equal(ledger_commit(l, partition, &o, &a), offset >= 0);
        if (offset >= 0) {
                assert_int_equal(o, offset);
                assert_int_equal(a, again);
        }
}

static void only_what_is_safe_is_committed(void **state) {
        Ledger l;
        uint64_t first, second;

        ledger_init(&l, 0);
        assert_int_equal(ledger_assign(&l, 0, -1, -1), -1);
        assert_int_equal(ledger_assign(&l, 2, 10, -1), 10);
        assert_int_equal(ledger_mark(&l), 0);
        give(&l, 0, 0, 5, 1);
        give(&l, 2, 10, 12, 1);
        first = ledger_mark(&l);
        assert_int_equal(ledger_mark(&l), 0);
        give(&l, 0, 5, 6, 2);
        second = ledger_mark(&l);
        assert_true(first && second > first);
        expect(&l, 0, -1, 0);
        ledger_safe(&l, second + 1); /* was never given out */
        expect(&l, 0, -1, 0);
        ledger_safe(&l, first);
        expect(&l, 0, 5, 5);
        expect(&l, 0, -1, 0);
        expect(&l, 2, 12, 12);
        ledger_safe(&l, second);
        expect(&l, 0, 6, 6);
        ledger_uncommitted(&l, 0);
        expect(&l, 0, 6, 6);
        ledger_done(&l);
}

static void a_partition_that_comes_back_goes_on(void **state) {
        Ledger l;

        ledger_init(&l, 600000);
        assert_int_equal(ledger_assign(&l, 0, 100, 40), 40);
        give(&l, 0, 40, 150, 1);
        ledger_revoke(&l, 0);
        ledger_safe(&l, ledger_mark(&l));
        expect(&l, 0, -1, 0); /* not ours */
        assert_int_equal(ledger_assign(&l, 0, 120, 40), 150);
        assert_int_equal(ledger_assign(&l, 0, 300, 100), 150); /* somebody read on; we have not seen that */
        assert_int_equal(ledger_assign(&l, 0, 900, 700), 700); /* too much */
        assert_int_equal(ledger_assign(&l, 1, 50, 60), 50);    /* nonsense in the metadata */
        ledger_done(&l);
}

static void the_place_to_begin_again_follows(void **state) {
        Ledger l;
        int64_t offset, again = -1;

        ledger_init(&l, 64000); /* a sample every 2 s */
        ledger_assign(&l, 0, -1, -1);
        for (uint64_t s = 0; s < 1000; s++) {
                give(&l, 0, (int64_t)s * 10, (int64_t)s * 10 + 10, 1 + s);
                ledger_safe(&l, ledger_mark(&l));
                assert_true(ledger_commit(&l, 0, &offset, &again));
                assert_int_equal(offset, s * 10 + 10);
                assert_in_range(again, s < 66 ? 0 : (s - 66) * 10, s < 64 ? 0 : (s - 64) * 10);
        }
        for (uint64_t s = 1000; s < 3000; s++) /* nothing is safe for a long time: the oldest place stays */
                give(&l, 0, (int64_t)s * 10, (int64_t)s * 10 + 1, 1 + s);
        ledger_safe(&l, ledger_mark(&l));
        assert_true(ledger_commit(&l, 0, &offset, &again));
        assert_in_range(again, 0, (3000 - 64) * 10);
        ledger_done(&l);
}

static void many_entries_are_kept_in_order(void **state) {
        Ledger l;

        ledger_init(&l, 0);
        for (int32_t p = 0; p < 8; p++)
                ledger_assign(&l, p, -1, -1);
        for (uint64_t i = 0; i < 20000; i++) {
                uint64_t mark;

                for (int32_t p = 0; p < 8; p++)
                        give(&l, p, (int64_t)i, (int64_t)i + 1, i);
                mark = ledger_mark(&l);
                if (mark > 300)
                        ledger_safe(&l, mark - 300);
        }
        assert_true(l.cap <= 65536);
        expect(&l, 5, 20000 - 300, 20000 - 300);
        assert_int_equal(ledger_add(&l, -1, 0, 0), -12);
        assert_int_equal(ledger_add(&l, LEDGER_PARTITIONS, 0, 0), -12);
        ledger_done(&l);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_is_safe_is_committed),
                cmocka_unit_test(a_partition_that_comes_back_goes_on),
                cmocka_unit_test(the_place_to_begin_again_follows),
                cmocka_unit_test(many_entries_are_kept_in_order),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
