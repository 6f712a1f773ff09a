/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* aulert test --suite: tests of rules that lie beside them, as NAME.test.yml. */
#include <stddef.h>

/* Runs every test file at or below each path (symbolic links below it are not followed), in the order of their names, and writes TAP to
 * stdout. STATUS_DONE: all passed; STATUS_NOTHING: there is no test file; STATUS_USAGE: a test failed or a file is wrong;
 * STATUS_INPUT: stdout could not be written. */
int suite_run(const char *const *paths, size_t n_paths);
