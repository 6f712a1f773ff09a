/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the process that reads a source counts itself. */
#include "source/source.h"

typedef struct {
        uint64_t torn; /* lines of a socket that a predecessor had read the start of: dropped, or cut there */
} FeedCounters;

typedef struct {
        SourceCounters source;
        FeedCounters feed;
} FeedTotals;

extern const CounterDesc feed_counter_descs[];
extern const size_t feed_n_counter_descs;
