/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines, or auditd's binary frames; which of them, the first byte tells. */
#include <errno.h>
#include <unistd.h>
#include "source/source-ops.h"

static ssize_t read_some(const Stream *stream, char *into, size_t room) {
        return stream->read ? stream->read(stream->read_data, stream->fd, into, room)
                            : read(stream->fd, into, room);
}

/* The first bytes turned out to be frames. */
static int to_binary(Stream *stream, SourceCounters *counters, const char *bytes, size_t n) {
        int r = binary_new(&stream->binary, counters);
        size_t room;

        if (r < 0) {
                errno = -r;
                return -1;
        }
        while (n) {
                char *space = binary_space(stream->binary, &room);
                size_t k = n < room ? n : room;

                memcpy(space, bytes, k);
                binary_add(stream->binary, k);
                bytes += k;
                n -= k;
        }
        return 0;
}

static ssize_t read_binary(Stream *stream, char *into, size_t room) {
        for (;;) {
                size_t n = binary_lines(stream->binary, into, room), space;
                char *p;
                ssize_t k;

                if (n)
                        return (ssize_t)n;
                p = binary_space(stream->binary, &space);
                k = read_some(stream, p, space);
                if (k <= 0)
                        return k;
                binary_add(stream->binary, (size_t)k);
        }
}

ssize_t stream_read(Stream *stream, SourceCounters *counters, char *into, size_t room) {
        ssize_t n;

        if (stream->binary)
                return read_binary(stream, into, room);
        /* the first time no more than the room of a Binary, should it be one */
        n = read_some(stream, into, stream->started || room < 65536 ? room : 65536);
        if (n <= 0 || stream->started)
                return n;
        stream->started = true;
        if (!binary_starts(into, (size_t)n))
                return n;
        if (to_binary(stream, counters, into, (size_t)n) < 0)
                return -1;
        return read_binary(stream, into, room);
}

void stream_reset(Stream *stream, int fd) {
        binary_free(stream->binary);
        *stream = (Stream){ .fd = fd };
}
