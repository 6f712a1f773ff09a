/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What auditd writes to a plugin: lines, or binary frames; which of them, the first byte tells. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "source/source-ops.h"

typedef struct {
        bool started;
        int own_fd; /* to read from; s->fd is -1 for a regular file */
        Binary *binary;
        ssize_t (*read)(void *read_data, int fd, char *into, size_t room);
        void *read_data;
} Stream;

static Stream *stream_of(const Source *s) { return s->state; }

static ssize_t read_plain(void *read_data, int fd, char *into, size_t room) { return read(fd, into, room); }

static int open_stream(Source *s, const char *path, const SourceOptions *options) {
        struct stat st;
        Stream *stream;

        if (fstat(s->fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        stream = calloc(1, sizeof(*stream));
        if (!stream)
                return -ENOMEM;
        stream->own_fd = s->fd;
        stream->read = options && options->read ? options->read : read_plain;
        stream->read_data = options ? options->read_data : NULL;
        s->state = stream;
        s->is_socket = S_ISSOCK(st.st_mode);
        s->live = s->is_socket || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode);
        /* A terminal or a file is shared with others who would not expect it. */
        if (s->is_socket || S_ISFIFO(st.st_mode))
                fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
        if (!s->live)
                s->fd = -1;
        return 0;
}

/* The first bytes turned out to be frames. */
static int to_binary(Source *s, const char *bytes, size_t n) {
        Stream *stream = stream_of(s);
        int r = binary_new(&stream->binary, &s->counters);
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
                k = stream->read(stream->read_data, stream->own_fd, p, space);
                if (k <= 0)
                        return k;
                binary_add(stream->binary, (size_t)k);
        }
}

static ssize_t read_stream(Source *s, char *into, size_t room) {
        Stream *stream = stream_of(s);
        ssize_t n;

        if (stream->binary)
                return read_binary(stream, into, room);
        /* the first time no more than the room of a Binary, should it be one */
        n = stream->read(stream->read_data, stream->own_fd, into,
                         stream->started || room < 65536 ? room : 65536);
        if (n <= 0 || stream->started)
                return n;
        stream->started = true;
        if (!binary_starts(into, (size_t)n))
                return n;
        if (to_binary(s, into, (size_t)n) < 0)
                return -1;
        return read_binary(stream, into, room);
}

static int64_t stream_held(const Source *s) {
        return stream_of(s)->binary ? binary_held(stream_of(s)->binary) : 0;
}

static void close_stream(Source *s) {
        binary_free(stream_of(s)->binary);
        free(s->state);
}

const SourceOps source_stdin = {
        .name = "stdin", .open = open_stream, .read = read_stream, .close = close_stream, .held = stream_held
};
