/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <unistd.h>
#include "role/places.h"

/* "…/build" when the program is …/build/aulert and Meson made that folder; else false. */
static bool build_folder(Buf *path) {
        char exe[4096];
        ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe));
        const char *slash = n > 0 ? memrchr(exe, '/', (size_t)n) : NULL;
        bool found;

        if (!slash || n == sizeof(exe))
                return false;
        buf_put(path, exe, (size_t)(slash - exe));
        buf_putz(path, "/meson-private");
        found = buf_z(path) && access(path->p, F_OK) == 0;
        path->n = (size_t)(slash - exe);
        return found;
}

const char *places_rules(Buf *path) {
        buf_clear(path);
        if (build_folder(path))
                buf_putz(path, "/../rules");
        if (path->n && buf_z(path) && access(path->p, R_OK) == 0)
                return path->p;
        buf_clear(path);
        buf_putz(path, AULERT_RULES_DIR);
        return buf_z(path);
}

/* @name in the first folder of @variable (systemd separates several by colons), or in @otherwise. */
static const char *own_place(Buf *path, const char *variable, const char *otherwise, const char *name) {
        const char *folder = getenv(variable);

        buf_clear(path);
        if (folder && folder[0])
                buf_put(path, folder, strcspn(folder, ":"));
        else if (otherwise)
                buf_putz(path, otherwise);
        else
                return NULL;
        buf_putz(path, name);
        return buf_z(path);
}

const char *places_spool(Buf *path) {
        return own_place(path, "STATE_DIRECTORY", geteuid() == 0 ? "/var/lib/aulert" : NULL, "/spool.db");
}

const char *places_status(Buf *path, bool asks) {
        return own_place(path, "RUNTIME_DIRECTORY", asks || geteuid() == 0 ? "/run/aulert" : NULL, "/status");
}

const char *places_config(void) { return AULERT_CONFIG; }
