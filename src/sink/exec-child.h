/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The child of the exec sink, from fork to exec: it gives up what it must not have, and becomes the program.
 *
 * Only calls that are safe in a child of a process with threads (libraries start some). */
#include <stdbool.h>
#include <sys/types.h>

typedef struct {
        char *const *argv; /* argv[0] is a path */
        char *const *env;
        bool switch_user; /* to uid and gid, without further groups */
        uid_t uid;
        gid_t gid;
        int in, err; /* become stdin and stderr; stdout is /dev/null */
        int status;  /* gets an ExecFault when the program could not be started; closed when it was */
} ExecChild;

typedef struct {
        int error;     /* errno */
        char what[32]; /* what failed, in words; NUL-terminated */
} ExecFault;

_Noreturn void exec_child(const ExecChild *c);
