/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a role may do, taken away before it meets what others wrote. Nothing of it can be had back.
 *
 * engine   no capability; seccomp refuses (EPERM) all calls but those of a list: no socket, no connect, no exec, no
 *          signal to others, no file opened for writing; Landlock, where the kernel has it: files can be read below /etc, /usr, /lib…,
 *          and nowhere else
 * deliver, intake  no capability; seccomp refuses what a program that talks to others never needs: tracing, mounting, modules, keys, namespaces
 *          and the like. It has the network, the spool and programs of `exec` sinks, so it is a list of what is refused */
#include <stdbool.h>
#include <sys/types.h>

/* 0 or -errno, which was logged. */
int sandbox_engine(void);
/* 0 or -errno. */
int sandbox_deliver(void);

typedef enum { SANDBOX_ENGINE, SANDBOX_DELIVER } SandboxAccount;

/* For root who only reads a source: no capability but, with @files, those that open files. 0 or -errno. */
int sandbox_files(bool files);

/* The accounts aulert and aulert-deliver; where there is none, a number which systemd keeps free for services (systemd.io/UIDS-GIDS:
 * 61184–65519). False: it is such a number. */
bool sandbox_account(SandboxAccount account, uid_t *ret_uid, gid_t *ret_gid);
/* For root: becomes that user, without further groups. 0 or -errno. */
int sandbox_become(uid_t uid, gid_t gid);
