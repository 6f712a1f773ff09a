/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The least that can feed a plugin: writes a file's lines, a write(2) each, N times over, to a socket that is a program's
 * standard input, and waits for its end. What audisp-run reaches is compared with it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(int fd, char **argv) {
        dup2(fd, STDIN_FILENO);
        execv(argv[0], argv);
        fprintf(stderr, "bare-loop: %s: %s\n", argv[0], strerror(errno));
        _exit(127);
}

static int feed(int fd, const char *text, size_t n) {
        for (const char *end = text + n, *nl; text < end && (nl = memchr(text, '\n', (size_t)(end - text)));
             text = nl + 1)
                if (write(fd, text, (size_t)(nl + 1 - text)) != nl + 1 - text)
                        return -1;
        return 0;
}

int main(int argc, char **argv) {
        int fd = argc > 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1, fds[2], status = 0, r = 0;
        struct stat st;
        char *text;
        pid_t pid;

        if (fd < 0 || fstat(fd, &st) < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0) {
                fprintf(stderr, "usage: %s N FILE PROGRAM [ARGUMENT...]\n", argv[0]);
                return 2;
        }
        text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
        if (text == MAP_FAILED)
                return 3;
        pid = fork();
        if (pid == 0)
                start(fds[1], argv + 3);
        close(fds[1]);
        for (int i = atoi(argv[1]); i && r == 0; i--)
                r = feed(fds[0], text, (size_t)st.st_size);
        close(fds[0]);
        if (r < 0 || pid < 0 || waitpid(pid, &status, 0) != pid || status)
                return 3;
        return 0;
}
