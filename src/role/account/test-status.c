/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the supervisor is told by processes that parse what attackers wrote, and what becomes of it in `aulert status`
 * and in metrics. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/escape.h"
#include "role/account/metrics.h"
#include "role/account/status-lines.h"
#include "role/supervisor/status.h"

static const char answer[] = "supervisor\tversion\t1\n"
                             "supervisor\trules\t7\n"
                             "supervisor\treload\tdone\t61\n"
                             "supervisor\tprocess\tsupervisor\t11\t90061\n"
                             "supervisor\tprocess\tengine\t12\t59\n"
                             "supervisor\tprocess\tdeliver\t13\t59\n"
                             "supervisor\tkernel\t5\t1\t64\n"
                             "supervisor\tsink\ta\tmail\n"
                             "supervisor\tsink\ta_b\tfile\n"
                             "engine\tbad_lines 2\n"
                             "engine\trecords 9\n"
                             "engine\tgaps\t3\tno\x1b[31mde\n"
                             "deliver\tsink_a_b_dead 4\n"
                             "deliver\tsink_a_waiting 1\n"
                             "deliver\tsink_a_rests_ms 1500\n"
                             "deliver\twhy\ta\t\x1b]0;title\a\xff\n"
                             "deliver\tdead\t0aff\t3\ta_b\tno \xe2\x80\xae\t\"way\\\n" STATUS_END;

static void shows(Str text, void (*print)(Buf *out, const Status *s), Buf *out) {
        Status *s = calloc(1, sizeof(*s));

        assert_non_null(s);
        assert_int_equal(status_parse(s, text), 0);
        buf_clear(out);
        print(out, s);
        assert_non_null(buf_z(out));
        status_done(s);
        free(s);
}

/* JSON keeps what turns text round, as it is no control character. */
static void expect_inert(const Buf *out) {
        assert_true(escape_is_utf8(buf_view(out)));
        for (size_t i = 0; i < out->n; i++)
                assert_true((unsigned char)out->p[i] >= ' ' || out->p[i] == '\n');
        if (out->p[0] != '{')
                assert_null(strstr(out->p, "\xe2\x80\xae"));
}

static void text_begins_with_losses(void **state) {
        Buf out = BUF_INIT;

        shows(str_from(answer), status_text, &out);
        assert_true(
                str_starts(buf_view(&out),
                           STR("aulert 1, running for 1 d 1 h, 7 rules; last reload done, 1 min ago\n\nLost\n"
                               "             2  bad_lines: lines dropped because they are no audit record\n"
                               "             4  dead of a_b: deliveries given up: dead letters\n\n")));
        assert_non_null(strstr(out.p, "fails, and is tried again in 2 s"));
        assert_non_null(strstr(out.p, "0aff for a_b, given up after 3 tries: no \\u{202e}"));
        expect_inert(&out);
        buf_done(&out);
}

static void json_is_one_object(void **state) {
        Buf out = BUF_INIT;

        shows(str_from(answer), status_json, &out);
        assert_true(str_starts(buf_view(&out), STR("{\"complete\":true,\"losses\":[{\"role\":\"engine\"")));
        assert_non_null(
                strstr(out.p, "\"kernel\":{\"lost_since_boot\":5,\"backlog\":1,\"backlog_limit\":64}"));
        assert_non_null(strstr(out.p, "\"name\":\"a\",\"type\":\"mail\",\"state\":\"retrying\""));
        assert_non_null(strstr(out.p, "\"not_understood\":0}\n"));
        expect_inert(&out);
        buf_done(&out);
}

/* Each cut of an answer, and each with a byte that is another, is shown without harm. */
static void any_bytes_are_shown(void **state) {
        static const char odd[] = { 0, '\t', '\n', ' ', '\x1b', '\xff', '9' };
        char text[sizeof(answer)];
        Buf out = BUF_INIT;

        for (size_t n = 0; n < sizeof(answer); n++) {
                memcpy(text, answer, n);
                for (size_t i = 0; i <= sizeof(odd); i++) {
                        Str cut = { text, n };

                        if (i && n)
                                text[n - 1] = odd[i - 1];
                        if (i && n > 1)
                                cut.n = sizeof(answer) - 1;
                        memcpy(text + n, answer + n, sizeof(answer) - n);
                        shows(cut, status_text, &out);
                        expect_inert(&out);
                        shows(cut, status_json, &out);
                        expect_inert(&out);
                }
        }
        buf_done(&out);
}

