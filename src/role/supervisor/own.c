/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/log.h"
#include "role/places.h"
#include "role/supervisor/own.h"

static void say(const char *path, int error) {
        log_warning("%s: cannot be given to the process that delivers: %s", path, strerror(error));
}

/* The folder of @path, made where it is missing. */
static void own_folder(const char *path, bool ours, uid_t uid, gid_t gid) {
        char *copy = strdup(path), *folder = copy ? dirname(copy) : NULL;
        int fd;
        struct stat st;

        if (!folder)
                return;
        if (mkdir(folder, 0750) == 0)
                ours = true;
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && ours && fstat(fd, &st) == 0 && st.st_uid == 0 && fchown(fd, uid, gid) < 0)
                say(folder, errno);
        if (fd >= 0)
                close(fd);
        free(copy);
}

static void own_file(const char *path, int flags, mode_t mode, uid_t uid, gid_t gid) {
        int fd = open(path, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, mode);
        struct stat st;

        if (fd < 0)
                return; /* it is there already, or cannot be: whoever needs it will say so */
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1 &&
            fchown(fd, uid, gid) < 0)
                say(path, errno);
        close(fd);
}

static void own_spool(const ConfigSpool *spool, uid_t uid, gid_t gid) {
        static const char *const ends[] = { "", "-wal", "-shm", ".state" };
        Buf standard = BUF_INIT;
        const char *path = spool->path ? spool->path : places_spool(&standard);
        char *file;

        if (path && !spool->memory) {
                own_folder(path, !spool->path, uid, gid);
                for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
                        if (asprintf(&file, "%s%s", path, ends[i]) > 0) {
                                own_file(file, 0, 0, uid, gid);
                                free(file);
                        }
        }
        buf_done(&standard);
}

void own_for_deliver(const Config *config, uid_t uid, gid_t gid) {
        own_spool(&config->spool, uid, gid);
        for (size_t i = 0; i < config->n_sinks; i++) {
                const SinkSetting *path = sink_conf_find(&config->sinks[i].conf, "path");

                if (path && !strcmp(config->sinks[i].ops->type, "file"))
                        own_file(path->values[0].p, O_CREAT | O_EXCL, 0640, uid, gid);
        }
}
