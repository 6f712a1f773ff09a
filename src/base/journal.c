/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <endian.h>
#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/journal.h"

void journal_field(Buf *entry, const char *name, Str value) {
        uint64_t n = htole64(value.n);

        buf_putz(entry, name);
        if (value.n && memchr(value.p, '\n', value.n)) {
                buf_putc(entry, '\n');
                buf_put(entry, &n, sizeof(n));
        } else {
                buf_putc(entry, '=');
        }
        buf_str(entry, value);
        buf_putc(entry, '\n');
}

static int send_to(const char *path, Str datagram) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r = 0;

        if (fd < 0)
                return -errno;
        strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
        if (sendto(fd, datagram.p, datagram.n, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to)) < 0)
                r = -errno;
        close(fd);
        return r;
}

int journal_send(const Buf *entry) {
        return entry->failed ? -ENOMEM : send_to("/run/systemd/journal/socket", buf_view(entry));
}

int journal_syslog(int priority, const char *name, Str text) {
        Buf line = BUF_INIT;
        int r;

        buf_printf(&line, "<%d>%s[%d]: ", priority, name, (int)getpid());
        buf_str(&line, text);
        r = line.failed ? -ENOMEM : send_to("/dev/log", buf_view(&line));
        buf_done(&line);
        return r;
}
