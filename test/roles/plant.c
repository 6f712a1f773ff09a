/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An aulert with mistakes, for tests of how it gets over them: an event with the audit key "plant-crash" ends the engine,
 * one with "plant-loop" keeps it busy for ever, one with "plant-sleep" makes it wait for ever. One with "plant-attempts" makes
 * it try what an engine that somebody has taken over would try, and say how each went. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "base/log.h"
#include "role/engine/role-engine.h"

static bool holds(const Event *event, const char *word) {
        for (const Record *r = event->records; r; r = r->next)
                if (memmem(r->text.p, r->text.n, word, strlen(word)))
                        return true;
        return false;
}

static void tried(const char *what, long result) {
        log_notice("attempt %s: %s", what, result < 0 ? strerrorname_np(errno) : "done");
}

static void attempt(void) {
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(80) };
        char *none[] = { NULL };
        char path[64];

        tried("socket", socket(AF_INET, SOCK_STREAM, 0));
        tried("connect", connect(0, (const struct sockaddr *)&to, sizeof(to)));
        tried("exec", execve("/bin/true", none, none));
        tried("fork", syscall(SYS_fork));
        tried("kill-supervisor", kill(getppid(), SIGKILL));
        tried("ptrace", ptrace(PTRACE_ATTACH, getppid(), 0, 0));
        tried("write-tmp", open("/tmp", O_TMPFILE | O_WRONLY, 0600));
        tried("create", open("/tmp/aulert-attempt", O_CREAT | O_RDWR, 0600));
        tried("read-shadow", open("/etc/shadow", O_RDONLY));
        tried("read-home", open("/root", O_RDONLY));
        tried("setuid", setuid(0));
        tried("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
        tried("unlink", unlink("/tmp/aulert-attempt"));
        snprintf(path, sizeof(path), "/proc/%d/mem", getppid());
        tried("open-supervisor", open(path, O_RDONLY));
        tried("rename", rename("/tmp/a", "/tmp/b"));
        log_notice("attempts done");
}

static void planted(const Event *event) {
        volatile bool forever = true;

        if (holds(event, "plant-crash"))
                *(volatile int *)NULL = 1;
        while (forever && holds(event, "plant-loop"))
                ;
        if (holds(event, "plant-sleep"))
                pause();
        if (holds(event, "plant-attempts"))
                attempt();
}

__attribute__((constructor)) static void plant(void) { role_engine_planted = planted; }
