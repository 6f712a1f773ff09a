/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/deliver/delivery.h"
#include "role/deliver/outlet.h"
#include "role/deliver/route.h"

#define BATCH_BYTES (8u << 20)
#define DIGESTS     64u   /* of one commit */
#define WAKE_MAX_MS 60000 /* the clock of the alerts may be set */

struct Delivery {
        LIST_ENTRY(Delivery) others;
        Config *config;
        DeliveryOptions options;
        LIST_HEAD(Deliveries, Delivery) * sharing; /* the newest first */
        Store *store;
        sd_event_source *commit, *timer;
        StoreItem batch[DELIVERY_BATCH + DIGESTS]; /* of this turn of the loop */
        size_t n_batch, batch_bytes;
        uint64_t seq;       /* of the last one */
        uint64_t committed; /* as it was told */
        Router *router;
        Outlet **outlets;
        StoreSink **stored; /* of the outlets */
};

static int64_t now_ms(void) {
        struct timespec ts;

        clock_gettime(CLOCK_REALTIME, &ts);
        return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static bool is_at_work(const Delivery *d) { return LIST_FIRST(d->sharing) == d; }

/* Repeats go, and each of the others gets its sinks. */
static size_t route_batch(Delivery *d, int64_t now) {
        size_t n = 0;

        for (size_t i = 0; i < d->n_batch; i++) {
                Alert *alert = d->batch[i].alert;

                if (store_knows(d->store, alert->id)) {
                        alert_unref(alert);
                        continue;
                }
                d->batch[n++] = (StoreItem){ .alert = alert, .sinks = router_route(d->router, alert, now) };
        }
        d->n_batch = d->batch_bytes = 0;
        for (size_t most = n + DIGESTS; is_at_work(d) && n < most; n++) {
                StoreItem item = { 0 };

                if (!router_next_digest(d->router, now, &item.alert, &item.sinks))
                        break;
                d->batch[n] = item;
        }
        return n;
}

static void offer(Delivery *d, StoreItem *item, int64_t now) {
        for (size_t i = 0; i < d->config->n_sinks && !item->known; i++)
                if (item->sinks >> i & 1)
                        outlet_offer(d->outlets[i], item, now);
        item->alert = alert_unref(item->alert);
}

static void arm(Delivery *d, int64_t now) {
        int64_t at = store_next_try(d->store);

        if (router_next(d->router) < at)
                at = router_next(d->router);

        for (size_t i = 0; i < d->config->n_sinks; i++)
                if (outlet_next(d->outlets[i]) < at)
                        at = outlet_next(d->outlets[i]);
        if (at == INT64_MAX) {
                sd_event_source_set_enabled(d->timer, SD_EVENT_OFF);
                return;
        }
        at = at < now ? 0 : at - now < WAKE_MAX_MS ? at - now : WAKE_MAX_MS;
        sd_event_source_set_time_relative(d->timer, (uint64_t)at * 1000);
        sd_event_source_set_enabled(d->timer, SD_EVENT_ONESHOT);
}

static void committed(Delivery *d) {
        router_saved(d->router);
        if (d->committed == d->seq)
                return;
        d->committed = d->seq;
        if (d->options.committed)
                d->options.committed(d->options.userdata, d->seq);
}

static void put_held(void *userdata, uint64_t id, Str data) { spool_hold(userdata, id, data); }
static void write_held(void *userdata, Spool *spool) {
        router_save(((Delivery *)userdata)->router, put_held, spool);
}

static void commit(Delivery *d) {
        const StoreMore held = { write_held, d };
        int64_t now = now_ms();
        size_t n = route_batch(d, now);

        if (store_commit(d->store, d->batch, n, d->stored, now, router_is_dirty(d->router) ? &held : NULL))
                committed(d);
        for (size_t i = 0; i < n; i++)
                offer(d, &d->batch[i], now);
        if (!is_at_work(d))
                return;
        for (size_t i = 0; i < d->config->n_sinks; i++)
                outlet_feed(d->outlets[i], now);
        arm(d, now);
}

/* What sinks have said goes into one transaction with the alerts that have come since. */
static int on_commit(sd_event_source *s, void *userdata) {
        Delivery *d = userdata;

        if (d->options.gather && is_at_work(d))
                d->options.gather(d->options.userdata);
        sd_event_source_set_enabled(d->commit, SD_EVENT_OFF);
        commit(d);
        return 0;
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        commit(userdata);
        return 0;
}

static void wake(void *userdata) {
        Delivery *d = userdata;

        d = LIST_FIRST(d->sharing);
        sd_event_source_set_enabled(d->commit, SD_EVENT_ONESHOT);
}

/* Its own folder is made; a failure shows when the file is opened. */
static void make_folder(const char *path) {
        const char *slash = strrchr(path, '/');
        char *folder = slash && slash > path ? strndup(path, (size_t)(slash - path)) : NULL;

        if (folder)
                (void)mkdir(folder, 0700);
        free(folder);
}

static const char *path_of(const Delivery *d) {
        const ConfigSpool *c = &d->config->spool;

        return c->memory ? NULL : c->path ? c->path : d->options.spool_path;
}

/* The store is shared, so that nothing is delivered twice. */
static void warn_of_what_stays(const Delivery *d) {
        const char *path = path_of(d), *old = store_path(d->store);

        if (!path != !old || (path && strcmp(path, old) != 0))
                log_warning("the spool stays %s until the next start", old ? old : "in memory");
}

static int first_store(Delivery *d) {
        const ConfigSpool *c = &d->config->spool;
        const SpoolLimits limits = { .max_size = c->max_size,
                                     .keep_ms = c->keep_ms,
                                     .keep_dead_ms = c->keep_dead_ms };
        const char *path = path_of(d);

        if (path)
                make_folder(path);
        else if (!c->memory)
                log_warning("alerts wait in memory only: neither spool: nor STATE_DIRECTORY says where to "
                            "put them");
        return store_new(&d->store, path, &limits, now_ms());
}

static int open_store(Delivery *d) {
        int r;

        if (d->options.previous) {
                d->sharing = d->options.previous->sharing;
                d->store = store_ref(d->options.previous->store);
                warn_of_what_stays(d);
        } else {
                r = first_store(d);
                if (r < 0)
                        return r;
                d->sharing = calloc(1, sizeof(*d->sharing));
                if (!d->sharing)
                        return -ENOMEM;
        }
        LIST_INSERT_HEAD(d->sharing, d, others);
        return 0;
}

static int open_sinks(Delivery *d) {
        const OutletOptions options = { d->options.loop, now_ms, wake, d };

        for (size_t i = 0; i < d->config->n_sinks; i++) {
                const ConfigSink *sink = &d->config->sinks[i];
                int r = outlet_new(&d->outlets[i], sink, &d->config->spool, d->store, &options);

                if (r < 0)
                        return r;
                d->stored[i] = outlet_store_sink(d->outlets[i]);
        }
        return store_set_sinks(d->store, d->stored, d->config->n_sinks, now_ms());
}

static int add_sources(Delivery *d) {
        int r = sd_event_add_defer(d->options.loop, &d->commit, on_commit, d);

        if (r < 0)
                return r;
        return sd_event_add_time(d->options.loop, &d->timer, CLOCK_BOOTTIME, 0, 1000, on_timer, d);
}

static void restore(void *userdata, uint64_t id, Str data) { router_restore(userdata, id, data); }

/* What was held back before, here or before the last start. Nothing can fail after it. */
static void take_held(Delivery *d) {
        if (d->options.previous)
                router_adopt(d->router, d->options.previous->router);
        else
                store_each_held(d->store, restore, d->router);
        wake(d);
}

int delivery_new(Delivery **ret, Config *config, const DeliveryOptions *options) {
        Delivery *d = calloc(1, sizeof(*d));
        int r = -ENOMEM;

        if (!d) {
                config_free(config);
                return r;
        }
        d->config = config;
        d->options = *options;
        d->outlets = calloc(config->n_sinks + 1, sizeof(*d->outlets));
        d->stored = calloc(config->n_sinks + 1, sizeof(StoreSink *));
        if (d->outlets && d->stored)
                r = router_new(&d->router, config);
        if (r == 0)
                r = add_sources(d);
        if (r >= 0)
                r = open_store(d);
        if (r >= 0)
                r = open_sinks(d);
        if (r >= 0)
                take_held(d);
        if (r < 0) {
                delivery_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

/* The last one that uses the store. */
static void say_what_waits(Delivery *d) {
        StoreCounts counts = store_count(d->store, NULL);
        unsigned long long n = counts.n[SPOOL_PENDING];

        if (n && store_is_durable(d->store))
                log_notice("%llu deliveries wait in the spool for the next start", n);
        else if (n)
                log_warning("%llu alerts not delivered: the program ends", n);
}

static void leave_store(Delivery *d) {
        Delivery *next;

        if (!d->sharing)
                return;
        LIST_REMOVE(d, others);
        next = LIST_FIRST(d->sharing);
        if (next) {
                (void)store_set_sinks(next->store, next->stored, next->config->n_sinks, now_ms());
                wake(next);
                return;
        }
        (void)store_commit(d->store, NULL, 0, d->stored, now_ms(), NULL);
        say_what_waits(d);
        free(d->sharing);
}

void delivery_give_up_events(Delivery *d) {
        for (size_t i = 0; i < d->config->n_sinks; i++)
                outlet_lines_give_up(d->outlets[i]);
}

Delivery *delivery_free(Delivery *d) {
        if (!d)
                return NULL;
        if (d->n_batch)
                commit(d);
        sd_event_source_disable_unref(d->commit);
        sd_event_source_disable_unref(d->timer);
        for (size_t i = 0; d->outlets && i < d->config->n_sinks; i++)
                outlet_free(d->outlets[i]);
        leave_store(d);
        store_unref(d->store);
        router_free(d->router);
        free(d->outlets);
        free(d->stored);
        config_free(d->config);
        free(d);
        return NULL;
}

int delivery_alert(Delivery *d, Alert *alert, uint64_t seq) {
        if (d->n_batch == DELIVERY_BATCH || d->batch_bytes > BATCH_BYTES)
                commit(d);
        d->batch[d->n_batch++] = (StoreItem){ .alert = alert_ref(alert) };
        d->batch_bytes += alert->arena.used;
        d->seq = seq;
        return sd_event_source_set_enabled(d->commit, SD_EVENT_ONESHOT);
}

bool delivery_events(Delivery *d, Str sink, Str node, Str lines) {
        for (size_t i = 0; i < d->config->n_sinks; i++) {
                if (!str_eq(d->config->sinks[i].name, sink) || !d->config->sinks[i].ops->lines)
                        continue;
                outlet_lines(d->outlets[i], node, lines);
                return true;
        }
        return false;
}

size_t delivery_pending(const Delivery *d) {
        size_t n = d->n_batch;
        int64_t now = now_ms();

        for (size_t i = 0; i < d->config->n_sinks; i++)
                n += outlet_pending(d->outlets[i]) + (is_at_work(d) && outlet_is_behind(d->outlets[i], now));
        return n;
}

const Config *delivery_config(const Delivery *d) { return d->config; }

void delivery_print_counters(Delivery *d, Buf *out, bool only_loss) {
        counter_print(out, route_counter_descs, route_n_counter_descs, router_counters(d->router), only_loss);
        if (!only_loss)
                buf_printf(out, "alerts_held %llu\n", (unsigned long long)router_n_held(d->router));
        store_print_counters(d->store, out, only_loss);
        for (size_t i = 0; i < d->config->n_sinks; i++)
                outlet_print_counters(d->outlets[i], out, only_loss);
}

void delivery_print_state(Delivery *d, Buf *out, size_t max_dead) {
        for (size_t i = 0; i < d->config->n_sinks; i++)
                outlet_print_why(d->outlets[i], out);
        store_print_dead(d->store, out, max_dead);
}
