/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include "role/engine/gather.h"

#define US 1000u

static Gather after_reads(unsigned n, uint64_t apart_ns, uint64_t n_lines) {
        Gather g = { 0 };

        for (unsigned i = 1; i <= n; i++)
                gather_note(&g, 1000000000u + i * apart_ns, n_lines);
        return g;
}

static void test_single_records_never_wait(void **state) {
        assert_false(after_reads(1, 0, 1).busy);
        assert_false(after_reads(5, 10 * US, 1).busy); /* an event, as auditd writes it */
        assert_false(after_reads(10000, 300 * US, 1).busy);
}

static void test_many_quick_reads_wait(void **state) {
        assert_false(after_reads(GATHER_QUICK, 40 * US, 1).busy);
        assert_true(after_reads(GATHER_QUICK + 1, 40 * US, 1).busy);
}

static void test_waiting_lasts_while_it_pays(void **state) {
        Gather g = after_reads(GATHER_QUICK + 1, 40 * US, 1);

        for (uint64_t at = 2000000000u; at < 3000000000u; at += 560 * US) {
                gather_note(&g, at, GATHER_LINES);
                assert_true(g.busy);
        }
        gather_note(&g, 3000000000u, GATHER_LINES - 1);
        assert_false(g.busy);
        gather_note(&g, 3000000000u + 20 * US, 1);
        assert_false(g.busy);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_single_records_never_wait),
                cmocka_unit_test(test_many_quick_reads_wait),
                cmocka_unit_test(test_waiting_lasts_while_it_pays),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
