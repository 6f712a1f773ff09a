/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Many windows together stay within their bytes, and one that is flooded costs the others nothing. */
#include "base/test-support.h"
#include <stdio.h>
#include "rule/window-inside.h"

#define WINDOWS 20u
#define MAX     (256u << 10)

static Window *windows[WINDOWS];
static WindowTotal total;

static uint64_t dropped(size_t i) { return window_counters(windows[i])->groups_dropped; }

static int set_up(void **state) {
        static CorrelationRef ref;
        static Correlation c = { .type = CORRELATION_EVENT_COUNT,
                                 .span_ms = 3600 * 1000,
                                 .tests = { { .compare = COMPARE_GTE, .number = 3 } },
                                 .n_tests = 1,
                                 .refs = &ref,
                                 .n_refs = 1,
                                 .n_group = 1 };

        total = (WindowTotal){ 0 };
        for (size_t i = 0; i < WINDOWS; i++)
                if (window_new(&windows[i], &c, &total))
                        return -1;
        return 0;
}

static int tear_down(void **state) {
        for (size_t i = 0; i < WINDOWS; i++)
                window_free(windows[i]);
        return 0;
}

/* Whether the condition holds at the event. */
static bool add(size_t window, uint64_t event, const char *value) {
        Str group = str_from(value);
        WindowGroup *g;
        bool first, holds;

        assert_int_equal(window_add(windows[window], 0, event, (int64_t)event, &group, NULL, &g), 0);
        holds = window_ask(windows[window], g, event, false, &first);
        window_bound(&total, windows, WINDOWS, MAX);
        assert_in_range(total.bytes, 0, MAX);
        return holds;
}

static size_t sum(void) {
        size_t bytes = 0;

        for (size_t i = 0; i < WINDOWS; i++)
                bytes += windows[i]->bytes;
        return bytes;
}

static void flood_of_one(void **state) {
        char value[32];

        assert_false(add(0, 1, "root"));
        assert_false(add(0, 2, "root"));
        for (uint64_t i = 3; i < 20000; i++) {
                snprintf(value, sizeof(value), "u%llu", (unsigned long long)i);
                add(7, i, value);
        }
        assert_true(add(0, 20000, "root"));
        assert_int_equal(dropped(0), 0);
        assert_true(dropped(7) > 0 && dropped(7) < 20000);
        assert_int_equal(total.bytes, sum());
        assert_true(total.bytes > MAX / 2); /* no more is forgotten than needed */
}

static void flood_of_all(void **state) {
        char value[32];

        for (uint64_t i = 0; i < 40000; i++) {
                snprintf(value, sizeof(value), "u%llu", (unsigned long long)i);
                add(i % WINDOWS, i, value);
        }
        for (size_t i = 0; i < WINDOWS; i++) {
                assert_true(dropped(i) > 0);
                assert_true(windows[i]->n_groups > 0);
        }
        assert_int_equal(total.n_used, WINDOWS);
        assert_int_equal(total.bytes, sum());
}

static void one_group_beyond_all(void **state) {
        char *value = malloc(MAX + 1);

        memset(value, 'x', MAX);
        value[MAX] = '\0';
        add(3, 1, "root");
        add(4, 2, value);
        assert_int_equal(dropped(4), 1);
        assert_int_equal(dropped(3), 0);
        assert_int_equal(total.n_used, 1);
        assert_int_equal(total.bytes, windows[3]->bytes);
        free(value);
}

static void what_is_freed_is_nobodys(void **state) {
        Window *other;

        assert_int_equal(window_new(&other, windows[0]->c, &total), 0);
        add(1, 1, "root");
        windows[0] = window_free(windows[0]);
        assert_int_equal(total.bytes, windows[1]->bytes);
        windows[0] = other;
        windows[1] = window_free(windows[1]);
        assert_int_equal(total.bytes, 0);
        assert_int_equal(total.n_used, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(flood_of_one, set_up, tear_down),
                cmocka_unit_test_setup_teardown(flood_of_all, set_up, tear_down),
                cmocka_unit_test_setup_teardown(one_group_beyond_all, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_freed_is_nobodys, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
