/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The engine's events on their way to deliver, as JSON, for the sinks that `events:` of the configuration names.
 *
 * An event is looked at after the rules have seen it, so that it keeps no alert waiting. Each line is kept until deliver
 * says that its sinks have it or that it had to drop it; deliver's successor gets again what was not confirmed.
 * At most EVENTS_OUT_WINDOW messages are under way, so that an alert never waits behind more than those, and at most
 * EVENTS_OUT_MAX bytes are kept: what comes then is dropped before anything is written, and counted. Secrets are taken out
 * as they are of alerts (alert/redact.h). Never waits. */
#include "role/config/event-route.h"
#include "role/engine/engine.h"

#define EVENTS_OUT_WINDOW    8u
#define EVENTS_OUT_MAX       (8u << 20)
#define EVENTS_OUT_EVENT_MAX (2u << 20) /* text of the records of one event */

typedef struct {
        uint64_t sent;    /* events given to deliver, again or not */
        uint64_t dropped; /* because too many were not confirmed, or memory ran out */
        uint64_t clipped; /* larger than EVENTS_OUT_EVENT_MAX: marked "truncated" */
} EventsOutCounters;

extern const CounterDesc events_out_counter_descs[];
extern const size_t events_out_n_counter_descs;

typedef struct EventsOut EventsOut;

/* *@o is made when there are @routes and it is NULL; with none nothing is sent on any more. They are copied. 0 or -ENOMEM: as
 * before. */
int events_out_set(EventsOut **o, const EventRoute *routes, size_t n_routes);
/* All of these take NULL. */
EventsOut *events_out_free(EventsOut *o); /* returns NULL */

/* The event, if it is to go anywhere and is not our own (echo.h). */
void events_out_add(EventsOut *o, const Engine *engine, const Event *event);
/* 0: all that may be is sent; -EAGAIN: the socket is full, try again when it can be written; -errno: the other side is gone. */
int events_out_send(EventsOut *o, int link);
/* Deliver has all messages up to that number. */
void events_out_taken(EventsOut *o, uint64_t number);
/* Another deliver: everything that is not confirmed is to be sent again. */
void events_out_relink(EventsOut *o);
/* At the end: what was not sent is dropped, and counted. */
void events_out_give_up(EventsOut *o);
/* The number of the last message, and of the last that was confirmed. */
uint64_t events_out_number(const EventsOut *o);
uint64_t events_out_confirmed(const EventsOut *o);
bool events_out_is_half_full(const EventsOut *o);
bool events_out_is_empty(const EventsOut *o);
void events_out_print_counters(const EventsOut *o, Buf *out, bool only_loss);
