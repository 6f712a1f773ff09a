/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One configuration at work: its sinks, the routes to them, and the store in which alerts wait.
 *
 * A reload makes another one, which shares the store with the old one. That is then retired: it gets no more alerts,
 * finishes what its sinks have in hands, and is to be freed. Of several that share a store the newest is at
 * work. */
#include <systemd/sd-event.h>
#include "role/config/config.h"

#define DELIVERY_BATCH 4096u /* alerts of one turn; more are committed at once */

typedef struct Delivery Delivery;

/* All alerts up to @seq are in the spool. */
typedef void (*DeliveryCommittedFn)(void *userdata, uint64_t seq);

/* Before a commit: what is there already may be added, by delivery_alert(), so that it needs none of its own. It must not
 * wait, nor free a delivery. */
typedef void (*DeliveryGatherFn)(void *userdata);

typedef struct {
        sd_event *loop;
        const char *spool_path;        /* where the configuration names none; NULL: in memory only */
        Delivery *previous;            /* the one at work so far, or NULL */
        DeliveryCommittedFn committed; /* may be NULL; of alerts that are in memory, later */
        DeliveryGatherFn gather;       /* may be NULL */
        void *userdata;
} DeliveryOptions;

/* Takes the configuration, also on failure. 0 or -errno; what is wrong was logged. */
int delivery_new(Delivery **ret, Config *config, const DeliveryOptions *options);
/* Ends what is under way, and says what was not delivered. Returns NULL. */
Delivery *delivery_free(Delivery *d);
/* Before the last look at the counters: events that wait are tried once more; the rest is dropped, and counted. */
void delivery_give_up_events(Delivery *d);

/* The alert, of which a reference is taken, is committed with all others of this turn of the loop; then the
 * sinks of its routes get it. @seq rises from call to call. Never waits for a sink. 0, or -ENOMEM: it is
 * dropped, and counted. */
int delivery_alert(Delivery *d, Alert *alert, uint64_t seq);
/* Events for the sink of that name, as lines: they go past the spool. False: there is no such sink, or it takes none. */
bool delivery_events(Delivery *d, Str sink, Str node, Str lines);
/* Alerts that are not committed, that a sink has not settled, or that it could have now. */
size_t delivery_pending(const Delivery *d);
const Config *delivery_config(const Delivery *d);

/* Appends "SINK_counter value" lines. */
void delivery_print_counters(Delivery *d, Buf *out, bool only_loss);
/* What is no number: the last trouble of each sink (outlet_print_why()) and dead letters (store_print_dead()). */
void delivery_print_state(Delivery *d, Buf *out, size_t max_dead);
