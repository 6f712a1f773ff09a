/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a role may do, taken away before it meets what others wrote. Nothing of it can be had back.
 *
 * engine   no capability; seccomp refuses (EPERM) all calls but those of a list: no socket, no connect, no exec, no
 *          signal to others, no file opened for writing; Landlock, where the kernel has it: files can be read below /etc, /usr, /lib…,
 *          and nowhere else
 * source, log  the engine's user, once the source is open, with one capability that goes past the modes of files; seccomp refuses all calls but
 *          those of the engine and some: no exec, no signal to others, no file opened for writing, no socket but a unix one for the source that is one
 * deliver, intake  no capability; seccomp refuses what a program that talks to others never needs: tracing, mounting, modules, keys, namespaces
 *          and the like. It has the network, the spool and programs of `exec` sinks, so it is a list of what is refused */
#include <stdbool.h>
#include <sys/types.h>

/* 0 or -errno, which was logged. */
int sandbox_engine(void);
/* 0 or -errno. */
int sandbox_deliver(void);

typedef enum { SANDBOX_ENGINE, SANDBOX_DELIVER } SandboxAccount;

/* For who only reads a source, once it is open: no capability but, for logs, which are root's, that which reads files (CAP_DAC_READ_SEARCH) or, with
 * SANDBOX_CONNECTS, for a socket that may be, that which connects to it again (CAP_DAC_OVERRIDE); seccomp refuses all calls but the engine's, to
 * watch a folder and, with SANDBOX_CONNECTS, to connect to a unix socket. 0 or -errno. */
typedef enum { SANDBOX_NETLINK, SANDBOX_FILES, SANDBOX_CONNECTS } SandboxReader;
int sandbox_reader(SandboxReader what);

/* The accounts aulert and aulert-deliver; where there is none, a number which systemd keeps free for services (systemd.io/UIDS-GIDS:
 * 61184–65519). False: it is such a number. */
bool sandbox_account(SandboxAccount account, uid_t *ret_uid, gid_t *ret_gid);
/* For root, which is to become another and then to keep some of its capabilities, until it drops them: no way leads to more. 0 or -errno. */
int sandbox_leave_root(void);
/* For root: becomes that user, without further groups. 0 or -errno. */
int sandbox_become(uid_t uid, gid_t gid);
