/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <unistd.h>
#include "source/kernel-audit.h"

int kernel_audit_open(void) {
        const struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
        int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);

        if (fd >= 0 && bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return -errno;
}

int kernel_audit_ask(int fd) {
        const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
        const struct nlmsghdr question = { .nlmsg_len = sizeof(question),
                                           .nlmsg_type = AUDIT_GET,
                                           .nlmsg_flags = NLM_F_REQUEST };

        return sendto(fd, &question, sizeof(question), MSG_DONTWAIT, (const struct sockaddr *)&kernel,
                      sizeof(kernel)) < 0
                       ? -errno
                       : 0;
}

int kernel_audit_read(int fd, KernelAudit *ret) {
        struct {
                struct nlmsghdr head;
                union {
                        struct nlmsgerr error;
                        struct audit_status status;
                        char room[256]; /* later kernels say more */
                };
        } answer = { 0 };
        struct sockaddr_nl from = { 0 };
        socklen_t from_n = sizeof(from);
        ssize_t n = recvfrom(fd, &answer, sizeof(answer), MSG_DONTWAIT, (struct sockaddr *)&from, &from_n);

        if (n < 0)
                return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -errno;
        if (from.nl_pid != 0 || (size_t)n < sizeof(answer.head))
                return 0;
        n -= (ssize_t)sizeof(answer.head);
        if (answer.head.nlmsg_type == NLMSG_ERROR && (size_t)n >= sizeof(answer.error.error))
                return answer.error.error;
        if (answer.head.nlmsg_type != AUDIT_GET ||
            (size_t)n < offsetof(struct audit_status, backlog) + sizeof(answer.status.backlog))
                return 0;
        *ret = (KernelAudit){ .lost = answer.status.lost,
                              .backlog = answer.status.backlog,
                              .backlog_limit = answer.status.backlog_limit };
        return 1;
}
