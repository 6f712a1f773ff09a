/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "role/deliver/outlet.h"

#define NOW 1700000000000ll

/* A driver that does as it is told, and a clock. */
static struct {
        Sink *sink;
        uint64_t in_hands[4096];
        size_t n_in_hands, window, n_offered;
        bool fails, at_once;
        Buf told; /* what arrived */
} fake;
static int64_t now;
static unsigned n_news;

static int64_t clock_of_test(void) { return now; }
static void on_news(void *userdata) { n_news++; }

static int open_fake(Sink *sink, const SinkConf *conf) {
        fake.sink = sink;
        return 0;
}
static void close_fake(Sink *sink) {}

static int submit_fake(Sink *sink, uint64_t id, const Alert *alert) {
        if (fake.n_in_hands == fake.window)
                return SINK_E_BUSY;
        fake.n_offered++;
        if (fake.at_once) {
                if (!fake.fails)
                        buf_printf(&fake.told, STR_FMT " ", STR_ARG(alert->sentence));
                sink_settle(sink, id, fake.fails ? SINK_RETRY : SINK_DELIVERED, "");
                return 0;
        }
        buf_printf(&fake.told, STR_FMT " ", STR_ARG(alert->sentence));
        fake.in_hands[fake.n_in_hands++] = id;
        return 0;
}

static const SinkOps ops = { .type = "fake", .open = open_fake, .submit = submit_fake, .close = close_fake };
static const ConfigSink config = { .name = STR_INIT("s"), .ops = &ops };

typedef struct {
        Store *store;
        Outlet *outlet;
        ConfigSpool retry;
        unsigned n_alerts;
} Scene;

static void scene_init(Scene *s) {
        const OutletOptions options = { .clock = clock_of_test, .news = on_news };
        const SpoolLimits limits = { 0 };

        buf_done(&fake.told);
        memset(&fake, 0, sizeof(fake));
        fake.told = BUF_INIT;
        fake.window = 4096;
        fake.at_once = true;
        now = NOW;
        *s = (Scene){ .retry = CONFIG_SPOOL_DEFAULT };
        assert_int_equal(store_new(&s->store, NULL, &limits, now), 0);
        assert_int_equal(outlet_new(&s->outlet, &config, &s->retry, s->store, &options), 0);
        outlet_feed(s->outlet, now);
}

static void scene_done(Scene *s) {
        outlet_free(s->outlet);
        store_unref(s->store);
        buf_done(&fake.told);
}

/* A turn of the loop. */
static void turn(Scene *s, StoreItem *items, size_t n) {
        StoreSink *const sinks[] = { outlet_store_sink(s->outlet) };

        assert_true(store_commit(s->store, items, n, sinks, now, NULL));
        for (size_t i = 0; i < n; i++) {
                outlet_offer(s->outlet, &items[i], now);
                alert_unref(items[i].alert);
        }
        outlet_feed(s->outlet, now);
}

static void say(Scene *s, unsigned n) {
        StoreItem items[64];

        assert_true(n <= ARRAY_SIZE(items));
        for (unsigned i = 0; i < n; i++) {
                char text[16];

                snprintf(text, sizeof(text), "%u", ++s->n_alerts);
                items[i] = (StoreItem){ .sinks = 1 };
                assert_int_equal(alert_new_own(&items[i].alert, &(AlertOwn){ .kind = ALERT_TEST,
                                                                             .rule_id = STR("r"),
                                                                             .sentence = str_from(text),
                                                                             .unique = str_from(text) }),
                                 0);
        }
        turn(s, items, n);
}

static void expect_told(const char *wanted) {
        assert_string_equal(fake.told.n ? buf_z(&fake.told) : "", wanted);
        buf_clear(&fake.told);
}

static StoreCounts counts(Scene *s) { return store_count(s->store, outlet_store_sink(s->outlet)); }

static void what_fails_is_tried_again(void **state) {
        Scene s;
        int64_t at;

        scene_init(&s);
        say(&s, 2);
        expect_told("1 2 ");
        fake.fails = true;
        say(&s, 1);
        fake.fails = false;
        turn(&s, NULL, 0);
        expect_told("");
        at = outlet_next(s.outlet);
        assert_true(at >= NOW + OUTLET_RETRY_MIN_MS / 2 && at <= NOW + OUTLET_RETRY_MIN_MS);
        say(&s, 1); /* others do not wait for it: something got through before */
        expect_told("4 ");
        now = at;
        turn(&s, NULL, 0);
        expect_told("3 ");
        turn(&s, NULL, 0);
        assert_int_equal(counts(&s).n[SPOOL_DELIVERED], 4);
        assert_int_equal(outlet_next(s.outlet), INT64_MAX);
        scene_done(&s);
}

static void a_dead_sink_is_left_in_peace(void **state) {
        size_t n_offered;
        Scene s;

        scene_init(&s);
        fake.fails = true;
        say(&s, 50);
        turn(&s, NULL, 0);
        n_offered = fake.n_offered;
        for (unsigned i = 0; i < 3600; i++) { /* an hour; an alert a second */
                now += 1000;
                say(&s, 1);
                turn(&s, NULL, 0);
        }
        assert_true(fake.n_offered - n_offered < 40);
        assert_int_equal(counts(&s).n[SPOOL_PENDING], 3650);
        fake.fails = false;
        for (unsigned i = 0; i < 3600 && counts(&s).n[SPOOL_PENDING]; i++) {
                now += 1000;
                turn(&s, NULL, 0);
        }
        assert_int_equal(counts(&s).n[SPOOL_DELIVERED], 3650);
        scene_done(&s);
}

