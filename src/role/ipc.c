/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "role/ipc.h"

#define SOCKET_BYTES (2 << 20)

/* The limit of net.core.wmem_max is for others than root; both ways are tried. */
static void widen(int sock) {
        int bytes = SOCKET_BYTES;

        if (setsockopt(sock, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
                setsockopt(sock, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int ipc_pair(int ret[2]) {
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret) < 0)
                return -errno;
        widen(ret[0]);
        widen(ret[1]);
        return 0;
}

int ipc_send(int sock, IpcType type, uint64_t a, uint64_t b, Str payload, int fd) {
        IpcHead head = { .type = type, .a = a, .b = b };
        struct iovec parts[2] = { { &head, sizeof(head) }, { (void *)(uintptr_t)payload.p, payload.n } };
        union {
                struct cmsghdr head;
                char bytes[CMSG_SPACE(sizeof(int))];
        } control = { 0 };
        struct msghdr message = { .msg_iov = parts, .msg_iovlen = payload.n ? 2 : 1 };
        ssize_t n;

        if (fd >= 0) {
                message.msg_control = &control;
                message.msg_controllen = sizeof(control.bytes);
                control.head.cmsg_level = SOL_SOCKET;
                control.head.cmsg_type = SCM_RIGHTS;
                control.head.cmsg_len = CMSG_LEN(sizeof(int));
                memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
        }
        do
                n = sendmsg(sock, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ENOBUFS ? -EAGAIN : -errno;
        return 0;
}

static int passed_fd(struct msghdr *message) {
        int fd = -1;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
                if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
                    c->cmsg_len == CMSG_LEN(sizeof(int)))
                        memcpy(&fd, CMSG_DATA(c), sizeof(int));
        return fd;
}

int ipc_receive(int sock, IpcRoom *room, IpcMessage *ret) {
        IpcHead head;
        struct iovec parts[2] = { { &head, sizeof(head) }, { room->bytes, IPC_PAYLOAD_MAX } };
        char control[CMSG_SPACE(sizeof(int))];
        struct msghdr message = {
                .msg_iov = parts, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof(control)
        };
        ssize_t n;
        int fd;

        do
                n = recvmsg(sock, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        if (n == 0)
                return 0;
        fd = passed_fd(&message);
        if ((size_t)n < sizeof(head) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !head.type ||
            head.type >= _IPC_N) {
                if (fd >= 0)
                        close(fd);
                return -EBADMSG;
        }
        room->bytes[(size_t)n - sizeof(head)] = 0;
        *ret = (IpcMessage){ .type = head.type,
                             .a = head.a,
                             .b = head.b,
                             .payload = { room->bytes, (size_t)n - sizeof(head) },
                             .fd = fd };
        return 1;
}

int ipc_memfd(const char *name, Str bytes) {
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), r = 0;

        if (fd < 0)
                return -errno;
        while (bytes.n && r == 0) {
                ssize_t n = write(fd, bytes.p, bytes.n);

                if (n < 0)
                        r = errno == EINTR ? 0 : -errno;
                else
                        bytes = (Str){ bytes.p + n, bytes.n - (size_t)n };
        }
        if (r == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0)
                r = -errno;
        if (r < 0) {
                close(fd);
                return r;
        }
        return fd;
}

int ipc_memfd_map(int fd, size_t max, Str *ret) {
        int seals = fcntl(fd, F_GET_SEALS), want = F_SEAL_SHRINK | F_SEAL_WRITE;
        struct stat st;
        void *p;

        if (seals < 0 || (seals & want) != want)
                return -EPERM;
        if (fstat(fd, &st) < 0)
                return -errno;
        if ((uint64_t)st.st_size > max)
                return -EFBIG;
        *ret = STR("");
        if (!st.st_size)
                return 0;
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = (Str){ p, (size_t)st.st_size };
        return 0;
}
