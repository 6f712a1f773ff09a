/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Tells about bad input: the first of each kind with its place, totals at the end. */
#include "event/event.h"
#include "source/line.h"

typedef enum {
        BAD_LONG,
        BAD_UNENDED,
        BAD_NUL,
        BAD_RECORD,
        BAD_END,
        BAD_DROPPED,
        BAD_FORGED,
        BAD_PATH,
        _BAD_N
} Bad;

typedef struct {
        const char *name; /* of the input being read; to be kept up to date */
        uint64_t n[_BAD_N];
} BadLines;

void bad_note_fault(BadLines *b, LineFault fault, uint64_t line);
void bad_note_event(BadLines *b, int event_error, uint64_t line); /* EVENT_E_… */

/* One line when anything was bad: lines in, records out, and each kind of loss, which add up. Call it after
 * the last flush. */
void bad_say_totals(const BadLines *b, const EventCounters *events);

/* Logs the counters of losses that are not zero, but for those that bad_say_totals() tells. */
void bad_say_losses(const CounterDesc *descs, size_t n, const void *counters);

/* Logs "name value" lines as one message, those with a value of 0 left out: "counters: a 1, b 2". Nothing
 * when all are. */
void bad_say_counters(int level, Str lines);
