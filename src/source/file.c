/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Follows a log file as auditd writes it.
 *
 * auditd rotates by renaming: audit.log becomes audit.log.1, that .2 and so on, and a new audit.log is made
 * (auditd-event.c: rotate_logs()). At the end of what we have open we look whether PATH is another file now; if
 * so, ours is looked for among PATH.1, PATH.2 … and all younger ones are read before the new PATH. A file
 * that became shorter is read from its start; one that was removed is read on as long as it is open, and then the oldest of those
 * that were written to later. inotify on the folder says when to look; where it cannot be had, a timer does. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "source/file-time.h"
#include "source/source-ops.h"

#define ROTATED_MAX 999u /* auditd.conf(5): num_logs */
#define LOOK_MS     1000u
#define RENAME_MS   20u /* for auditd to rename them all */

typedef struct {
        char *path;
        int file, kick, notify, timer; /* -1: none */
        uint64_t dev, ino, offset;
        unsigned n_older; /* files PATH.n … PATH.1 that come before PATH itself */
        char last;        /* byte given out */
        bool torn;        /* the line that was given out last goes on nowhere: it needs an end */
} File;

static ssize_t nothing_now(void) {
        errno = EAGAIN;
        return -1;
}

static int watch(Source *s, int fd) {
        struct epoll_event e = { .events = EPOLLIN };

        return epoll_ctl(s->fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static void set_kick(File *f) { (void)!write(f->kick, &(uint64_t){ 1 }, sizeof(uint64_t)); }

static void clear(int fd) {
        char waste[4096];

        while (fd >= 0 && read(fd, waste, sizeof(waste)) > 0)
                ;
}

/* PATH, or PATH.n; -errno. */
static int open_number(const File *f, unsigned n) {
        char *name = NULL;
        int fd;

        if (n && asprintf(&name, "%s.%u", f->path, n) < 0)
                return -ENOMEM;
        fd = open(n ? name : f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0)
                fd = -errno;
        free(name);
        return fd;
}

/* Takes the descriptor. */
static int use(File *f, int fd, uint64_t offset) {
        struct stat st;

        int r = fstat(fd, &st) < 0    ? -errno
                : S_ISREG(st.st_mode) ? 0
                : S_ISDIR(st.st_mode) ? -EISDIR
                                      : -ENOTSUP;

        if (r < 0) {
                close(fd);
                return r;
        }
        if (f->file >= 0)
                close(f->file);
        f->file = fd;
        f->dev = st.st_dev;
        f->ino = st.st_ino;
        f->offset = offset;
        return 0;
}

static int use_number(File *f, unsigned n, uint64_t offset) {
        int fd = open_number(f, n);

        return fd < 0 ? fd : use(f, fd, offset);
}

static bool is_ours(const File *f, int fd) {
        struct stat st;

        return fstat(fd, &st) == 0 && st.st_dev == f->dev && st.st_ino == f->ino;
}

static unsigned look_for_ours(const File *f) {
        for (unsigned n = 1; n <= ROTATED_MAX; n++) {
                int fd = open_number(f, n);
                bool ours;

                if (fd < 0)
                        return 0;
                ours = is_ours(f, fd);
                close(fd);
                if (ours)
                        return n;
        }
        return 0;
}

/* Which PATH.n the open file has become; 0: none of them. While they are being renamed one number after the other is missing. */
static unsigned find_ours(const File *f) {
        unsigned n = look_for_ours(f);

        for (unsigned i = 0; !n && i < RENAME_MS; i++) {
                nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
                n = look_for_ours(f);
        }
        return n;
}

/* PATH.@n - 1, when PATH.@n is still the open file; else they were renamed meanwhile. */
static int open_younger(const File *f, unsigned n) {
        int fd = open_number(f, n - 1), same = fd < 0 ? -1 : open_number(f, n);
        bool still = same >= 0 && is_ours(f, same);

        if (same >= 0)
                close(same);
        if (still || fd < 0)
                return fd;
        close(fd);
        return -EAGAIN;
}

static bool is_younger(int fd, const struct timespec *than) {
        struct stat st;

        return fstat(fd, &st) == 0 &&
               (st.st_mtim.tv_sec > than->tv_sec ||
                (st.st_mtim.tv_sec == than->tv_sec && st.st_mtim.tv_nsec > than->tv_nsec));
}

/* Ours is none of them any more: the oldest that was written to after it was; PATH where there is none. */
static int open_oldest_younger(const File *f) {
        struct stat ours;
        int fd = open_number(f, 0);

        if (fd < 0 || fstat(f->file, &ours) < 0)
                return fd;
        for (unsigned n = 1; n <= ROTATED_MAX; n++) {
                int older = open_number(f, n);

                if (older < 0 || !is_younger(older, &ours.st_mtim)) {
                        if (older >= 0)
                                close(older);
                        break;
                }
                close(fd);
                fd = older;
        }
        return fd;
}

/* The end of the open file: is there a younger one? True: it is open now. */
static bool go_on(Source *s, File *f) {
        int fd = open_number(f, 0);
        bool missed;
        unsigned n;

        if (fd < 0)
                return false; /* removed, or not there yet: what we have open may still grow */
        if (is_ours(f, fd)) {
                close(fd);
                return false;
        }
        n = find_ours(f);
        missed = !n;
        if (n != 1)
                close(fd);
        if (!n)
                fd = open_oldest_younger(f);
        if (n > 1) {
                fd = open_younger(f, n);
                for (unsigned i = 0; fd < 0 && i < RENAME_MS && (n = find_ours(f)) > 1; i++)
                        fd = open_younger(f, n);
                if (fd < 0)
                        fd = open_number(f, 0);
        }
        if (fd < 0 || use(f, fd, 0) < 0)
                return false;
        s->counters.rotations++;
        s->counters.rotations_missed += missed;
        return true;
}

static void check_truncated(Source *s, File *f) {
        struct stat st;

        if (fstat(f->file, &st) == 0 && (uint64_t)st.st_size < f->offset) {
                s->counters.truncations++;
                f->offset = 0;
        }
}

static ssize_t give(File *f, char *into, size_t room) {
        ssize_t n = pread(f->file, into, room, (off_t)f->offset);

        if (n > 0) {
                f->offset += (uint64_t)n;
                f->last = into[n - 1];
        }
        return n;
}

/* A file that is behind us can end in the middle of a line. */
static ssize_t end_line(File *f, char *into) {
        into[0] = f->last = '\n';
        return 1;
}

static ssize_t at_end(Source *s, File *f, char *into, size_t room) {
        uint64_t n_rotations = s->counters.rotations;
        bool unended = f->last && f->last != '\n';
        ssize_t n;

        clear(f->notify);
        clear(f->timer);
        check_truncated(s, f);
        n = give(f, into, room); /* written before we looked */
        if (n)
                return n;
        if (go_on(s, f) && s->counters.rotations != n_rotations)
                return unended ? end_line(f, into) : give(f, into, room);
        (void)!read(f->kick, &(uint64_t){ 0 }, sizeof(uint64_t));
        return nothing_now();
}

static ssize_t read_file(Source *s, char *into, size_t room) {
        File *f = s->state;
        ssize_t n;

        if (f->file < 0 && use_number(f, 0, 0) < 0) {
                clear(f->notify);
                clear(f->timer);
                (void)!read(f->kick, &(uint64_t){ 0 }, sizeof(uint64_t));
                return nothing_now();
        }
        n = f->torn ? end_line(f, into) : give(f, into, room);
        f->torn = false;
        if (n == 0)
                n = at_end(s, f, into, room);
        if (n > 0)
                set_kick(f);
        return n ? n : nothing_now();
}

/* What is in it has begun by then. One that has just been made is empty, and says nothing. */
static bool begins_by(int fd, int64_t sec) {
        int64_t first = file_first_time(fd);

        return first != INT64_MIN && first <= sec;
}

/* The oldest file that has something of that time, and where in it. */
static int start_at_time(File *f, int64_t sec) {
        unsigned n = 0;
        int r, fd = open_number(f, 0);

        if (fd < 0)
                return fd;
        while (n < ROTATED_MAX && !begins_by(fd, sec)) {
                int older = open_number(f, n + 1);

                if (older < 0)
                        break;
                close(fd);
                fd = older;
                n++;
        }
        r = use(f, fd, 0);
        if (r == 0)
                f->offset = file_find_time(f->file, sec);
        return r;
}

/* The file of that place, whatever its name is now: a descriptor of its own, or -ENOENT. While files are being renamed one after the
 * other is missing. */
static int find_place(const File *f, const SourceOptions *options) {
        const File other = { .dev = options->place.dev, .ino = options->place.ino, .path = f->path };
        int fd;

        if (options->file >= 0 && is_ours(&other, options->file)) {
                fd = fcntl(options->file, F_DUPFD_CLOEXEC, 0);
                return fd < 0 ? -errno : fd;
        }
        fd = open_number(f, 0);
        if (fd >= 0 && is_ours(&other, fd))
                return fd;
        if (fd >= 0)
                close(fd);
        fd = open_number(f, find_ours(&other));
        if (fd >= 0 && is_ours(&other, fd))
                return fd;
        if (fd >= 0)
                close(fd);
        return -ENOENT;
}

/* What cannot be found any more is counted, and the reading goes on with what there is. */
static int start_at_place(Source *s, File *f, const SourceOptions *options) {
        int fd = find_place(f, options);

        f->last = options->unended ? ' ' : '\n';
        if (fd >= 0)
                return use(f, fd, options->place.offset);
        s->counters.rotations++;
        s->counters.rotations_missed++;
        f->torn = options->unended;
        fd = open_number(f, 0);
        return fd >= 0 ? use(f, fd, 0) : 0;
}

static int start(Source *s, File *f, const SourceOptions *options) {
        int r;

        if (options->from == SOURCE_FROM_PLACE)
                return start_at_place(s, f, options);
        if (options->from == SOURCE_FROM_TIME)
                return start_at_time(f, options->from_sec);
        r = use_number(f, 0, 0);
        if (r == 0 && options->from == SOURCE_FROM_END)
                f->offset = file_find_end(f->file);
        return r;
}

/* inotify of the folder, since the file comes and goes; else a timer. */
static int listen_for_changes(Source *s, File *f) {
        const char *slash = strrchr(f->path, '/');
        char *dir = slash ? strndup(f->path, slash == f->path ? 1 : (size_t)(slash - f->path)) : strdup(".");
        struct itimerspec every = { .it_interval.tv_sec = LOOK_MS / 1000, .it_value.tv_sec = LOOK_MS / 1000 };
        int r;

        if (!dir)
                return -ENOMEM;
        f->notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (f->notify >= 0 &&
            inotify_add_watch(f->notify, dir,
                              IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_ATTRIB) < 0) {
                close(f->notify);
                f->notify = -1;
        }
        free(dir);
        if (f->notify >= 0)
                return watch(s, f->notify);
        f->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (f->timer < 0 || timerfd_settime(f->timer, 0, &every, NULL) < 0)
                return -errno;
        r = watch(s, f->timer);
        return r;
}

static void close_file(Source *s) {
        File *f = s->state;
        const int fds[] = { f->file, f->kick, f->notify, f->timer, s->fd };

        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        free(f->path);
        free(f);
}

static int open_file(Source *s, const char *path, const SourceOptions *options) {
        File *f = calloc(1, sizeof(*f));
        int r;

        if (!f)
                return -ENOMEM;
        f->file = f->notify = f->timer = -1;
        f->path = strdup(path);
        f->kick = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        s->state = f;
        s->live = true;
        s->fd = epoll_create1(EPOLL_CLOEXEC);
        if (!f->path || f->kick < 0 || s->fd < 0)
                r = -ENOMEM;
        else
                r = start(s, f, options);
        if (r < 0 && options->again)
                r = 0; /* read_file() tries again */
        if (r == 0)
                r = watch(s, f->kick);
        if (r == 0)
                r = listen_for_changes(s, f);
        if (r < 0)
                close_file(s);
        return r;
}

static bool place_of_file(const Source *s, SourcePlace *ret) {
        const File *f = s->state;

        *ret = (SourcePlace){ f->dev, f->ino, f->offset };
        return true;
}

static int file_of_file(const Source *s) { return ((File *)s->state)->file; }

const SourceOps source_file = { .name = "file",
                                .has_path = true,
                                .open = open_file,
                                .read = read_file,
                                .close = close_file,
                                .place = place_of_file,
                                .file = file_of_file };
