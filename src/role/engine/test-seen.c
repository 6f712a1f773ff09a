/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>
#include "role/engine/seen.h"

static SeenRecord record(uint64_t n) { return (SeenRecord){ .hash = n, .ms = (int64_t)n }; }

static SeenRecord of(const char *line) {
        SeenRecord r = { 0 };

        assert_true(seen_read(str_from(line), &r));
        return r;
}

static void what_auditd_adds_makes_no_difference(void **state) {
        SeenRecord raw = of("type=SYSCALL msg=audit(1700000000.123:5): a=1 b=2"),
                   enriched = of("type=SYSCALL msg=audit(1700000000.123:5): a=1 b=2\x1d"
                                 "ARCH=x86_64"),
                   other = of("type=SYSCALL msg=audit(1700000000.123:5): a=1 b=3");

        assert_int_equal(raw.ms, 1700000000123);
        assert_int_equal(raw.hash, enriched.hash);
        assert_int_not_equal(raw.hash, other.hash);
}

static void what_is_no_record_is_not_read(void **state) {
        static const char *const lines[] = { "",
                                             "x",
                                             "type=X msg=audit(",
                                             "type=X msg=audit(12",
                                             "type=X msg=audit(1:2)",
                                             "type=X msg=audit(99999999999999999999.1:2): " };
        SeenRecord r;

        for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
                assert_false(seen_read(str_from(lines[i]), &r));
}

/* Hashes that collide in the index, many times around: what is known is always the last SEEN_MAX. */
static void the_last_are_known(void **state) {
        const uint64_t step = 1 << 8, n = 3 * SEEN_MAX + 17;
        Seen *s = seen_new();

        assert_non_null(s);
        assert_int_equal(seen_index(s), 0);
        for (uint64_t i = 0; i < n; i++)
                seen_add(s, &(SeenRecord){ .hash = i * step, .ms = (int64_t)i });
        for (uint64_t i = 0; i < n; i += 7)
                assert_int_equal(seen_has(s, &(SeenRecord){ .hash = i * step }), i >= n - SEEN_MAX);
        assert_int_equal(seen_oldest_ms(s), n - SEEN_MAX);
        assert_int_equal(seen_newest_ms(s), n - 1);
        seen_free(s);
}

static Seen *saved_and_restored(Seen *s) {
        Buf bytes = BUF_INIT;
        Seen *other = seen_new();
        Unpack from;

        seen_save(s, &bytes);
        from = UNPACK_INIT(buf_view(&bytes));
        assert_true(seen_restore(other, &from));
        assert_int_equal(unpack_end(&from), 0);
        assert_int_equal(seen_index(other), 0);
        buf_done(&bytes);
        seen_free(s);
        return other;
}

static void what_is_young_is_kept(void **state) {
        Seen *s = seen_new();
        SeenRecord old = record(1), young = record(SEEN_SAVE_MS + 50), last = record(SEEN_SAVE_MS + 100);

        seen_add(s, &old);
        seen_add(s, &young);
        seen_add(s, &last);
        s = saved_and_restored(s);
        assert_false(seen_has(s, &old));
        assert_true(seen_has(s, &young) && seen_has(s, &last));
        assert_int_equal(seen_oldest_ms(s), young.ms);
        seen_free(s);
}

static SeenRecord hashed(uint64_t i) { return (SeenRecord){ .hash = i * 0x9e3779b97f4a7c15, .ms = 1000 }; }

/* Who reads a log again finds all that is known, whatever is new among it, and knows it in that order then. */
static void what_is_read_again_stays_known(void **state) {
        const uint64_t first = 6, last = SEEN_SAVE_MAX + 5, other = 1000000;
        SeenRecord forgotten = hashed(first - 1), of_half = hashed(SEEN_SAVE_MAX / 2);
        SeenRecord youngest = hashed(last), youngest_missed = hashed(other + last);
        Seen *s = seen_new();

        for (uint64_t i = 1; i <= last; i++)
                seen_add(s, &(SeenRecord){ hashed(i).hash, hashed(i).ms });
        s = saved_and_restored(s);
        assert_true(seen_is_full(s));
        assert_false(seen_has(s, &forgotten));
        for (uint64_t i = first; i <= last; i++) {
                SeenRecord missed = hashed(other + i), known = hashed(i);

                assert_true(seen_has(s, &known));
                assert_false(seen_has(s, &missed));
                seen_add(s, &missed);
                seen_add(s, &known);
        }
        s = saved_and_restored(s);
        assert_true(seen_has(s, &youngest));
        assert_true(seen_has(s, &youngest_missed));
        assert_false(seen_has(s, &of_half));
        seen_free(s);
}

static void a_clock_that_was_set_back_loses_nothing_new(void **state) {
        Seen *s = seen_new();
        SeenRecord before = record(10 * SEEN_SAVE_MS), after = record(1000);

        seen_add(s, &before);
        seen_add(s, &after);
        s = saved_and_restored(s);
        assert_int_equal(seen_newest_ms(s), after.ms);
        assert_true(seen_has(s, &after));
        seen_free(s);
}

static void a_beginning_is_kept(void **state) {
        Seen *s = seen_new();

        assert_int_equal(seen_newest_ms(s), INT64_MIN);
        seen_begin(s, 4711);
        s = saved_and_restored(s);
        assert_int_equal(seen_newest_ms(s), 4711);
        assert_int_equal(seen_oldest_ms(s), 4711);
        seen_free(s);
}

static void a_damaged_one_is_refused(void **state) {
        Seen *s = seen_new(), *other = seen_new();
        SeenRecord one = record(5);
        Buf bytes = BUF_INIT;

        seen_add(s, &one);
        seen_save(s, &bytes);
        for (size_t n = 0; n < bytes.n; n++) {
                Unpack from = UNPACK_INIT(((Str){ bytes.p, n }));

                assert_false(seen_restore(other, &from));
                assert_int_equal(seen_newest_ms(other), INT64_MIN);
        }
        buf_done(&bytes);
        seen_free(s);
        seen_free(other);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_auditd_adds_makes_no_difference),
                cmocka_unit_test(what_is_no_record_is_not_read),
                cmocka_unit_test(the_last_are_known),
                cmocka_unit_test(what_is_young_is_kept),
                cmocka_unit_test(what_is_read_again_stays_known),
                cmocka_unit_test(a_clock_that_was_set_back_loses_nothing_new),
                cmocka_unit_test(a_beginning_is_kept),
                cmocka_unit_test(a_damaged_one_is_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
