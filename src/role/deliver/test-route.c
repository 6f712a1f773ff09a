/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <cmocka.h>
#include "role/deliver/route.h"

#define MIN 60000ll
/* 2023-11-14 22:13:20 UTC */
#define NOW 1700000000000ll

static void note(void *userdata, const char *file, unsigned line, unsigned column, const char *text) {
        fail_msg("%u:%u: %s", line, column, text);
}

typedef struct {
        Config *config;
        Router *router;
} Scene;

static Scene scene(const char *text) {
        Scene s;

        assert_int_equal(config_load_text(&s.config, "test", str_from(text), note, NULL), 0);
        assert_int_equal(router_new(&s.router, s.config), 0);
        return s;
}

static void scene_done(Scene *s) {
        router_free(s->router);
        config_free(s->config);
}

static uint64_t tell(Scene *s, const char *title, const char *user, RuleLevel level, int64_t now) {
        const Alert a = { .rule_id = str_from(title),
                          .rule_title = str_from(title),
                          .user = str_from(user),
                          .level = level,
                          .sentence = STR("it happened"),
                          .sec = now / 1000,
                          .ms = (uint32_t)(now % 1000) };

        return router_route(s->router, &a, now);
}

static void expect_digest(Scene *s, int64_t now, uint64_t sinks, const char *sentence) {
        uint64_t got = 0;
        Alert *a = NULL;

        if (!router_next_digest(s->router, now, &a, &got))
                fail_msg("no digest: %s", sentence);
        assert_string_equal(a->sentence.p, sentence);
        assert_int_equal(got, sinks);
        assert_int_equal(a->kind, ALERT_DIGEST);
        assert_true(str_eq(a->rule_id, DIGEST_RULE));
        alert_unref(a);
}

static void expect_none(Scene *s, int64_t now) {
        uint64_t got;
        Alert *a;

        assert_false(router_next_digest(s->router, now, &a, &got));
}

#define SINKS "sinks: { a: { type: journal }, b: { type: journal } }\n"

static void repeats_are_told_as_a_number(void **state) {
        Scene s = scene(SINKS "routes: [ { to: [a, b], once: { per: [rule, user], in: 5m } } ]\n");

        assert_int_equal(router_next(s.router), INT64_MAX);
        assert_int_equal(tell(&s, "t", "u", RULE_LOW, NOW), 3);
        assert_int_equal(tell(&s, "t", "v", RULE_LOW, NOW), 3);
        for (int i = 1; i <= 17; i++)
                assert_int_equal(tell(&s, "t", "u", i == 3 ? RULE_HIGH : RULE_LOW, NOW + i * 1000), 0);
        expect_none(&s, NOW + 5 * MIN - 1);
        assert_int_equal(router_next(s.router), NOW + 5 * MIN);
        assert_int_equal(router_n_held(s.router), 17);
        expect_digest(&s, NOW + 5 * MIN, 3, "17 more alerts in 4 minutes: 17 × t (u)");
        expect_none(&s, NOW + 5 * MIN);
        assert_int_equal(router_next(s.router), INT64_MAX);
        assert_int_equal(tell(&s, "t", "u", RULE_LOW, NOW + 5 * MIN), 3);
        expect_none(&s, NOW + 20 * MIN); /* nothing was folded: nothing to tell */
        assert_int_equal(router_counters(s.router)->folded, 17);
        assert_int_equal(router_counters(s.router)->digests, 1);
        scene_done(&s);
}

