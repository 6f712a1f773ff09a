/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "sink/check.h"
#include "sink/mail-text.h"

static void subjects_are_folded_words(void **state) {
        static const struct {
                const char *text, *value;
        } rows[] = {
                { "plain", "plain" },
                { "a =?utf-8?q?b?= c", "=?UTF-8?B?YSA9P3V0Zi04P3E/Yj89IGM=?=" },
                { " led by a space", "=?UTF-8?B?IGxlZCBieSBhIHNwYWNl?=" },
                { "gr\xc3\xbc\xc3\x9f", "=?UTF-8?B?Z3LDvMOf?=" },
                /* no word ends in the middle of a character */
                { "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2"
                  "\x82\xac"
                  "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
                  "12\xe2\x82\xac",
                  "=?UTF-8?B?4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKs4oKsMTI=?=\r\n =?UTF-8?B?4oKs?=" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf out = BUF_INIT;

                mail_header_text(&out, str_from(rows[i].text));
                assert_string_equal(buf_z(&out), rows[i].value);
                buf_done(&out);
        }
}

static void dates_are_english(void **state) {
        static const struct {
                time_t when;
                const char *text;
        } rows[] = {
                { 0, "Thu, 1 Jan 1970 00:00:00 +0000" },
                { 1709209845, "Thu, 29 Feb 2024 12:30:45 +0000" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf out = BUF_INIT;

                mail_date(&out, rows[i].when);
                assert_string_equal(buf_z(&out), rows[i].text);
                buf_done(&out);
        }
}

static Alert *make(AlertKind kind, const char *sentence, const char *records) {
        Alert *a;

        assert_int_equal(alert_new_own(&a, &(AlertOwn){ .kind = kind,
                                                        .level = RULE_HIGH,
                                                        .rule_id = STR("r1"),
                                                        .title = STR("Title\nRule:    forged"),
                                                        .sentence = str_from(sentence),
                                                        .description = STR("one\ntwo"),
                                                        .records = str_from(records),
                                                        .sec = 1 }),
                         0);
        return a;
}

static void check_text(const Alert *a, const char *text) {
        Buf out = BUF_INIT;

        mail_text(&out, a, STR("here"));
        assert_string_equal(buf_z(&out), text);
        buf_done(&out);
}

static void a_digest_has_lines_and_an_event_has_one(void **state) {
        Alert *digest = make(ALERT_DIGEST, "3 alerts\nRule:    forged\x1b[2J\n\nlast", "first\nsecond\n"),
              *event = make(ALERT_EVENT, "a\nRule:    forged", "x=1\x1dX=\"one\"\n.\r\n");
        Buf subject = BUF_INIT;

        check_text(digest, "3 alerts\r\n  Rule:    forged\\x1b[2J\r\n  \r\n  last\r\n\r\n"
                           "Time:    1970-01-01 00:00:01.000 +0000\r\nHost:    here\r\nLevel:   high\r\n"
                           "Rule:    Title\\x0aRule:    forged (r1)\r\n         one\r\n         two\r\n"
                           "\r\nfirst\r\nsecond\r\n");
        check_text(event, "a\\x0aRule:    forged\r\n\r\n"
                          "Time:    1970-01-01 00:00:01.000 +0000\r\nHost:    here\r\nLevel:   high\r\n"
                          "Rule:    Title\\x0aRule:    forged (r1)\r\n         one\r\n         two\r\n"
                          "\r\nThe records of the event:\r\n\r\nx=1 X=\"one\"\r\n.\\x0d\r\n");
        mail_subject(&subject, STR("[a]"), digest);
        assert_string_equal(buf_z(&subject), "[a] high: 3 alerts");
        buf_clear(&subject);
        mail_subject(&subject, STR(""), event);
        assert_string_equal(buf_z(&subject), "high: a\\x0aRule:    forged");
        buf_done(&subject);
        alert_unref(digest);
        alert_unref(event);
}

static void long_subjects_are_cut(void **state) {
        char sentence[1001] = { 0 };
        Buf subject = BUF_INIT;
        Alert *a;

        memset(sentence, 'x', 1000);
        a = make(ALERT_EVENT, sentence, "");
        mail_subject(&subject, STR(""), a);
        assert_in_range(subject.n, MAIL_SUBJECT_MAX, 2 * MAIL_SUBJECT_MAX);
        for (Str rest = buf_view(&subject); rest.n;) {
                const char *end = memmem(rest.p, rest.n, "\r\n", 2);
                size_t n = end ? (size_t)(end - rest.p) : rest.n;

                assert_in_range(n, 1, rest.p == subject.p ? 76 - 9 : 76);
                rest = (Str){ rest.p + n + 2 * !!end, rest.n - n - 2 * !!end };
        }
        buf_done(&subject);
        alert_unref(a);
}

static void values_are_held_against_their_form(void **state) {
        static const struct {
                const char *(*check)(const SinkSetting *);
                const char *value;
                bool good;
        } rows[] = {
                { check_addresses, "root", true },
                { check_addresses, "a.b+c@example.com", true },
                { check_addresses, "me@[127.0.0.1]", true },
                { check_addresses, "", false },
                { check_addresses, "@example.com", false },
                { check_addresses, "a@", false },
                { check_addresses, "a@b@c", false },
                { check_addresses, "-oQ/tmp", false },
                { check_addresses, "a b@c", false },
                { check_addresses, "a@b>\r\nDATA", false },
                { check_addresses, "\xc3\xbc@c", false },
                { check_line, "gr\xc3\xbc\xc3\x9f", true },
                { check_line, "bad \xff", false },
                { check_line, "a\rb", false },
                { check_smtp_url, "smtp://localhost", true },
                { check_smtp_url, "smtps://[::1]:465", true },
                { check_smtp_url, "smtp://localhost/", true },
                { check_smtp_url, "smtp://localhost/ehlo.name", false },
                { check_smtp_url, "smtp://u@localhost", false },
                { check_smtp_url, "smtp:localhost", false },
                { check_smtp_url, "file:///etc/shadow", false },
                { check_http_url, "https://example.com/a?b=c", true },
                { check_http_url, "https://u:p@example.com/", false },
                { check_http_url, "https://example.com/\r\nX: y", false },
                { check_http_url, "gopher://example.com/", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Str value = str_from(rows[i].value);
                const char *wrong = rows[i].check(&(SinkSetting){ .values = &value, .n_values = 1 });

                if (!wrong != rows[i].good)
                        fail_msg("%s: %s", rows[i].value, wrong ? wrong : "will do");
        }
}

static void headers_are_names_and_lines(void **state) {
        static const struct {
                const char *name, *value;
                bool good;
        } rows[] = {
                { "X-Title", "a b", true }, { "X Title", "a", false }, { "X:", "a", false },
                { "", "a", false },         { "X", "a\nb", false },    { "X\n", "a", false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const Str values[] = { str_from(rows[i].name), str_from(rows[i].value) };

                assert_int_equal(!check_headers(&(SinkSetting){ .values = values, .n_values = 2 }),
                                 rows[i].good);
        }
}

static void secrets_are_lines_that_nobody_else_reads(void **state) {
        static const struct {
                const char *text;
                mode_t mode;
                const char *secret; /* NULL: refused */
        } rows[] = {
                { "s3cret\n", 0600, "s3cret" },
                { " a b \r\n", 0400, " a b " },
                { "x", 0640, "x" }, /* of our own group */
                { "x", 0660, NULL },
                { "x", 0602, NULL },
                { "x", 0604, NULL },
                { "", 0600, NULL },
                { "\n", 0600, NULL },
                { "a\nb\n", 0600, NULL },
        };
        char path[] = "/tmp/test-mail-XXXXXX";
        int fd = mkstemp(path);

        assert_true(fd >= 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *why = NULL;
                Buf out = BUF_INIT;
                int r;

                assert_int_equal(ftruncate(fd, 0), 0);
                assert_int_equal(pwrite(fd, rows[i].text, strlen(rows[i].text), 0),
                                 (ssize_t)strlen(rows[i].text));
                assert_int_equal(fchmod(fd, rows[i].mode), 0);
                r = check_read_secret(&out, path, &why);
                assert_int_equal(r == 0, rows[i].secret != NULL);
                if (rows[i].secret)
                        assert_string_equal(buf_z(&out), rows[i].secret);
                else
                        assert_non_null(why);
                buf_done(&out);
        }
        close(fd);
        unlink(path);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(subjects_are_folded_words),
                cmocka_unit_test(dates_are_english),
                cmocka_unit_test(a_digest_has_lines_and_an_event_has_one),
                cmocka_unit_test(long_subjects_are_cut),
                cmocka_unit_test(values_are_held_against_their_form),
                cmocka_unit_test(headers_are_names_and_lines),
                cmocka_unit_test(secrets_are_lines_that_nobody_else_reads),
        };

        setenv("TZ", "UTC", 1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
