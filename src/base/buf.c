/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/buf.h"

void buf_attach(Buf *b, int fd) { b->fd = fd; }

void buf_done(Buf *b) {
        free(b->p);
        *b = BUF_INIT;
}

static char *fail(Buf *b, int error) {
        if (!b->failed)
                b->error = error;
        b->failed = true;
        return NULL;
}

char *buf_grow(Buf *b, size_t n) {
        size_t want, cap;
        char *p;

        if (b->failed)
                return NULL;
        if (__builtin_add_overflow(b->n, n, &want) || want > SIZE_MAX / 2)
                return fail(b, ENOMEM);
        for (cap = b->cap ? b->cap : 256; cap < want;)
                cap *= 2;
        p = realloc(b->p, cap);
        if (!p)
                return fail(b, ENOMEM);
        b->p = p;
        b->cap = cap;
        return b->p + b->n;
}

void buf_u64(Buf *b, uint64_t v) {
        char t[20];
        size_t i = sizeof(t);

        do
                t[--i] = (char)('0' + v % 10);
        while (v /= 10);
        buf_put(b, t + i, sizeof(t) - i);
}

void buf_vprintf(Buf *b, const char *fmt, va_list ap) {
        va_list again;
        int n;

        va_copy(again, ap);
        n = vsnprintf(NULL, 0, fmt, ap);
        if (n >= 0 && buf_reserve(b, (size_t)n + 1)) {
                vsnprintf(b->p + b->n, (size_t)n + 1, fmt, again);
                b->n += (size_t)n;
        }
        va_end(again);
}

void buf_printf(Buf *b, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(b, fmt, ap);
        va_end(ap);
}

const char *buf_z(Buf *b) {
        char *end = buf_reserve(b, 1);

        if (!end || b->failed)
                return NULL;
        *end = 0;
        return b->p;
}

static int wait_writable(int fd) {
        struct pollfd pfd = { .fd = fd, .events = POLLOUT };

        return poll(&pfd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

int buf_flush(Buf *b) {
        size_t done = 0;
        int r = 0;

        while (done < b->n && !r) {
                ssize_t w = write(b->fd, b->p + done, b->n - done);

                if (w >= 0)
                        done += (size_t)w;
                else if (errno == EAGAIN)
                        r = wait_writable(b->fd);
                else if (errno != EINTR)
                        r = -errno;
        }
        b->n = 0;
        if (r)
                fail(b, -r);
        return b->failed ? -b->error : 0;
}