static void quiet_hours_are_those_of_the_clock(void **state) {
        static const struct {
                const char *text;
                int64_t now, until; /* until: minutes from now; 0: not quiet */
        } rows[] = {
                { "22:00-07:00", NOW, 8 * 60 + 47 }, /* 22:13:20 */
                { "22:00-07:00", NOW + 8 * 60 * MIN, 47 },
                { "22:00-07:00", NOW + 9 * 60 * MIN, 0 },
                { "22:00-07:00", NOW - 14 * MIN, 0 },
                { "22:13-22:14", NOW, 1 },
                { "21:00-22:13", NOW, 0 },
                { "22:14-22:13", NOW, 0 },
                { "00:00-24:00", NOW, -1 },
                { "00:00-23:59", NOW, 106 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int64_t minute = rows[i].now / MIN * MIN;
                Quiet q = { 0 };

                if (!quiet_parse(str_from(rows[i].text), &q)) {
                        assert_int_equal(rows[i].until, -1);
                        continue;
                }
                assert_int_equal(quiet_until(&q, rows[i].now),
                                 rows[i].until ? minute + rows[i].until * MIN : 0);
        }
}

static void what_comes_at_night_is_told_in_the_morning(void **state) {
        Scene s = scene("sinks:\n  a: { type: journal, quiet: { at: \"22:00-07:00\", except: [critical] } }\n"
                        "  b: { type: journal }\n");
        const int64_t morning = NOW + 8 * 60 * MIN + 46 * MIN + 40000;

        assert_int_equal(tell(&s, "t", "", RULE_HIGH, NOW), 2);
        assert_int_equal(tell(&s, "t", "", RULE_CRITICAL, NOW), 3);
        assert_int_equal(tell(&s, "t", "", RULE_LOW, NOW + MIN), 2);
        assert_int_equal(tell(&s, "x", "", RULE_LOW, NOW + MIN), 2);
        expect_none(&s, morning - 1);
        expect_digest(&s, morning, 1, "3 alerts in 8 hours: 2 × t, 1 × x");
        assert_int_equal(tell(&s, "t", "", RULE_HIGH, morning), 3);
        assert_int_equal(router_counters(s.router)->quieted, 3);
        scene_done(&s);
}

static void routes_have_quiet_hours_too(void **state) {
        Scene s = scene(SINKS "routes:\n  - { to: a, quiet: \"22:00-07:00\", once: { per: rule, in: 5m } }\n"
                              "  - { match: { level: critical }, to: a }\n");

        assert_int_equal(tell(&s, "t", "", RULE_HIGH, NOW), 0);
        assert_int_equal(tell(&s, "t", "", RULE_HIGH, NOW), 0);
        assert_int_equal(tell(&s, "t", "", RULE_CRITICAL, NOW), 1);
        expect_none(&s, NOW + 10 * MIN); /* the repeats too */
        expect_digest(&s, NOW + 9 * 60 * MIN, 1, "2 more alerts in 9 hours: 2 × t");
        expect_digest(&s, NOW + 9 * 60 * MIN, 1, "1 alert in 9 hours: 1 × t");
        expect_none(&s, NOW + 9 * 60 * MIN);
        scene_done(&s);
}

static void more_than_the_rate_is_told_together(void **state) {
        Scene s = scene("sinks: { a: { type: journal, rate: 3/m }, b: { type: journal } }\n");
        int n_told = 0;

        for (int i = 0; i < 20; i++) {
                char title[8];

                snprintf(title, sizeof(title), "t%d", i % 15);
                n_told += tell(&s, title, "", RULE_LOW, NOW + i * 1000) & 1;
        }
        assert_int_equal(n_told, 3);
        assert_int_equal(router_counters(s.router)->limited, 17);
        expect_none(&s, NOW + MIN - 1);
        expect_digest(&s, NOW + MIN, 1, "17 alerts in 57 seconds: 2 × t3, 2 × t4, 1 × t5, 12 others");
        n_told = 0;
        for (int i = 0; i < 5; i++)
                n_told += tell(&s, "t", "", RULE_LOW, NOW + MIN + i) & 1;
        assert_int_equal(n_told, 2); /* the digest counts */
        expect_digest(&s, NOW + 2 * MIN, 1, "3 alerts in 59 seconds: 3 × t");
        scene_done(&s);
}

static void keep(void *userdata, uint64_t id, Str data) {
        Scene *to = userdata;

        if (data.n)
                router_restore(to->router, id, data);
}

static void what_is_held_survives(void **state) {
        static const char text[] = SINKS "routes: [ { to: [b], once: { per: [rule], in: 5m } } ]\n";
        Scene s = scene(text), other = scene("sinks: { b: { type: journal }, c: { type: journal } }\n"),
              third = scene("sinks: { c: { type: journal } }\n");

        tell(&s, "t", "", RULE_LOW, NOW);
        assert_false(router_is_dirty(s.router));
        tell(&s, "t", "", RULE_LOW, NOW);
        tell(&s, "t", "", RULE_LOW, NOW);
        assert_true(router_is_dirty(s.router));
        router_save(s.router, keep, &other);
        router_saved(s.router);
        assert_false(router_is_dirty(s.router));
        router_adopt(third.router, s.router); /* it has no such sink */
        assert_int_equal(router_n_held(third.router), 0);
        assert_int_equal(router_n_held(s.router), 0);
        tell(&s, "t", "", RULE_LOW, NOW); /* its place is free for another digest */
        assert_int_equal(router_n_held(s.router), 1);
        expect_none(&other, NOW + 5 * MIN - 1);
        expect_digest(&other, NOW + 5 * MIN, 1, "2 more alerts in 5 minutes: 2 × t");
        assert_true(router_is_dirty(other.router)); /* it is gone */
        router_restore(other.router, 1, STR("nonsense"));
        assert_int_equal(router_n_held(other.router), 0);
        scene_done(&s);
        scene_done(&other);
        scene_done(&third);
}

static void matches_can_be_negated_and_name_groups(void **state) {
        static const struct {
                const char *match;
                bool matches;
        } rows[] = {
                { "{ user: alice }", true },
                { "{ user: alice, not: { node: web1 } }", false },
                { "{ not: { user: bob } }", true },
                { "{ not: { user: alice, level: high } }", true }, /* not all of it */
                { "{ not: { user: alice, level: low } }", false },
                { "{ not: [ { user: bob }, { level: low } ] }", false },
                { "{ not: [ { user: bob }, { level: high } ] }", true },
                { "{ host_group: web }", true },
                { "{ host_group: db }", false },
                { "{ host_group: [db, web] }", true },
                { "{ not: { host_group: web } }", false },
                { "{ host_group: web, node: web2 }", false },
        };
        const Alert a = { .user = STR("alice"), .node = STR("web1"), .level = RULE_LOW };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char text[512];
                Scene s;

                snprintf(text, sizeof(text),
                         SINKS
                         "routes: [ { to: a, match: %s } ]\nhost_groups: { web: [web1, web2], db: db1 }\n",
                         rows[i].match);
                s = scene(text);
                if (route_matches(&s.config->routes[0].match, &a) != rows[i].matches)
                        fail_msg("%s", rows[i].match);
                scene_done(&s);
        }
}

