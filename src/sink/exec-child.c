/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "sink/exec-child.h"

#define STATUS_FD 3

static _Noreturn void give_up(int status, const char *what) {
        ExecFault fault = { .error = errno };

        strncpy(fault.what, what, sizeof(fault.what) - 1);
        (void)!write(status, &fault, sizeof(fault));
        _exit(127);
}

/* By the kernel's own call: the C library keeps two signals to itself (signal(7), "Real-time signals"), and whoever started us may have
 * ignored those too. */
static void reset_signals(void) {
        const unsigned long plain[8] = {
                0
        }; /* a struct sigaction of the kernel with SIG_DFL, whatever its layout */
        sigset_t none;

        for (int sig = 1; sig < NSIG; sig++)
                syscall(SYS_rt_sigaction, sig, plain, NULL, (size_t)(NSIG - 1) / 8);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

/* First out of the way of each other, wherever they are. */
static bool place_fds(const ExecChild *c) {
        int null = open("/dev/null", O_WRONLY | O_CLOEXEC), in = fcntl(c->in, F_DUPFD, 10),
            err = fcntl(c->err, F_DUPFD, 10), status = fcntl(c->status, F_DUPFD, 10);

        return null >= 0 && in >= 0 && err >= 0 && status >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
               dup2(in, STDIN_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0 &&
               dup3(status, STATUS_FD, O_CLOEXEC) >= 0 && close_range(STATUS_FD + 1, ~0u, 0) == 0;
}

/* The system calls themselves: the C library's functions would tell threads that are not there. */
static bool become_user(const ExecChild *c) {
        if (c->switch_user &&
            (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, c->gid, c->gid, c->gid) < 0 ||
             syscall(SYS_setresuid, c->uid, c->uid, c->uid) < 0))
                return false;
        return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
               prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

_Noreturn void exec_child(const ExecChild *c) {
        const struct rlimit no_core = { 0, 0 };
        pid_t parent = getppid();

        reset_signals();
        if (!place_fds(c))
                give_up(c->status, "its descriptors");
        umask(077);
        if (setsid() < 0 || chdir("/") < 0 || setrlimit(RLIMIT_CORE, &no_core) < 0)
                give_up(STATUS_FD, "its surroundings");
        if (!become_user(c))
                give_up(STATUS_FD, "its user");
        /* after the user, which takes it back; if we die, nobody would end it in time */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
                give_up(STATUS_FD, "its end with ours");
        execve(c->argv[0], c->argv, c->env);
        give_up(STATUS_FD, c->argv[0]);
}
