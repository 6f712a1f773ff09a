/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/stat.h>
#include <unistd.h>
#include "base/str.h"
#include "source/file-time.h"

#define BLOCK 65536u

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

/* The first line that starts at or behind @at (at a line's start only when @at is 0) and has a time. */
static int64_t first_time(int fd, uint64_t at, uint64_t *ret_offset) {
        char buf[BLOCK];
        ssize_t n = pread(fd, buf, sizeof(buf), (off_t)at);
        char *p = buf, *end = buf + (n > 0 ? n : 0), *nl;

        if (at) {
                p = memchr(p, '\n', (size_t)(end - p));
                p = p ? p + 1 : end;
        }
        for (; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) {
                int64_t sec = time_of(p, (size_t)(nl - p));

                if (sec == INT64_MIN)
                        continue;
                *ret_offset = at + (uint64_t)(p - buf);
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
