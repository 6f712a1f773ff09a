/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Takes records from files or a source and gives them to plugins, at the pace that was asked for.
 *
 * With files each plugin has a feeder of its own, so that each gets every record at its own speed. A source that
 * can be read once has one feeder for all: when a plugin's queue is full, the record is dropped for that one and
 * counted (may_drop), or all wait for it. */
#include "audisp/plugin.h"
#include "source/forged.h"
#include "source/line.h"
#include "source/source.h"

typedef enum { PACE_MAX, PACE_RATE, PACE_RECORDED } Pace;

typedef struct {
        char *const *files; /* NULL: @source */
        size_t n_files;
        const char *source;
        Pace pace;
        double rate;    /* records a second */
        uint64_t loops; /* of all files; 0: without end */
        bool may_drop;
        bool add_eoe; /* a log has no EOE records, a plugin's stream does */
} FeederOptions;

typedef struct {
        const FeederOptions *options;
        Plugin *plugins;
        size_t n_plugins;
        Source *source;
        LineReader *reader;
        int file_fd;
        size_t next_file;
        uint64_t loops_done;
        bool done;
        int error; /* -errno of a file or source that could not be read; the others go on */
        Str held;  /* a line that a plugin did not take yet */
        Forged forged;
        Buf joined; /* a SOCKADDR record whose path broke the line (source/forged.h), as auditd gives it to a plugin */
        Buf eoe; /* waits behind its PROCTITLE */
        bool eoe_due;
        bool full; /* the last step was FEEDER_FULL */
        uint64_t n_records, start_ns;
        double first_time; /* of the first record, PACE_RECORDED */
} Feeder;

int feeder_init(Feeder *f, const FeederOptions *options, Plugin *plugins, size_t n_plugins); /* 0 or -errno */
void feeder_done(Feeder *f);

typedef enum {
        FEEDER_MORE,  /* call again */
        FEEDER_FULL,  /* when a plugin's queue has room */
        FEEDER_LATER, /* at *ret_at_ns, CLOCK_MONOTONIC */
        FEEDER_INPUT, /* when feeder_fd() can be read */
        FEEDER_DONE,
} FeederState;

/* Gives out some records. */
FeederState feeder_step(Feeder *f, uint64_t *ret_at_ns);
int feeder_fd(const Feeder *f); /* -1: never to be waited for */
/* It was FEEDER_FULL, and there is room now: nothing needs to be waited for. */
bool feeder_can_go_on(const Feeder *f);
