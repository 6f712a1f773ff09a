/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What waits of the lines that a sink is to take (sink_lines()): part of sink.c. */
#include "sink/sink.h"

#define LINES_AGAIN_MS 100u /* until a sink that was busy is asked again */

typedef struct LinesPart LinesPart;

typedef struct {
        Sink *sink;
        int (*write)(Sink *sink, Str node, Str lines, size_t *ret_n);
        LinesPart *first, *last;
        size_t bytes;
        uint64_t taken; /* lines that the sink has, or has done with */
        sd_event_source *again;
        bool busy; /* asked again when the time is over */
        SinkLinesCounters counters;
} Lines;

int lines_init(Lines *l, Sink *sink, int (*write)(Sink *sink, Str node, Str lines, size_t *ret_n));
void lines_done(Lines *l); /* offers once more what waits; drops and counts the rest */
void lines_add(Lines *l, Str node, Str lines);
void lines_give_up(Lines *l); /* tries once more, and drops and counts what is left */
