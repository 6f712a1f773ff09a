/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Whether losses have grown: what becomes an alert of its own.
 *
 * It is looked at all counters of losses of all processes again and again. A counter that is smaller than before is that of a
 * process that was replaced, and begins at zero. At most LOSSES_MAX counters are watched: more than there are of 64 sinks and all processes.
 *
 * Telling must not keep itself going. While losses grow from look to look the time between two alerts doubles, up to
 * LOSSES_WAIT_MAX_MS, and what grows meanwhile is told together. And an alert about losses may itself get lost on its way
 * out: for each that was told every counter of deliver may grow by one, LOSSES_ECHO at most, before it counts as new. */
#include "role/account/account.h"
#include "role/account/counters.h"

#define LOSSES_MAX         512u
#define LOSSES_WAIT_MAX_MS 3600000u
#define LOSSES_ECHO        2u
#define LOSSES_TEXT        380u /* bytes of a sentence; what has no room is told as a number */

typedef struct Losses Losses;

Losses *losses_new(void); /* NULL: no memory */
Losses *losses_free(Losses *l);

typedef struct {
        StrList sinks;     /* names of all */
        StrList except;    /* names of counters that are not told */
        uint64_t every_ms; /* the time between two looks */
} LossesOptions;

/* True: they have grown, and it is time to say so: @out gets the sentence. @now: CLOCK_MONOTONIC in ms. */
bool losses_look(Losses *l, const AccountPart parts[ACCOUNT_PARTS], const LossesOptions *options,
                 uint64_t now, Buf *out);
