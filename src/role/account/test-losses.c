/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "role/account/losses.h"

#define EVERY 60000u

static const Str names[] = { { "hook", 4 }, { "a_b", 3 } };
static const Str excepted[] = { { "lines_unended", 13 }, { "overflow", 8 } };
static const LossesOptions options = { .sinks = { names, ARRAY_SIZE(names) },
                                       .except = { excepted, ARRAY_SIZE(excepted) },
                                       .every_ms = EVERY };

typedef struct {
        Losses *losses;
        uint64_t now;
        Buf said;
} Scene;

static int set_up(void **state) {
        Scene *s = calloc(1, sizeof(*s));

        s->losses = losses_new();
        s->said = BUF_INIT;
        s->now = 1;
        *state = s;
        return s->losses ? 0 : -1;
}

static int tear_down(void **state) {
        Scene *s = *state;

        losses_free(s->losses);
        buf_done(&s->said);
        free(s);
        return 0;
}

#define ABSENT "absent"

/* One look a minute. What was said; "": nothing. NULL lines: that process is silent; ABSENT: it does not run. */
static const char *look(Scene *s, const char *engine, const char *deliver) {
        const AccountPart parts[ACCOUNT_PARTS] = {
                { .role = "supervisor", .lines = STR("engine_died 0\n") },
                { .role = "engine",
                  .lines = str_from(engine && strcmp(engine, ABSENT) != 0 ? engine : ""),
                  .silent = !engine,
                  .absent = engine && !strcmp(engine, ABSENT) },
                { .role = "deliver", .lines = str_from(deliver ? deliver : ""), .silent = !deliver },
                { .role = "source", .lines = STR("") },
        };

        buf_clear(&s->said);
        s->now += EVERY;
        if (!losses_look(s->losses, parts, &options, s->now, &s->said))
                assert_int_equal(s->said.n, 0);
        return buf_z(&s->said);
}

static void growth_is_told_once(void **state) {
        Scene *s = *state;

        assert_string_equal(look(s, "records 7\n", ""), "");
        assert_string_equal(look(s, "bad_lines 2\nrecords 9\n", ""),
                            "aulert lost: 2 lines dropped because they are no audit record (bad_lines)");
        assert_string_equal(look(s, "bad_lines 2\n", ""), "");
        assert_string_equal(look(s, "bad_lines 5\n", "sink_hook_dead 1\nsink_a_b_dead 1\n"),
                            "aulert lost: 3 lines dropped because they are no audit record (bad_lines), 1 "
                            "deliveries given up: "
                            "dead letters (dead of hook), 1 deliveries given up: dead letters (dead of a_b)");
}

static void a_process_that_is_replaced_begins_at_zero(void **state) {
        Scene *s = *state;

        look(s, "bad_lines 5\n", "");
        assert_string_equal(look(s, "bad_lines 5\n", ""), "");
        assert_string_equal(look(s, NULL, ""), ""); /* says nothing: nothing is known */
        assert_string_equal(look(s, "bad_lines 5\n", ""), "");
        assert_non_null(strstr(look(s, "bad_lines 2\n", ""), "lost: 2 lines"));
        assert_string_equal(look(s, "bad_lines 2\n", ""), "");
        assert_string_equal(look(s, "", ""), "");
        assert_non_null(strstr(look(s, "bad_lines 3\n", ""), "lost: 3 lines"));
}

static void one_that_does_not_run_now_may_go_on_later(void **state) {
        Scene *s = *state;

        assert_non_null(strstr(look(s, "bad_lines 5\n", ""), "lost: 5 lines"));
        assert_string_equal(look(s, ABSENT, ""), "");
        assert_string_equal(look(s, "bad_lines 5\n", ""), "");
        assert_non_null(strstr(look(s, "bad_lines 6\n", ""), "lost: 1 lines"));
}

