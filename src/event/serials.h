/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Whether serial numbers of a node are missing: records that were lost before us.
 *
 * The kernel counts them up by one, from 1 at boot, when the first record of an event is begun, behind its filters: rules that
 * leave something out leave no gap. What has no number is not seen here: a record that the kernel has dropped because its
 * backlog was full is one of those, which only its counter `lost` tells. And who filters what the kernel has written (a plugin before
 * us, grep) makes gaps that are no loss. So it is a hint that something is not here that was there.
 *
 * They arrive out of order: what is missing counts when SERIALS_WINDOW others have come, or the node's clock has gone on by
 * SERIALS_SETTLE_MS to twice that. A number far off means a restart (of the machine, or of auditd with another log) or a
 * large loss, or nothing: it counts when the next event is there too. Backward nothing is missing then; forward all
 * between, unless it leads to where it was before it went back. Constant time and memory. */
#include "base/str.h"

#define SERIALS_WINDOW    1024u
#define SERIALS_FAR       65536u     /* forward; larger steps need the next one to confirm them */
#define SERIALS_LOST_MAX  (1u << 24) /* a larger step forward is a restart */
#define SERIALS_SETTLE_MS 5000

typedef struct {
        uint64_t next; /* behind the highest so far; 0: none yet */
        uint64_t mark; /* what is missing below it counts SERIALS_SETTLE_MS after: */
        int64_t since_ms;
        uint64_t far;                       /* the one before, when it was far off; 0: it was not */
        uint64_t left;                      /* where it was when it went back; 0: it did not */
        uint64_t gaps;                      /* numbers that are missing */
        uint64_t seen[SERIALS_WINDOW / 64]; /* bit of n % SERIALS_WINDOW: seen, or counted */
} Serials;

/* The slow side of serials_note(). */
void serials_jump(Serials *s, uint64_t serial);
void serials_settle(Serials *s, int64_t clock_ms);
/* What comes next has nothing to do with what was. */
static inline void serials_restart(Serials *s) { s->next = 0; }

/* The serial of a new event; @clock_ms: the latest time of its node. */
static inline void serials_note(Serials *s, uint64_t serial, int64_t clock_ms) {
        if (likely(serial == s->next && serial)) {
                uint64_t *word = &s->seen[serial / 64 % (SERIALS_WINDOW / 64)], bit = 1ull << serial % 64;

                s->gaps += !(*word & bit);
                *word |= bit;
                s->next++;
                s->far = 0;
        } else {
                serials_jump(s, serial);
        }
        if (unlikely((uint64_t)clock_ms - (uint64_t)s->since_ms >=
                     SERIALS_SETTLE_MS)) /* or it was set back */
                serials_settle(s, clock_ms);
}
