/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "meaning/event-json.h"
#include "record/header.h"

#define MAX_RECORDS 4

static HeaderCache headers;
static Meaning *meaning;

/* The event of these lines, each of which stands in memory of its own, with room behind it. */
static void write_event(Buf *out, const Str *lines, size_t n, Event event) {
        int64_t sec = event.id.sec; /* 0: that of the lines */
        Record records[MAX_RECORDS] = { 0 };
        char *texts[MAX_RECORDS];

        for (size_t i = 0; i < n; i++) {
                texts[i] = calloc(1, lines[i].n + RECORD_SLACK);
                assert_non_null(texts[i]);
                memcpy(texts[i], lines[i].p, lines[i].n);
                assert_int_equal(
                        header_parse(&headers, (Str){ texts[i], lines[i].n }, &records[i], &event.id), 0);
                records[i].next = i + 1 < n ? &records[i + 1] : NULL;
        }
        if (sec)
                event.id.sec = sec;
        event.records = records;
        event.n_records = (uint32_t)n;
        assert_int_equal(event_json(out, meaning, &event), 0);
        for (size_t i = 0; i < n; i++)
                free(texts[i]);
}

#define HEAD                                                                                             \
        "{\"id\":\"1.002:3\",\"time\":\"1970-01-01T00:00:01.002Z\",\"serial\":3,\"ended\":\"terminal\"," \
        "\"records\":["
#define STAMP " msg=audit(1.002:3): "

static const struct {
        const char *body, *want; /* of a record of type PATH, and what follows its type */
} rows[] = {
        { "item=0 inode=12", "\"fields\":{\"item\":\"0\",\"inode\":\"12\"},\"enriched\":{},\"text\":{}}" },
        { "", "\"fields\":{},\"enriched\":{},\"text\":{}}" },
        { "ouid=0 ogid=7\x1DOUID=\"root\" OGID=\"staff\"",
          "\"fields\":{\"ouid\":\"0\",\"ogid\":\"7\"},\"enriched\":{\"OUID\":\"root\",\"OGID\":\"staff\"},"
          "\"text\":{\"ouid\":\"root\",\"ogid\":\"staff\"}}" },
        /* auditd explains what is not there, or nothing new */
        { "ouid=0\x1D"
          "AUID=\"bob\" OUID=\"0\"",
          "\"fields\":{\"ouid\":\"0\"},\"enriched\":{\"AUID\":\"bob\",\"OUID\":\"0\"},\"text\":{}}" },
        { "name=\"/a\"", "\"fields\":{\"name\":\"/a\"},\"enriched\":{},\"text\":{}}" },
        { "name=2F0A22",
          "\"fields\":{\"name\":\"2F0A22\"},\"enriched\":{},\"text\":{\"name\":\"/\\\\012\\\"\"}}" },
        /* a name that comes again */
        { "a=1 b=2 a=3", "\"fields\":{\"a\":[\"1\",\"3\"],\"b\":\"2\"},\"enriched\":{},\"text\":{}}" },
        { "ouid=0 x=1 ouid=4294967295", "\"fields\":{\"ouid\":[\"0\",\"4294967295\"],\"x\":\"1\"},"
                                        "\"enriched\":{},\"text\":{\"ouid\":[\"root\",\"unset\"]}}" },
        { "a=1\x1D"
          "B=1 B=2",
          "\"fields\":{\"a\":\"1\"},\"enriched\":{\"B\":[\"1\",\"2\"]},\"text\":{}}" },
        /* a key that holds several */
        { "key=61016201",
          "\"fields\":{\"key\":\"61016201\"},\"enriched\":{},\"text\":{\"key\":[\"a\",\"b\"]}}" },
        { "name=FF41", "\"fields\":{\"name\":\"FF41\"},\"enriched\":{},\"text\":{\"name\":\"\xEF\xBF\xBD"
                       "A\"},\"base64\":{\"name\":\"/0E=\"}}" },
        { "op=\xFF",
          "\"fields\":{\"op\":\"\xEF\xBF\xBD\"},\"enriched\":{},\"text\":{},\"base64\":{\"op\":\"/w==\"}}" },
        { "a=1 a=\xFF", "\"fields\":{\"a\":[\"1\",\"\xEF\xBF\xBD\"]},\"enriched\":{},\"text\":{},\"base64\":{"
                        "\"a\":[null,\"/w==\"]}}" },
        { "op=\xC3\xA9", "\"fields\":{\"op\":\"\xC3\xA9\"},\"enriched\":{},\"text\":{}}" },
        { "op=a\\b\x7F", "\"fields\":{\"op\":\"a\\\\b\\u007f\"},\"enriched\":{},\"text\":{}}" },
        { "\"=1", "\"fields\":{\"\\\"\":\"1\"},\"enriched\":{},\"text\":{}}" },
        { "=1", "\"fields\":{\"\":\"1\"},\"enriched\":{},\"text\":{}}" },
        { "hello world", "\"fields\":{},\"enriched\":{},\"text\":{},\"raw\":\"hello world\"}" },
        { "\xFF=1 \xFE=2",
          "\"fields\":{\"\xEF\xBF\xBD\":[\"1\",\"2\"]},\"enriched\":{},\"text\":{},"
          "\"raw\":\"\xEF\xBF\xBD=1 \xEF\xBF\xBD=2\",\"base64\":{\"raw\":\"/z0xIP49Mg==\"}}" },
        { "saddr=x\x1DSADDR={ saddr_fam=local path=/x }",
          "\"fields\":{\"saddr\":\"x\"},\"enriched\":{\"SADDR\":\"{ saddr_fam=local path=/x }\"},"
          "\"text\":{\"saddr\":\"{ saddr_fam=local path=/x }\"}}" },
};

