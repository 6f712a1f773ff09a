/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The terminal sink: alerts as `aulert watch` shows them, on stdout. For the console; it waits for a slow terminal. */
#include <unistd.h>
#include "sink/sink.h"

static int open_terminal(Sink *sink, const SinkConf *conf) { return 0; }

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Buf out = BUF_INIT;
        int r;

        buf_attach(&out, STDOUT_FILENO);
        alert_text(&out, alert, isatty(STDOUT_FILENO));
        r = buf_flush(&out);
        buf_done(&out);
        sink_settle(sink, id, r < 0 ? SINK_RETRY : SINK_DELIVERED, r < 0 ? strerror(-r) : "");
        return 0;
}

static void close_terminal(Sink *sink) {}

const SinkOps sink_terminal = {
        .type = "terminal", .open = open_terminal, .submit = submit, .close = close_terminal
};
