/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "source/source-ops.h"

static const SourceOps *const kinds[] = { &source_stdin, &source_unix, &source_file, &source_netlink };

const CounterDesc source_counter_descs[] = {
        { "source_reconnects", "connections made after the first", offsetof(SourceCounters, reconnects),
          false },
        { "source_missed", "serials passed over while there was no connection",
          offsetof(SourceCounters, missed), true },
        { "source_overruns", "times the kernel dropped records because we were slow",
          offsetof(SourceCounters, overruns), true },
        { "source_foreign", "messages dropped that the kernel did not send",
          offsetof(SourceCounters, foreign), true },
        { "source_cut", "records cut because they are too long", offsetof(SourceCounters, cut), true },
        { "source_bad_frames", "places in a binary stream where no header stood",
          offsetof(SourceCounters, bad_frames), true },
        { "source_skipped_bytes", "bytes of a binary stream lost there",
          offsetof(SourceCounters, skipped_bytes), true },
        { "source_rotations", "times another file took the place of the one that was read",
          offsetof(SourceCounters, rotations), false },
        { "source_rotations_missed", "times the file that was read was not among the rotated ones",
          offsetof(SourceCounters, rotations_missed), true },
        { "source_truncations", "times a file was shorter than what had been read",
          offsetof(SourceCounters, truncations), true },
};
const size_t source_n_counter_descs = ARRAY_SIZE(source_counter_descs);

static const SourceOps *find(const char *spec, const char **ret_path) {
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
                size_t n = strlen(kinds[i]->name);

                if (strncmp(spec, kinds[i]->name, n) != 0)
                        continue;
                if (!kinds[i]->has_path && !spec[n]) {
                        *ret_path = NULL;
                        return kinds[i];
                }
                if (kinds[i]->has_path && spec[n] == ':' && spec[n + 1]) {
                        *ret_path = spec + n + 1;
                        return kinds[i];
                }
        }
        return NULL;
}

bool source_spec_valid(const char *spec, const char **ret_why) {
        const char *path;

        if (find(spec, &path))
                return true;
        *ret_why = "a source is stdin, file:PATH, unix:PATH or netlink";
        return false;
}

static int open_kind(Source **ret, const SourceOps *ops, const char *path, int fd,
                     const SourceOptions *options) {
        static const SourceOptions none = { 0 };
        Source *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->ops = ops;
        s->fd = fd;
        r = ops->open(s, path, options ? options : &none);
        if (r < 0) {
                free(s);
                return r;
        }
        *ret = s;
        return 0;
}

int source_open(Source **ret, const char *spec, const SourceOptions *options) {
        const char *path;
        const SourceOps *ops = find(spec, &path);

        return ops ? open_kind(ret, ops, path, STDIN_FILENO, options) : -EINVAL;
}

int source_from_fd(Source **ret, int fd, const SourceOptions *options) {
        return open_kind(ret, &source_stdin, NULL, fd, options);
}

Source *source_close(Source *s) {
        if (s) {
                s->ops->close(s);
                free(s);
        }
        return NULL;
}

int source_fd(const Source *s) { return s->fd; }
bool source_is_live(const Source *s) { return s->live; }
bool source_is_socket(const Source *s) { return s->is_socket; }
ssize_t source_read(void *source, char *into, size_t room) {
        return ((Source *)source)->ops->read(source, into, room);
}
bool source_place(const Source *s, SourcePlace *ret) { return s->ops->place && s->ops->place(s, ret); }
int source_place_fd(const Source *s) { return s->ops->file ? s->ops->file(s) : -1; }
int64_t source_held(const Source *s) { return s->ops->held ? s->ops->held(s) : 0; }
const SourceCounters *source_counters(const Source *s) { return &s->counters; }

size_t source_format(char *into, size_t room, unsigned type, const char *text, size_t n, bool with_type) {
        const char *nul = memchr(text, 0, n), *name;
        int head = 0;

        if (nul)
                n = (size_t)(nul - text);
        while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
                n--;
        if (room < n + 64)
                return 0;
        if (with_type) {
                name = audit_msg_type_to_name((int)type);
                head = name ? snprintf(into, room, "type=%s msg=", name)
                            : snprintf(into, room, "type=UNKNOWN[%u] msg=", type);
                if (head < 0 || (size_t)head + n + 1 > room)
                        return 0;
        }
        memcpy(into + head, text, n);
        for (char *p = into + head; (p = memchr(p, '\n', (size_t)(into + head + n - p)));)
                *p = ' ';
        into[(size_t)head + n] = '\n';
        return (size_t)head + n + 1;
}
