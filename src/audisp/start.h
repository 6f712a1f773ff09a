/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The state that auditd leaves a new plugin in (audispd.c: safe_exec(), start_one_plugin()). */
#include <sys/types.h>
#include "audisp/plugin.h"

/* Starts @conf's program with @child_fd as its stdin. @again: not the first time. 0 and its pid, or -errno, also when
 * the program cannot be executed. */
int start_program(pid_t *ret, const Conf *conf, const Version *version, bool friendly, bool again,
                  int child_fd);
