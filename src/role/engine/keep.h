/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Keeps the engine's state in the ring's memory, so that a successor goes on as if nothing had happened.
 *
 * A state is the engine's (engine_save()) and the lines of the events that are open, as of one place of the input between
 * two lines. It counts from when all alerts made before it are in the spool: who starts from it makes those behind it again,
 * under the same ids. Taken every KEEP_MS, or when the ring would lose what it does not know; rarer when it
 * takes long (at most a KEEP_SHARE-th of the time). */
#include "role/engine/engine.h"
#include "role/engine/seen.h"
#include "role/ring.h"

#define KEEP_MS       1000u
#define KEEP_SHARE    50u
#define KEEP_STORE_MS 2000u

typedef struct {
        uint64_t kept;                 /* states that counted */
        uint64_t too_large, no_memory; /* that could not be kept */
        uint64_t bad;                  /* states that could not be restored */
} KeepCounters;

extern const CounterDesc keep_counter_descs[];
extern const size_t keep_n_counter_descs;

typedef struct {
        uint64_t taken_ns, cost_ns; /* CLOCK_MONOTONIC */
        uint64_t taken_place;
        bool pending; /* one is written, and waits for its alerts */
        unsigned slot;
        uint64_t place, seq;
        size_t bytes;
        Seen *seen; /* lent; belongs to the state. NULL: nobody wants to know */
        bool unoffered;
        uint64_t offered_ns, offered_seq;
        KeepCounters counters;
} Keep;

/* The secret of hash.h that the state in a new ring was made with becomes the ring's: before the first engine begins. */
void keep_adopt_secret(Ring *ring);

/* True when it is time for one at @place, with @seq the last alert's; @moved: something was taken that does not show there. */
bool keep_is_due(const Keep *k, uint64_t place, uint64_t seq, bool moved, uint64_t now_ns);
/* Writes one. */
void keep_take(Keep *k, Ring *ring, Engine *engine, const EventAssembler *assembler, uint64_t place,
               uint64_t seq);
/* All alerts up to @committed are in the spool (UINT64_MAX: all that were made). True: a new state counts. */
bool keep_settle(Keep *k, Ring *ring, uint64_t committed);

/* Tells deliver of the state that counts, which stores it for a later run: not more often than every KEEP_STORE_MS and as much again for each
 * MiB of it, but for the @last. */
void keep_offer(Keep *k, const Ring *ring, int link, bool last);

/* When to come again though nothing comes: there are alerts, up to @seq, that no stored state knows, and a start would tell again. UINT64_MAX: there
 * are none. Nothing but alerts counts: where writing files is audited, a state would be stored because a state was stored. */
uint64_t keep_next_ns(const Keep *k, const Ring *ring, uint64_t seq);

/* Into an engine that has its rules, and an assembler, which have seen nothing. @ret_open: lines of the events that were open, to be
 * given to the assembler, lent. 0: there is none, or it was restored: *ret_place, *ret_seq; PACK_E_BAD, -ENOMEM: counted; go on from
 * there without it. */
int keep_restore(Keep *k, const Ring *ring, Engine *engine, EventAssembler *assembler, Str *ret_open,
                 uint64_t *ret_place, uint64_t *ret_seq);
