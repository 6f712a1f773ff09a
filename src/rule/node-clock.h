/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The clocks of nodes against each other, so that a node whose clock is wrong makes no other node's events late, or judged early.
 *
 * Each node has an offset; its time plus that is the time by which events wait for their turn. Nodes that agree within RULE_SETTLE_MS have
 * the same, mostly 0. A node that is behind all others when it is first seen, or falls behind because somebody's clock was set, gets one
 * with which it stands where the others are. Who is ahead is believed: time goes on, and what comes in the order of its times is judged in
 * that order. Windows of correlations and hits keep the events' own times. Bounded: of nodes beyond NODE_CLOCKS the one heard from least recently
 * is forgotten, and is met as new. */
#include "base/pack.h"

#define NODE_CLOCKS     256u
#define NODE_CLOCK_WAYS 4u

typedef struct {
        uint64_t hash; /* 0: free */
        int64_t offset_ms;
        uint64_t used;
        unsigned n_late; /* events one after the other that were late */
} NodeClock;

typedef struct {
        uint64_t secret[2];
        NodeClock v[NODE_CLOCKS];
        uint64_t used;
        int64_t now_ms; /* the latest time of all; INT64_MIN: there was none */
} NodeClocks;

void node_clocks_init(NodeClocks *c);

/* An event of @node: the time by which it waits. */
int64_t node_clock_take(NodeClocks *c, Str node, int64_t time_ms);

void node_clocks_save(const NodeClocks *c, Buf *out);
void node_clocks_restore(NodeClocks *c, Unpack *in); /* @in says whether it was well */
