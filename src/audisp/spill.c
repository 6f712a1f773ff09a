/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "audisp/spill.h"

#define PIECE (256u << 10)

void spill_done(Spill *s) {
        if (s->fd >= 0)
                close(s->fd);
        buf_done(&s->last);
        *s = SPILL_INIT;
}

bool spill_has_room(const Spill *s) { return !s->last.n && (uint64_t)(s->to - s->from) < SPILL_MAX; }

static int make(Spill *s) {
        const char *dir = getenv("TMPDIR");
        char name[4096];
        int n;

        dir = dir && *dir == '/' ? dir : "/var/tmp";
        s->fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
        if (s->fd >= 0)
                return 0;
        n = snprintf(name, sizeof(name), "%s/audisp-run-XXXXXX",
                     dir); /* not every file system has O_TMPFILE */
        if (n < 0 || (size_t)n >= sizeof(name))
                return -ENAMETOOLONG;
        s->fd = mkostemp(name, O_CLOEXEC);
        if (s->fd < 0)
                return -errno;
        (void)unlink(name);
        return 0;
}

static int append(Spill *s, Str item) {
        off_t at = s->to;
        int r = s->fd < 0 ? make(s) : 0;

        while (r == 0 && item.n) {
                ssize_t k = pwrite(s->fd, item.p, item.n, at);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k <= 0)
                        return k < 0 ? -errno : -ENOSPC;
                item.p += k;
                item.n -= (size_t)k;
                at += k;
        }
        if (r == 0)
                s->to = at;
        return r;
}

int spill_put(Spill *s, Str item) {
        int r = append(s, item);

        if (r == 0)
                return 0;
        buf_str(&s->last, item);
        if (!s->last.failed)
                return r;
        buf_done(&s->last);
        return -ENOMEM;
}

/* How many whole items lie at the start of @p; *ret_bytes is where they end, *ret_next what the next needs. */
static int count_items(const char *p, size_t n, size_t *ret_bytes, size_t *ret_next) {
        size_t at = 0;
        uint32_t len = 0;
        int items = 0;

        *ret_next = sizeof(len);
        while (n - at >= sizeof(len)) {
                memcpy(&len, p + at, sizeof(len));
                *ret_next = sizeof(len) + len;
                if (n - at < *ret_next)
                        break;
                at += *ret_next;
                items++;
        }
        *ret_bytes = at;
        return items;
}

static ssize_t read_piece(Spill *s, Buf *into, size_t n) {
        char *p = buf_reserve(into, n);
        ssize_t k;

        if (!p)
                return -ENOMEM;
        do
                k = pread(s->fd, p, n, s->from);
        while (k < 0 && errno == EINTR);
        return k < 0 ? -errno : k;
}

static void give_back(Spill *s) {
        if (s->from == s->to) {
                (void)!ftruncate(s->fd, 0);
                s->from = s->to = s->freed = 0;
        } else if (s->from - s->freed >= (off_t)(16 * PIECE) &&
                   fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, s->freed,
                             s->from - s->freed) == 0) {
                s->freed = s->from;
        }
}

static int take_last(Spill *s, Buf *into) {
        if (!s->last.n)
                return 0;
        buf_str(into, buf_view(&s->last));
        buf_done(&s->last);
        return into->failed ? -ENOMEM : 1;
}

int spill_take(Spill *s, Buf *into) {
        size_t want = PIECE, bytes, next;
        int items = 0;

        if (s->from == s->to)
                return take_last(s, into);
        for (unsigned i = 0; i < 2 && !items; i++) {
                size_t left = (size_t)(s->to - s->from);
                ssize_t k = read_piece(s, into, want < left ? want : left);

                if (k <= 0)
                        return k < 0 ? (int)k : -EIO;
                items = count_items(into->p + into->n, (size_t)k, &bytes, &next);
                into->n += bytes;
                s->from += (off_t)bytes;
                want = next; /* one that is longer than a piece */
        }
        give_back(s);
        return items ? items : -EIO;
}
