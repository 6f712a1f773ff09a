/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "role/cmd/sorter.h"

/* 3,000 different lines, each five times, in 4 KiB: more than 64 parts, which have to be merged on the way. */
static void lines_come_sorted_and_once_from_little_memory(void **state) {
        Buf out = BUF_INIT;
        char line[32];
        Sorter *s;
        size_t at = 0;

        assert_int_equal(sorter_new(&s, 4096), 0);
        for (unsigned i = 0; i < 15000; i++) {
                snprintf(line, sizeof(line), "line %05u", (i * 7919) % 3000);
                assert_int_equal(sorter_add(s, str_from(line)), 0);
        }
        assert_int_equal(sorter_finish(s, &out), 0);
        for (unsigned i = 0; i < 3000; i++) {
                snprintf(line, sizeof(line), "line %05u\n", i);
                assert_true(out.n >= at + 11);
                assert_memory_equal(out.p + at, line, 11);
                at += 11;
        }
        assert_int_equal(out.n, at);
        buf_done(&out);
        sorter_free(s);
}

static void nothing_gives_nothing(void **state) {
        Buf out = BUF_INIT;
        Sorter *s;

        assert_int_equal(sorter_new(&s, 4096), 0);
        assert_int_equal(sorter_finish(s, &out), 0);
        assert_int_equal(out.n, 0);
        buf_done(&out);
        sorter_free(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_come_sorted_and_once_from_little_memory),
                cmocka_unit_test(nothing_gives_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
