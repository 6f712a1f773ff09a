/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What of each partition was given out, what is safe, and where to begin again.
 *
 * No Kafka in here: offsets are numbers. An offset is that of the next message, as Kafka counts. Times are
 * CLOCK_MONOTONIC ns at which a message came in: its own time stamp is its sender's to choose. */
#include "base/str.h"

#define LEDGER_SAMPLES    64u    /* of a partition: places to begin again */
#define LEDGER_PARTITIONS 65536u /* more: that partition is refused */

typedef struct {
        uint64_t ns;
        int64_t offset;
} LedgerSample;

typedef struct {
        bool owned;
        int64_t next;      /* behind the last message that was given out; -1: none was */
        int64_t done;      /* what is safe; -1: nothing new */
        uint64_t done_ns;  /* when the last message before it came in */
        int64_t committed; /* what the cluster was told, or has said; -1: nothing */
        uint64_t mark;     /* under which its entry is */
        size_t entry;
        LedgerSample samples[LEDGER_SAMPLES]; /* rising; a ring would not be worth it */
        size_t n_samples;
} LedgerPartition;

typedef struct {
        uint64_t mark;
        int32_t partition;
        int64_t next;
        uint64_t ns;
} LedgerEntry;

typedef struct {
        uint64_t rebuild_ns;
        uint64_t mark; /* the next one */
        LedgerPartition *partitions;
        size_t n_partitions;
        LedgerEntry *entries; /* given out and not safe yet, by mark */
        size_t first, n, cap; /* those that count are [first, n) */
} Ledger;

void ledger_init(Ledger *l, uint64_t rebuild_ms);
void ledger_done(Ledger *l);

/* NULL: there can be no such partition, or no memory. */
LedgerPartition *ledger_partition(Ledger *l, int32_t partition);

/* A partition is ours: where to start. @committed: of the group, -1 for none; @again: what was committed with it as the place to
 * begin again, or -1. Returns -1 when nothing is known. */
int64_t ledger_assign(Ledger *l, int32_t partition, int64_t committed, int64_t again);
/* Before it is assigned: somebody before us, for the same reader, has given out all before @next. */
void ledger_resume(Ledger *l, int32_t partition, int64_t next);
void ledger_revoke(Ledger *l, int32_t partition);

/* A message of that offset was given out. 0 or -ENOMEM. */
int ledger_add(Ledger *l, int32_t partition, int64_t offset, uint64_t now_ns);
/* The number of the mark that stands behind everything so far; 0: nothing came since the last one. */
uint64_t ledger_mark(Ledger *l);
/* All up to that mark is safe. A number that was not given out changes nothing. */
void ledger_safe(Ledger *l, uint64_t mark);

/* What to commit of that partition: the offset, and where to begin again. False: nothing new. */
bool ledger_commit(Ledger *l, int32_t partition, int64_t *ret_offset, int64_t *ret_again);
/* The cluster did not take it: it is new again. */
void ledger_uncommitted(Ledger *l, int32_t partition);
