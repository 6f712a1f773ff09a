/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#include "alert/alert-pack.h"
#include "alert/test-capture.h"
#include "base/escape.h"

static const Str tags[] = { STR_INIT("attack.t1"), STR_INIT("aulert.x") };
static const Str references[] = { STR_INIT("https://example.org/a\"b"), STR_INIT("") };
static const RuleInfo rule = {
        .id = STR_INIT("r"),
        .title = STR_INIT("TITLE"),
        .description = STR_INIT("two\nlines"),
        .level = RULE_HIGH,
        .tags = tags,
        .n_tags = 2,
        .references = references,
        .n_references = 2,
};

static void show(Buf *out, const Alert *a) {
        alert_json(out, a);
        alert_json_records(out, a);
        alert_text(out, a, true);
}

/* Packs, unpacks, and finds nothing changed. */
static void travel(const Alert *a) {
        Buf packed = BUF_INIT, again = BUF_INIT, before = BUF_INIT, after = BUF_INIT;
        Alert *b;

        assert_int_equal(alert_pack(&packed, a), 0);
        assert_true(packed.n <= ALERT_PACK_MAX);
        assert_int_equal(alert_unpack(&b, buf_view(&packed)), 0);
        show(&before, a);
        show(&after, b);
        assert_true(str_eq(buf_view(&before), buf_view(&after)));
        assert_int_equal(alert_pack(&again, b), 0);
        assert_true(str_eq(buf_view(&packed), buf_view(&again)));
        assert_true(str_eq(a->user, b->user) && str_eq(a->records, b->records) && a->kind == b->kind);
        alert_unref(b);
        buf_done(&packed);
        buf_done(&again);
        buf_done(&before);
        buf_done(&after);
}

typedef struct {
        Meaning *m;
        size_t n;
        Alert *last;
} Hits;

static void on_event(void *userdata, const Event *event) {
        Hits *hits = userdata;
        RuleHit hit = { .rule = &rule, .event = event, .record = event->records };

        alert_unref(hits->last);
        assert_int_equal(alert_new(&hits->last, &hit, hits->m, NULL), 0);
        travel(hits->last);
        hits->n++;
}

static void every_event_of_every_capture_travels(void **state) {
        Hits hits = { 0 };
        glob_t files;

        assert_int_equal(glob(CAPTURES "/*/*.log", 0, NULL, &files), 0);
        assert_int_equal(meaning_new(&hits.m), 0);
        for (size_t i = 0; i < files.gl_pathc; i++)
                assert_true(capture_replay(files.gl_pathv[i] + sizeof(CAPTURES), on_event, &hits));
        assert_true(hits.n > 100);
        globfree(&files);
        alert_unref(hits.last);
        meaning_free(hits.m);
}

static void an_alert_has_its_rule_and_records(void **state) {
        static const char line[] = "type=USER msg=audit(1.002:3): pid=1\n";
        Hits hits = { 0 };
        Buf json = BUF_INIT;

        assert_int_equal(meaning_new(&hits.m), 0);
        capture_replay_text(line, on_event, &hits);
        assert_int_equal(hits.n, 1);
        assert_true(str_eqz(hits.last->records, line));
        assert_false(hits.last->truncated);
        alert_json_records(&json, hits.last);
        assert_non_null(strstr(buf_z(&json), "\"records\":[\"type=USER msg=audit(1.002:3): pid=1\"]"));
        assert_non_null(strstr(buf_z(&json), "\"references\":[\"https://example.org/a\\\"b\",\"\"]"));
        assert_non_null(strstr(buf_z(&json), "\"description\":\"two\\nlines\""));
        buf_done(&json);
        alert_unref(hits.last);
        meaning_free(hits.m);
}

