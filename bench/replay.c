/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "replay.h"

/* The number that @p starts with, and where it ends. */
static const char *scan_number(const char *p, const char *end, int64_t *ret) {
        int64_t v = 0;

        while (p < end && *p >= '0' && *p <= '9' && v < INT64_MAX / 10)
                v = v * 10 + (*p++ - '0');
        *ret = v;
        return p;
}

typedef struct {
        Str before, after; /* of the line, newline included: what stands around "SEC.MS:SERIAL" */
        int64_t sec, ms, serial;
        bool stamped; /* else the whole line is in @before */
} Stamped;

static Stamped take_stamp(Str line) {
        static const char mark[] = "msg=audit(";
        const char *p = memmem(line.p, line.n, mark, sizeof(mark) - 1), *end = line.p + line.n, *q;
        Stamped s = { .before = line };

        if (!p)
                return s;
        p += sizeof(mark) - 1;
        q = scan_number(p, end, &s.sec);
        if (q == p || q == end || *q++ != '.')
                return s;
        q = scan_number(q, end, &s.ms);
        if (q == end || *q++ != ':')
                return s;
        q = scan_number(q, end, &s.serial);
        s.before.n = (size_t)(p - line.p);
        s.after = (Str){ q, (size_t)(end - q) };
        s.stamped = true;
        return s;
}

static Str take_line(Str *text) {
        const char *nl = memchr(text->p, '\n', text->n);
        Str line = { text->p, nl ? (size_t)(nl + 1 - text->p) : text->n };

        *text = (Str){ text->p + line.n, text->n - line.n };
        return line;
}

typedef struct {
        int64_t sec_min, sec_max, serial_min, serial_max;
} Span;

static Span find_span(Str text) {
        Span span = { INT64_MAX, 0, INT64_MAX, 0 };

        while (text.n) {
                Stamped s = take_stamp(take_line(&text));

                if (!s.stamped)
                        continue;
                span.sec_min = s.sec < span.sec_min ? s.sec : span.sec_min;
                span.sec_max = s.sec > span.sec_max ? s.sec : span.sec_max;
                span.serial_min = s.serial < span.serial_min ? s.serial : span.serial_min;
                span.serial_max = s.serial > span.serial_max ? s.serial : span.serial_max;
        }
        return span;
}

/* Each pass starts 3 s after the end of the one before, so that no event of it is still open. */
int replay_capture(Buf *out, Str text, uint64_t n_records) {
        Span span = find_span(text);
        int64_t sec = 0, serial = 0;
        uint64_t n = 0;

        if (!text.n)
                return 0;
        for (; n < n_records && !out->failed; buf_maybe_flush(out)) {
                for (Str left = text; left.n && n < n_records; n++) {
                        Stamped s = take_stamp(take_line(&left));

                        buf_str(out, s.before);
                        if (!s.stamped)
                                continue;
                        buf_printf(out, "%lld.%03lld:%lld", (long long)(s.sec + sec), (long long)s.ms,
                                   (long long)(s.serial + serial));
                        buf_str(out, s.after);
                        buf_maybe_flush(out);
                }
                sec += span.sec_max - span.sec_min + 3;
                serial += span.serial_max - span.serial_min + 1;
        }
        return buf_flush(out);
}
