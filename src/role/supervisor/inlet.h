/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The process that reads the source where that is not stdin: "source" (role-source.c) or, for kafka:, "intake" (role-intake.c).
 *
 * It writes to a socket that each engine in turn reads, and we keep both ends of it. When it dies another one takes its place,
 * at the byte where the dead one was: what had been read is in memory that we keep for them (source/relay.h), and how much of it
 * the socket has taken is what the engine has read (ring.h) and what waits for it. We look into neither. Of a file we
 * keep what was open, too, so that it can be read to its end whatever becomes of its name.
 *
 * What it says of its end (IPC_ENDED) is the end of the input; whatever else ends it is a death. */
#include "role/config/config.h"
#include "role/ring.h"
#include "role/supervisor/child.h"

#define INLET_WAIT_MS  2000u /* at most, before one that died again and again is replaced */
#define INLET_LEAVE_MS 3000u /* for an intake to commit and leave its group, at the end */

typedef struct {
        sd_event *loop;
        const Child *engine;
        const Ring *ring;
        const Config *config;
        int config_fd; /* of it, for the intake; lent while it is opened, as @config */
        const ChildOptions *as_reader, *as_intake; /* whose user the one or the other becomes */
        void (*message)(void *userdata, Child *c, IpcMessage *m);
        void (*died)(void *userdata, const char *sentence); /* and is replaced */
        void (*ended)(void *userdata, int status);          /* nothing more comes */
        void *userdata;
} InletOptions;

typedef struct {
        InletOptions options;
        ChildOptions child_options;
        Child child;     /* to be initialised by inlet_init(), as others look at it */
        int input, feed; /* the engine's end of the socket, and the reader's; -1: none, the source is stdin */
        int relay, file; /* what the reader has open of a file: -1: nothing */
        int config_fd;
        char *source;
        sd_event_source *wait;
        unsigned n_quick;
        uint64_t n_started;
        bool is_kafka, leaving;
} Inlet;

void inlet_init(Inlet *i);
/* For the source of the configuration; it stays that one. 0 or -errno. */
int inlet_open(Inlet *i, const InletOptions *options);
void inlet_close(Inlet *i); /* ends it at once */

/* The engine is ready: starts it, if there is one to start and none. */
void inlet_start(Inlet *i);
/* There is no engine any more. True: it has something to do yet, and ended() follows. */
bool inlet_leave(Inlet *i);
