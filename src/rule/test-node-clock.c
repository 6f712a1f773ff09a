/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* By which time events of nodes wait whose clocks differ. */
#include "base/test-support.h"
#include <stdio.h>
#include "rule/node-clock.h"
#include "rule/rule.h"

static NodeClocks clocks;

static int64_t take(const char *node, int64_t time_ms) {
        return node_clock_take(&clocks, str_from(node), time_ms);
}

static int set_up(void **state) {
        node_clocks_init(&clocks);
        return 0;
}

static void one_node_is_by_its_own_time(void **state) {
        assert_int_equal(take("", 100000), 100000);
        assert_int_equal(take("", 98500), 98500);
        assert_int_equal(take("", 95000), 95000); /* late, once */
        assert_int_equal(take("", 100500), 100500);
        assert_int_equal(take("", 900000), 900000);
        assert_int_equal(clocks.now_ms, 900000);
}

static void nodes_that_agree_keep_their_order(void **state) {
        assert_int_equal(take("a", 100000), 100000);
        assert_int_equal(take("b", 99000), 99000);
        assert_int_equal(take("c", 108000), 108000);
        assert_int_equal(take("a", 107000), 107000);
}

static void a_wrong_clock_is_nobody_elses(void **state) {
        take("a", 100000);
        assert_int_equal(take("ahead", 3700000), 3700000);
        assert_int_equal(take("behind", 1000), 3700000);
        assert_int_equal(take("a", 101000), 3700000); /* behind now: where the others are */
        assert_int_equal(take("ahead", 3701500), 3701500);
        assert_int_equal(take("a", 102000), 3701000);
        assert_int_equal(take("behind", 2000), 3701000);
        assert_int_equal(take("also-behind", 2500), 3701500); /* as the other: in order with it */
}

/* Whatever the nodes, and however long nothing came. */
static void what_comes_in_order_stays_in_order(void **state) {
        static const int64_t times[] = { 100000, 100001, 130000, 131000, 190000, 5000000, 5000001, 90000000 };
        static const char *const nodes[] = { "a", "b", "c" };

        for (size_t i = 0; i < ARRAY_SIZE(times) * 3; i++)
                assert_int_equal(take(nodes[i % 3], times[i / 3]), times[i / 3]);
        for (int64_t at = 90000000; at < 200000000; at += 777777)
                assert_int_equal(take(nodes[at % 3], at), at);
}

static void a_clock_that_is_set_back(void **state) {
        take("a", 10000000);
        take("b", 10000000);
        assert_int_equal(take("a", 100000), 10000000);
        assert_int_equal(take("a", 99000), 9999000);
        assert_int_equal(take("b", 10001000), 10001000);
        /* by little: after some events that are late */
        for (int i = 0; i < 3; i++)
                assert_int_equal(take("b", 9996000 + i), 9996000 + i);
        assert_int_equal(take("b", 9996003), 10001000);
}

static void a_clock_that_is_set_ahead_and_back(void **state) {
        take("a", 100000);
        take("b", 100000);
        assert_int_equal(take("a", 5000000), 5000000);
        assert_int_equal(take("b", 100500), 5000000); /* stands where a is */
        assert_int_equal(take("b", 101500), 5001000);
        assert_int_equal(take("a", 101500), 5001000);
}

static void clocks_set_without_end_do_not_overflow(void **state) {
        for (int i = 0; i < 1000; i++) {
                int64_t at = take("a", i % 2 ? PACK_TIME_MAX : -PACK_TIME_MAX);

                assert_true(at <= PACK_TIME_MAX && at >= -PACK_TIME_MAX);
        }
}

static void many_nodes_are_bounded(void **state) {
        char name[32];

        for (int i = 0; i < 10000; i++) {
                snprintf(name, sizeof(name), "n%d", i);
                assert_int_equal(take(name, 100000 + i), 100000 + i);
        }
}

static void goes_on_in_a_successor(void **state) {
        NodeClocks other;
        Buf saved = BUF_INIT;
        Unpack in;

        take("a", 100000);
        take("b", 3700000);
        take("a", 100500);
        node_clocks_save(&clocks, &saved);
        in = UNPACK_INIT(buf_view(&saved));
        node_clocks_restore(&other, &in);
        assert_false(in.bad);
        assert_int_equal(node_clock_take(&other, STR("b"), 3701000), 3701000);
        assert_int_equal(node_clock_take(&other, STR("a"), 101000), 3700500);
        buf_done(&saved);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup(one_node_is_by_its_own_time, set_up),
                cmocka_unit_test_setup(nodes_that_agree_keep_their_order, set_up),
                cmocka_unit_test_setup(a_wrong_clock_is_nobody_elses, set_up),
                cmocka_unit_test_setup(what_comes_in_order_stays_in_order, set_up),
                cmocka_unit_test_setup(a_clock_that_is_set_back, set_up),
                cmocka_unit_test_setup(a_clock_that_is_set_ahead_and_back, set_up),
                cmocka_unit_test_setup(clocks_set_without_end_do_not_overflow, set_up),
                cmocka_unit_test_setup(many_nodes_are_bounded, set_up),
                cmocka_unit_test_setup(goes_on_in_a_successor, set_up),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
