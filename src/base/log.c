/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <syslog.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/escape.h"
#include "base/journal.h"
#include "base/log.h"

static const char *prefix = "aulert";
static bool to_stderr = true;
static void (*elsewhere)(int level, const char *text);
static unsigned n_lost; /* messages the system had no room for */

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

void log_to(void (*fn)(int level, const char *text)) { elsewhere = fn; }

const char *log_name(void) { return prefix; }

static int to_journal(int level, Str text) {
        const char priority[2] = { (char)('0' + level), 0 };
        Buf entry = BUF_INIT;
        int r;

        journal_field(&entry, "MESSAGE", text);
        journal_field(&entry, "PRIORITY", str_from(priority));
        journal_field(&entry, "SYSLOG_IDENTIFIER", str_from(prefix));
        r = journal_send(&entry);
        buf_done(&entry);
        return r;
}

/* A message that finds no room is lost rather than waited with; the next one says so. */
static void to_system(int level, Str text) {
        Buf lost = BUF_INIT;
        int r;

        if (n_lost) {
                buf_printf(&lost, "(%u messages before this one were lost) ", n_lost);
                buf_str(&lost, text);
                text = buf_view(&lost);
        }
        r = to_journal(level, text);
        if (r < 0 && r != -EAGAIN)
                r = journal_syslog(LOG_DAEMON | level, prefix, text);
        n_lost = r == -EAGAIN ? n_lost + 1 : 0;
        buf_done(&lost);
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
        } else if (elsewhere && buf_z(&line)) {
                elsewhere(level, line.p);
        } else if (!line.failed) {
                to_system(level, buf_view(&line));
        }
        buf_done(&raw);
        buf_done(&line);
}
