/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdarg.h>
#include "base/buf.h"
#include "base/log.h"
#include "role/role.h"

int role_output(int r) {
        if (r == 0 || r == -EPIPE)
                return STATUS_DONE;
        log_error("output: %s", strerror(-r));
        return STATUS_INPUT;
}

int role_usage(const char *command, const char *fmt, ...) {
        Buf text = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        if (!strcmp(command, log_name())) /* a program without commands */
                log_error("%s (%s --help says more)", buf_z(&text) ? text.p : fmt, command);
        else
                log_error("%s: %s (%s %s --help says more)", command, buf_z(&text) ? text.p : fmt, log_name(),
                          command);
        buf_done(&text);
        return STATUS_USAGE;
}
