/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The file sink: one line of JSON an alert, appended to a regular file.
 *
 * A line is in the file whole or not at all: what could be written of it when the disk is full is taken back.
 * Before each line the path is held against the file that is open, so that a file moved away (logrotate) is left
 * to whoever moved it. One writer: two programs that append to the same file could take back each other's lines. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sink/sink.h"

#define MODE      "0640"
#define KEEP      5u
#define KEEP_MAX  1000u
#define WHY_BYTES 256u

typedef struct {
        const char *path;
        mode_t mode;
        uint64_t max_size; /* 0: no rotation */
        unsigned keep;
        bool sync, records;
        int fd;         /* -1: not open */
        struct stat is; /* of fd, when it was opened */
        bool torn;      /* the file may end within a line */
        char why[WHY_BYTES];
} File;

static bool read_mode(Str text, mode_t *ret) {
        mode_t mode = 0;

        if (!text.n || text.n > 4)
                return false;
        for (size_t i = 0; i < text.n; i++) {
                if (text.p[i] < '0' || text.p[i] > '7')
                        return false;
                mode = mode * 8 + (mode_t)(text.p[i] - '0');
        }
        *ret = mode;
        return mode <= 0777;
}

static const char *check_mode(const SinkSetting *setting) {
        mode_t mode;

        return read_mode(setting->values[0], &mode) ? NULL : "must be octal, as 0640";
}

static const char *check_path(const SinkSetting *setting) {
        Str path = setting->values[0];

        return path.n && path.n < PATH_MAX - 8 ? NULL : "must be the path of a file";
}

static const char *check_keep(const SinkSetting *setting) {
        return setting->number <= KEEP_MAX ? NULL : "must be at most 1000";
}

static int open_file_sink(Sink *sink, const SinkConf *conf) {
        File *f = calloc(1, sizeof(*f));

        if (!f)
                return -ENOMEM;
        f->path = sink_conf_text(conf, "path", STR("")).p;
        (void)read_mode(sink_conf_text(conf, "mode", STR(MODE)), &f->mode);
        f->keep = (unsigned)sink_conf_number(conf, "keep", KEEP);
        f->max_size = sink_conf_number(conf, "max_size", 0);
        f->sync = sink_conf_flag(conf, "sync", false);
        f->records = sink_conf_flag(conf, "records", false);
        f->fd = -1;
        sink_set_state(sink, f);
        return 0;
}

static void close_fd(File *f) {
        if (f->fd >= 0)
                close(f->fd);
        f->fd = -1;
}

static int fault(File *f, const char *what, int r) {
        snprintf(f->why, sizeof(f->why), "%s%s: %s", f->path, what,
                 r == -ELOOP ? "is a symbolic link" : strerror(-r));
        return r;
}

/* A new name survives a power cut only once its directory is written. */
static void sync_directory(const File *f) {
        const char *slash = strrchr(f->path, '/');
        char folder[PATH_MAX] = ".";
        int fd;

        if (slash)
                snprintf(folder, sizeof(folder), "%.*s", (int)(slash == f->path ? 1 : slash - f->path),
                         f->path);
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return;
        (void)fsync(fd);
        close(fd);
}

