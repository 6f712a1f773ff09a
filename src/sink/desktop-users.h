/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Who sits in front of this machine, with a desktop that can be told something.
 *
 * With a login manager: the users whose session is in the foreground (sd-login, plain files under /run).
 * Without one: the owners of RUN_DIR/UID/bus. Reads a few small files in memory, asks no service, follows
 * no link. */
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define DESKTOP_USERS_MAX 64u
#define DESKTOP_RUN_DIR   "/run/user"

/* Returns how many were written to @ret, at most DESKTOP_USERS_MAX. Another @run_dir than DESKTOP_RUN_DIR
 * is for tests: no login manager is asked. */
size_t desktop_users_active(const char *run_dir, uid_t *ret);

/* There is a socket of that user in the place of the session bus; or only they may look whether there is. */
bool desktop_users_has_bus(const char *run_dir, uid_t uid);
