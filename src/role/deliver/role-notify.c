/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role notify UID RUN_DIR: the child of the desktop sink. */
#include "base/log.h"
#include "role/role.h"
#include "sink/desktop-child.h"

int role_notify(int argc, char **argv) {
        uint64_t uid;

        if (argc != 3 || !str_u64(str_from(argv[1]), 10, &uid) || uid >= UINT32_MAX) {
                log_error("--role notify is for the program itself");
                return STATUS_USAGE;
        }
        return desktop_child((uid_t)uid, argv[2]);
}
