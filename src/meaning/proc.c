/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "meaning/proc.h"

#define SLACK_MS 100 /* starts are told in ticks of 10 ms, and the two clocks drift */

const CounterDesc proc_counter_descs[] = {
        { "proc_found", "parents of processes that the log does not show, found in /proc",
          offsetof(ProcCounters, found), false },
        { "proc_gone", "parents that were gone when /proc was asked", offsetof(ProcCounters, gone), false },
        { "proc_forbidden", "parents that /proc does not show us", offsetof(ProcCounters, forbidden), false },
        { "proc_limited", "parents that /proc was not asked about, as there were too many",
          offsetof(ProcCounters, limited), false },
};
const size_t proc_n_counter_descs = ARRAY_SIZE(proc_counter_descs);

struct Proc {
        int dir;
        unsigned tokens; /* questions left in this second */
        uint64_t refilled_ns;
        ProcCounters counters;
        char program[PATH_MAX];
};

int proc_new(Proc **ret, const char *root) {
        Proc *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->dir = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (p->dir < 0) {
                r = -errno;
                free(p);
                return r;
        }
        *ret = p;
        return 0;
}

Proc *proc_free(Proc *p) {
        if (!p)
                return NULL;
        close(p->dir);
        free(p);
        return NULL;
}

const ProcCounters *proc_counters(const Proc *p) { return &p->counters; }

static bool may_ask(Proc *p) {
        uint64_t now = clock_monotonic_ns();

        if (now - p->refilled_ns >= NS_PER_S || !p->refilled_ns) {
                p->refilled_ns = now;
                p->tokens = PROC_PER_SECOND;
        }
        if (!p->tokens) {
                p->counters.limited++;
                return false;
        }
        p->tokens--;
        return true;
}

/* proc_pid_stat(5): field 22, in ticks since boot. The name in parentheses may hold anything, so count from its last one. */
static bool read_start(const Proc *p, int64_t pid, uint64_t *ret_ticks) {
        char path[40], text[1024], *at;
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "%lld/stat", (long long)pid);
        fd = openat(p->dir, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0)
                return false;
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
        text[n > 0 ? n : 0] = '\0';
        at = strrchr(text, ')');
        for (int field = 2; at && field < 22; field++)
                at = strchr(at + 1, ' ');
        if (!at)
                return false;
        *ret_ticks = strtoull(at, NULL, 10);
        return true;
}

static int64_t clock_ms(clockid_t clock) {
        struct timespec t = { 0 };

        clock_gettime(clock, &t);
        return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool started_before(const Proc *p, int64_t pid, int64_t before_ms) {
        int64_t boot = clock_ms(CLOCK_REALTIME) - clock_ms(CLOCK_BOOTTIME);
        uint64_t ticks, hz = (uint64_t)sysconf(_SC_CLK_TCK);

        return read_start(p, pid, &ticks) && boot + (int64_t)(ticks * 1000 / hz) <= before_ms + SLACK_MS;
}

Str proc_program(Proc *p, int64_t pid, int64_t before_ms) {
        char path[40];
        ssize_t n;

        if (pid <= 0 || !may_ask(p))
                return STR_NULL;
        snprintf(path, sizeof(path), "%lld/exe", (long long)pid);
        n = readlinkat(p->dir, path, p->program, sizeof(p->program));
        if (n < 0 && (errno == EACCES || errno == EPERM)) {
                p->counters.forbidden++;
                return STR_NULL;
        }
        /* asked second: the link was that of the process that started then, or of none */
        if (n <= 0 || !started_before(p, pid, before_ms)) {
                p->counters.gone++;
                return STR_NULL;
        }
        p->counters.found++;
        return (Str){ p->program, (size_t)n };
}
