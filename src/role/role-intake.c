/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role intake UID GID: the consumer of a kafka source. stdin is its socket to the engine; descriptor 3 the configuration. It holds the network so that the
 * engine needs none. Signals that the whole service gets are not its business: it ends when the other side of the socket
 * does, and by then knows what was safe. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "role/config-read.h"
#include "role/intake.h"
#include "role/role.h"
#include "role/sandbox.h"
#include "role/station.h"
#include "source/kafka-intake.h"

#define CONFIG_FD 3

extern char **environ;

static void on_say(void *userdata, int level, const char *text) { log_msg(level, "%s", text); }

int role_intake(int argc, char **argv) {
        static const int others[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2 };
        Config *config;
        KafkaIntake intake;
        int r;

        if (argc != 3)
                return STATUS_USAGE;
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                signal(others[i], SIG_IGN);
        r = station_become(argv[1], argv[2]);
        if (r == 0)
                r = sandbox_deliver();
        if (r < 0) {
                log_error("intake: %s", strerror(-r));
                return STATUS_USAGE;
        }
        config = config_receive(CONFIG_FD);
        if (!config || !config->kafka.topic) {
                config_free(config);
                return STATUS_USAGE;
        }
        intake = config->kafka;
        intake.say = on_say;
        r = kafka_intake_run(&intake, STDIN_FILENO);
        config_free(config);
        return r < 0 ? STATUS_INPUT : STATUS_DONE;
}

/* Its own descriptors lie where those of ours may: they are lifted first. */
static int spawn(const int *lifted, const char *uid, const char *gid) {
        char *argv[] = {
                (char *)"aulert", (char *)"--role", (char *)"intake", (char *)uid, (char *)gid, NULL
        };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t none, all;
        pid_t pid;
        int r;

        sigemptyset(&none);
        sigfillset(&all);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, lifted[0], STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&files, lifted[1], CONFIG_FD);
        posix_spawn_file_actions_addclosefrom_np(&files, CONFIG_FD + 1);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        posix_spawnattr_setsigmask(&attr, &none);
        posix_spawnattr_setsigdefault(&attr, &all);
        r = -posix_spawn(&pid, "/proc/self/exe", &files, &attr, argv, environ);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        return r;
}

int intake_start(int config_fd, bool change_user, uid_t uid, gid_t gid, int *ret_fd) {
        char uid_text[16] = "-", gid_text[16] = "-";
        int fds[2], lifted[2], r;

        if (change_user) {
                snprintf(uid_text, sizeof(uid_text), "%u", uid);
                snprintf(gid_text, sizeof(gid_text), "%u", gid);
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        lifted[0] = fcntl(fds[1], F_DUPFD_CLOEXEC, 16);
        lifted[1] = fcntl(config_fd, F_DUPFD_CLOEXEC, 16);
        r = lifted[0] < 0 || lifted[1] < 0 ? -errno : spawn(lifted, uid_text, gid_text);
        close(fds[1]);
        for (size_t i = 0; i < ARRAY_SIZE(lifted); i++)
                if (lifted[i] >= 0)
                        close(lifted[i]);
        if (r < 0)
                close(fds[0]);
        else
                *ret_fd = fds[0];
        return r;
}