static void records_are_objects(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf line = BUF_INIT, want = BUF_INIT;

                buf_printf(&line, "type=PATH" STAMP "%s", rows[i].body);
                buf_printf(&want, HEAD "{\"type\":\"PATH\",%s]}\n", rows[i].want);
                for (int again = 0; again < 2; again++) { /* the second time much is remembered */
                        Buf out = BUF_INIT;
                        Str view = buf_view(&line);

                        write_event(&out, &view, 1, (Event){ .ended = EVENT_END_TERMINAL });
                        assert_string_equal(buf_z(&out), buf_z(&want));
                        buf_done(&out);
                }
                buf_done(&line);
                buf_done(&want);
        }
}

static void the_head_says_who_and_when(void **state) {
        static const struct {
                Str line;
                EventEnd ended;
                bool late;
                const char *want;
        } heads[] = {
                { STR_INIT("node=h.example type=CWD msg=audit(1795336266.664:116001): cwd=\"/\""),
                  EVENT_END_TIMEOUT, true,
                  "{\"id\":\"h.example/"
                  "1795336266.664:116001\",\"time\":\"2026-11-22T08:31:06.664Z\",\"node\":\"h.example\","
                  "\"serial\":116001,\"ended\":\"timeout\",\"late\":true,\"records\":[{\"type\":\"CWD\"," },
                { STR_INIT("type=CWD msg=audit(99999999999.999:9999999999999999999): a=1"), EVENT_END_LIMIT,
                  false,
                  "{\"id\":\"99999999999.999:9999999999999999999\",\"time\":\"5138-11-16T09:46:39.999Z\","
                  "\"serial\":9999999999999999999,\"ended\":\"limit\",\"records\":[" },
                { STR_INIT("node=\xFF type=CWD msg=audit(1.002:3): a=1"), EVENT_END_TERMINAL, false,
                  "{\"id\":\"\xEF\xBF\xBD/"
                  "1.002:3\",\"time\":\"1970-01-01T00:00:01.002Z\",\"node\":\"\xEF\xBF\xBD\","
                  "\"base64\":{\"id\":\"/y8xLjAwMjoz\",\"node\":\"/w==\"},\"serial\":3," },
        };

        for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
                Buf out = BUF_INIT;

                write_event(&out, &heads[i].line, 1,
                            (Event){ .ended = heads[i].ended, .late = heads[i].late });
                if (strncmp(buf_z(&out), heads[i].want, strlen(heads[i].want)))
                        fail_msg("%s\nwant %s", buf_z(&out), heads[i].want);
                buf_done(&out);
        }
}

static void there_is_no_time_beyond_the_calendar(void **state) {
        static const struct {
                int64_t sec;
                const char *want;
        } times[] = {
                { 253402300799, "\"time\":\"9999-12-31T23:59:59.002Z\"" },
                { 253402300800, "\"time\":null" },
                { INT64_MAX, "\"time\":null" },
                { -1, "\"time\":\"1969-12-31T23:59:59.002Z\"" },
                { INT64_MIN, "\"time\":null" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
                Str line = STR("type=CWD" STAMP "a=1");
                Buf out = BUF_INIT;

                write_event(&out, &line, 1, (Event){ .id.sec = times[i].sec });
                assert_non_null(strstr(buf_z(&out), times[i].want));
                buf_done(&out);
        }
}

static void records_follow_each_other(void **state) {
        Str lines[] = { STR("type=CWD" STAMP "cwd=\"/\""), STR("type=BOGUS" STAMP "a=1"),
                        STR("type=EOE" STAMP) };
        Buf out = BUF_INIT;

        write_event(&out, lines, 3, (Event){ .ended = EVENT_END_TERMINAL });
        assert_string_equal(buf_z(&out),
                            HEAD "{\"type\":\"CWD\",\"fields\":{\"cwd\":\"/\"},\"enriched\":{},\"text\":{}},"
                                 "{\"type\":\"BOGUS\",\"fields\":{\"a\":\"1\"},\"enriched\":{},\"text\":{}},"
                                 "{\"type\":\"EOE\",\"fields\":{},\"enriched\":{},\"text\":{}}]}\n");
        buf_done(&out);
}

static int setup(void **state) { return meaning_new(&meaning); }

static int teardown(void **state) {
        meaning_free(meaning);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(records_are_objects),
                cmocka_unit_test(the_head_says_who_and_when),
                cmocka_unit_test(there_is_no_time_beyond_the_calendar),
                cmocka_unit_test(records_follow_each_other),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
