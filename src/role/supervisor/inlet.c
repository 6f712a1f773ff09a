/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/log.h"
#include "role/supervisor/inlet.h"
#include "source/relay.h"

#define LOOK_MS 2u /* whether the engine is between two reads */

static void drop(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* False: the engine is within a turn, and may have read what it has not noted yet. While there is nobody who writes it soon is
 * not, or it is replaced, and its successor notes it. */
static bool count_taken(const Inlet *i, uint64_t *ret) {
        const RingShared *s = i->options.ring->shared;
        uint64_t beat = __atomic_load_n(&s->beat, __ATOMIC_ACQUIRE), head;
        int waits;

        if (!i->options.engine->ready || beat & 1 || ioctl(i->input, FIONREAD, &waits) < 0)
                return false;
        head = __atomic_load_n(&s->head, __ATOMIC_ACQUIRE);
        if (beat != __atomic_load_n(&s->beat, __ATOMIC_ACQUIRE))
                return false;
        *ret = head + (uint64_t)waits;
        return true;
}

static void start_in(Inlet *i, unsigned ms);

static void start(Inlet *i) {
        uint64_t taken;
        int r;

        if (!count_taken(i, &taken)) {
                start_in(i, LOOK_MS);
                return;
        }
        r = child_start(&i->child, -1, i->feed, i->relay);
        if (r == 0 && i->is_kafka)
                r = child_tell(&i->child, IPC_CONFIG, taken, i->n_started, STR(""), i->config_fd);
        else if (r == 0)
                r = child_tell(&i->child, IPC_CONFIG, taken, i->n_started, str_from(i->source), i->file);
        i->n_started += r == 0;
        if (r < 0) {
                log_error("cannot start what reads %s: %s", i->source, strerror(-r));
                child_done(&i->child);
                start_in(i, INLET_WAIT_MS);
        }
}

static int on_wait(sd_event_source *source, uint64_t usec, void *userdata) {
        Inlet *i = userdata;

        i->wait = sd_event_source_disable_unref(i->wait);
        start(i);
        return 0;
}

static void start_in(Inlet *i, unsigned ms) {
        i->wait = sd_event_source_disable_unref(i->wait);
        if (sd_event_add_time_relative(i->options.loop, &i->wait, CLOCK_MONOTONIC, ms * 1000ull, 1000,
                                       on_wait, i) < 0)
                log_error("what reads %s is not started again: out of memory", i->source);
}

void inlet_start(Inlet *i) {
        if (i->feed >= 0 && !i->child.pid && !i->wait && !i->leaving)
                start(i);
}

static void on_gone(void *userdata, Child *c, bool ended, int status, int code, int how) {
        Inlet *i = userdata;
        char text[300];

        if (ended || i->leaving) {
                drop(&i->feed);
                i->options.ended(i->options.userdata, ended ? status : 0);
                return;
        }
        snprintf(text, sizeof(text), "the process that reads %s ended (%s %d), and is replaced", i->source,
                 code == CLD_EXITED ? "status" : "signal", how);
        i->options.died(i->options.userdata, text);
        start_in(i, child_wait_ms(c, &i->n_quick, INLET_WAIT_MS));
}

static void on_message(void *userdata, Child *c, IpcMessage *m) {
        Inlet *i = userdata;

        if (m->type != IPC_FILE) {
                i->options.message(i->options.userdata, c, m);
                return;
        }
        drop(&i->file);
        i->file = m->fd;
        m->fd = -1;
}

void inlet_init(Inlet *i) {
        *i = (Inlet){ .input = -1, .feed = -1, .relay = -1, .file = -1, .config_fd = -1 };
        i->child_options =
                (ChildOptions){ .role = "source", .message = on_message, .gone = on_gone, .userdata = i };
        i->child = (Child){ .options = &i->child_options, .control = -1 };
}

int inlet_open(Inlet *i, const InletOptions *options) {
        const ChildOptions *as;
        int pair[2];

        i->options = *options;
        i->child.loop = options->loop;
        i->is_kafka = options->config->kafka.topic;
        as = i->is_kafka ? options->as_intake : options->as_reader;
        if (i->is_kafka)
                i->child_options.role = "intake";
        i->child_options.change_user = as->change_user;
        i->child_options.uid = as->uid;
        i->child_options.gid = as->gid;
        i->source = strdup(options->config->source);
        if (!i->source)
                return -ENOMEM;
        i->config_fd = fcntl(options->config_fd, F_DUPFD_CLOEXEC, 3);
        if (i->config_fd < 0)
                return -errno;
        i->relay = relay_make();
        if (i->relay < 0)
                return i->relay;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        i->input = pair[0];
        i->feed = pair[1];
        return 0;
}

static int on_late(sd_event_source *source, uint64_t usec, void *userdata) {
        child_kill(&((Inlet *)userdata)->child);
        return 0;
}

/* It sees that nobody reads any more. */
bool inlet_leave(Inlet *i) {
        if (!i->is_kafka || !i->child.pid || i->leaving)
                return false;
        i->leaving = true;
        drop(&i->input);
        drop(&i->feed);
        i->wait = sd_event_source_disable_unref(i->wait);
        return sd_event_add_time_relative(i->options.loop, &i->wait, CLOCK_MONOTONIC,
                                          INLET_LEAVE_MS * 1000ull, 10000, on_late, i) >= 0;
}

void inlet_close(Inlet *i) {
        int *const fds[] = { &i->input, &i->feed, &i->relay, &i->file, &i->config_fd };

        child_done(&i->child);
        i->wait = sd_event_source_disable_unref(i->wait);
        for (size_t k = 0; k < ARRAY_SIZE(fds); k++)
                drop(fds[k]);
        free(i->source);
        i->source = NULL;
}
