/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Starts the process that reads from Kafka (source/kafka-intake.h). */

#include <stdbool.h>
#include <sys/types.h>

/* @config_fd: of config_read_to_pass(), lent. It becomes @uid, @gid when @change_user. What it writes to comes as *ret_fd, the
 * caller's to close: when no copy of it is left the process commits what is safe, leaves its group and ends, in some
 * seconds; nobody needs to wait for it. 0 or -errno. */
int intake_start(int config_fd, bool change_user, uid_t uid, gid_t gid, int *ret_fd);
