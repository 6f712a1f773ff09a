/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* LineReader against a plain model of what it promises.
 *
 * Byte 0: size of the pieces that arrive; byte 1: the limit for a line; byte 2: how often the rest is
 * repeated, so that the buffer fills, moves and grows. Lines handed out must stay as they are until
 * recycle() is called. */
#include <fcntl.h>
#include <unistd.h>
#include "base/buf.h"
#include "fuzz/target.h"
#include "source/line.h"

#define MAX_KEPT  4096
#define MAX_INPUT (768u << 10) /* beyond the buffer's first size, twice */

typedef struct {
        Str rest; /* what the model has not given yet; ends with a newline or with an unended line */
        size_t max_line;
        LineCounters want;
        LineCounters told; /* by fault() */
        Str kept[MAX_KEPT], kept_as[MAX_KEPT];
        size_t n_kept;
} Model;

/* The next line that the reader should hand out. */
static bool expect(Model *m, Str *ret) {
        while (m->rest.n) {
                const char *newline = memchr(m->rest.p, '\n', m->rest.n), *nul;
                size_t n = newline ? (size_t)(newline - m->rest.p) : 0;

                if (!newline) {
                        m->want.unended++;
                        m->rest.n = 0;
                        break;
                }
                *ret = (Str){ m->rest.p, n };
                m->rest = (Str){ newline + 1, m->rest.n - n - 1 };
                m->want.lines++;
                if (n > m->max_line) {
                        m->want.too_long++;
                        continue;
                }
                nul = n ? memchr(ret->p, 0, n) : NULL;
                if (nul) {
                        m->want.nul++;
                        ret->n = (size_t)(nul - ret->p);
                }
                return true;
        }
        return false;
}

static void check_kept(void *userdata) {
        Model *m = userdata;

        for (size_t i = 0; i < m->n_kept; i++)
                CHECK(str_eq(m->kept[i], m->kept_as[i]));
        m->n_kept = 0;
}

static void fault(void *userdata, LineFault what, uint64_t line) {
        Model *m = userdata;

        CHECK(line > 0);
        m->told.too_long += what == LINE_TOO_LONG;
        m->told.unended += what == LINE_UNENDED;
        m->told.nul += what == LINE_NUL;
}

static void take_lines(LineReader *r, Model *m) {
        Str line, want;
        uint64_t number;

        while (line_reader_next(r, &line, &number)) {
                CHECK(expect(m, &want));
                CHECK(str_eq(line, want));
                CHECK(number == m->want.lines);
                (void)*(volatile const char *)(line.p + line.n + STR_SLACK - 1);
                if (m->n_kept < MAX_KEPT) {
                        m->kept[m->n_kept] = line;
                        m->kept_as[m->n_kept++] = want;
                }
        }
}

static void check_counters(const LineReader *r, const Model *m, size_t bytes) {
        const LineCounters *have = line_counters(r);

        CHECK(have->bytes == bytes && have->lines == m->want.lines);
        CHECK(have->too_long == m->want.too_long && m->told.too_long == m->want.too_long);
        CHECK(have->unended == m->want.unended && m->told.unended == m->want.unended);
        CHECK(have->nul == m->want.nul && m->told.nul == m->want.nul);
}

static void read_pieces(Str all, size_t piece, Model *m) {
        LineOptions options = {
                .max_line = m->max_line, .recycle = check_kept, .fault = fault, .userdata = m
        };
        size_t sent = 0;
        LineReader *r;
        int fd[2], k;

        CHECK(pipe2(fd, O_CLOEXEC | O_NONBLOCK) == 0);
        CHECK(line_reader_new(&r, fd[0], &options) == 0);
        while (sent < all.n) {
                ssize_t n = write(fd[1], all.p + sent, all.n - sent < piece ? all.n - sent : piece);

                CHECK(n > 0);
                sent += (size_t)n;
                while ((k = line_reader_fill(r)) == 0)
                        take_lines(r, m);
                CHECK(k == LINE_E_AGAIN);
        }
        close(fd[1]);
        while ((k = line_reader_fill(r)) == 0)
                take_lines(r, m);
        CHECK(k == LINE_E_EOF && line_reader_fill(r) == LINE_E_EOF);
        check_kept(m);
        CHECK(!expect(m, &(Str){ 0 }));
        check_counters(r, m, all.n);
        line_reader_free(r);
        close(fd[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static Model m;
        size_t times, piece;
        Buf all = BUF_INIT;

        if (n < 4)
                return 0;
        times = data[2] < 240 ? 1u + data[2] % 4 : 1u << data[2] % 16;
        piece = data[0] < 128 ? 1u + data[0] : 64u << data[0] % 11;
        for (; times && all.n + n < MAX_INPUT && all.n / piece < 4096; times--)
                buf_put(&all, data + 3, n - 3);
        m = (Model){ .rest = buf_view(&all),
                     .max_line = data[1] ? data[1] * (size_t)data[1] * 8 : LINE_MAX_DEFAULT };
        read_pieces(buf_view(&all), piece, &m);
        buf_done(&all);
        return 0;
}
