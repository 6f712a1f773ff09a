/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One plugin that runs: started as auditd starts it, and written to without ever waiting for it.
 *
 * What its socket does not take waits in a queue of its own (bounded, in records), and what does not fit there, where nothing
 * may be dropped and others share the input, in a file (bounded, in bytes): a slow plugin keeps nobody else from their
 * records. A plugin that dies is started again at the next record, that record being
 * sent again, up to max_restarts times (audispd.c: event_loop()). One that only closed its input is killed then:
 * auditd would forget it and start another beside it. */
#include <sys/types.h>
#include "audisp/conf.h"
#include "audisp/spill.h"
#include "base/buf.h"

#define PLUGIN_RESTARTS 10u /* auditd.conf(5): max_restarts */

typedef struct {
        bool friendly; /* the caller's environment, folder, stdout and stderr; signals as they should be */
        size_t queue;  /* records; 0: what the version has */
        bool spills;   /* beyond the queue, instead of keeping the others waiting */
        unsigned max_restarts; /* refused beyond that many */
} PluginOptions;

typedef struct {
        Conf conf;
        const Version *version;
        PluginOptions options;
        pid_t pid;  /* 0: it does not run */
        int fd;     /* our end of its stdin; -1: closed */
        int status; /* of wait(2), once it has ended */
        bool was_started, given_up;
        Buf queue; /* uint32 length and bytes, a record; [0, queue_done) are behind us */
        size_t queue_done, n_queued, n_queued_most;
        Spill spill;      /* the same, behind the queue */
        size_t n_spilled; /* of n_queued, those that are there */
        bool told_spill, told_no_spill, told_full;
        size_t sent; /* bytes of the first record in the queue that the plugin has */
        unsigned long long written, dropped, restarts;
} Plugin;

/* Takes @conf over. Does not start it. */
void plugin_init(Plugin *p, Conf *conf, const Version *version, const PluginOptions *options);
void plugin_done(Plugin *p); /* closes and frees; ends nothing */

int plugin_start(Plugin *p); /* 0 or -errno, of exec as well */

/* A line of text with its newline behind it (line.p[line.n] can be read). False: the queue is full, and the record
 * was dropped and counted (@may_drop) or not taken (else). */
bool plugin_write(Plugin *p, Str line, bool may_drop);
bool plugin_has_room(const Plugin *p); /* plugin_write() would take a record */
bool plugin_waits(const Plugin *p);    /* its queue has room: it could be given more */

/* Writes what the socket takes now, some of it where that is much; starts it again where it died. -errno: given up. */
int plugin_flush(Plugin *p);

/* Looks whether it has ended; true when it has, just now. */
bool plugin_reap(Plugin *p);
bool plugin_runs(const Plugin *p);
void plugin_close(Plugin *p);          /* end of its input */
size_t plugin_unread(const Plugin *p); /* bytes that it has not read yet */

/* Starts the stop that the version makes: signal and end of input in its order, with its time between. Does not
 * wait for the end. */
void plugin_stop(Plugin *p);
/* Waits up to @ms; false: it runs on. */
bool plugin_wait(Plugin *p, unsigned ms);

#define PLUGIN_END_TEXT 128u

/* "exited with status 1", "was ended by SIGSEGV". @buf: PLUGIN_END_TEXT bytes. */
const char *plugin_end_text(const Plugin *p, char *buf);
