/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rule/node-clock.h"
#include "base/hash.h"
#include "rule/rule.h"

#define JUMP_MS     INT64_C(60000) /* no event is late by that much: the clock was set */
#define PROGRESS_MS 10000          /* so much later an event may be by another's offset */
#define LATE        4u             /* so many late events are no accident */

void node_clocks_init(NodeClocks *c) {
        *c = (NodeClocks){ .now_ms = INT64_MIN };
        memcpy(c->secret, hash_secret, sizeof(c->secret));
}

/* None, when time may have gone on: what comes in order stays so, however long nothing came. Else one that others have already, if it can
 * be: their events are in order with each other then. */
static bool find_offset(const NodeClocks *c, int64_t time_ms, int64_t *ret) {
        if (time_ms >= c->now_ms - RULE_SETTLE_MS) {
                *ret = 0;
                return true;
        }
        for (size_t i = 0; i < NODE_CLOCKS; i++) {
                int64_t ahead = time_ms + c->v[i].offset_ms - c->now_ms;

                if (c->v[i].hash && ahead >= -RULE_SETTLE_MS && ahead <= PROGRESS_MS) {
                        *ret = c->v[i].offset_ms;
                        return true;
                }
        }
        return false;
}

static void set_clock(NodeClocks *c, NodeClock *n, int64_t time_ms) {
        n->n_late = 0;
        if (!find_offset(c, time_ms, &n->offset_ms))
                n->offset_ms = c->now_ms - time_ms;
}

static NodeClock *find(NodeClocks *c, Str node, int64_t time_ms) {
        uint64_t hash = hash_bytes_with(c->secret, node.p, node.n, 1) | 1;
        NodeClock *set = &c->v[(hash >> 1) % (NODE_CLOCKS / NODE_CLOCK_WAYS) * NODE_CLOCK_WAYS],
                  *oldest = set;

        for (NodeClock *n = set; n < set + NODE_CLOCK_WAYS; n++) {
                if (n->hash == hash)
                        return n;
                if (n->used < oldest->used)
                        oldest = n;
        }
        *oldest = (NodeClock){ .hash = hash };
        if (c->now_ms != INT64_MIN)
                set_clock(c, oldest, time_ms);
        return oldest;
}

int64_t node_clock_take(NodeClocks *c, Str node, int64_t time_ms) {
        NodeClock *n;
        int64_t ahead;

        n = find(c, node, time_ms);
        n->used = ++c->used;
        if (c->now_ms == INT64_MIN)
                c->now_ms = time_ms;
        ahead = time_ms + n->offset_ms - c->now_ms;
        if (ahead > JUMP_MS)
                (void)find_offset(c, time_ms, &n->offset_ms);
        n->n_late = ahead < -RULE_SETTLE_MS ? n->n_late + 1 : 0;
        if (ahead < -JUMP_MS || n->n_late == LATE)
                set_clock(c, n, time_ms);
        ahead = time_ms + n->offset_ms - c->now_ms;
        if (ahead > 0)
                c->now_ms += ahead;
        if (c->now_ms > PACK_TIME_MAX) { /* by clocks that were set again and again */
                node_clocks_init(c);
                c->now_ms = time_ms;
                return time_ms;
        }
        return time_ms + n->offset_ms;
}

void node_clocks_save(const NodeClocks *c, Buf *out) {
        pack_u64(out, c->secret[0]);
        pack_u64(out, c->secret[1]);
        pack_i64(out, c->now_ms);
        pack_u64(out, c->used);
        for (size_t i = 0; i < NODE_CLOCKS; i++) {
                pack_u64(out, c->v[i].hash);
                pack_i64(out, c->v[i].offset_ms);
                pack_u64(out, c->v[i].used);
        }
}

void node_clocks_restore(NodeClocks *c, Unpack *in) {
        *c = (NodeClocks){ 0 };
        c->secret[0] = unpack_u64(in);
        c->secret[1] = unpack_u64(in);
        c->now_ms = unpack_time_or_never(in);
        c->used = unpack_u64(in);
        for (size_t i = 0; i < NODE_CLOCKS; i++) {
                c->v[i].hash = unpack_u64(in);
                c->v[i].offset_ms = unpack_i64(in);
                in->bad |= c->v[i].offset_ms > 2 * PACK_TIME_MAX || c->v[i].offset_ms < -2 * PACK_TIME_MAX;
                c->v[i].used = unpack_u64(in);
        }
}