/* Many long records of bytes that grow sixfold as JSON. */
static void a_large_event_gives_a_bounded_alert(void **state) {
        Hits hits = { 0 };
        Buf lines = BUF_INIT, json = BUF_INIT;

        for (int i = 0; i < 200; i++) {
                buf_printf(&lines, "type=PATH msg=audit(1.000:1): item=%d name=\"", i);
                for (int k = 0; k < 3000; k++)
                        buf_putc(&lines, (char)(1 + k % 8));
                buf_putz(&lines, "\" nametype=NORMAL key=\"");
                for (int k = 0; k < 3000; k++)
                        buf_putz(&lines, "\xff");
                buf_putz(&lines, "\"\n");
        }
        assert_int_equal(meaning_new(&hits.m), 0);
        capture_replay_text(buf_z(&lines), on_event, &hits);
        assert_int_equal(hits.n, 1);
        assert_true(hits.last->truncated);
        assert_true(str_eqz(hits.last->event_id, "1.000:1"));
        alert_json_records(&json, hits.last);
        assert_true(json.n <= ALERT_MAX && json.n > ALERT_MAX / 2);
        assert_non_null(strstr(buf_z(&json), "\"truncated\":true"));
        assert_int_equal(alert_set_attempted(hits.last, STR("bob"), true), 0);
        assert_true(hits.last->sentence.n > 0);
        travel(hits.last);
        buf_done(&lines);
        buf_done(&json);
        alert_unref(hits.last);
        meaning_free(hits.m);
}

/* Every form is bounded, and says what event it is about. */
static void check_bounds(const Alert *a, const char *event_id) {
        Buf out = BUF_INIT, id = BUF_INIT;

        alert_json(&out, a);
        assert_true(out.n <= ALERT_MAX && escape_is_utf8(buf_view(&out)));
        buf_clear(&out);
        alert_json_records(&out, a);
        assert_true(out.n <= ALERT_MAX && escape_is_utf8(buf_view(&out)));
        assert_true(out.n && memchr(out.p, '\n', out.n) == out.p + out.n - 1);
        assert_true(a->truncated);
        assert_non_null(strstr(buf_z(&out), "\"truncated\":true"));
        buf_printf(&id, "%s\"", event_id);
        assert_non_null(strstr(out.p, buf_z(&id)));
        buf_clear(&out);
        alert_text(&out, a, true);
        assert_true(out.n <= ALERT_MAX);
        travel(a);
        buf_done(&out);
        buf_done(&id);
}

/* Megabytes of arguments, as quoted text, as hexadecimal digits, in pieces, and secret ones. */
static void a_huge_command_line_is_bounded(void **state) {
        static const char *const forms[] = { "\"-p%d\"", "%08X", "\"\xff\x01%d\"", "2D70%08X" };

        for (size_t k = 0; k < ARRAY_SIZE(forms); k++) {
                Hits hits = { 0 };
                Buf lines = BUF_INIT;

                buf_putz(&lines,
                         "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=59 auid=0 exe=\"/x\"\n"
                         "type=EXECVE msg=audit(1.000:1): argc=1 a0=\"mysql\"");
                for (int i = 1; lines.n < 4u << 20; i++) {
                        if (i % 500 == 0)
                                buf_putz(&lines, "\ntype=EXECVE msg=audit(1.000:1):");
                        buf_printf(&lines, i % 3 ? " a%d=" : " a%d[0]=", i);
                        buf_printf(&lines, forms[k], i);
                }
                buf_putc(&lines, '\n');
                assert_int_equal(meaning_new(&hits.m), 0);
                capture_replay_text(buf_z(&lines), on_event, &hits);
                assert_true(hits.n > 0);
                check_bounds(hits.last, "1.000:1");
                buf_done(&lines);
                alert_unref(hits.last);
                meaning_free(hits.m);
        }
}

static void ten_thousand_records_are_bounded(void **state) {
        Hits hits = { 0 };
        Buf lines = BUF_INIT;

        for (int i = 0; i < 10000; i++)
                buf_printf(&lines,
                           "node=n type=PATH msg=audit(1.000:1): item=%d name=\"/f%d\" nametype=NORMAL\n", i,
                           i);
        assert_int_equal(meaning_new(&hits.m), 0);
        capture_replay_text(buf_z(&lines), on_event, &hits);
        assert_int_equal(hits.n, 1);
        check_bounds(hits.last, "n/1.000:1");
        buf_done(&lines);
        alert_unref(hits.last);
        meaning_free(hits.m);
}

