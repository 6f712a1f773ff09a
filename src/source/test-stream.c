/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a stream of frames begins, and that none of it is kept back. */
#include "base/test-support.h"
#include <errno.h>
#include "base/buf.h"
#include "source/source-ops.h"

/* Bytes that come in pieces of at most @piece; then there are none for now, or the end. */
typedef struct {
        Str rest;
        size_t piece;
        bool ends;
} Memory;

static ssize_t from_memory(void *userdata, int fd, char *into, size_t room) {
        Memory *m = userdata;
        size_t n = m->rest.n < m->piece ? m->rest.n : m->piece;

        n = n < room ? n : room;
        if (!n && m->ends)
                return 0;
        if (!n) {
                errno = EAGAIN;
                return -1;
        }
        memcpy(into, m->rest.p, n);
        m->rest = (Str){ m->rest.p + n, m->rest.n - n };
        return (ssize_t)n;
}

static void put_frame(Buf *b, uint32_t ver, uint32_t type, Str text, size_t padded) {
        uint32_t head[4] = { ver, 16, type, (uint32_t)text.n };

        buf_put(b, head, sizeof(head));
        buf_str(b, text);
        for (size_t i = text.n; i < padded; i++)
                buf_putc(b, 0);
}

static size_t count_lines(Str text) {
        size_t n = 0;

        for (size_t i = 0; i < text.n; i++)
                n += text.p[i] == '\n';
        return n;
}

/* Whoever waits for the descriptor is not told of what was read from it already. */
static void check_nothing_is_kept(size_t text, size_t padded, size_t piece, size_t room) {
        static char body[8970], out[1 << 18];
        const size_t n_frames = 400000 / (text + padded + 20);
        Buf all = BUF_INIT;
        SourceCounters counters = { 0 };
        Memory m = { .piece = piece };
        Stream stream = { .read = from_memory, .read_data = &m };
        size_t lines = 0;

        memset(body, 'x', sizeof(body));
        for (size_t i = 0; i < n_frames; i++)
                put_frame(&all, 0, i % 2 ? 1801 : 1999, (Str){ body, text }, padded);
        m.rest = buf_view(&all);
        while (m.rest.n) {
                ssize_t n = stream_read(&stream, &counters, out, room);

                assert_true(n > 0 || errno == EAGAIN);
                lines += n > 0 ? count_lines((Str){ out, (size_t)n }) : 0;
        }
        assert_int_equal(lines, n_frames);
        assert_int_equal(counters.skipped_bytes, 0);
        stream_reset(&stream, -1);
        buf_done(&all);
}

static void what_was_read_is_given_out(void **state) {
        static const size_t texts[] = { 0, 1, 300, 3000, 8969, 8970 }, pieces[] = { 1000, 70000, SIZE_MAX },
                            rooms[] = { SOURCE_ROOM, 65536, 70000, 1 << 18 };

        for (size_t t = 0; t < ARRAY_SIZE(texts); t++)
                for (size_t p = 0; p < ARRAY_SIZE(pieces); p++)
                        for (size_t r = 0; r < ARRAY_SIZE(rooms); r++) {
                                check_nothing_is_kept(texts[t], 0, pieces[p], rooms[r]);
                                check_nothing_is_kept(texts[t], 8970, pieces[p], rooms[r]);
                        }
}

/* All of @bytes, and the end. */
static void check_text(Str bytes, size_t piece, const char *expected, size_t n_expected) {
        static char out[1 << 15];
        SourceCounters counters = { 0 };
        Memory m = { .rest = bytes, .piece = piece, .ends = true };
        Stream stream = { .read = from_memory, .read_data = &m };
        size_t n = 0;
        ssize_t k;

        while ((k = stream_read(&stream, &counters, out + n, SOURCE_ROOM)) > 0)
                n += (size_t)k;
        assert_int_equal(k, 0);
        assert_int_equal(n, n_expected);
        assert_memory_equal(out, expected, n);
        assert_int_equal(counters.skipped_bytes, 0);
        stream_reset(&stream, -1);
}

static void garbage_is_not_taken_for_a_frame(void **state) {
        static const char junk[] = "\0\nx\n", more[] = "\1type=A msg=audit(1.1:1): x=1\n",
                          line[] = "type=A\n";
        static const char expected[] = "type=USER_LOGIN msg=audit(1.1:1): x=1\n";
        Buf frames = BUF_INIT;

        put_frame(&frames, 0, 1112, STR("audit(1.1:1): x=1"), 0);
        for (size_t piece = 1; piece < 40; piece++) {
                check_text((Str){ junk, 4 }, piece, junk, 4);
                check_text((Str){ more, sizeof(more) - 1 }, piece, more, sizeof(more) - 1);
                check_text((Str){ line, sizeof(line) - 1 }, piece, line, sizeof(line) - 1);
                check_text(buf_view(&frames), piece, expected, sizeof(expected) - 1);
        }
        buf_done(&frames);
}

static void a_beginning_counts_as_held(void **state) {
        SourceCounters counters = { 0 };
        Memory m = { .rest = { "\0\0\0", 3 }, .piece = 3 };
        Stream stream = { .read = from_memory, .read_data = &m };
        char out[SOURCE_ROOM];

        assert_int_equal(stream_read(&stream, &counters, out, sizeof(out)), -1);
        assert_int_equal(errno, EAGAIN);
        assert_int_equal(stream_held(&stream), 3);
        stream_reset(&stream, -1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_was_read_is_given_out),
                cmocka_unit_test(garbage_is_not_taken_for_a_frame),
                cmocka_unit_test(a_beginning_counts_as_held),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
