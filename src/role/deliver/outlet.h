/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One sink at work: what it gets of the store, and what becomes of that.
 *
 * It has at most OUTLET_WINDOW alerts, and OUTLET_BYTES of them, in hands; the rest waits in the store. An alert that
 * was not delivered waits longer each time: from OUTLET_RETRY_MIN_MS, doubled up to OUTLET_RETRY_MAX_MS, half
 * of it by chance, or as long as the far end asks for. A sink that fails only (nothing got through since its last
 * rest, or OUTLET_FAILURES in a row) rests as a whole in the same way and is then tried with one alert: what
 * waits does not knock in turn. Times are CLOCK_REALTIME in milliseconds. */
#include "role/config/config.h"
#include "role/deliver/store.h"

#define OUTLET_WINDOW       128u
#define OUTLET_BYTES        (4u << 20)
#define OUTLET_FAILURES     8u
#define OUTLET_RETRY_MIN_MS 1000
#define OUTLET_RETRY_MAX_MS 300000

typedef struct Outlet Outlet;

typedef struct {
        uint64_t retries; /* deliveries that will be tried again */
        uint64_t dead;
        uint64_t unseen; /* dead letters as well, but nobody was there: no loss */
        uint64_t lost;   /* kept nowhere */
} OutletCounters;

extern const CounterDesc outlet_counter_descs[];
extern const size_t outlet_n_counter_descs;

typedef struct {
        sd_event *loop;
        int64_t (*clock)(void); /* CLOCK_REALTIME, ms */
        void (*news)(
                void *userdata); /* something was settled: store_commit() has it, and outlet_feed() is due */
        void *userdata;
} OutletOptions;

/* @sink, @retry: lent. 0 or -errno. */
int outlet_new(Outlet **ret, const ConfigSink *sink, const ConfigSpool *retry, Store *store,
               const OutletOptions *options);
/* What the sink has goes back to the store. Takes NULL, returns NULL. */
Outlet *outlet_free(Outlet *o);
StoreSink *outlet_store_sink(const Outlet *o);

/* An alert that was just written; when there is no room it waits in the store. */
void outlet_offer(Outlet *o, const StoreItem *item, int64_t now);
void outlet_feed(Outlet *o, int64_t now); /* gives the sink what is due */
/* When outlet_feed() has something to do; INT64_MAX: when there is news. */
int64_t outlet_next(const Outlet *o);
void outlet_lines(Outlet *o, Str node, Str lines); /* see sink_lines() */
void outlet_lines_give_up(Outlet *o);
size_t outlet_pending(const Outlet *o);              /* in the sink's hands */
bool outlet_is_behind(const Outlet *o, int64_t now); /* something is due that the sink could have */
void outlet_print_counters(const Outlet *o, Buf *out, bool only_loss);
/* A line "why SINK TEXT", with tabs between: its last trouble, if it has had any, in bytes as they came but for newlines. */
void outlet_print_why(const Outlet *o, Buf *out);

/* After @tries failures; @chance: any number. */
int64_t outlet_delay(uint32_t tries, uint64_t chance);
