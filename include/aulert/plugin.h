/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The life of an auditd plugin, as one call.
 *
 * auditd starts a plugin with a socket on stdin, an empty environment and signals ignored (first start) or blocked (restart).
 * aulert_plugin_run() puts the signals of the process right, reads until the end, and hands out events. Call it from the main
 * thread, before any other thread is started: signals belong to the process. */
#include <aulert/feed.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a plugin does. Zeroed members have their defaults. */
typedef struct {
        size_t size;                      /* sizeof(AulertPlugin) */
        AulertEventFn event;              /* gets each event; required */
        void (*reload)(void *userdata);   /* SIGHUP; may be NULL */
        void (*idle)(void *userdata);     /* nothing more is there for now: flush output; may be NULL */
        void *userdata;                   /* for all of them */
        const AulertFeedOptions *options; /* of the feed; may be NULL */
        /* Where records come from: "stdin" (NULL; string and binary format, told apart), "unix:PATH" (auditd's af_unix
         * plugin), "file:PATH" (followed), "netlink" (the kernel; CAP_AUDIT_READ). */
        const char *source;
        /* Called once before aulert_plugin_run() returns, when @feed has delivered everything, to look at its counters;
         * may be NULL. */
        void (*done)(void *userdata, const AulertFeed *feed);
} AulertPlugin;

/* Reads the source until it ends, or until SIGTERM or SIGINT: then what is there is read first; on a socket, from another
 * process than the parent, only half a second later, because systemd ends auditd and its plugins at once. Everything open is
 * delivered before it returns. 0; -EINVAL: bad @plugin or no such source; -ENOMEM; -errno of what failed (-ENOENT,
 * -ECONNREFUSED: the source; -EPERM: netlink without the right to it). Afterwards SIGPIPE is ignored, SIGHUP, SIGTERM and
 * SIGINT are blocked and other signals have their defaults. */
int aulert_plugin_run(const AulertPlugin *plugin);

/* As fork(2), for a child that does one thing and is not waited for (a mail, a popup). In the child signals are as a new process
 * has them, none ignored, none blocked, standard input is /dev/null, and SIGALRM ends it after @seconds (0: never), also after exec.
 * Children that have ended are reaped at each call: do not mix with waitpid() for children of your own. Returns the pid; 0 in the child, which must end
 * by _exit() or exec; -EAGAIN where 64 children run already, so that a flood of events is no flood of processes; -errno of
 * fork(2). */
int aulert_plugin_fork(unsigned seconds);

#ifdef __cplusplus
}
#endif
