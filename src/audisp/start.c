/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "audisp/start.h"

static void set_all_signals(void (*how)(int)) {
        for (int sig = 1; sig < NSIG; sig++)
                if (sig != SIGCHLD)
                        signal(sig, how); /* fails for KILL, STOP and the C library's own: as it must */
        signal(SIGCHLD, SIG_DFL);
}

/* auditd ignores all signals, starts its plugins, and then installs handlers, which exec makes defaults: what it does
 * not handle stays ignored in a plugin that is started again. */
static void set_signals(const Version *v, bool friendly, bool again) {
        static const int handled[] = { SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2, SIGCONT };
        const size_t n_handled = v->handles_term_hup ? 3 : ARRAY_SIZE(handled);
        sigset_t set;

        sigemptyset(&set);
        set_all_signals(friendly || !v->ignores_signals ? SIG_DFL : SIG_IGN);
        for (size_t i = 0; i < n_handled && (again || v->handles_term_hup); i++)
                signal(handled[i], SIG_DFL);
        for (size_t i = 0; i < n_handled && !friendly && again && v->blocks_after_restart; i++)
                sigaddset(&set, handled[i]);
        sigprocmask(SIG_SETMASK, &set, NULL);
}

static void close_above(const Version *v, int from, int keep, bool all) {
        int last = all ? 65536 : 23;

        for (int fd = from; fd <= last; fd++)
                if (fd != keep)
                        close(fd);
}

/* In the child; returns only an errno. */
static int become(const Conf *conf, const Version *v, bool friendly, bool again, int fd, int report) {
        static char *const empty[] = { NULL };

        if (dup2(fd, STDIN_FILENO) < 0)
                return errno;
        if (!friendly) {
                int null = open("/dev/null", O_RDWR);

                if (null < 0 || dup2(null, STDOUT_FILENO) < 0 || dup2(null, STDERR_FILENO) < 0)
                        return errno;
                if (chdir("/") < 0)
                        return errno;
                umask(022);
                if (geteuid() == 0)
                        setpriority(PRIO_PROCESS, 0, -4); /* auditd.conf(5): priority_boost */
        }
        close_above(v, 3, report, friendly || v->closes_all_fds);
        set_signals(v, friendly, again);
        execve(conf->path, conf->args, friendly ? environ : empty);
        return errno;
}

/* exec closes the pipe, or an errno comes through it. */
static int await_exec(pid_t pid, int fd) {
        int e = 0;
        ssize_t n;

        do
                n = read(fd, &e, sizeof(e));
        while (n < 0 && errno == EINTR);
        if (n != sizeof(e))
                return 0;
        waitpid(pid, NULL, 0);
        return -e;
}

int start_program(pid_t *ret, const Conf *conf, const Version *version, bool friendly, bool again,
                  int child_fd) {
        int report[2], r;
        pid_t pid;

        if (pipe2(report, O_CLOEXEC) < 0)
                return -errno;
        pid = fork();
        if (pid == 0) {
                int e = become(conf, version, friendly, again, child_fd, report[1]);

                (void)!write(report[1], &e, sizeof(e));
                _exit(127);
        }
        r = pid < 0 ? -errno : 0;
        close(report[1]);
        if (r == 0)
                r = await_exec(pid, report[0]);
        close(report[0]);
        if (r == 0)
                *ret = pid;
        return r;
}
