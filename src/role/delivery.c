/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/delivery.h"
#include "role/route.h"

#define SAME_WHY_NS (60 * NS_PER_S) /* the same trouble of the same sink is said once in that time */
#define WHY_BYTES   256u

typedef struct {
        Delivery *delivery;
        Sink *sink;
        uint64_t said_ns;
        char said[WHY_BYTES];
} Outlet;

struct Delivery {
        Config *config;
        DeliveryOptions options;
        sd_event_source *commit;
        Alert *batch[DELIVERY_BATCH]; /* of this turn of the loop */
        size_t n_batch;
        uint64_t seq; /* of the last one */
        Router *router;
        Outlet *outlets;
        uint64_t unrouted; /* alerts that no route took */
        bool ending;
        Alert *alert; /* at hand */
        bool routed;
};

static void on_settled(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        Outlet *o = userdata;
        uint64_t now = clock_monotonic_ns();

        if (!why[0] || o->delivery->ending)
                return;
        if (!strncmp(o->said, why, sizeof(o->said) - 1) && now - o->said_ns < SAME_WHY_NS)
                return;
        strncpy(o->said, why, sizeof(o->said) - 1);
        o->said_ns = now;
        if (id == 0)
                log_error("sink " STR_FMT ": %s", STR_ARG(sink_name(sink)), why);
        else
                log_warning(STR_FMT ": %s%s", STR_ARG(sink_name(sink)),
                            verdict == SINK_DELIVERED ? "" : "alert not delivered: ", why);
}

static int open_sinks(Delivery *d) {
        for (size_t i = 0; i < d->config->n_sinks; i++) {
                const ConfigSink *sink = &d->config->sinks[i];
                int r;

                d->outlets[i].delivery = d;
                r = sink_new(&d->outlets[i].sink, sink->ops, sink->name, &sink->conf, d->options.loop,
                             on_settled, &d->outlets[i]);
                if (r < 0) {
                        if (!d->outlets[i].said[0])
                                log_error("sink " STR_FMT ": %s", STR_ARG(sink->name), strerror(-r));
                        return r;
                }
        }
        return 0;
}

static void to_sink(void *userdata, size_t sink) {
        Delivery *d = userdata;

        d->routed = true;
        (void)sink_offer(d->outlets[sink].sink, d->alert); /* full: counted there */
}

static void route(Delivery *d, Alert *alert) {
        d->alert = alert;
        d->routed = false;
        router_route(d->router, alert, to_sink, d);
        d->unrouted += !d->routed;
        d->alert = NULL;
}

static void commit(Delivery *d) {
        size_t n = d->n_batch;

        if (!n)
                return;
        d->n_batch = 0;
        if (d->options.committed)
                d->options.committed(d->options.userdata, d->seq);
        for (size_t i = 0; i < n; i++) {
                route(d, d->batch[i]);
                alert_unref(d->batch[i]);
        }
}

static int on_commit(sd_event_source *s, void *userdata) {
        commit(userdata);
        return 0;
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
        if (d->outlets)
                r = router_new(&d->router, config);
        if (r == 0)
                r = sd_event_add_defer(options->loop, &d->commit, on_commit, d);
        if (r >= 0)
                r = sd_event_source_set_enabled(d->commit, SD_EVENT_OFF);
        if (r >= 0)
                r = open_sinks(d);
        if (r < 0) {
                delivery_free(d);
                return r;
        }
        *ret = d;
        return 0;
}

static void say_undelivered(const Delivery *d) {
        for (size_t i = 0; i < d->config->n_sinks; i++) {
                size_t n = d->outlets[i].sink ? sink_pending(d->outlets[i].sink) : 0;

                if (n)
                        log_warning(STR_FMT ": %zu alerts not delivered: the program ends",
                                    STR_ARG(d->config->sinks[i].name), n);
        }
}

Delivery *delivery_free(Delivery *d) {
        if (!d)
                return NULL;
        if (d->commit)
                commit(d);
        sd_event_source_disable_unref(d->commit);
        d->ending = true;
        if (d->outlets) {
                say_undelivered(d);
                for (size_t i = 0; i < d->config->n_sinks; i++)
                        sink_free(d->outlets[i].sink);
        }
        router_free(d->router);
        free(d->outlets);
        config_free(d->config);
        free(d);
        return NULL;
}

int delivery_alert(Delivery *d, Alert *alert, uint64_t seq) {
        if (d->n_batch == DELIVERY_BATCH)
                commit(d);
        d->batch[d->n_batch++] = alert_ref(alert);
        d->seq = seq;
        return sd_event_source_set_enabled(d->commit, SD_EVENT_ONESHOT);
}

size_t delivery_pending(const Delivery *d) {
        size_t n = d->n_batch;

        for (size_t i = 0; i < d->config->n_sinks; i++)
                n += sink_pending(d->outlets[i].sink);
        return n;
}

const Config *delivery_config(const Delivery *d) { return d->config; }

void delivery_print_counters(const Delivery *d, Buf *out, bool only_loss) {
        if (!only_loss)
                buf_printf(out, "alerts_without_route %llu\nalerts_folded_by_once %llu\n",
                           (unsigned long long)d->unrouted, (unsigned long long)router_n_folded(d->router));
        for (size_t i = 0; i < d->config->n_sinks; i++) {
                Buf lines = BUF_INIT;

                counter_print(&lines, sink_counter_descs, sink_n_counter_descs,
                              sink_counters(d->outlets[i].sink), only_loss);
                for (Str rest = buf_view(&lines); rest.n;) {
                        const char *nl = memchr(rest.p, '\n', rest.n);
                        size_t n = (size_t)(nl + 1 - rest.p);

                        buf_printf(out, "sink_" STR_FMT "_", STR_ARG(d->config->sinks[i].name));
                        buf_put(out, rest.p, n);
                        rest.p += n;
                        rest.n -= n;
                }
                buf_done(&lines);
        }
}
