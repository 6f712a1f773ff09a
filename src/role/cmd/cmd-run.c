/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert run: the supervisor. It starts the engine and deliver, replaces them, and parses no record.
 *
 * auditd leaves a plugin with signals ignored or blocked, an empty environment and a socket on stdin, so the first thing
 * is to put the signals right. stdin is only ever read by the engine. What ends it:
 *
 * end of input   the engine sees it, tells all that it has, and leaves; then deliver does
 * SIGTERM        from the parent (auditd, which closes the socket as well): the engine takes what the socket holds, and so on as above.
 *                From anybody else while a socket is read: within GRACE_MS the same, unless input ends first. systemd sends SIGTERM to
 *                auditd and its plugins at once, and auditd then still writes. A person's kill works all the same. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "role/args.h"
#include "role/places.h"
#include "role/role.h"
#include "role/supervisor/supervisor.h"

#define GRACE_MS 500u

/* As a new process should have them; those that are handled come through the loop. */
static void take_signals(void) {
        sigset_t ours;

        for (int sig = 1; sig < NSIG; sig++)
                signal(sig, SIG_DFL); /* fails for KILL, STOP and the C library's own: as it must */
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&ours);
        sigaddset(&ours, SIGHUP);
        sigaddset(&ours, SIGTERM);
        sigaddset(&ours, SIGINT);
        sigaddset(&ours, SIGUSR1);
        sigaddset(&ours, SIGCHLD);
        sigprocmask(SIG_SETMASK, &ours, NULL);
}

static int on_grace(sd_event_source *s, uint64_t usec, void *userdata) {
        supervisor_finish(userdata);
        return 0;
}

static bool is_socket(int fd) {
        struct stat st;

        return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int on_term(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        static bool again;
        Supervisor *s = userdata;
        bool parent = si->ssi_pid == (uint32_t)getppid();

        if (parent || again || !is_socket(STDIN_FILENO) ||
            sd_event_add_time_relative(supervisor_loop(s), NULL, CLOCK_MONOTONIC, GRACE_MS * 1000ull, 10000,
                                       on_grace, s) < 0)
                supervisor_finish(s);
        again = true;
        return 0;
}

static int on_hup(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        supervisor_reload(userdata);
        return 0;
}

static int on_usr1(sd_event_source *source, const struct signalfd_siginfo *si, void *userdata) {
        supervisor_say_counters(userdata);
        return 0;
}

static int add_signals(Supervisor *s) {
        static const struct {
                int sig;
                sd_event_signal_handler_t fn;
        } signals[] = { { SIGHUP, on_hup }, { SIGTERM, on_term }, { SIGINT, on_term }, { SIGUSR1, on_usr1 } };

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                int r = sd_event_add_signal(supervisor_loop(s), NULL, signals[i].sig, signals[i].fn, s);

                if (r < 0)
                        return r;
        }
        return 0;
}

int cmd_run(int argc, char **argv) {
        Supervisor *s = NULL;
        size_t n;
        int r;

        take_signals();
        r = args_parse(argc, argv, NULL, 0, &n);
        if (r)
                return r;
        if (n > 1)
                return role_usage(argv[0], "one configuration at most");
        r = supervisor_new(&s, n ? argv[1] : places_config());
        if (r)
                return r;
        if (add_signals(s) < 0) {
                log_error("out of memory");
                supervisor_free(s);
                return STATUS_USAGE;
        }
        r = supervisor_run(s);
        supervisor_free(s);
        return r;
}
