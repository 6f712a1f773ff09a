/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/escape.h"
#include "base/log.h"

static const char *prefix = "aulert";
static bool to_stderr = true;

static bool leads_nowhere(int fd) {
        struct stat st;

        if (fstat(fd, &st) < 0)
                return true;
        return S_ISCHR(st.st_mode) &&
               st.st_rdev == makedev(1, 3); /* /dev/null, Documentation/admin-guide/devices.txt */
}

void log_open(const char *name) {
        prefix = name;
        to_stderr = !leads_nowhere(STDERR_FILENO);
}

static void to_system(int level, const char *text) {
        if (access("/run/systemd/journal/socket", W_OK) == 0 &&
            sd_journal_send("MESSAGE=%s", text, "PRIORITY=%i", level, "SYSLOG_IDENTIFIER=%s", prefix, NULL) >=
                    0)
                return;
        syslog(LOG_DAEMON | level, "%s", text);
}

void log_msg(int level, const char *fmt, ...) {
        Buf raw = BUF_INIT, line = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&raw, fmt, ap);
        va_end(ap);

        if (to_stderr)
                buf_printf(&line, "%s: ", prefix);
        escape_terminal(&line, buf_view(&raw));
        if (to_stderr) {
                buf_putc(&line, '\n');
                buf_attach(&line, STDERR_FILENO);
                buf_flush(&line);
        } else if (buf_z(&line)) {
                to_system(level, line.p);
        }
        buf_done(&raw);
        buf_done(&line);
}
