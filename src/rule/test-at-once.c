/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which hits come with the event that makes them, and which wait for those before it. */
#include "rule/test-rules.h"
#include "rule/at-once.h"

static char hits[4096]; /* "rule serial " as they come */

static void on_hit(void *userdata, const RuleHit *hit) {
        size_t n = strlen(hits);

        snprintf(hits + n, sizeof(hits) - n, STR_FMT " %llu ", STR_ARG(hit->rule->id),
                 (unsigned long long)hit->event->id.serial);
}

static void on_event(void *userdata, const Event *event) {
        assert_int_equal(rule_state_match(userdata, event, on_hit, NULL), 0);
}

static RuleState *load(const char *correlations) {
        char text[2048];

        assert_in_range(snprintf(text, sizeof(text),
                                 "title: a\nid: a\nlogsource: {product: linux}\ndetection: {s: {cmd: a}, "
                                 "condition: s}\n---\n"
                                 "title: b\nid: b\nlogsource: {product: linux}\ndetection: {s: {cmd: b}, "
                                 "condition: s}\n%s",
                                 correlations),
                        1, sizeof(text) - 1);
        return test_rules(text);
}

/* Events as "a1 b2": the rule that each is for, and its serial, which is its millisecond, too. */
static void feed(RuleState *state, const char *words) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        EventAssembler *a;

        assert_int_equal(event_assembler_new(&a, EVENT_DEFAULT, &limits, on_event, state), 0);
        for (const char *p = words; *p; p += strcspn(p, " "), p += *p == ' ') {
                char line[256];
                int n = snprintf(line, sizeof(line),
                                 "type=USER_CMD msg=audit(1700000000.%03d:%d): cmd=\"%c\"", atoi(p + 1),
                                 atoi(p + 1), *p);

                event_add(a, test_guarded((Str){ line, (size_t)n }, 0));
        }
        event_assembler_free(a);
}

static void check(const char *correlations, const char *events, const char *at_once, const char *at_the_end) {
        RuleState *state = load(correlations);

        hits[0] = 0;
        feed(state, events);
        assert_string_equal(hits, at_once);
        hits[0] = 0;
        assert_int_equal(rule_state_flush(state, on_hit, NULL), 0);
        assert_string_equal(hits, at_the_end);
        rule_state_free(state);
}

#define CORRELATION(id, rest) \
        "---\ntitle: " id "\nid: " id "\nname: " id "\ncorrelation: {timespan: 1m, " rest "}\n"

static void counts_from_below_hit_with_the_event(void **state) {
        check(CORRELATION("two", "type: event_count, rules: [a], condition: {gte: 2}"), "a1 a2 a3",
              "two 2 two 3 ", "");
        check(CORRELATION("two", "type: event_count, rules: [a], condition: {gt: 1}"), "a1 a2", "two 2 ", "");
        check(CORRELATION("vals", "type: value_count, rules: [a, b], condition: {gte: 2, field: cmd}"),
              "a1 a2 b3", "vals 3 ", "");
}

static void what_may_be_taken_back_waits(void **state) {
        check(CORRELATION("few", "type: event_count, rules: [a], condition: {lt: 2}"), "a1 a2", "", "few 1 ");
        check(CORRELATION("one", "type: event_count, rules: [a], condition: {eq: 1}"), "a5 a3", "", "one 3 ");
        check(CORRELATION("range", "type: event_count, rules: [a], condition: {gte: 2, lte: 2}"), "a1 a2 a3",
              "", "range 2 ");
}

static void all_of_some_rules_hit_with_the_last(void **state) {
        check(CORRELATION("both", "type: temporal, rules: [a, b]"), "a1 b2", "both 2 ", "");
        check(CORRELATION("row", "type: temporal_ordered, rules: [a, b]"), "b1 a2 b3", "row 3 ", "");
}

/* 2 comes last: then 3, which came before it, has two before it. */
static void an_event_that_comes_late_makes_a_later_one_hit(void **state) {
        check(CORRELATION("three", "type: event_count, rules: [a], condition: {gte: 3}"), "a1 a3 a2",
              "three 3 ", "");
        check(CORRELATION("row", "type: temporal_ordered, rules: [a, b]"), "b3 a2", "row 3 ", "");
        check(CORRELATION("both", "type: temporal, rules: [a, b]"), "b3 a2", "both 3 ", "");
}

static void a_chain_hits_at_once_when_all_of_it_may(void **state) {
        const char *inner = CORRELATION("two", "type: event_count, rules: [a], condition: {gte: 2}");
        char both[1024];

        snprintf(both, sizeof(both), "%s%s", inner,
                 CORRELATION("twice", "type: event_count, rules: [two], condition: {gte: 2}"));
        check(both, "a1 a2 a3", "twice 3 ", "");
        snprintf(both, sizeof(both), "%s%s", inner,
                 CORRELATION("once", "type: event_count, rules: [two], condition: {lte: 1}"));
        check(both, "a1 a2 a3", "", "once 2 ");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(counts_from_below_hit_with_the_event),
                cmocka_unit_test(what_may_be_taken_back_waits),
                cmocka_unit_test(all_of_some_rules_hit_with_the_last),
                cmocka_unit_test(an_event_that_comes_late_makes_a_later_one_hit),
                cmocka_unit_test(a_chain_hits_at_once_when_all_of_it_may),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
