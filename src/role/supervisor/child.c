/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "role/supervisor/child.h"

#define LONG_NS (10 * NS_PER_S) /* who lived that long did not die of its start */
#define LIFTED  4u              /* stdin, and what ipc.h numbers */

extern char **environ;

static void stop_watching(Child *c) {
        c->exit = sd_event_source_disable_unref(c->exit);
        c->io = sd_event_source_disable_unref(c->io);
        if (c->control >= 0)
                close(c->control);
        c->control = -1;
}

static void take_message(Child *c, IpcMessage *m) {
        if (m->type == IPC_READY)
                c->ready = true;
        if (m->type == IPC_ENDED) {
                c->ended = true;
                c->status = (int)(m->a & 0xff);
        } else {
                c->options->message(c->options->userdata, c, m);
        }
        if (m->fd >= 0)
                close(m->fd);
}

static void take_messages(Child *c, unsigned most) {
        IpcMessage m;
        int r = 1;

        while (most-- && c->control >= 0 && (r > 0 || r == -EBADMSG)) {
                r = ipc_receive(c->control, &c->room, &m);
                if (r > 0)
                        take_message(c, &m);
        }
        if (r != -EAGAIN && r <= 0 && r != -EBADMSG)
                c->io = sd_event_source_disable_unref(c->io); /* its end follows */
}

static int on_message(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        take_messages(userdata, 64);
        return 0;
}

static int on_exit_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        Child *c = userdata;
        int code = si->si_code, how = si->si_status;

        take_messages(c, 4096); /* what it said last */
        stop_watching(c);
        c->pid = 0;
        c->ready = false;
        c->options->gone(c->options->userdata, c, c->ended, c->status, code, how);
        return 0;
}

/* Above all numbers that the child is to find its own under. */
static int lift(int fd) { return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 32); }

static int spawn(Child *c, const int *lifted) {
        char self[] = "aulert", flag[] = "--role", role[32], uid[16] = "-", gid[16] = "-";
        char *argv[] = { self, flag, role, uid, gid, NULL };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t all, none;
        int r, at = IPC_FD_CONTROL;

        snprintf(role, sizeof(role), "%s", c->options->role);
        if (c->options->change_user) {
                snprintf(uid, sizeof(uid), "%u", c->options->uid);
                snprintf(gid, sizeof(gid), "%u", c->options->gid);
        }
        sigfillset(&all);
        sigemptyset(&none);
        posix_spawn_file_actions_init(&files);
        if (lifted[0] < 0)
                posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        else
                posix_spawn_file_actions_adddup2(&files, lifted[0], STDIN_FILENO);
        for (size_t i = 1; i < LIFTED; i++, at++)
                if (lifted[i] >= 0)
                        posix_spawn_file_actions_adddup2(&files, lifted[i], at);
        posix_spawn_file_actions_addclosefrom_np(&files, _IPC_FD_END);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        r = posix_spawn(&c->pid, "/proc/self/exe", &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        if (r)
                c->pid = 0;
        return -r;
}

int child_start(Child *c, int input, int link, int ring) {
        int pair[2], lifted[LIFTED], r;

        r = ipc_pair(pair);
        if (r < 0)
                return r;
        lifted[0] = lift(input);
        lifted[1] = lift(pair[1]);
        lifted[2] = lift(link);
        lifted[3] = lift(ring);
        close(pair[1]);
        c->control = pair[0];
        c->ready = c->ended = false;
        c->started_ns = clock_monotonic_ns();
        r = spawn(c, lifted);
        for (size_t i = 0; i < LIFTED; i++)
                if (lifted[i] >= 0)
                        close(lifted[i]);
        if (r == 0)
                r = sd_event_add_io(c->loop, &c->io, c->control, EPOLLIN, on_message, c);
        if (r >= 0)
                r = sd_event_add_child(c->loop, &c->exit, c->pid, WEXITED, on_exit_child, c);
        if (r < 0)
                child_done(c);
        return r < 0 ? r : 0;
}

int child_tell(const Child *c, IpcType type, uint64_t a, uint64_t b, Str payload, int fd) {
        return c->pid ? ipc_send(c->control, type, a, b, payload, fd) : -ESRCH;
}

void child_kill(const Child *c) {
        if (c->pid)
                kill(c->pid, SIGKILL);
}

void child_done(Child *c) {
        stop_watching(c);
        if (!c->pid)
                return;
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
                ;
        c->pid = 0;
}

unsigned child_wait_ms(const Child *c, unsigned *n_quick, unsigned most_ms) {
        unsigned ms;

        if (clock_monotonic_ns() - c->started_ns > LONG_NS)
                *n_quick = 0;
        ++*n_quick;
        ms = *n_quick < 2 ? 0 : 25u << (*n_quick < 12 ? *n_quick : 12);
        return ms < most_ms ? ms : most_ms;
}

static bool read_of(pid_t pid, const char *name, char *into, size_t room) {
        char path[64];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, into, room - 1);
        if (fd >= 0)
                close(fd);
        into[n > 0 ? n : 0] = 0;
        return n > 0;
}

char child_state(const Child *c, uint64_t *ret_ran_ns) {
        char stat[512], sched[128], *name_end;
        unsigned long long ran;

        if (!c->pid || !read_of(c->pid, "stat", stat, sizeof(stat)))
                return '?';
        name_end = strrchr(stat, ')'); /* the name may hold anything */
        if (!name_end || name_end[1] != ' ' || !name_end[2])
                return '?';
        if (!read_of(c->pid, "schedstat", sched, sizeof(sched)) || sscanf(sched, "%llu", &ran) != 1)
                return name_end[2] == 'R' ? '?' : name_end[2];
        *ret_ran_ns = ran;
        return name_end[2];
}