/* More different repeats than there may be digests: they share, and none is lost. */
static void floods_take_bounded_memory(void **state) {
        Scene s = scene(SINKS "routes: [ { to: a, once: { per: user, in: 1h } } ]\n");
        uint64_t n_told = 0, n = 0, sinks;
        Alert *a;

        for (int i = 0; i < 40000; i++) {
                char user[16];

                snprintf(user, sizeof(user), "u%d", i % 20000 / 2);
                n_told += tell(&s, "t", user, RULE_LOW, NOW) & 1;
        }
        while (router_next_digest(s.router, NOW + 120 * MIN, &a, &sinks)) {
                n += a->n_folded;
                alert_unref(a);
        }
        assert_int_equal(n_told + n, 40000);
        assert_true(router_counters(s.router)->digests > 1000);
        scene_done(&s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(repeats_are_told_as_a_number),
                cmocka_unit_test(quiet_hours_are_those_of_the_clock),
                cmocka_unit_test(what_comes_at_night_is_told_in_the_morning),
                cmocka_unit_test(routes_have_quiet_hours_too),
                cmocka_unit_test(more_than_the_rate_is_told_together),
                cmocka_unit_test(what_is_held_survives),
                cmocka_unit_test(matches_can_be_negated_and_name_groups),
                cmocka_unit_test(floods_take_bounded_memory),
        };

        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
