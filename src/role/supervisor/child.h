/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A process of the supervisor's: this program anew, as `aulert --role ROLE UID GID`.
 *
 * It finds the descriptors of ipc.h, our standard ones, and nothing else of ours. Its end is told once, with what it said
 * of it before (IPC_ENDED) or did not say. */
#include <sys/types.h>
#include <systemd/sd-event.h>
#include "role/ipc.h"

typedef struct Child Child;

typedef struct {
        const char *role;
        bool change_user;
        uid_t uid;
        gid_t gid;
        /* m->fd is the callee's when it sets it to -1 */
        void (*message)(void *userdata, Child *c, IpcMessage *m);
        /* @ended: it said so, with this status; else it died: code and signal_or_status are waitid(2)'s */
        void (*gone)(void *userdata, Child *c, bool ended, int status, int code, int signal_or_status);
        void *userdata;
} ChildOptions;

struct Child {
        const ChildOptions *options;
        sd_event *loop;
        pid_t pid; /* 0: it does not run */
        int control;
        sd_event_source *exit, *io;
        uint64_t started_ns;
        bool ready; /* it said IPC_READY */
        bool ended;
        int status;
        IpcRoom room;
};

/* @input: its standard input (-1: nothing); @link, @ring: what it gets as IPC_FD_LINK and IPC_FD_RING (-1: nothing). All stay the caller's.
 * 0 or -errno. */
int child_start(Child *c, int input, int link, int ring);
int child_tell(const Child *c, IpcType type, uint64_t a, uint64_t b, Str payload, int fd); /* as ipc_send() */
void child_kill(const Child *c);
/* Ends and forgets it without telling. */
void child_done(Child *c);
/* What its first thread does, a letter of proc(5): R: it runs or would if it were let; '?': not known. *ret_ran_ns: CPU time that this thread
 * has used; untouched where the kernel does not tell, and then it is never R. */
char child_state(const Child *c, uint64_t *ret_ran_ns);
/* After a death: how long to wait before the next start, ms: nothing the first time, then longer and longer, at most @most_ms.
 * @n_quick: the caller's, of this child: its deaths in quick succession. */
unsigned child_wait_ms(const Child *c, unsigned *n_quick, unsigned most_ms);