static void an_end_is_missed(void **state) {
        Buf out = BUF_INIT;

        shows((Str){ answer, sizeof(answer) - 1 - strlen(STATUS_END) }, status_json, &out);
        assert_true(str_starts(buf_view(&out), STR("{\"complete\":false")));
        shows(STR("engine\tsilent\n" STATUS_END), status_text, &out);
        assert_non_null(strstr(out.p, "No answer from engine"));
        assert_non_null(strstr(out.p, "No answer from deliver")); /* it does not run */
        buf_done(&out);
}

/* Tables are as large as they are. */
static void more_than_there_is_room_for_is_counted(void **state) {
        Buf text = BUF_INIT, out = BUF_INIT;

        for (unsigned i = 0; i < 1000; i++)
                buf_printf(&text,
                           "supervisor\tprocess\tx\t1\t1\nsupervisor\tsink\ts%"
                           "u\tfile\ndeliver\tdead\t1\t1\ts\tw\n"
                           "engine\tgaps\t1\tn\nengine\tsilent\ndeliver\twhy\ts999\tw\n",
                           i);
        shows(buf_view(&text), status_json, &out);
        assert_non_null(strstr(out.p, "\"not_understood\":"));
        assert_null(strstr(out.p, "\"not_understood\":0"));
        buf_done(&text);
        buf_done(&out);
}

/* A process that was taken over can make its own numbers wrong, and nothing else. */
static void lies_make_no_metrics(void **state) {
        static const Str sinks[] = { { "a\"\\\nb", 5 } };
        static const char lies[] =
                "records 1\nrecords 2\nup 1\naulert_rules 9\nbad_lines 1 2\nbad_lines 1e9\n"
                "sink_x_dead 1\nevents 5 # HELP\nsink_a\"\\\nb_dead 3\nforged 18446744073709551616\n";
        const AccountPart parts[ACCOUNT_PARTS] = { { "supervisor", STR(""), false, false },
                                                   { "engine", str_from(lies), false, false },
                                                   { "deliver", STR("spool_bytes 8\n"), false, false },
                                                   { "source", STR("source_cut 1\n"), true, false } };
        Buf out = BUF_INIT;

        metrics_print(
                &out,
                &(Metrics){ .parts = parts, .sinks = { sinks, 1 }, .n_rules = 7, .runs = { true, true } });
        assert_non_null(buf_z(&out));
        assert_non_null(strstr(out.p, "\naulert_records_total{role=\"engine\"} 1\n"));
        assert_null(strstr(out.p, "} 2\n"));
        assert_null(strstr(out.p, "\nup"));
        assert_non_null(strstr(out.p, "\naulert_rules 7\n"));
        assert_null(strstr(out.p, "aulert_rules 9"));
        assert_null(strstr(out.p, "bad_lines"));
        assert_null(strstr(out.p, "forged"));
        assert_null(strstr(out.p, "events_total"));
        assert_non_null(
                strstr(out.p, "# TYPE aulert_spool_bytes gauge\naulert_spool_bytes{role=\"deliver\"} 8\n"));
        assert_non_null(strstr(out.p, "aulert_process_answers{role=\"source\"} 0\n"));
        buf_done(&out);
}

static void labels_are_escaped(void **state) {
        static const Str sinks[] = { { "a\"\\b", 4 } };
        const AccountPart parts[ACCOUNT_PARTS] = { { "supervisor", STR(""), false, false },
                                                   { "engine", STR(""), false, false },
                                                   { "deliver", STR("sink_a\"\\b_rests_ms 1500\n"), false,
                                                     false },
                                                   { "source", STR(""), false, false } };
        Buf out = BUF_INIT;

        metrics_print(&out, &(Metrics){ .parts = parts, .sinks = { sinks, 1 } });
        assert_non_null(strstr(buf_z(&out), "\naulert_sink_rests_seconds{sink=\"a\\\"\\\\b\"} 1.500\n"));
        buf_done(&out);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(text_begins_with_losses),
                cmocka_unit_test(json_is_one_object),
                cmocka_unit_test(any_bytes_are_shown),
                cmocka_unit_test(an_end_is_missed),
                cmocka_unit_test(more_than_there_is_room_for_is_counted),
                cmocka_unit_test(lies_make_no_metrics),
                cmocka_unit_test(labels_are_escaped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