/* With the mode that was asked for, whatever the umask. */
static int create(const File *f) {
        int fd = open(f->path, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), r;

        if (fd < 0)
                return -errno;
        if (fchmod(fd, f->mode) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        if (f->sync)
                sync_directory(f);
        return fd;
}

/* O_NONBLOCK: a FIFO that nobody reads would hold us. It means nothing to a regular file. */
static int open_or_create(const File *f) {
        for (int i = 0;; i++) {
                int fd = open(f->path, O_RDWR | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

                if (fd >= 0)
                        return fd;
                if (errno != ENOENT)
                        return -errno;
                fd = create(f);
                if (fd != -EEXIST || i)
                        return fd;
        }
}

static bool ends_within_line(const File *f) {
        char last;

        return f->is.st_size > 0 && pread(f->fd, &last, 1, f->is.st_size - 1) == 1 && last != '\n';
}

static int open_path(File *f) {
        int fd = open_or_create(f);

        if (fd < 0)
                return fault(f, "", fd);
        f->fd = fd;
        if (fstat(fd, &f->is) < 0 || !S_ISREG(f->is.st_mode)) {
                close_fd(f);
                snprintf(f->why, sizeof(f->why), "%s: is not a regular file", f->path);
                return -EINVAL;
        }
        f->torn = ends_within_line(f);
        return 0;
}

/* The file that the path means now, and its size. */
static int ensure_open(File *f, off_t *ret_size) {
        struct stat now;
        int r = 0;

        if (f->fd < 0 || lstat(f->path, &now) < 0 || now.st_dev != f->is.st_dev ||
            now.st_ino != f->is.st_ino) {
                close_fd(f);
                r = open_path(f);
                now = f->is;
        }
        *ret_size = now.st_size;
        return r;
}

static void name_of(const File *f, unsigned i, char name[static PATH_MAX]) {
        if (i)
                snprintf(name, PATH_MAX, "%s.%u", f->path, i);
        else
                snprintf(name, PATH_MAX, "%s", f->path);
}

/* PATH becomes PATH.1, PATH.1 becomes PATH.2, and so on; the oldest goes. */
static int rotate(File *f) {
        char from[PATH_MAX], to[PATH_MAX];

        for (unsigned i = f->keep; i-- > 0;) {
                name_of(f, i, from);
                name_of(f, i + 1, to);
                if (rename(from, to) < 0 && errno != ENOENT)
                        return fault(f, " cannot be rotated", -errno);
        }
        if (!f->keep && unlink(f->path) < 0)
                return fault(f, " cannot be rotated", -errno);
        close_fd(f);
        return open_path(f);
}

static int write_all(int fd, Str s) {
        while (s.n) {
                ssize_t n = write(fd, s.p, s.n);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -EIO;
                s.p += n;
                s.n -= (size_t)n;
        }
        return 0;
}

/* The whole line, or nothing of it. */
static int append(File *f, Str line, off_t size) {
        int r = f->torn ? write_all(f->fd, STR("\n")) : 0;

        if (r == 0)
                r = write_all(f->fd, line);
        if (r == 0 && f->sync && fdatasync(f->fd) < 0)
                r = -errno;
        if (r == 0) {
                f->torn = false;
                return 0;
        }
        if (ftruncate(f->fd, size) < 0)
                f->torn = true; /* chattr +a */
        return fault(f, "", r);
}

static int write_line(File *f, Str line) {
        off_t size;
        int r = ensure_open(f, &size);

        if (r < 0)
                return r;
        if (f->max_size && size && (uint64_t)size + line.n > f->max_size) {
                r = rotate(f);
                if (r < 0 && f->fd < 0)
                        return r;
                if (r == 0)
                        size = f->is.st_size;
        }
        return append(f, line, size);
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        File *f = sink_state(sink);
        Buf line = BUF_INIT;
        char why[WHY_BYTES];
        int r;

        if (f->records)
                alert_json_records(&line, alert);
        else
                alert_json(&line, alert);
        f->why[0] = '\0';
        r = line.failed ? fault(f, "", -ENOMEM) : write_line(f, buf_view(&line));
        buf_done(&line);
        memcpy(why, f->why, sizeof(why)); /* settling may submit the next one */
        sink_settle(sink, id, r < 0 ? SINK_RETRY : SINK_DELIVERED, why);
        return 0;
}

static int write_lines(Sink *sink, Str node, Str lines, size_t *ret_n) {
        File *f = sink_state(sink);
        uint64_t n = 0;

        if (write_line(f, lines) < 0)
                return SINK_E_BUSY;
        for (const char *p = lines.p, *end = p + lines.n; p < end;
             p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1)
                n++;
        sink_lines_written(sink, n);
        *ret_n = lines.n;
        return 0;
}

static void close_file_sink(Sink *sink) {
        File *f = sink_state(sink);

        close_fd(f);
        free(f);
}

static const SinkOption options[] = {
        { .name = "path", .kind = SINK_PATH, .required = true, .check = check_path },
        { .name = "mode", .kind = SINK_TEXT, .check = check_mode },
        { .name = "max_size", .kind = SINK_SIZE },
        { .name = "keep", .kind = SINK_NUMBER, .check = check_keep },
        { .name = "sync", .kind = SINK_BOOL },
        { .name = "records", .kind = SINK_BOOL },
};

const SinkOps sink_file = { .type = "file",
                            .options = options,
                            .n_options = ARRAY_SIZE(options),
                            .open = open_file_sink,
                            .submit = submit,
                            .lines = write_lines,
                            .close = close_file_sink };
