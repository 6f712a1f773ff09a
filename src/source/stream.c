/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lines, or auditd's binary frames; which of them, its start tells. */
#include <errno.h>
#include <unistd.h>
#include "source/source-ops.h"

static ssize_t read_some(const Stream *stream, char *into, size_t room) {
        return stream->read ? stream->read(stream->read_data, stream->fd, into, room)
                            : read(stream->fd, into, room);
}

/* The first bytes turned out to be frames. */
static int to_binary(Stream *stream, SourceCounters *counters, const char *bytes, size_t n) {
        int r = stream->spare ? 0 : binary_new(&stream->spare, counters);
        size_t room;

        if (r < 0) {
                errno = -r;
                return -1;
        }
        stream->binary = stream->spare;
        stream->spare = NULL;
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
                size_t n = binary_lines(stream->binary, into, room), space, most;
                char *p;
                ssize_t k;

                if (n)
                        return (ssize_t)n;
                p = binary_space(stream->binary, &space);
                most = binary_most(stream->binary, room);
                k = read_some(stream, p, most < space ? most : space);
                if (k <= 0)
                        return k;
                binary_add(stream->binary, (size_t)k);
        }
}

/* The stream ended, or goes on, as text. */
static ssize_t give_head(Stream *stream, char *into) {
        ssize_t n = stream->n_head;

        memcpy(into, stream->head, stream->n_head);
        stream->n_head = 0;
        stream->started = true;
        return n;
}

/* No text that is one begins with ver: 0 or 1; big-endian machines: its first byte is 0. */
static bool may_be_binary(const char *p) { return (unsigned char)*p <= 1; }

/* No more the first time than a Binary can make lines of in @room. */
static ssize_t read_start(Stream *stream, SourceCounters *counters, char *into, size_t room) {
        for (;;) {
                ssize_t n = read_some(stream, into + stream->n_head, room / 4 < 32768 ? room / 4 : 32768);

                if (n == 0 && stream->n_head)
                        return give_head(stream, into);
                if (n <= 0)
                        return n;
                memcpy(into, stream->head, stream->n_head);
                n += stream->n_head;
                if (may_be_binary(into) && n < (ssize_t)BINARY_HEADER) {
                        memcpy(stream->head, into, (size_t)n);
                        stream->n_head = (unsigned)n;
                        continue;
                }
                stream->n_head = 0;
                stream->started = true;
                if (!may_be_binary(into) || !binary_starts(into))
                        return n;
                return to_binary(stream, counters, into, (size_t)n) < 0 ? -1
                                                                        : read_binary(stream, into, room);
        }
}

ssize_t stream_read(Stream *stream, SourceCounters *counters, char *into, size_t room) {
        if (stream->binary)
                return read_binary(stream, into, room);
        return stream->started ? read_some(stream, into, room) : read_start(stream, counters, into, room);
}

int64_t stream_held(const Stream *stream) {
        return stream->binary ? binary_held(stream->binary) : stream->n_head;
}

void stream_restart(Stream *stream, SourceCounters *counters) {
        int64_t held = stream_held(stream);

        if (held > 0 && held < INT64_MAX)
                counters->skipped_bytes += (uint64_t)held;
        stream->started = false;
        if (!stream->binary)
                return;
        binary_restart(stream->binary);
        stream->spare = stream->binary;
        stream->binary = NULL;
}

void stream_reset(Stream *stream, int fd) {
        binary_free(stream->binary);
        binary_free(stream->spare);
        *stream = (Stream){ .fd = fd };
}
