/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "source/file-time.h"
#include "source/forged.h"

#define BLOCK  65536u
#define BEFORE 2048u /* more than a SOCKADDR record and what its path can add */

/* A line that is longer is dropped by who reads it, unless told to take such (line.h). */
#define LINE_BEFORE (16u << 20)

/* The second in "msg=audit(SEC.MS:SERIAL)" of a line; INT64_MIN: none. */
static int64_t time_of(const char *line, size_t n) {
        static const char mark[] = "msg=audit(";
        const char *p = memmem(line, n, mark, sizeof(mark) - 1), *end = line + n;
        int64_t sec = 0;

        if (!p)
                return INT64_MIN;
        for (p += sizeof(mark) - 1; p < end && *p >= '0' && *p <= '9'; p++) {
                if (sec > INT64_MAX / 100)
                        return INT64_MIN;
                sec = sec * 10 + (*p - '0');
        }
        return p < end && *p == '.' ? sec : INT64_MIN;
}

/* True: what a log says there is a record, or the remains of one, and no part of the path of a socket. */
static bool is_true(Forged *forged, Str line) {
        const char *body;

        if (forged->n && forged_take(forged, line))
                return false;
        body = memmem(line.p, line.n, "type=SOCKADDR ", 14) ? memmem(line.p, line.n, "saddr=", 6) : NULL;
        if (body)
                forged_begin(forged, line, (size_t)(body - line.p));
        return true;
}

/* The first line that starts at or behind @at and has a time. The lines before it tell whether it is forged. */
static int64_t first_time(int fd, uint64_t at, uint64_t *ret_offset) {
        uint64_t from = at > BEFORE ? at - BEFORE : 0;
        char buf[BEFORE + BLOCK];
        ssize_t n = pread(fd, buf, sizeof(buf), (off_t)from);
        char *p = buf, *end = buf + (n > 0 ? n : 0), *nl;
        Forged forged = { .n = 0 };

        if (from) {
                p = memchr(p, '\n', (size_t)(end - p));
                p = p ? p + 1 : end;
        }
        for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
                Str line = { p, (size_t)(nl - p) };
                int64_t sec = is_true(&forged, line) ? time_of(line.p, line.n) : INT64_MIN;

                if (sec == INT64_MIN || from + (uint64_t)(p - buf) < at)
                        continue;
                *ret_offset = from + (uint64_t)(p - buf);
                return sec;
        }
        return INT64_MIN;
}

int64_t file_first_time(int fd) {
        uint64_t offset;

        return first_time(fd, 0, &offset);
}

uint64_t file_find_time(int fd, int64_t sec) {
        struct stat st;
        uint64_t low = 0, high, best = 0;

        if (fstat(fd, &st) < 0)
                return 0;
        high = (uint64_t)st.st_size;
        while (high - low > BLOCK) {
                uint64_t middle = low + (high - low) / 2, offset;
                int64_t found = first_time(fd, middle, &offset);

                if (found == INT64_MIN) {
                        high = middle; /* nothing readable there: look before it */
                } else if (found < sec - FILE_TIME_SLACK) {
                        low = middle;
                        best = offset;
                } else {
                        high = middle;
                }
        }
        return best;
}

/* Where the line begins that @end is inside of, as far as LINE_BEFORE back. */
static uint64_t line_start(int fd, uint64_t end) {
        const uint64_t first = end > LINE_BEFORE ? end - LINE_BEFORE : 0;
        char buf[BLOCK];

        while (end > first) {
                uint64_t from = end - first > sizeof(buf) ? end - sizeof(buf) : first;
                ssize_t n = pread(fd, buf, (size_t)(end - from), (off_t)from);
                const char *nl = n > 0 ? memrchr(buf, '\n', (size_t)n) : NULL;

                if (nl)
                        return from + (uint64_t)(nl + 1 - buf);
                end = from;
        }
        return first;
}

uint64_t file_find_end(int fd) {
        char buf[BLOCK];
        struct stat st;
        uint64_t from, begun;
        Forged forged = { .n = 0 };
        char *p = buf, *end, *nl;
        ssize_t n;

        if (fstat(fd, &st) < 0)
                return 0;
        from = st.st_size > (off_t)sizeof(buf) ? (uint64_t)st.st_size - sizeof(buf) : 0;
        n = pread(fd, buf, sizeof(buf), (off_t)from);
        end = buf + (n > 0 ? n : 0);
        if (from) {
                p = memchr(p, '\n', (size_t)(end - p));
                if (!p)
                        return line_start(fd, from);
                p++;
        }
        begun = from + (uint64_t)(p - buf);
        for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1)
                if (is_true(&forged, (Str){ p, (size_t)(nl - p) }))
                        begun = from + (uint64_t)(p - buf);
        return forged.n ? begun : from + (uint64_t)(p - buf);
}
