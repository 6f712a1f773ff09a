/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Keeps what aulert does from setting off what aulert does.
 *
 * Where every connect() and write() is audited, telling of an event makes events: a mail, a line in a file, a program of the exec sink. A
 * rule may be true of these, and what it tells makes more. So an event of our own processes is told once a rule in ECHO_MS, and counted
 * beyond that; and it is never among those that `events:` sends on. Ours are: the supervisor, its children, and all that runs as a user
 * that only they and their children run as. Who takes over one of our processes is told of, then, once an hour and rule.
 *
 * A log that is caught up on may be older than we are, and its process of our number is another: by number, only what came since our start
 * is ours.
 *
 * Other machines' events are not ours, whatever their numbers are. */
#include "base/arena.h"
#include "event/event.h"
#include "record/field.h"

#define ECHO_MS       (3600 * 1000u)
#define ECHO_RULES    1024u /* told within that time; what is beyond is counted only */
#define ECHO_UIDS     2u
#define ECHO_NODES    16u
#define ECHO_NODE_MAX 256u

typedef struct {
        int64_t pid;             /* the supervisor's; 0: nothing is ours */
        int64_t since;           /* when it started: seconds since the epoch, CLOCK_REALTIME */
        int64_t uids[ECHO_UIDS]; /* that nobody else runs as; -1: none */
        uint32_t n_nodes;        /* of this machine in node=, besides its host name (node-names.h) */
        char nodes[ECHO_NODES][ECHO_NODE_MAX];
} EchoSelf;

typedef struct {
        uint64_t folded; /* hits on our own events that were not told */
        uint64_t events; /* own events that were not sent on */
} EchoCounters;

extern const CounterDesc echo_counter_descs[];
extern const size_t echo_n_counter_descs;

typedef struct Echo Echo;

int echo_new(Echo **ret, const EchoSelf *self); /* 0 or -ENOMEM */
Echo *echo_free(Echo *e);                       /* returns NULL */

/* All of these take NULL, of which nothing is own. */
bool echo_is_own(Echo *e, const Event *event);
/* Whether a hit of that rule on an own event is to be told. @now_ns: CLOCK_MONOTONIC. Counts. */
bool echo_tells(Echo *e, Str rule_id, uint64_t now_ns);
/* The event is ours and not to be sent on. Counts. */
bool echo_keeps_back(Echo *e, const Event *event);
void echo_print_counters(const Echo *e, Buf *out, bool only_loss);
