/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The commands: each takes its own arguments (argv[0] is its name) and returns the exit status. */

int cmd_records(int argc, char **argv);
