/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/buf.h"
#include "base/test-support.h"
#include "source/line.h"

typedef struct {
        int fds[2];
        LineReader *reader;
        Buf seen; /* "N:text|", "!kind@N|" */
        int recycled;
} Fixture;

static void on_fault(void *userdata, LineFault fault, uint64_t number) {
        Fixture *f = userdata;

        buf_printf(&f->seen, "!%d@%u|", (int)fault, (unsigned)number);
}

static void on_recycle(void *userdata) { ((Fixture *)userdata)->recycled++; }

static void start(Fixture *f, size_t max_line) {
        *f = (Fixture){ .seen = BUF_INIT };
        assert_int_equal(pipe(f->fds), 0);
        assert_int_equal(line_reader_new(&f->reader, f->fds[0],
                                         &(LineOptions){ .max_line = max_line,
                                                         .recycle = on_recycle,
                                                         .fault = on_fault,
                                                         .userdata = f }),
                         0);
}

static void stop(Fixture *f) {
        line_reader_free(f->reader);
        close(f->fds[0]);
        buf_done(&f->seen);
}

static void take(Fixture *f) {
        uint64_t number;
        Str line;

        while (line_reader_next(f->reader, &line, &number)) {
                buf_printf(&f->seen, "%u:", (unsigned)number);
                buf_str(&f->seen, line);
                buf_putc(&f->seen, '|');
        }
}

/* Writes @text in pieces of @piece bytes, reading after each. */
static void pump(Fixture *f, Str text, size_t piece) {
        for (size_t i = 0; i < text.n; i += piece) {
                size_t n = text.n - i < piece ? text.n - i : piece;

                assert_int_equal(write(f->fds[1], text.p + i, n), n);
                assert_int_equal(line_reader_fill(f->reader), 0);
                take(f);
        }
        close(f->fds[1]);
        assert_int_equal(line_reader_fill(f->reader), LINE_E_EOF);
        assert_int_equal(line_reader_fill(f->reader), LINE_E_EOF);
        take(f);
}

static void test_lines_do_not_depend_on_chunks(void **state) {
        static const struct {
                Str in;
                const char *want;
        } rows[] = {
                { STR_INIT("a\nbb\n\nccc\r\n"), "1:a|2:bb|3:|4:ccc\r|" },
                { STR_INIT("a\nno newline"), "1:a|!1@2|" },
                { STR_INIT("cut\0here\nnext\n\0\n"), "!2@1|1:cut|2:next|!2@3|3:|" },
                { STR_INIT("123456789\nshort\n0123456789\n"), "!0@1|2:short|!0@3|" },
                { STR_INIT("12345678\n"), "1:12345678|" },
                { STR_INIT("much too long to be kept"), "!1@1|" },
                { STR_INIT("too l\0ng to keep\ncu\0t\nnext\n"), "!0@1|!2@2|2:cu|3:next|" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                for (size_t piece = 1; piece <= rows[i].in.n; piece++) {
                        Fixture f;

                        start(&f, 8);
                        pump(&f, rows[i].in, piece);
                        assert_string_equal(buf_z(&f.seen), rows[i].want);
                        stop(&f);
                }
        }
}

static void test_counters_account_for_every_line(void **state) {
        const LineCounters *c;
        Fixture f;

        start(&f, 8);
        pump(&f, STR("ok\nmuch too long\nn\0l\nrest"), 5);
        c = line_counters(f.reader);
        assert_int_equal(c->lines, 3);
        assert_int_equal(c->too_long, 1);
        assert_int_equal(c->nul, 1);
        assert_int_equal(c->unended, 1);
        assert_int_equal(c->bytes, 25);
        stop(&f);
}

static void test_buffer_is_recycled_only_with_notice(void **state) {
        char text[1024];
        uint64_t n = 0;
        Fixture f;
        Str line;

        start(&f, 0);
        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\n';
        for (int i = 0; i < 1024; i++) { /* 1 MiB through a buffer of 256 KiB */
                assert_int_equal(write(f.fds[1], text, sizeof(text)), sizeof(text));
                assert_int_equal(line_reader_fill(f.reader), 0);
                while (line_reader_next(f.reader, &line, &n))
                        assert_int_equal(line.n, sizeof(text) - 1);
        }
        assert_int_equal(n, 1024);
        assert_in_range(f.recycled, 4, 8);
        close(f.fds[1]);
        stop(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_lines_do_not_depend_on_chunks),
                cmocka_unit_test(test_counters_account_for_every_line),
                cmocka_unit_test(test_buffer_is_recycled_only_with_notice),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
