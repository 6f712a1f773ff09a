/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What commands do with a configuration file: read it, and say what is wrong with it on stderr. */
#include "role/config/config.h"

/* The configuration, or NULL: every mistake, or why the file cannot be read, was logged. config_free() it. */
Config *config_read(const char *path);

/* The same, and a sealed memfd (ipc.h) in *ret_fd, from which another process has it with config_receive(). */
Config *config_read_to_pass(const char *path, int *ret_fd);
/* Takes the descriptor. NULL: what is wrong was logged. */
Config *config_receive(int fd);

/* Warns of what @new has otherwise than @old and is not used before the next start. */
void config_say_what_stays(const Config *old, const Config *new);

/* True when the file is YAML whose first document has a key of a configuration and none of a Sigma rule at
 * its top. False too when it cannot be read. */
bool config_is_one(const char *path);
