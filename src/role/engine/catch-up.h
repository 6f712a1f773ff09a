/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The engine's side of `catch_up`: after a start it reads from auditd's log what was missed, and only then its input. So does the successor of one
 * that died or was stuck: auditd drops what its plugins leave in its queue for too long.
 *
 *   started from a state that was kept, or deliver has not taken alerts for so long that there is no more room for them: the log is asked
 *   for, from the time of what is known on
 *   LOG       records of the log are taken, but those that were taken before. The input is moved into the ring, unread: auditd never waits.
 *             auditd queues a record for its plugins and writes it to its log at once after (distribute_event()), so what the ring cannot hold
 *             meanwhile has been in the log
 *   OVERLAP   the log is read to its end: the input goes on, without the records that the log has given. It may have some that the log did
 *             not have yet
 *   OFF       nothing but remembering what is taken (seen.h)
 *
 * The log is read by a process of its own (role-log.c), piece by piece as we ask for it. A log that cannot be read, or that begins behind
 * what was finished, is a gap: counted, and an alert that says from when to when. Nothing waits. */
#include <systemd/sd-event.h>
#include "alert/alert.h"
#include "base/counter.h"
#include "role/engine/seen.h"
#include "role/ipc.h"
#include "source/forged.h"
#include "source/line.h"

#define CATCH_UP_TRIES      3u    /* so many readers of the log may die */
#define CATCH_UP_OVERLAP_MS 60000 /* the input is behind the log by no more than that */
#define CATCH_UP_BEHIND_MS  10000 /* an input that much younger than the log is behind the overlap */

typedef enum { CATCH_UP_OFF, CATCH_UP_LOG, CATCH_UP_OVERLAP } CatchUpStage;

typedef struct {
        uint64_t caught_up;   /* records taken from the log */
        uint64_t log_seen;    /* records of the log that had been taken before */
        uint64_t input_seen;  /* records of the input that the log had given */
        uint64_t left_to_log; /* bytes of the input that the ring could not hold; the log has had them */
        uint64_t fallen_back; /* times that the input was left to the log because deliver was behind */
        uint64_t gaps;        /* times that the log did not have what was missed */
} CatchUpCounters;

extern const CounterDesc catch_up_counter_descs[];
extern const size_t catch_up_n_counter_descs;

typedef struct {
        bool (*is_free)(void *userdata);        /* alerts of more lines can be taken now */
        void (*rescue)(void *userdata);         /* moves what waits at the input into the ring */
        void (*line)(void *userdata, Str line); /* takes a line of the log; lent until recycle() */
        void (*turn)(void *userdata);           /* such lines are about to come; again when they were taken */
        void (*recycle)(void *userdata);        /* as LineOptions has it */
        void (*done)(void *userdata);           /* the log has been read: the input goes on */
        void (*tell)(void *userdata, Alert *alert); /* about ourselves */
} CatchUpHooks;

typedef struct {
        Seen *seen; /* NULL: nobody wants to catch up */
        CatchUpStage stage;
        const CatchUpHooks *hooks;
        void *userdata;
        sd_event *loop;
        sd_event_source *io;
        int link; /* to who reads the log; -1: none */
        unsigned n_tries;
        size_t max_line;
        LineReader *reader;
        Str bytes;    /* of the log, that came and are not in the reader */
        bool waiting; /* to ask for more, until alerts have gone out */
        bool met; /* a record that is known was met, or one behind all known: what comes is new unless known */
        bool any;              /* the log has given a record */
        int64_t from_ms;       /* the newest that was known when we began */
        uint64_t n_lost_files; /* as the reader of the log said */
        Forged forged;
        bool forger_taken; /* what is forged goes the way of the record that it stands in */
        uint64_t until_ns; /* OVERLAP: CLOCK_MONOTONIC */
        int64_t end_ms;    /* the newest of the log */
        bool met_input;    /* the input has given a record that is known */
        bool moved;        /* since this was last set to false: something was taken */
        CatchUpCounters counters;
        int64_t *last_ms; /* where the time of each record that is taken is put down */
        IpcRoom room;
} CatchUp;

/* @max_line as of LineOptions. 0 or -ENOMEM. All is lent for the life of it. */
int catch_up_open(CatchUp *c, sd_event *loop, size_t max_line, int64_t *last_ms, const CatchUpHooks *hooks,
                  void *userdata);
void catch_up_stop(CatchUp *c); /* reads no more of the log: it is left to a successor */
void catch_up_close(CatchUp *c);

/* @c->seen is what was taken before (or as seen_begin() says): asks the supervisor for the log. */
void catch_up_start(CatchUp *c);
/* The same while it runs, where more alerts cannot be kept: what the input has meanwhile is made of the log, at the pace of deliver. False: that
 * cannot be done. */
bool catch_up_fall_back(CatchUp *c);
/* The supervisor's answer; takes the descriptor; -1: there is no log to be had. */
void catch_up_link(CatchUp *c, int fd);

/* After each turn of the loop: the log waits while too many alerts are on their way. */
void catch_up_go_on(CatchUp *c);

/* A line of the input: false: the log has given it. Remembers it otherwise. */
bool catch_up_is_new(CatchUp *c, Str line);
