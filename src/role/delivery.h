/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One configuration at work: its sinks, and the routes to them.
 *
 * A reload makes another one; the old one is retired: it gets no more alerts, finishes what it has, and is
 * then to be freed. */
#include <systemd/sd-event.h>
#include "role/config.h"

#define DELIVERY_BATCH 4096u /* alerts of one turn; more are committed at once */

typedef struct Delivery Delivery;

/* All alerts up to @seq are in the spool. */
typedef void (*DeliveryCommittedFn)(void *userdata, uint64_t seq);

typedef struct {
        sd_event *loop;
        const char *spool_path;        /* NULL: in memory only */
        DeliveryCommittedFn committed; /* may be NULL */
        void *userdata;
} DeliveryOptions;

/* Takes the configuration, also on failure. 0 or -errno; what is wrong was logged. */
int delivery_new(Delivery **ret, Config *config, const DeliveryOptions *options);
/* Ends what is under way, and says what was not delivered. Returns NULL. */
Delivery *delivery_free(Delivery *d);

/* The alert, of which a reference is taken, is committed with all others of this turn of the loop; then the
 * sinks of its routes get it. @seq rises from call to call. Never waits for a sink. 0, or -ENOMEM: it is
 * dropped, and counted. */
int delivery_alert(Delivery *d, Alert *alert, uint64_t seq);
size_t delivery_pending(
        const Delivery *d); /* alerts that are not committed, or that a sink has not settled */
const Config *delivery_config(const Delivery *d);

/* Appends "SINK_counter value" lines. */
void delivery_print_counters(const Delivery *d, Buf *out, bool only_loss);
