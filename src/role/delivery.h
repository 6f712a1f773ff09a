/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One configuration at work: its sinks, and the routes to them.
 *
 * A reload makes another one; the old one is retired: it gets no more alerts, finishes what it has, and is
 * then to be freed. */
#include "role/config.h"

typedef struct Delivery Delivery;

/* Takes the configuration, also on failure. 0 or -errno; what is wrong was logged. */
int delivery_new(Delivery **ret, Config *config, sd_event *loop);
/* Ends what is under way, and says what was not delivered. Returns NULL. */
Delivery *delivery_free(Delivery *d);

/* Offers the alert, which is lent, to the sinks of its routes; they take references. Never waits. */
void delivery_alert(Delivery *d, Alert *alert);
size_t delivery_pending(const Delivery *d); /* alerts that a sink has and has not settled */
const Config *delivery_config(const Delivery *d);

/* Appends "SINK_counter value" lines. */
void delivery_print_counters(const Delivery *d, Buf *out, bool only_loss);
