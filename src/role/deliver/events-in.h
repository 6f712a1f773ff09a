/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The engine's events as deliver takes them (events-out.h): put together from pieces, and given to their sinks.
 *
 * The engine parses what attackers wrote: what it sends is checked, and bounded (EVENTS_IN_LINE_MAX bytes of a line). */
#include "role/deliver/delivery.h"
#include "role/ipc.h"

#define EVENTS_IN_LINE_MAX (32u << 20) /* EVENTS_OUT_EVENT_MAX of records as JSON, with room */

typedef struct {
        uint64_t torn;    /* lines whose other pieces never came */
        uint64_t no_sink; /* messages to sinks that the configuration does not have (any more) */
} EventsInCounters;

extern const CounterDesc events_in_counter_descs[];
extern const size_t events_in_n_counter_descs;

typedef struct {
        Buf line;   /* what there is of one that goes on */
        bool begun; /* its beginning is there; else what comes of it is dropped up to its end */
        EventsInCounters counters;
} EventsIn;

#define EVENTS_IN_INIT ((EventsIn){ .line = BUF_INIT })

void events_in_done(EventsIn *e);
void events_in_relink(EventsIn *e); /* another engine */
/* One IPC_EVENTS. 1: all up to this message need not come again; 0: a line goes on; -EBADMSG: it is none of ours. */
int events_in_take(EventsIn *e, Delivery *delivery, const IpcMessage *m);
