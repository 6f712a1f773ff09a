/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What auditd's af_unix plugin offers: a stream socket that it writes its lines to.
 *
 * It serves one client, and notices that one went only by the next record, which is lost (seen with auditd
 * 3.0.9). We cannot see that record; that we had to connect again is counted, and gaps in the serials tell the
 * rest. */
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
        int socket, timer; /* -1: none */
        unsigned wait_ms;
        bool reconnect;
        bool broken; /* the last line has no end: give it one before the next connection's first */
        char last;
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
        u->socket = fd;
        return 0;
}

static void wait_more(Unix *u) {
        struct itimerspec at = { .it_value = { u->wait_ms / 1000, u->wait_ms % 1000 * 1000000l } };

        timerfd_settime(u->timer, 0, &at, NULL);
        u->wait_ms = u->wait_ms * 2 < WAIT_MAX_MS ? u->wait_ms * 2 : WAIT_MAX_MS;
}

static void close_unix(Source *s) {
        Unix *u = s->state;

        if (u->socket >= 0)
                close(u->socket);
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
        *u = (Unix){ .addr.sun_family = AF_UNIX, .socket = -1, .timer = -1, .wait_ms = WAIT_MIN_MS };
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
        close(u->socket); /* epoll forgets it */
        u->socket = -1;
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

static ssize_t read_unix(Source *s, char *into, size_t room) {
        Unix *u = s->state;
        ssize_t n;

        if (u->socket < 0)
                return connect_again(s, u);
        n = read(u->socket, into, room);
        if (n > 0) {
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
