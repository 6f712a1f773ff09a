/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>
#include "base/str.h"
#include "sink/desktop-users.h"

bool desktop_users_has_bus(const char *run_dir, uid_t uid) {
        char path[PATH_MAX];
        struct stat st;
        int n = snprintf(path, sizeof(path), "%s/%u/bus", run_dir, uid);

        if (n <= 0 || (size_t)n >= sizeof(path))
                return false;
        if (lstat(path, &st) == 0)
                return S_ISSOCK(st.st_mode) && st.st_uid == uid;
        if (errno != EACCES)
                return false;
        /* the folder is for its owner alone: the child that becomes that user will see */
        snprintf(path, sizeof(path), "%s/%u", run_dir, uid);
        return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid;
}

static size_t scan(const char *run_dir, uid_t *ret) {
        DIR *dir = opendir(run_dir);
        size_t n = 0;

        if (!dir)
                return 0;
        for (struct dirent *entry; n < DESKTOP_USERS_MAX && (entry = readdir(dir));) {
                uint64_t uid;

                if (str_u64(str_from(entry->d_name), 10, &uid) && uid < UINT32_MAX &&
                    desktop_users_has_bus(run_dir, (uid_t)uid))
                        ret[n++] = (uid_t)uid;
        }
        closedir(dir);
        return n;
}

static bool in_foreground(uid_t uid) {
        char *state = NULL;
        bool active = sd_uid_get_state(uid, &state) >= 0 && !strcmp(state, "active");

        free(state);
        return active;
}

size_t desktop_users_active(const char *run_dir, uid_t *ret) {
        uid_t *uids = NULL;
        size_t n = 0;
        int n_uids = strcmp(run_dir, DESKTOP_RUN_DIR) ? 0 : sd_get_uids(&uids);

        if (n_uids <= 0)
                return scan(run_dir, ret);
        for (int i = 0; i < n_uids && n < DESKTOP_USERS_MAX; i++)
                if (in_foreground(uids[i]))
                        ret[n++] = uids[i];
        free(uids);
        return n;
}
