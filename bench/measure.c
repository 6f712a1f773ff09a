/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a program and says what it cost: one line "STATUS USER_US SYSTEM_US MAX_RSS_KIB" in a file.
 *
 * A small program of its own, because the kernel counts into a child's peak memory what its parent had when it forked. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static void run(char **argv) {
        execvp(argv[0], argv);
        fprintf(stderr, "measure: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

static long long us(struct timeval t) { return t.tv_sec * 1000000LL + t.tv_usec; }

int main(int argc, char **argv) {
        struct rusage usage;
        int status;
        pid_t pid;
        FILE *f;

        if (argc < 3) {
                fprintf(stderr, "usage: %s RESULT COMMAND [ARGUMENT...]\n", argv[0]);
                return 2;
        }
        pid = fork();
        if (pid == 0)
                run(argv + 2);
        if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
                fprintf(stderr, "measure: %s\n", strerror(errno));
                return 3;
        }
        f = fopen(argv[1], "we");
        if (!f ||
            fprintf(f, "%d %lld %lld %ld\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status),
                    us(usage.ru_utime), us(usage.ru_stime), usage.ru_maxrss) < 0 ||
            fclose(f)) {
                fprintf(stderr, "measure: %s: %s\n", argv[1], strerror(errno));
                return 3;
        }
        return 0;
}
