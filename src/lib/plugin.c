/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>
#include <aulert/plugin.h>
#include "base/clock.h"
#include "lib/feed.h"

#define GRACE_NS (500 * NS_PER_MS)
#define DRAIN_NS (200 * NS_PER_MS)

#define CHILDREN_MAX 64u

typedef struct {
        const AulertPlugin *plugin;
        AulertFeed *feed;
        Source *source;
        int signals;
        uint64_t end_at; /* when a SIGTERM is obeyed; UINT64_MAX: there was none */
} Life;

/* As a new process should have them; the few that matter come through a descriptor. */
static int take_signals(void) {
        sigset_t ours;
        int fd, above;

        for (int sig = 1; sig < NSIG; sig++)
                signal(sig, SIG_DFL); /* fails for KILL, STOP and the C library's own: as it must */
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&ours);
        sigaddset(&ours, SIGHUP);
        sigaddset(&ours, SIGTERM);
        sigaddset(&ours, SIGINT);
        sigprocmask(SIG_SETMASK, &ours, NULL);
        fd = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0 || fd > STDERR_FILENO)
                return fd;
        above = fcntl(fd, F_DUPFD_CLOEXEC,
                      STDERR_FILENO + 1); /* stdin was closed; it must not become a source */
        close(fd);
        return above;
}

static void on_signals(Life *l) {
        struct signalfd_siginfo si;

        while (read(l->signals, &si, sizeof(si)) == sizeof(si)) {
                uint64_t now = clock_monotonic_ns();

                if (si.ssi_signo == SIGHUP) {
                        if (l->plugin->reload)
                                l->plugin->reload(l->plugin->userdata);
                } else if (si.ssi_pid == (uint32_t)getppid() || l->end_at != UINT64_MAX ||
                           !source_is_socket(l->source)) {
                        l->end_at = now;
                } else {
                        l->end_at = now + GRACE_NS;
                }
        }
}

static int wait_ms(const Life *l, uint64_t now) {
        uint64_t at = aulert_feed_deadline(l->feed);

        if (l->end_at < at)
                at = l->end_at;
        if (at == UINT64_MAX)
                return -1;
        at = at <= now ? 0 : (at - now + NS_PER_MS - 1) / NS_PER_MS;
        return at > 60000 ? 60000 : (int)at;
}

static void call_idle(const Life *l) {
        if (l->plugin->idle)
                l->plugin->idle(l->plugin->userdata);
}

static int take_input(Life *l) {
        int r = lib_feed_read(l->feed, l->source);

        return r == -EAGAIN || r == -EINTR ? 0 : r;
}

static int drain(Life *l) {
        uint64_t until = clock_monotonic_ns() + DRAIN_NS;
        struct pollfd p = { .fd = source_fd(l->source), .events = POLLIN };
        int r = 0;

        while (r == 0 && p.fd >= 0 && poll(&p, 1, 0) > 0 && clock_monotonic_ns() < until)
                r = take_input(l);
        return r;
}

/* A regular file has no descriptor to wait on: it can always be read. */
static int live(Life *l) {
        struct pollfd p[] = { { .fd = source_fd(l->source), .events = POLLIN },
                              { .fd = l->signals, .events = POLLIN } };
        bool file = p[0].fd < 0;
        int r = 0;

        while (r == 0) {
                uint64_t now = clock_monotonic_ns();

                if (now >= l->end_at)
                        return drain(l);
                if (poll(p, 2, file ? 0 : wait_ms(l, now)) < 0) {
                        if (errno != EINTR)
                                return -errno;
                        continue;
                }
                if (!file)
                        aulert_feed_age(l->feed, clock_monotonic_ns());
                if (p[1].revents)
                        on_signals(l);
                if (file || p[0].revents)
                        r = take_input(l);
                call_idle(l);
        }
        return r;
}

static int set_up(Life *l) {
        const char *source = l->plugin->source ? l->plugin->source : "stdin";
        int r;

        l->signals = take_signals(); /* first: auditd left them ignored or blocked */
        if (l->signals < 0)
                return -errno;
        r = aulert_feed_new(&l->feed, l->plugin->options, l->plugin->event, l->plugin->userdata);
        if (r < 0)
                return r;
        return source_open(&l->source, source, &(SourceOptions){ .reconnect = true });
}

PUBLIC int aulert_plugin_run(const AulertPlugin *plugin) {
        Life l = { .plugin = plugin, .signals = -1, .end_at = UINT64_MAX };
        int r;

        if (!plugin || plugin->size < sizeof(*plugin) || !plugin->event)
                return -EINVAL;
        r = set_up(&l);
        if (r == 0) {
                r = live(&l);
                aulert_feed_flush(l.feed);
                if (plugin->done)
                        plugin->done(plugin->userdata, l.feed);
                call_idle(&l);
        }
        if (l.signals >= 0)
                close(l.signals);
        aulert_feed_free(l.feed);
        source_close(l.source);
        return r < 0 ? r : 0;
}

static void be_new(unsigned seconds) {
        sigset_t none;

        for (int sig = 1; sig < NSIG; sig++)
                signal(sig, SIG_DFL);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        alarm(seconds);
}

/* The plugin's own is auditd's socket: a child would take records from it, or keep it open when the plugin has died. */
static void leave_stdin(void) {
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null > STDIN_FILENO)
                dup2(null, STDIN_FILENO);
        else if (null < 0)
                close(STDIN_FILENO);
        if (null > STDIN_FILENO)
                close(null);
}

/* How many children there are; the kernel counts, so that nothing has to be remembered between calls. 0: unknown. */
static unsigned count_children(void) {
        char path[64], text[4096];
        ssize_t n;
        unsigned found = 0;
        int fd;

        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)gettid());
        fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return 0;
        while ((n = read(fd, text, sizeof(text))) > 0)
                for (ssize_t i = 0; i < n; i++)
                        found += text[i] == ' ';
        close(fd);
        return found;
}

PUBLIC int aulert_plugin_fork(unsigned seconds) {
        pid_t pid;

        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        if (count_children() >= CHILDREN_MAX)
                return -EAGAIN;
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                be_new(seconds);
                leave_stdin();
        }
        return (int)pid;
}
