/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What auditd writes to a plugin. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "source/source-ops.h"

/* epoll(7) refuses /dev/null as it does files; the number: Documentation/admin-guide/devices.txt */
static bool is_null(const struct stat *st) { return st->st_rdev == makedev(1, 3); }

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
        stream->fd = s->fd; /* s->fd is -1 for a regular file */
        stream->read = options->read;
        stream->read_data = options->read_data;
        s->state = stream;
        s->is_socket = S_ISSOCK(st.st_mode);
        s->live = s->is_socket || S_ISFIFO(st.st_mode) || (S_ISCHR(st.st_mode) && !is_null(&st));
        /* A terminal or a file is shared with others who would not expect it. */
        if (s->is_socket || S_ISFIFO(st.st_mode))
                fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
        if (!s->live)
                s->fd = -1;
        return 0;
}

static ssize_t read_stream(Source *s, char *into, size_t room) {
        return stream_read(s->state, &s->counters, into, room);
}

static int64_t held(const Source *s) { return stream_held(s->state); }

static void close_stream(Source *s) {
        stream_reset(s->state, -1);
        free(s->state);
}

const SourceOps source_stdin = {
        .name = "stdin", .open = open_stream, .read = read_stream, .close = close_stream, .held = held
};
