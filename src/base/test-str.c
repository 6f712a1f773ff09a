/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include "base/arena.h"
#include "base/buf.h"
#include "base/test-support.h"

static void test_numbers(void **state) {
        static const struct {
                const char *in;
                unsigned base;
                bool ok;
                uint64_t want;
        } rows[] = {
                { "0", 10, true, 0 },
                { "18446744073709551615", 10, true, UINT64_MAX },
                { "18446744073709551616", 10, false, 0 },
                { "c000003e", 16, true, 0xc000003e },
                { "C000003E", 16, true, 0xc000003e },
                { "fffffffffffffffff", 16, false, 0 },
                { "a", 10, false, 0 },
                { "", 10, false, 0 },
                { "-1", 10, false, 0 },
                { "1 ", 10, false, 0 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                uint64_t v = 77;

                assert_int_equal(str_u64(str_from(rows[i].in), rows[i].base, &v), rows[i].ok);
                assert_true(v == (rows[i].ok ? rows[i].want : 77));
        }
}

static void test_hex(void **state) {
        char out[8];

        assert_true(str_is_hex(STR("2F746d70")));
        assert_false(str_is_hex(STR("2F7")));
        assert_false(str_is_hex(STR("")));
        assert_false(str_is_hex(STR("2G")));
        assert_int_equal(str_unhex(out, STR("2F746d70")), 4);
        assert_memory_equal(out, "/tmp", 4);
        assert_int_equal(str_unhex(out, STR("41zz41")), 1);
}

static void test_characters(void **state) {
        assert_int_equal(str_chars(STR("")), 0);
        assert_int_equal(str_chars(STR("ab")), 2);
        assert_int_equal(str_chars(STR("\xC3\xA9x\xF0\x9F\x98\x80")), 3);
}

static void test_letters_compare_without_case(void **state) {
        assert_true(str_ieq(STR("EXECVE"), STR("execve")));
        assert_false(str_ieq(STR("a@"), STR("a`"))); /* 0x40 and 0x60 differ by the same bit */
        assert_false(str_ieq(STR("a"), STR("ab")));
}

static void test_buffer_reports_a_failed_write(void **state) {
        int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
        Buf b = BUF_INIT;

        buf_attach(&b, fd);
        buf_printf(&b, "%d %s", 5, "x");
        assert_string_equal(buf_z(&b), "5 x");
        assert_int_equal(buf_flush(&b), -ENOSPC);
        assert_true(b.failed);
        buf_done(&b);
        close(fd);
}

static void test_arena_keeps_to_its_limit(void **state) {
        Arena a = { .limit = 64 };
        Str s = arena_str(&a, STR("hello"));

        assert_string_equal(s.p, "hello");
        assert_non_null(arena_alloc(&a, 48));
        assert_null(arena_alloc(&a, 1));
        arena_reset(&a);
        assert_non_null(arena_alloc(&a, 64));
        arena_done(&a);
        assert_null(arena_alloc(&a, SIZE_MAX));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_numbers),
                cmocka_unit_test(test_hex),
                cmocka_unit_test(test_characters),
                cmocka_unit_test(test_letters_compare_without_case),
                cmocka_unit_test(test_buffer_reports_a_failed_write),
                cmocka_unit_test(test_arena_keeps_to_its_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
