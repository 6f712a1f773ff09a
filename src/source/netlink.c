/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's multicast group of audit records (AUDIT_NLGRP_READLOG of linux/audit.h; needs CAP_AUDIT_READ).
 *
 * A datagram is a header and the record's text, without its type's name. The kernel drops for a receiver
 * that is slow and says so once (ENOBUFS): how many records is not known, that it happened is counted. */
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "source/source-ops.h"

#define TEXT_MAX  8970u /* MAX_AUDIT_MESSAGE_LENGTH of libaudit.h */
#define LINE_ROOM (TEXT_MAX + 64)
#define BUFFER    (8 << 20) /* asked for; the kernel gives what net.core.rmem_max allows */
#define BATCH     64u

typedef struct {
        struct nlmsghdr head;
        char text[TEXT_MAX + 1];
} Datagram;

static int open_netlink(Source *s, const char *path, const SourceOptions *options) {
        struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = 1u << (AUDIT_NLGRP_READLOG - 1) };
        int size = BUFFER, r;

        s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);
        if (s->fd < 0)
                return -errno;
        if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
                setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
        if (bind(s->fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
                r = -errno;
                close(s->fd);
                return r;
        }
        s->state = malloc(sizeof(Datagram));
        if (!s->state) {
                close(s->fd);
                return -ENOMEM;
        }
        s->live = true;
        return 0;
}

/* One datagram; 1: @ret_n bytes of text are there, 0: it is to be passed over, -1 and errno. */
static int receive(Source *s, size_t *ret_n) {
        Datagram *d = s->state;
        struct sockaddr_nl from = { 0 };
        socklen_t from_n = sizeof(from);
        ssize_t n = recvfrom(s->fd, d, sizeof(*d), MSG_TRUNC, (struct sockaddr *)&from, &from_n);

        if (n < 0 && errno == ENOBUFS) {
                s->counters.overruns++;
                return 0;
        }
        if (n < 0)
                return -1;
        if (from.nl_pid != 0 || (size_t)n < sizeof(d->head)) {
                s->counters.foreign++;
                return 0;
        }
        if ((size_t)n > sizeof(*d)) {
                s->counters.cut++;
                n = sizeof(*d);
        }
        *ret_n = (size_t)n - sizeof(d->head); /* older kernels' nlmsg_len is not to be trusted */
        return 1;
}

static ssize_t read_netlink(Source *s, char *into, size_t room) {
        Datagram *d = s->state;
        size_t used = 0;

        for (unsigned i = 0; i < BATCH && room - used >= LINE_ROOM; i++) {
                size_t n;
                int r = receive(s, &n);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return used ? (ssize_t)used : -1;
                if (r > 0)
                        used += source_format(into + used, room - used, d->head.nlmsg_type, d->text, n, true);
        }
        if (used)
                return (ssize_t)used;
        errno = EAGAIN;
        return -1;
}

static void close_netlink(Source *s) {
        close(s->fd);
        free(s->state);
}

const SourceOps source_netlink = {
        .name = "netlink", .open = open_netlink, .read = read_netlink, .close = close_netlink
};
