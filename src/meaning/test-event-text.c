/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "meaning/event-text.h"
#include "record/header.h"

static HeaderCache headers;
static Meaning *meaning;

static void write_event(Buf *out, Str line, Event event) {
        int64_t sec = event.id.sec; /* 0: that of the lines */
        Record record = { 0 };
        char *text = calloc(1, line.n + RECORD_SLACK);

        assert_non_null(text);
        memcpy(text, line.p, line.n);
        assert_int_equal(header_parse(&headers, (Str){ text, line.n }, &record, &event.id), 0);
        if (sec)
                event.id.sec = sec;
        event.records = &record;
        event.n_records = 1;
        assert_int_equal(event_text(out, meaning, &event), 0);
        free(text);
}

#define STAMP " msg=audit(1795336266.664:1): "
#define HEAD  "2026-11-22 08:31:06.664 #1\n"

static void events_read_well(void **state) {
        static const struct {
                Str line;
                Event event;
                const char *want;
        } rows[] = {
                { STR_INIT("type=SYSCALL" STAMP
                           "arch=c000003e syscall=257 success=yes exit=3 comm=\"cat\" uid=0 key=610162"),
                  { .ended = EVENT_END_TERMINAL },
                  HEAD
                  "  SYSCALL arch=x86_64 syscall=openat success=yes exit=3 comm=cat uid=root key=a,b\n" },
                { STR_INIT("type=PROCTITLE" STAMP "proctitle=6C73002D6C"),
                  { .ended = EVENT_END_EOF },
                  HEAD "  PROCTITLE proctitle=\"ls -l\"\n" },
                { STR_INIT("node=h type=CWD" STAMP "cwd=\"/\"\x1D"
                           "A=b"),
                  { .ended = EVENT_END_TIMEOUT, .late = true },
                  "2026-11-22 08:31:06.664 #1 h (late, ended by timeout)\n  CWD cwd=/\n" },
                { STR_INIT("type=CWD" STAMP "cwd=2F22201B5B41"),
                  { .ended = EVENT_END_LIMIT },
                  "2026-11-22 08:31:06.664 #1 (ended by limit)\n  CWD cwd=\"/\\\" \\033[A\"\n" },
                { STR_INIT("type=USER_MSG" STAMP "uid=0 msg='two words\x1B[1m'"),
                  { .ended = EVENT_END_TERMINAL },
                  HEAD "  USER_MSG uid=root words=\"two words\\x1b[1m\"\n" },
                { STR_INIT("type=USER_MSG" STAMP "x\x1B=1 y=\xC2\x9B z=\xFF"),
                  { .ended = EVENT_END_TERMINAL },
                  HEAD "  USER_MSG x\\x1b=1 y=\\x9b z=\xEF\xBF\xBD\n" },
                { STR_INIT("type=CWD msg=audit(1.001:2): cwd=\"\""),
                  { .id.sec = 999999999999999 },
                  "999999999999999.001 #2\n  CWD cwd=\"\"\n" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf out = BUF_INIT;

                write_event(&out, rows[i].line, rows[i].event);
                assert_string_equal(buf_z(&out), rows[i].want);
                buf_done(&out);
        }
}

static int setup(void **state) { return meaning_new(&meaning); }

static int teardown(void **state) {
        meaning_free(meaning);
        return 0;
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(events_read_well),
        };

        return cmocka_run_group_tests(tests, setup, teardown);
}
