/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The supervisor's hold on the process that reads the log for an engine that catches up (role-log.c): one at a time, of the newest
 * engine; the one before is ended. */
#include "role/child.h"

typedef struct {
        Child child;
        ChildOptions options;
        uint64_t started;
} LogFeed;

/* @message, @userdata: as of ChildOptions. */
void log_feed_init(LogFeed *f, sd_event *loop, void (*message)(void *userdata, Child *c, IpcMessage *m),
                   void *userdata);
/* Gives the engine one that reads @path from that second on; without a path, or when it cannot be had, the word that there is none. */
void log_feed_give(LogFeed *f, const Child *engine, const char *path, uint64_t from_sec);
void log_feed_stop(LogFeed *f);
