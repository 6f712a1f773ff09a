/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The engine's state on the disk: what lets a later run go on where this one stopped.
 *
 * A file beside the spool (SPOOL.state), replaced whole by rename(2), written by deliver when the state counts, so that all alerts before it
 * are in the spool already. It is not in the spool's database, whose limit of size, pruning and setting aside are for
 * alerts. Sealed (base/pack.h). Bounded: RING_STATE_MAX. */
#include "base/counter.h"
#include "role/ring.h"

typedef struct {
        uint64_t written;
        uint64_t failed;  /* could not be written */
        uint64_t missed;  /* the engine had begun another when it was to be copied */
        uint64_t damaged; /* files that were set aside */
} CheckpointCounters;

extern const CounterDesc checkpoint_counter_descs[];
extern const size_t checkpoint_n_counter_descs;

typedef struct {
        Buf path; /* of the file; empty: there is none */
        bool failing;
        CheckpointCounters counters;
} Checkpoint;

/* Beside the spool of that path; NULL: in memory, then nothing is kept. 0 or -ENOMEM. */
int checkpoint_open(Checkpoint *c, const char *spool_path);
void checkpoint_close(Checkpoint *c);

/* State @i of the ring. Nobody waits for it but the caller, for as long as the disk takes. */
void checkpoint_write(Checkpoint *c, const Ring *ring, uint64_t i);

enum { _CHECKPOINT_E_SUCCESS, CHECKPOINT_E_DAMAGED };

/* What was written last: *ret_fd: a sealed memfd with the state, -1: there is none. 0; CHECKPOINT_E_DAMAGED: was set aside, and logged; -errno. */
int checkpoint_read(Checkpoint *c, int *ret_fd);
