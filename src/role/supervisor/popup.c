/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include "base/log.h"
#include "role/supervisor/popup.h"
#include "sink/desktop.h"

typedef struct {
        pid_t pid;
        sd_event_source *exit, *timer;
} Popup;

static unsigned n_popups;

static void popup_free(Popup *p) {
        sd_event_source_disable_unref(p->exit);
        sd_event_source_disable_unref(p->timer);
        free(p);
        n_popups--;
}

static int on_exit_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        popup_free(userdata);
        return 0;
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        Popup *p = userdata;

        kill(p->pid, SIGKILL);
        return 0;
}

void popup_start(sd_event *loop, uid_t uid, int fd) {
        Popup *p = n_popups < POPUP_MAX ? calloc(1, sizeof(*p)) : NULL;
        int r;

        if (!p)
                return;
        n_popups++;
        r = desktop_spawn(DESKTOP_RUN_DIR, uid, fd, &p->pid);
        if (r == 0) {
                r = sd_event_add_child(loop, &p->exit, p->pid, WEXITED, on_exit_child, p);
                if (r >= 0)
                        r = sd_event_add_time_relative(loop, &p->timer, CLOCK_MONOTONIC,
                                                       DESKTOP_CHILD_MS * 1000ull, 10000, on_late, p);
                if (r < 0)
                        kill(p->pid, SIGKILL);
        }
        if (r < 0) {
                log_error("cannot start a process for a notification: %s", strerror(-r));
                popup_free(p);
        }
}
