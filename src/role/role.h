/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the program can be asked to do: its commands, and what they have in common.
 *
 * A command is one function in a file cmd-NAME.c and one row of the table in main.c. It gets the command
 * line from its own name on (argv[0] is the command), and returns an exit status. --help never reaches it:
 * main prints the row's text. Only role/ and main.c put stages together, write to the log and decide exit
 * statuses. */
#include "base/str.h"

/* Where several apply, the highest is returned. */
enum {
        STATUS_DONE = 0,
        STATUS_NOTHING = 1, /* test: no hit; notify: not delivered */
        STATUS_USAGE = 2,   /* bad usage, configuration or rule */
        STATUS_INPUT = 3,   /* input could not be read, or output not written */
};

typedef int (*RoleFn)(int argc, char **argv);

int cmd_records(int argc, char **argv);
int cmd_events(int argc, char **argv);
int cmd_watch(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_notify(int argc, char **argv);
int cmd_status(int argc, char **argv);

/* Started by the program itself: aulert --role notify UID RUN_DIR. */
int role_notify(int argc, char **argv);
int role_engine(int argc, char **argv);  /* aulert --role engine UID GID */
int role_source(int argc, char **argv);  /* aulert --role source - - */
int role_log(int argc, char **argv);     /* aulert --role log - - */
int role_deliver(int argc, char **argv); /* aulert --role deliver UID GID */
int role_intake(int argc, char **argv);  /* aulert --role intake UID GID */

/* Says what is wrong with the command line and where help is: "aulert: watch: MESSAGE (see aulert watch
 * --help)". Returns STATUS_USAGE. */
int role_usage(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* @r: what came of writing to stdout, 0 or -errno. Says it, unless nobody reads on (EPIPE), which is no error: "aulert | head".
 * Returns STATUS_DONE or STATUS_INPUT. */
int role_output(int r);

static inline int role_worse(int a, int b) { return a > b ? a : b; }
