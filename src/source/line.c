/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "source/line.h"

#define LOW_ROOM (LINE_CHUNK / 4) /* with less room than this the buffer is used from its start again */

struct LineReader {
        int fd;
        LineOptions options;
        char *buf;
        size_t cap;      /* without the slack */
        size_t start;    /* of the line that is being looked for */
        size_t scan;     /* no newline between start and here */
        size_t end;      /* of what was read */
        const char *nul; /* the first NUL at or behind start, or NULL */
        bool discarding; /* inside a line that is too long */
        bool eof;
        uint64_t number;
        LineCounters counters;
};

const CounterDesc line_counter_descs[] = {
        { "input_bytes", "bytes read", offsetof(LineCounters, bytes), false },
        { "input_lines", "lines read, dropped ones included", offsetof(LineCounters, lines), false },
        { "lines_too_long", "lines dropped because they are longer than the limit",
          offsetof(LineCounters, too_long), true },
        { "lines_unended", "last lines dropped because they have no newline", offsetof(LineCounters, unended),
          true },
        { "lines_with_nul", "lines cut at a NUL byte", offsetof(LineCounters, nul), true },
};
const size_t line_n_counter_descs = ARRAY_SIZE(line_counter_descs);

int line_reader_new(LineReader **ret, int fd, const LineOptions *options) {
        LineReader *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->fd = fd;
        if (options)
                r->options = *options;
        if (!r->options.max_line)
                r->options.max_line = LINE_MAX_DEFAULT;
        r->cap = LINE_CHUNK;
        r->buf = calloc(1, r->cap + STR_SLACK);
        if (!r->buf) {
                free(r);
                return -ENOMEM;
        }
        *ret = r;
        return 0;
}

LineReader *line_reader_free(LineReader *r) {
        if (!r)
                return NULL;
        free(r->buf);
        free(r);
        return NULL;
}

static void fault(LineReader *r, LineFault what) {
        if (r->options.fault)
                r->options.fault(r->options.userdata, what, r->number);
}

/* Moves the unfinished line to the start of the buffer; the buffer grows when that line fills it. */
static void make_room(LineReader *r) {
        size_t rest = r->end - r->start;

        if (r->cap - r->end >= LOW_ROOM)
                return;
        if (r->options.recycle)
                r->options.recycle(r->options.userdata);
        memmove(r->buf, r->buf + r->start, rest);
        r->scan -= r->start;
        r->start = 0;
        r->end = rest;
        if (r->cap - r->end < LOW_ROOM) {
                size_t cap = r->cap * 2;
                char *buf = realloc(r->buf, cap + STR_SLACK);

                if (buf) {
                        r->buf = buf;
                        r->cap = cap;
                } else { /* too long for the memory that is there; what comes must not be joined to a part of it */
                        r->discarding = true;
                        r->scan = r->end = 0;
                }
        } else if (r->cap > LINE_CHUNK && rest < LOW_ROOM) {
                char *buf = realloc(r->buf, LINE_CHUNK + STR_SLACK);

                if (buf) {
                        r->buf = buf;
                        r->cap = LINE_CHUNK;
                }
        }
        r->nul = memchr(r->buf, 0, r->end);
}

static int finish(LineReader *r) {
        if (!r->eof && (r->discarding || r->end > r->start)) {
                r->number++;
                r->counters.unended++;
                fault(r, LINE_UNENDED);
        }
        r->eof = true;
        return LINE_E_EOF;
}

int line_reader_fill(LineReader *r) {
        size_t old;
        ssize_t n;

        if (r->eof)
                return LINE_E_EOF;
        make_room(r);
        n = r->options.read ? r->options.read(r->options.read_data, r->buf + r->end, r->cap - r->end)
                            : read(r->fd, r->buf + r->end, r->cap - r->end);
        if (n < 0)
                return errno == EAGAIN || errno == EINTR ? LINE_E_AGAIN : -errno;
        if (n == 0)
                return finish(r);
        old = r->end;
        r->end += (size_t)n;
        r->counters.bytes += (uint64_t)n;
        memset(r->buf + r->end, 0, STR_SLACK);
        if (!r->nul)
                r->nul = memchr(r->buf + old, 0, (size_t)n);
        return 0;
}

/* No newline in sight: what is too long already needs no memory. */
static bool wait_for_end(LineReader *r) {
        r->scan = r->end;
        if (r->discarding || r->end - r->start > r->options.max_line) {
                r->discarding = true;
                r->start = r->end;
        }
        return false;
}

/* The NUL that is known may lie in a line that was dropped. */
static void cut_at_nul(LineReader *r, Str *line, const char *newline) {
        const char *nul = r->nul >= line->p ? r->nul : memchr(line->p, 0, line->n);

        if (nul) {
                line->n = (size_t)(nul - line->p);
                r->counters.nul++;
                fault(r, LINE_NUL);
        }
        r->nul = memchr(newline, 0, (size_t)(r->buf + r->end - newline));
}

bool line_reader_next(LineReader *r, Str *ret, uint64_t *ret_number) {
        for (;;) {
                char *from = r->buf + r->scan, *newline = memchr(from, '\n', r->end - r->scan);
                Str line = { r->buf + r->start, 0 };
                bool drop;

                if (!newline)
                        return wait_for_end(r);
                line.n = (size_t)(newline - line.p);
                drop = r->discarding || line.n > r->options.max_line;
                r->discarding = false;
                r->start = r->scan = (size_t)(newline + 1 - r->buf);
                r->counters.lines++;
                r->number++;
                if (unlikely(drop)) {
                        r->counters.too_long++;
                        fault(r, LINE_TOO_LONG);
                        continue;
                }
                if (unlikely(r->nul && r->nul < newline))
                        cut_at_nul(r, &line, newline);
                *ret = line;
                if (ret_number)
                        *ret_number = r->number;
                return true;
        }
}

void line_reader_restart(LineReader *r) {
        if (!r->eof)
                return;
        r->eof = r->discarding = false;
        r->start = r->scan = r->end;
        r->nul = NULL;
}

const LineCounters *line_counters(const LineReader *r) { return &r->counters; }

size_t line_reader_rest(const LineReader *r) { return r->end - r->start; }

void line_reader_drop_rest(LineReader *r) {
        r->counters.bytes -= r->end - r->start;
        r->start = r->scan = r->end;
}
