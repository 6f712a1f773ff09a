/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Counters that a person can see.
 *
 * A module keeps its counters as uint64_t members of a visible struct and describes them in one table;
 * totals, SIGUSR1 and `aulert status` print every table, so a new counter needs one row and no other
 * change. */
#include "base/buf.h"

typedef struct {
        const char *name; /* snake_case, unique within the program */
        const char *help; /* one plain sentence, no full stop */
        size_t offset;    /* of the uint64_t in the module's struct */
        bool loss;        /* something that came in did not go out: always worth showing when not zero */
} CounterDesc;

/* *into = @before + @now, counter by counter; all are structs of that table. */
void counter_sum(void *into, const CounterDesc *descs, size_t n, const void *before, const void *now);

/* Appends "name value" lines, one a counter; with @only_loss just the losses that are not zero. */
void counter_print(Buf *out, const CounterDesc *descs, size_t n, const void *counters, bool only_loss);
