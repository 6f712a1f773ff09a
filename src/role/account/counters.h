/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* All counters of all processes, by name: what they mean, and whether they count losses.
 *
 * For those who read "name value" lines of another process: what is not known here is not believed. Names of sinks stand
 * within names of counters, so the sinks must be known too. */
#include "base/counter.h"
#include "role/config/config.h"

typedef struct {
        const CounterDesc *desc; /* its offset means nothing here */
        bool gauge;              /* it goes down too */
} CounterKind;

typedef struct {
        CounterKind kind;
        Str sink; /* borrows; "": of the process */
        uint64_t value;
} CounterLine;

/* "name value". False: it is none that we know. */
bool counters_parse(Str line, StrList sinks, CounterLine *ret);
/* The name of a counter of losses, of a process or of sinks. */
bool counters_is_loss(Str name);
/* Cuts the first line, without its end, off @rest; false: there is none. */
bool counters_next_line(Str *rest, Str *ret);
