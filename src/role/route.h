/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Decides which sinks get an alert.
 *
 * All routes are asked, first to last; every one that matches delivers, but no sink gets an alert twice. A
 * route with `once` is silent about what it told less than that time ago, in the time of the events. What
 * it told is remembered in ROUTE_MEMORY places; when two share one, the older is forgotten, and told again. */
#include "role/config.h"

#define ROUTE_MEMORY 4096u

typedef struct Router Router;
typedef void (*RouteFn)(void *userdata, size_t sink);

int router_new(Router **ret, const Config *config); /* the configuration is lent */
Router *router_free(Router *r);                     /* returns NULL */

void router_route(Router *r, const Alert *alert, RouteFn fn, void *userdata);
uint64_t router_n_folded(const Router *r); /* by once */

bool route_matches(const ConfigRoute *route, const Alert *alert);