static void the_far_end_says_when(void **state) {
        Scene s;

        scene_init(&s);
        fake.at_once = false;
        say(&s, 1);
        sink_settle_after(fake.sink, fake.in_hands[0], "slow down", 77000);
        turn(&s, NULL, 0);
        fake.n_in_hands = 0;
        assert_int_equal(outlet_next(s.outlet), NOW + 77000);
        say(&s, 1); /* that is meant for all */
        expect_told("1 ");
        now += 77000;
        turn(&s, NULL, 0);
        assert_int_equal(fake.n_in_hands, 1); /* a trial */
        sink_settle(fake.sink, fake.in_hands[0], SINK_DELIVERED, "");
        turn(&s, NULL, 0);
        expect_told("2 1 ");
        scene_done(&s);
}

static void hopeless_ones_are_dead_letters(void **state) {
        Buf dead = BUF_INIT, lines = BUF_INIT;
        Scene s;

        scene_init(&s);
        s.retry.tries = 3;
        fake.fails = true;
        say(&s, 1);
        for (unsigned i = 0; i < 3; i++) {
                turn(&s, NULL, 0);
                now += OUTLET_RETRY_MAX_MS;
                turn(&s, NULL, 0);
        }
        assert_int_equal(counts(&s).n[SPOOL_DEAD], 1);
        assert_int_equal(fake.n_offered, 3);
        s.retry = CONFIG_SPOOL_DEFAULT;
        say(&s, 1);
        now += s.retry.retry_for_ms;
        turn(&s, NULL, 0);
        turn(&s, NULL, 0);
        assert_int_equal(counts(&s).n[SPOOL_DEAD], 2);
        fake.at_once = false;
        now += OUTLET_RETRY_MAX_MS;
        say(&s, 1);
        sink_settle(fake.sink, fake.in_hands[0], SINK_REFUSED, "not this one");
        turn(&s, NULL, 0);
        assert_int_equal(counts(&s).n[SPOOL_DEAD], 3);
        store_print_dead(s.store, &dead, 10);
        assert_non_null(strstr(buf_z(&dead), "\t1\ts\tnot this one\n"));
        buf_done(&dead);
        fake.n_in_hands = 0;
        say(&s, 1);
        sink_settle(fake.sink, fake.in_hands[0], SINK_NOBODY, "nobody is there");
        turn(&s, NULL, 0);
        assert_int_equal(counts(&s).n[SPOOL_DEAD], 4); /* kept, and no loss */
        outlet_print_counters(s.outlet, &lines, false);
        assert_non_null(strstr(buf_z(&lines), "dead 3\n"));
        assert_non_null(strstr(lines.p, "unseen 1\n"));
        buf_clear(&lines);
        outlet_print_counters(s.outlet, &lines, true);
        assert_null(strstr(buf_z(&lines), "unseen"));
        buf_done(&lines);
        scene_done(&s);
}

static void a_slow_sink_has_a_few_in_hands(void **state) {
        Scene s;

        scene_init(&s);
        fake.at_once = false;
        fake.window = 5;
        for (unsigned i = 0; i < 50; i++)
                say(&s, 60);
        assert_int_equal(sink_pending(fake.sink), OUTLET_WINDOW);
        for (unsigned i = 1; i <= 3000; i++) {
                uint64_t id = fake.in_hands[0];

                memmove(fake.in_hands, fake.in_hands + 1, --fake.n_in_hands * sizeof(id));
                sink_settle(fake.sink, id, SINK_DELIVERED, "");
                turn(&s, NULL, 0);
                assert_true(sink_pending(fake.sink) <= OUTLET_WINDOW);
        }
        assert_int_equal(counts(&s).n[SPOOL_DELIVERED], 3000);
        for (unsigned i = 1, n = 0; i <= 3000; i++) { /* all, once, in order */
                char text[16];
                size_t length = (size_t)snprintf(text, sizeof(text), "%u ", i);

                assert_memory_equal(fake.told.p + n, text, length);
                n += (unsigned)length;
        }
        assert_int_equal(sink_counters(fake.sink)->overflow, 0);
        scene_done(&s);
}

static void delays_grow_to_a_limit(void **state) {
        static const int64_t wanted[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300 };

        for (uint32_t i = 0; i < ARRAY_SIZE(wanted); i++) {
                assert_int_equal(outlet_delay(i + 1, 0), wanted[i] * 500);
                assert_int_equal(outlet_delay(i + 1, (uint64_t)wanted[i] * 500), wanted[i] * 1000);
        }
        assert_int_equal(outlet_delay(UINT32_MAX, 0), 150000);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_fails_is_tried_again),
                cmocka_unit_test(a_dead_sink_is_left_in_peace),
                cmocka_unit_test(the_far_end_says_when),
                cmocka_unit_test(hopeless_ones_are_dead_letters),
                cmocka_unit_test(a_slow_sink_has_a_few_in_hands),
                cmocka_unit_test(delays_grow_to_a_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
