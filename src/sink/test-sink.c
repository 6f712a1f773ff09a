/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sink/sink.h"

/* A driver that does as it is told. */
typedef struct {
        size_t window; /* alerts it takes at once */
        bool at_once;  /* it settles within submit() */
        uint64_t taken[2 * SINK_QUEUE];
        size_t n_taken, n_settled;
} Fake;

static Fake fake;

static int open_fake(Sink *sink, const SinkConf *conf) {
        if (sink_conf_find(conf, "bad"))
                return sink_bad_conf(sink, "bad is %s", "bad");
        return sink_conf_find(conf, "broken") ? -5 : 0;
}
static void close_fake(Sink *sink) {}

static int submit_fake(Sink *sink, uint64_t id, const Alert *alert) {
        if (fake.n_taken - fake.n_settled == fake.window)
                return SINK_E_BUSY;
        assert_int_equal(alert->level, RULE_HIGH);
        fake.taken[fake.n_taken++] = id;
        if (fake.at_once) {
                fake.n_settled++;
                sink_settle(sink, id, SINK_DELIVERED, "");
        }
        return 0;
}

static const SinkOps ops = { .type = "fake", .open = open_fake, .submit = submit_fake, .close = close_fake };

static void on_settled(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        size_t *n = userdata;

        n[verdict]++;
}

static uint64_t after[2];
static size_t n_after;

static void note_after(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        assert_int_equal(verdict, SINK_RETRY);
        after[n_after++] = sink_retry_after(sink);
}

static Sink *make(size_t window, bool at_once, size_t *n) {
        static const SinkConf none;
        Sink *sink;

        fake = (Fake){ .window = window, .at_once = at_once };
        assert_int_equal(sink_new(&sink, &ops, STR("f"), &none, NULL, on_settled, n), 0);
        return sink;
}

static void offer(Sink *sink, size_t n, int result) {
        for (size_t i = 0; i < n; i++) {
                Alert *a;

                assert_int_equal(alert_new_test(&a), 0);
                a->level = RULE_HIGH;
                assert_int_equal(sink_offer(sink, a), result);
                alert_unref(a);
        }
}

static void what_waits_goes_when_there_is_room(void **state) {
        size_t n[3] = { 0 };
        Sink *sink = make(2, false, n);

        offer(sink, 5, 0);
        assert_int_equal(fake.n_taken, 2);
        assert_int_equal(sink_pending(sink), 5);
        fake.n_settled++;
        sink_settle(sink, fake.taken[1], SINK_DELIVERED, ""); /* out of order */
        assert_int_equal(fake.n_taken, 3);
        fake.n_settled++;
        sink_settle(sink, fake.taken[0], SINK_REFUSED, "no");
        fake.n_settled++;
        sink_settle(sink, fake.taken[2], SINK_RETRY, "later");
        assert_int_equal(fake.n_taken, 5);
        for (size_t i = 1; i < 5; i++)
                assert_true(fake.taken[i] > fake.taken[i - 1]);
        assert_int_equal(sink_pending(sink), 2);
        assert_int_equal(sink_counters(sink)->delivered, 1);
        assert_int_equal(sink_counters(sink)->refused, 1);
        assert_int_equal(sink_counters(sink)->failed, 1);
        sink_free(sink); /* settles the two it still has */
        assert_int_equal(n[SINK_RETRY], 3);
        assert_int_equal(n[SINK_DELIVERED], 1);
        assert_int_equal(n[SINK_REFUSED], 1);
}

static void a_full_queue_is_counted(void **state) {
        size_t n[3] = { 0 };
        Sink *sink = make(1, false, n);

        offer(sink, SINK_QUEUE, 0);
        offer(sink, 3, SINK_E_FULL);
        assert_int_equal(sink_counters(sink)->overflow, 3);
        fake.n_settled++;
        sink_settle(sink, fake.taken[0], SINK_DELIVERED, "");
        offer(sink, 1, 0);
        offer(sink, 1, SINK_E_FULL);
        assert_int_equal(sink_counters(sink)->offered, SINK_QUEUE + 5);
        sink_free(sink);
        assert_int_equal(n[SINK_RETRY] + n[SINK_DELIVERED], SINK_QUEUE + 1);
}

static void a_driver_may_settle_at_once(void **state) {
        size_t n[3] = { 0 };
        Sink *sink = make(1, true, n);

        offer(sink, 3 * SINK_QUEUE / 2, 0);
        assert_int_equal(n[SINK_DELIVERED], 3 * SINK_QUEUE / 2);
        assert_int_equal(sink_pending(sink), 0);
        sink_free(sink);
}

static void a_delay_goes_with_its_verdict_only(void **state) {
        static const SinkConf none;
        Sink *sink;

        fake = (Fake){ .window = 2 };
        n_after = 0;
        assert_int_equal(sink_new(&sink, &ops, STR("f"), &none, NULL, note_after, NULL), 0);
        offer(sink, 2, 0);
        sink_settle_after(sink, fake.taken[0], "slow down", 7000);
        sink_settle(sink, fake.taken[1], SINK_RETRY, "no answer");
        assert_int_equal(n_after, 2);
        assert_int_equal(after[0], 7000);
        assert_int_equal(after[1], 0);
        sink_free(sink);
}

static void note_bad(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        assert_int_equal(id, 0);
        assert_int_equal(verdict, SINK_REFUSED);
        assert_string_equal(why, "bad is bad");
        assert_true(str_eq(sink_name(sink), STR("f")));
        (*(int *)userdata)++;
}

static void bad_settings_are_told_in_words(void **state) {
        const SinkSetting bad = { .name = STR("bad") };
        const SinkConf conf = { &bad, 1 };
        Sink *sink = NULL;
        int n = 0;

        assert_int_equal(sink_new(&sink, &ops, STR("f"), &conf, NULL, note_bad, &n), -EINVAL);
        assert_int_equal(sink_new(&sink, &ops, STR("f"), &conf, NULL, NULL, NULL), -EINVAL);
        assert_int_equal(n, 1);
        assert_null(sink);
}

static void types_are_found(void **state) {
        const SinkSetting broken = { .name = STR("broken") };
        const SinkConf conf = { &broken, 1 };
        Sink *sink;

        assert_ptr_equal(sink_find_type(STR("desktop")), &sink_desktop);
        assert_ptr_equal(sink_find_type(STR("journal")), &sink_journal);
        assert_ptr_equal(sink_find_type(STR("kafka")), &sink_kafka);
        assert_ptr_equal(sink_find_type(STR("terminal")), &sink_terminal);
        assert_null(sink_find_type(STR("desk")));
        assert_null(sink_find_type(STR("")));
        assert_int_equal(sink_new(&sink, &ops, STR("f"), &conf, NULL, NULL, NULL), -5);
        assert_null(sink_free(NULL));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_waits_goes_when_there_is_room),
                cmocka_unit_test(a_full_queue_is_counted),
                cmocka_unit_test(a_driver_may_settle_at_once),
                cmocka_unit_test(a_delay_goes_with_its_verdict_only),
                cmocka_unit_test(bad_settings_are_told_in_words),
                cmocka_unit_test(types_are_found),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
