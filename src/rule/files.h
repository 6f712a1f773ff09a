/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Finds rule files and reads them: what a RuleSet is loaded from, here or in another process. */
#include "rule/rule.h"

/* The file, or why it cannot be read, is lent until the function returns. Not 0: the walk ends with that. */
typedef int (*RuleFileFn)(void *userdata, const RuleFile *file);

/* Every .yml/.yaml file at or below each path, in the order of their names, so that messages are the same every time. Symbolic links below
 * a path are not followed: one to a directory, or with the name of a rule file, is handed out with the error EMLINK. A directory more than
 * 32 deep comes with ENAMETOOLONG. NAME.test.yml is left out. A path that is named itself may have any name. 0, -ENOMEM, or what @fn
 * said. */
int rule_files_walk(const char *const *paths, size_t n_paths, RuleFileFn fn, void *userdata);

/* One file. Of one that is longer than any rule file may be, more than that many bytes are handed out, but not all. */
int rule_file_read(const char *path, RuleFileFn fn, void *userdata);
