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

/* systemd separates several by colons. */
const char *places_spool(Buf *path) {
        const char *folder = getenv("STATE_DIRECTORY");

        buf_clear(path);
        if (folder && folder[0])
                buf_put(path, folder, strcspn(folder, ":"));
        else if (geteuid() == 0)
                buf_putz(path, "/var/lib/aulert");
        else
                return NULL;
        buf_putz(path, "/spool.db");
        return buf_z(path);
}

const char *places_config(void) { return AULERT_CONFIG; }
