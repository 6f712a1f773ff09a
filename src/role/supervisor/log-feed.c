/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>
#include "base/log.h"
#include "role/supervisor/log-feed.h"

/* The engine sees that its socket was closed, and asks again or does without. */
static void on_gone(void *userdata, Child *c, bool ended, int status, int code, int how) {}

void log_feed_init(LogFeed *f, sd_event *loop, const ChildOptions *as) {
        f->options = *as;
        f->options.role = "log";
        f->options.gone = on_gone;
        f->child = (Child){ .options = &f->options, .loop = loop, .control = -1 };
}

/* The engine's end of the socket to it, or -errno. */
static int start(LogFeed *f, const char *path, uint64_t from_sec) {
        int pair[2], r;

        log_feed_stop(f);
        r = ipc_pair(pair);
        if (r < 0)
                return r;
        r = child_start(&f->child, -1, pair[1], -1);
        close(pair[1]);
        if (r == 0)
                r = child_tell(&f->child, IPC_CONFIG, from_sec, 0, str_from(path), -1);
        if (r == 0) {
                f->started++;
                return pair[0];
        }
        close(pair[0]);
        log_feed_stop(f);
        return r;
}

void log_feed_give(LogFeed *f, const Child *engine, const char *path, uint64_t from_sec) {
        int fd = path ? start(f, path, from_sec) : -ENOENT;

        if (fd < 0)
                log_error("the log to catch up from: %s", strerror(-fd));
        (void)child_tell(engine, IPC_CATCH_UP, 0, 0, STR(""), fd);
        if (fd >= 0)
                close(fd);
}

void log_feed_stop(LogFeed *f) { child_done(&f->child); }
