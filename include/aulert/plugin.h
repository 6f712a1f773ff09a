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
} AulertPlugin;

/* Reads stdin until it ends, or until SIGTERM or SIGINT: then what stdin holds is read first; from another process than the
 * parent only half a second later, because systemd ends auditd and its plugins at once. Everything open is delivered before
 * it returns. 0; -EINVAL: bad @plugin; -ENOMEM; -errno of read(2), poll(2) or signalfd(2). Afterwards SIGPIPE is ignored, SIGHUP,
 * SIGTERM and SIGINT are blocked and other signals have their defaults. */
int aulert_plugin_run(const AulertPlugin *plugin);

#ifdef __cplusplus
}
#endif
