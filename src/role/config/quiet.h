/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Hours in which people are not to be disturbed: "22:00-07:00", local time, every day. */
#include "alert/alert.h"

typedef struct {
        unsigned from, to; /* minutes of the day; equal: there are none */
        unsigned except;   /* a bit a level: what is told all the same */
        Str text;
} Quiet;

/* False, and *ret untouched: no such hours. Sets from and to. */
bool quiet_parse(Str text, Quiet *ret);
/* When they end, if @now is within them; else 0. CLOCK_REALTIME, milliseconds. */
int64_t quiet_until(const Quiet *q, int64_t now);
static inline bool quiet_heeds(const Quiet *q, RuleLevel level) { return !(q->except >> level & 1); }