static void huge_texts_of_rules_are_bounded(void **state) {
        static const char bytes[] = "\x01\"\\\xff\xc3\xa4";
        Buf huge = BUF_INIT;
        Str list[1000];
        RuleInfo r = { .level = RULE_HIGH };
        AlertOwn own = { .kind = ALERT_DIGEST, .level = RULE_LOW };
        Record record = { .text = STR("type=USER msg=audit(1.000:1): "), .body = 30, .type = 1005 };
        Event event = { .id = { .sec = 1, .serial = 1 }, .records = &record };
        RuleHit hit = { .rule = &r, .event = &event };
        Meaning *m;
        Alert *a;

        while (huge.n < 1u << 20)
                buf_putc(&huge, bytes[huge.n % (sizeof(bytes) - 1)]);
        for (size_t i = 0; i < ARRAY_SIZE(list); i++)
                list[i] = buf_view(&huge);
        r.id = r.title = r.description = buf_view(&huge);
        r.tags = r.references = list;
        r.n_tags = r.n_references = ARRAY_SIZE(list);
        own.rule_id = own.title = own.sentence = own.description = own.records = buf_view(&huge);
        assert_int_equal(meaning_new(&m), 0);
        assert_int_equal(alert_new(&a, &hit, m, NULL), 0);
        check_bounds(a, "1.000:1");
        alert_unref(a);
        assert_int_equal(alert_new_own(&a, &own), 0);
        check_bounds(a, "");
        alert_unref(a);
        meaning_free(m);
        buf_done(&huge);
}

static void alerts_about_ourselves_travel(void **state) {
        AlertOwn own = { .kind = ALERT_DIGEST,
                         .level = RULE_LOW,
                         .rule_id = STR("aulert-digest"),
                         .title = STR("Digest"),
                         .sentence = STR("3 alerts were folded"),
                         .records = STR("one\ntwo\nthree"),
                         .unique = STR("mail 1"),
                         .sec = 1795336287,
                         .n_folded = 3 };
        Alert *a, *b;
        Buf json = BUF_INIT;

        assert_int_equal(alert_new_own(&a, &own), 0);
        assert_int_equal(alert_new_own(&b, &own), 0);
        travel(a);
        assert_true(str_eq(a->id, b->id));
        alert_json_records(&json, a);
        assert_non_null(strstr(buf_z(&json), "\"kind\":\"digest\""));
        assert_non_null(strstr(buf_z(&json), "\"folded\":3,\"records\":[\"one\",\"two\",\"three\"]"));
        assert_non_null(strstr(buf_z(&json), "\"time\":\"2026-11-22T"));
        alert_unref(b);
        own.unique = STR("");
        alert_unref(a);
        assert_int_equal(alert_new_own(&a, &own), 0);
        assert_int_equal(alert_new_own(&b, &own), 0);
        assert_false(str_eq(a->id, b->id));
        alert_unref(a);
        alert_unref(b);
        buf_done(&json);
}

/* Every prefix, every longer one, and every byte changed: refused, or an alert that packs to the same. */
static void malformed_bytes_are_refused(void **state) {
        Buf packed = BUF_INIT, again = BUF_INIT;
        Alert *a, *b;
        size_t n_refused = 0;

        assert_int_equal(alert_new_test(&a), 0);
        assert_int_equal(alert_pack(&packed, a), 0);
        for (size_t n = 0; n < packed.n; n++)
                assert_int_equal(alert_unpack(&b, (Str){ packed.p, n }), ALERT_E_BAD);
        buf_putc(&packed, 0);
        assert_int_equal(alert_unpack(&b, buf_view(&packed)), ALERT_E_BAD);
        packed.n--;
        for (size_t i = 0; i < packed.n * 8; i++) {
                packed.p[i / 8] ^= (char)(1 << i % 8);
                buf_clear(&again);
                if (alert_unpack(&b, buf_view(&packed)) == 0) {
                        assert_int_equal(alert_pack(&again, b), 0);
                        assert_true(str_eq(buf_view(&packed), buf_view(&again)));
                        alert_unref(b);
                } else {
                        n_refused++;
                }
                packed.p[i / 8] ^= (char)(1 << i % 8);
        }
        assert_true(n_refused > 100);
        alert_unref(a);
        buf_done(&packed);
        buf_done(&again);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_event_of_every_capture_travels),
                cmocka_unit_test(an_alert_has_its_rule_and_records),
                cmocka_unit_test(a_large_event_gives_a_bounded_alert),
                cmocka_unit_test(a_huge_command_line_is_bounded),
                cmocka_unit_test(ten_thousand_records_are_bounded),
                cmocka_unit_test(huge_texts_of_rules_are_bounded),
                cmocka_unit_test(alerts_about_ourselves_travel),
                cmocka_unit_test(malformed_bytes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
