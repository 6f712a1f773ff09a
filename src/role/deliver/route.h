/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Decides which sinks get an alert, and which of them later hear of it in a digest only.
 *
 * All routes are asked, first to last; every one that matches delivers, but no sink gets an alert twice. A
 * route with `once` is silent about what it told less than that time ago, in the time of the events; when that time
 * is over (by our clock) it tells how many those were. What it told is remembered in ROUTE_MEMORY places; when two
 * share one, the older is forgotten, and told again. What comes in quiet hours of a route or a sink is told together when
 * they end; what is more than the rate of a sink, when the time of the rate is over. Nothing is held back without
 * being counted and told later.
 *
 * @now is CLOCK_REALTIME in milliseconds, of the caller's. */
#include "role/config/config.h"
#include "role/deliver/digest.h"

#define ROUTE_MEMORY 4096u

typedef struct Router Router;

typedef struct {
        uint64_t folded;   /* by once */
        uint64_t quieted;  /* by quiet hours */
        uint64_t limited;  /* by rates */
        uint64_t digests;  /* made of those */
        uint64_t unrouted; /* alerts that no route took */
} RouteCounters;

extern const CounterDesc route_counter_descs[];
extern const size_t route_n_counter_descs;

int router_new(Router **ret, const Config *config); /* the configuration is lent */
Router *router_free(Router *r);                     /* returns NULL */

/* The sinks that are to have it now: bit i is sink i. */
uint64_t router_route(Router *r, const Alert *alert, int64_t now);

/* One digest that is due: an alert, one reference, and its sinks. False: none is, or no memory. */
bool router_next_digest(Router *r, int64_t now, Alert **ret, uint64_t *ret_sinks);
int64_t router_next(const Router *r);    /* when one is due; INT64_MAX: none waits */
uint64_t router_n_held(const Router *r); /* alerts that wait in digests */
const RouteCounters *router_counters(const Router *r);

/* What waits survives: changes since router_saved() are told by @fn; no @data: that one is gone. */
typedef void (*RouteHeldFn)(void *userdata, uint64_t id, Str data);
void router_save(Router *r, RouteHeldFn fn, void *userdata);
void router_saved(Router *r);
bool router_is_dirty(const Router *r);
void router_restore(Router *r, uint64_t id,
                    Str data);              /* of a router that was saved; sinks are found by name */
void router_adopt(Router *r, Router *from); /* all that waits there */

bool route_matches(const ConfigMatch *match, const Alert *alert);