/* Every alert is lost, that about losses too. */
static void telling_does_not_keep_itself_going(void **state) {
        Scene *s = *state;
        unsigned n_lost = 1, n_told = 0;
        char line[64];

        for (unsigned minute = 0; minute < 1000; minute++) {
                snprintf(line, sizeof(line), "sink_hook_dead %u\nspool_pruned_pending %u\n", n_lost, n_lost);
                if (look(s, "", line)[0]) {
                        n_told++;
                        n_lost++;
                }
        }
        assert_int_equal(n_told, 1);
        snprintf(line, sizeof(line), "sink_hook_dead %u\n", n_lost + 5);
        assert_non_null(strstr(look(s, "", line), "lost: 5 deliveries"));
}

/* One a minute for a day, and then it is over. */
static void lasting_growth_is_told_less_and_less(void **state) {
        Scene *s = *state;
        unsigned n_told = 0, total = 0;
        char line[64];

        for (unsigned minute = 1; minute <= 1440; minute++) {
                const char *number;

                snprintf(line, sizeof(line), "bad_lines %u\n", minute);
                number = strchr(look(s, line, ""), ':');
                n_told += number != NULL;
                total += number ? (unsigned)atoi(number + 2) : 0;
        }
        assert_in_range(n_told, 24, 32);
        for (unsigned minute = 0; minute < 61; minute++) {
                const char *number = strchr(look(s, line, ""), ':');

                total += number ? (unsigned)atoi(number + 2) : 0;
        }
        assert_int_equal(total, 1440);
        look(s, "bad_lines 1441\n", "");
        assert_true(s->said.n > 0); /* at once again */
}

/* What `events:` sends on does not go through the spool: what is dropped of it is told all the more. */
static void events_that_are_dropped_are_told(void **state) {
        Scene *s = *state;
        const char *said;

        look(s, "events_dropped 0\nevents_clipped 0\n",
             "sink_hook_events_dropped 0\nsink_hook_events_refused 0\n");
        said = look(s, "events_dropped 7\nevents_clipped 1\n", "");
        assert_non_null(strstr(said, " 7 events not sent on"));
        assert_non_null(strstr(said, "(events_dropped)"));
        assert_non_null(strstr(said, "(events_clipped)"));
        look(s, "", "");
        said = look(s, "events_dropped 7\n", "sink_hook_events_dropped 2\nsink_hook_events_refused 3\n");
        assert_non_null(strstr(said, "(events_dropped of hook)"));
        assert_non_null(strstr(said, "(events_refused of hook)"));
}

static void what_has_no_room_is_told_as_a_number(void **state) {
        Scene *s = *state;
        const char *said = look(
                s,
                "bad_lines 1\nforged 1\nlines_too_long 1\nlines_with_nul 1\nlimit_open 1\nlimit_total 1\n"
                "source_cut 1\nsource_missed 1\nsource_foreign 1\n",
                "");

        assert_true(strlen(said) <= LOSSES_TEXT);
        assert_non_null(strstr(said, "more kinds of losses"));
}

static void lies_are_not_believed(void **state) {
        Scene *s = *state;

        assert_string_equal(
                look(s, "made_up 7\nbad_lines -1\nbad_lines\nbad_lines x\n sink_who_dead 3\n\n bad_lines 1\n",
                     ""),
                "");
        assert_string_equal(look(s, "events 7\n", ""), ""); /* no loss */
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(growth_is_told_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_process_that_is_replaced_begins_at_zero, set_up, tear_down),
                cmocka_unit_test_setup_teardown(one_that_does_not_run_now_may_go_on_later, set_up, tear_down),
                cmocka_unit_test_setup_teardown(telling_does_not_keep_itself_going, set_up, tear_down),
                cmocka_unit_test_setup_teardown(lasting_growth_is_told_less_and_less, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_has_no_room_is_told_as_a_number, set_up, tear_down),
                cmocka_unit_test_setup_teardown(events_that_are_dropped_are_told, set_up, tear_down),
                cmocka_unit_test_setup_teardown(lies_are_not_believed, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
