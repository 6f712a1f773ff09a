/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The supervisor's hold on the process that reads the log for an engine that catches up (role-log.c): one at a time, of the newest
 * engine; the one before is ended. */
#include "role/supervisor/child.h"

typedef struct {
        Child child;
        ChildOptions options;
        uint64_t started;
} LogFeed;

/* It becomes the user of @as, whose message() and userdata are its own too. */
void log_feed_init(LogFeed *f, sd_event *loop, const ChildOptions *as);
/* Gives the engine one that reads @path from that second on; without a path, or when it cannot be had, the word that there is none. */
void log_feed_give(LogFeed *f, const Child *engine, const char *path, uint64_t from_sec);
void log_feed_stop(LogFeed *f);
