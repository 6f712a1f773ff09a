/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What auditd's af_unix plugin offers: a stream socket that it writes its lines or frames to.
 *
 * It serves one client, and notices that one went only by the next record, which is lost (seen with auditd
 * 3.0.9); who comes second waits. What passed between two of our connections is counted by the serials: the last of one
 * and the first of the next. Serials are the kernel's, one for each event; those of other machines (node=) and of
 * auditd itself are counted apart and tell nothing. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>
#include "source/source-ops.h"

#define WAIT_MIN_MS 100u
#define WAIT_MAX_MS 5000u

typedef struct {
        struct sockaddr_un addr;
        Stream stream; /* of the connection; fd -1: none */
        int timer;
        unsigned wait_ms;
        bool reconnect;
        bool broken;     /* the last line has no end: give it one before the next connection's first */
        bool anew;       /* no serial has been seen since we connected */
        uint64_t serial; /* the last one that was seen; 0: none */
} Unix;

static int watch(Source *s, int fd) {
        struct epoll_event e = { .events = EPOLLIN };

        return epoll_ctl(s->fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

static int try_connect(Source *s, Unix *u) {
        int r = 0, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&u->addr, sizeof(u->addr)) < 0)
                r = -errno;
        if (r == 0)
                r = watch(s, fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        stream_reset(&u->stream, fd);
        u->anew = true;
        return 0;
}

static void wait_more(Unix *u) {
        struct itimerspec at = { .it_value = { u->wait_ms / 1000, u->wait_ms % 1000 * 1000000l } };

        timerfd_settime(u->timer, 0, &at, NULL);
        u->wait_ms = u->wait_ms * 2 < WAIT_MAX_MS ? u->wait_ms * 2 : WAIT_MAX_MS;
}

static void close_unix(Source *s) {
        Unix *u = s->state;

        if (u->stream.fd >= 0)
                close(u->stream.fd);
        stream_reset(&u->stream, -1);
        if (u->timer >= 0)
                close(u->timer);
        if (s->fd >= 0)
                close(s->fd);
        free(u);
}

static int open_unix(Source *s, const char *path, const SourceOptions *options) {
        Unix *u = calloc(1, sizeof(*u));
        int r = 0;

        if (!u)
                return -ENOMEM;
        *u = (Unix){ .addr.sun_family = AF_UNIX, .stream.fd = -1, .timer = -1, .wait_ms = WAIT_MIN_MS };
        u->reconnect = options->reconnect;
        s->state = u;
        s->live = s->is_socket = true;
        s->fd = epoll_create1(EPOLL_CLOEXEC);
        u->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (s->fd < 0 || u->timer < 0)
                r = -errno;
        else if (strlen(path) >= sizeof(u->addr.sun_path))
                r = -ENAMETOOLONG;
        if (r == 0) {
                strcpy(u->addr.sun_path, path);
                r = watch(s, u->timer);
        }
        if (r == 0)
                r = try_connect(s, u);
        if (r < 0 && r != -ENAMETOOLONG && options->again && u->timer >= 0) {
                wait_more(u);
                r = 0;
        }
        if (r < 0)
                close_unix(s);
        return r;
}

static ssize_t nothing_now(void) {
        errno = EAGAIN;
        return -1;
}

/* The other side has gone. */
static ssize_t lost(Unix *u, char *into) {
        close(u->stream.fd); /* epoll forgets it */
        stream_reset(&u->stream, -1);
        if (!u->reconnect)
                return 0;
        wait_more(u);
        if (!u->broken)
                return nothing_now();
        u->broken = false;
        into[0] = '\n';
        return 1;
}

static ssize_t connect_again(Source *s, Unix *u) {
        uint64_t n;

        (void)!read(u->timer, &n, sizeof(n));
        if (try_connect(s, u) < 0) {
                wait_more(u);
        } else {
                u->wait_ms = WAIT_MIN_MS;
                s->counters.reconnects++;
        }
        return nothing_now();
}

/* In "type=… msg=audit(SEC.MS:SERIAL): …"; 0: none that counts. */
static uint64_t serial_of(Str line) {
        const char *end = line.p + line.n, *p = memchr(line.p, '(', line.n < 64 ? line.n : 64);
        uint64_t serial = 0;

        if (!str_starts(line, STR("type=")) || str_starts(line, STR("type=DAEMON_")) || !p)
                return 0;
        p = memchr(p, ':', end - p < 32 ? (size_t)(end - p) : 32);
        for (; p && ++p < end && *p >= '0' && *p <= '9' && serial < UINT64_MAX / 10 - 1;)
                serial = serial * 10 + (uint64_t)(*p - '0');
        return p && p < end && *p == ')' ? serial : 0;
}

static void see_serial(Source *s, Unix *u, uint64_t serial) {
        if (u->anew) {
                if (u->serial && serial > u->serial + 1)
                        s->counters.missed += serial - u->serial - 1;
                u->anew = false;
                u->serial = serial;
        }
        if (serial > u->serial) /* events interleave by a few */
                u->serial = serial;
}

static void see_lines(Source *s, Unix *u, Str text) {
        for (bool whole = !u->broken; text.n; whole = true) {
                const char *nl = memchr(text.p, '\n', text.n);
                uint64_t serial = whole ? serial_of(text) : 0;

                if (serial)
                        see_serial(s, u, serial);
                if (!nl)
                        break;
                text = (Str){ nl + 1, (size_t)(text.p + text.n - nl - 1) };
        }
}

static ssize_t read_unix(Source *s, char *into, size_t room) {
        Unix *u = s->state;
        ssize_t n;

        if (u->stream.fd < 0)
                return connect_again(s, u);
        n = stream_read(&u->stream, &s->counters, into, room);
        if (n > 0) {
                see_lines(s, u, (Str){ into, (size_t)n });
                u->broken = into[n - 1] != '\n';
                return n;
        }
        if (n == 0 || errno == ECONNRESET)
                return lost(u, into);
        return -1;
}

const SourceOps source_unix = {
        .name = "unix", .has_path = true, .open = open_unix, .read = read_unix, .close = close_unix
};
