/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What commands do with a configuration file: read it, and say what is wrong with it on stderr. */
#include "role/config.h"

/* The configuration, or NULL: every mistake, or why the file cannot be read, was logged. config_free() it. */
Config *config_read(const char *path);

/* True when the file is YAML whose first document has a key of a configuration and none of a Sigma rule at
 * its top. False too when it cannot be read. */
bool config_is_one(const char *path);
