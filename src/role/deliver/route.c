/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "base/hash.h"
#include "role/deliver/route.h"

#define GONE_MAX 4096u

const CounterDesc route_counter_descs[] = {
        { "alerts_without_route", "alerts that no route took", offsetof(RouteCounters, unrouted), false },
        { "alerts_folded_by_once", "repeats, told as a number", offsetof(RouteCounters, folded), false },
        { "alerts_held_by_quiet", "alerts in quiet hours, told together later",
          offsetof(RouteCounters, quieted), false },
        { "alerts_over_rate", "alerts over the rate of a sink, told together later",
          offsetof(RouteCounters, limited), false },
        { "alerts_digests", "digests that told of those", offsetof(RouteCounters, digests), false },
};
const size_t route_n_counter_descs = ARRAY_SIZE(route_counter_descs);

typedef struct {
        uint64_t what; /* hash of what must be the same; 0: free */
        int64_t ms;    /* when it was told, by the events */
        int64_t at;    /* and by our clock */
        Digest *digest;
} Told;

typedef struct {
        Told *told; /* NULL: it has no once */
        uint64_t sinks;
        Digest *quiet, *rest; /* @rest: for repeats when there are too many digests */
} Route;

typedef struct {
        Digest *quiet, *rate;
        int64_t window_end;
        uint32_t n; /* told in this window */
} Gate;

struct Router {
        const Config *config;
        Route *routes;
        Gate *gates; /* of the sinks */
        struct Digests digests;
        size_t n_digests;
        uint64_t next_id;
        int64_t next_due;
        uint64_t gone[GONE_MAX]; /* ids of digests that the store still has */
        size_t n_gone;
        RouteCounters counters;
};

const RouteCounters *router_counters(const Router *r) { return &r->counters; }
int64_t router_next(const Router *r) { return r->next_due; }

int router_new(Router **ret, const Config *config) {
        Router *r = calloc(1, sizeof(*r));
        struct timespec now;

        if (!r)
                return -ENOMEM;
        tzset();
        clock_gettime(CLOCK_REALTIME, &now);
        r->next_id = (uint64_t)now.tv_sec << 20; /* not that of a digest of an earlier start */
        r->next_due = INT64_MAX;
        r->config = config;
        r->routes = calloc(config->n_routes + 1, sizeof(*r->routes));
        r->gates = calloc(config->n_sinks + 1, sizeof(*r->gates));
        if (!r->routes || !r->gates) {
                router_free(r);
                return -ENOMEM;
        }
        for (size_t i = 0; i < config->n_routes; i++) {
                for (size_t k = 0; k < config->routes[i].n_to; k++)
                        r->routes[i].sinks |= 1ull << config->routes[i].to[k];
                if (!config->routes[i].once_ms)
                        continue;
                r->routes[i].told = calloc(ROUTE_MEMORY, sizeof(Told));
                if (!r->routes[i].told) {
                        router_free(r);
                        return -ENOMEM;
                }
        }
        *ret = r;
        return 0;
}

Router *router_free(Router *r) {
        if (!r)
                return NULL;
        for (Digest *d; (d = LIST_FIRST(&r->digests));) {
                LIST_REMOVE(d, others);
                free(d);
        }
        for (size_t i = 0; r->routes && i < r->config->n_routes; i++)
                free(r->routes[i].told);
        free(r->routes);
        free(r->gates);
        free(r);
        return NULL;
}

static void link_digest(Router *r, Digest *d) {
        LIST_INSERT_HEAD(&r->digests, d, others);
        r->n_digests++;
        if (d->due < r->next_due)
                r->next_due = d->due;
}

/* The digest at that place, or another one there. NULL: no memory. */
static Digest *digest_at(Router *r, Digest **place, const Digest *like) {
        Digest *d = *place;

        if (d)
                return d;
        d = calloc(1, sizeof(*d));
        if (!d)
                return NULL;
        *d = *like;
        d->id = r->next_id++;
        d->owner = place;
        *place = d;
        link_digest(r, d);
        return d;
}

/* False: no memory; then it is told. */
static bool hold(Router *r, Digest **place, const Digest *like, const Alert *a, int64_t now,
                 uint64_t *counter) {
        Digest *d = digest_at(r, place, like);

        if (!d)
                return false;
        digest_add(d, a, now);
        ++*counter;
        return true;
}

static void let_go(Digest *d) {
        if (d->owner)
                *d->owner = NULL;
        d->owner = NULL;
}

static void forget(Router *r, Digest *d) {
        let_go(d);
        if (r->n_gone < GONE_MAX)
                r->gone[r->n_gone++] = d->id;
        LIST_REMOVE(d, others);
        r->n_digests--;
        free(d);
}

static uint64_t hash_of(const ConfigRoute *route, const Alert *a) {
        const struct {
                unsigned bit;
                Str text;
        } parts[] = { { CONFIG_PER_RULE, a->rule_id },
                      { CONFIG_PER_USER, a->user },
                      { CONFIG_PER_ADDR, a->addr },
                      { CONFIG_PER_NODE, a->node },
                      { CONFIG_PER_LEVEL, str_from(alert_level_name(a->level)) } };
        uint64_t h = 0;

        for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
                if (route->per & parts[i].bit)
                        h = hash_bytes(parts[i].text.p, parts[i].text.n, h + i + 1);
        return h ? h : 1;
}

static int64_t event_ms(const Alert *a) {
        int64_t sec = a->sec;

        if (sec > INT64_MAX / 4000)
                sec = INT64_MAX / 4000;
        if (sec < -INT64_MAX / 4000)
                sec = -INT64_MAX / 4000;
        return sec * 1000 + a->ms;
}

static bool is_folded(Router *r, size_t i, const Alert *a, int64_t now) {
        int64_t window = (int64_t)r->config->routes[i].once_ms, ms = event_ms(a);
        uint64_t what = hash_of(&r->config->routes[i], a);
        Route *route = &r->routes[i];
        Told *t = &route->told[what % ROUTE_MEMORY];

        if (t->what == what && ms - t->ms < window && t->ms - ms < window) {
                Digest like = { .sinks = route->sinks, .route = i, .reason = DIGEST_ONCE };
                bool shares = !t->digest && r->n_digests >= DIGESTS_MAX;

                like.due = t->at + window > now && t->at <= now ? t->at + window : now + window;
                return hold(r, shares ? &route->rest : &t->digest, &like, a, now, &r->counters.folded);
        }
        if (t->digest) {
                t->digest->due = r->next_due = now;
                let_go(t->digest);
        }
        *t = (Told){ .what = what, .ms = ms, .at = now };
        return false;
}

/* Does the sink take it now? */
static bool passes(Router *r, size_t sink, const Alert *a, int64_t now) {
        const ConfigSink *c = &r->config->sinks[sink];
        Digest like = { .sinks = 1ull << sink, .gated = true, .route = SIZE_MAX };
        Gate *g = &r->gates[sink];

        like.reason = DIGEST_QUIET;
        like.due = quiet_heeds(&c->quiet, a->level) ? quiet_until(&c->quiet, now) : 0;
        if (like.due && hold(r, &g->quiet, &like, a, now, &r->counters.quieted))
                return false;
        if (!c->rate.n)
                return true;
        if (now >= g->window_end || now < g->window_end - c->rate.per_ms) {
                g->window_end = now + c->rate.per_ms;
                g->n = 0;
        }
        if (g->n < c->rate.n) {
                g->n++;
                return true;
        }
        like.reason = DIGEST_RATE;
        like.due = g->window_end;
        return !hold(r, &g->rate, &like, a, now, &r->counters.limited);
}

static uint64_t pass(Router *r, uint64_t sinks, const Alert *a, int64_t now) {
        for (size_t k = 0; k < r->config->n_sinks; k++)
                if (sinks >> k & 1 && !passes(r, k, a, now))
                        sinks &= ~(1ull << k);
        return sinks;
}

uint64_t router_route(Router *r, const Alert *a, int64_t now) {
        uint64_t sinks = 0;
        bool taken = false;

        for (size_t i = 0; i < r->config->n_routes; i++) {
                const ConfigRoute *c = &r->config->routes[i];
                Digest like = { .sinks = r->routes[i].sinks, .route = i, .reason = DIGEST_QUIET };

                if (!route_matches(&c->match, a))
                        continue;
                taken = true;
                if (r->routes[i].told && is_folded(r, i, a, now))
                        continue;
                like.due = quiet_heeds(&c->quiet, a->level) ? quiet_until(&c->quiet, now) : 0;
                if (like.due && hold(r, &r->routes[i].quiet, &like, a, now, &r->counters.quieted))
                        continue;
                sinks |= r->routes[i].sinks;
        }
        r->counters.unrouted += !taken;
        return pass(r, sinks, a, now);
}

/* Until when its route or its sink is not to be disturbed; 0: it can be told. */
static int64_t is_put_off(const Router *r, const Digest *d, int64_t now) {
        const Quiet *q = NULL;

        if (d->route < r->config->n_routes)
                q = &r->config->routes[d->route].quiet;
        for (size_t k = 0; d->gated && k < r->config->n_sinks; k++)
                if (d->sinks >> k & 1)
                        q = &r->config->sinks[k].quiet;
        return q && quiet_heeds(q, d->level) ? quiet_until(q, now) : 0;
}

/* It is the first of the next window. */
static void count_in_rate(Router *r, const Digest *d, int64_t now) {
        for (size_t k = 0; k < r->config->n_sinks; k++)
                if (d->sinks >> k & 1 && r->config->sinks[k].rate.n) {
                        r->gates[k].window_end = now + r->config->sinks[k].rate.per_ms;
                        r->gates[k].n = 1;
                }
}

/* The first that is due and may be told. */
static Digest *find_due(Router *r, int64_t now) {
        Digest *d;

        if (now < r->next_due)
                return NULL;
        r->next_due = INT64_MAX;
        LIST_FOREACH(d, &r->digests, others) {
                int64_t until = d->due <= now ? is_put_off(r, d, now) : 0;

                if (until)
                        d->due = until;
                if (d->due <= now) {
                        r->next_due = now; /* look again */
                        return d;
                }
                r->next_due = d->due < r->next_due ? d->due : r->next_due;
        }
        return NULL;
}

bool router_next_digest(Router *r, int64_t now, Alert **ret, uint64_t *ret_sinks) {
        Digest *d;

        while ((d = find_due(r, now))) {
                uint64_t sinks = d->sinks;
                Alert *a;

                if (digest_alert(&a, d, now) < 0)
                        return false;
                if (d->gated)
                        count_in_rate(r, d, now);
                else
                        sinks = pass(r, sinks, a, now);
                forget(r, d);
                if (sinks) {
                        r->counters.digests++;
                        *ret = a;
                        *ret_sinks = sinks;
                        return true;
                }
                alert_unref(a); /* it is part of other digests now */
        }
        return false;
}

uint64_t router_n_held(const Router *r) {
        const Digest *d;
        uint64_t n = 0;

        LIST_FOREACH(d, &r->digests, others)
        n += d->n;
        return n;
}

bool router_is_dirty(const Router *r) {
        const Digest *d;

        if (r->n_gone)
                return true;
        LIST_FOREACH(d, &r->digests, others)
        if (d->dirty)
                return true;
        return false;
}

/* The digest, then its sinks' names and the number of its route. */
static void pack(Buf *out, const Router *r, const Digest *d) {
        const int64_t route = d->route < r->config->n_routes ? (int64_t)d->route : -1;

        buf_clear(out);
        digest_pack(out, d);
        buf_put(out, &route, sizeof(route));
        for (size_t k = 0; k < r->config->n_sinks; k++)
                if (d->sinks >> k & 1) {
                        buf_str(out, r->config->sinks[k].name);
                        buf_putc(out, '\0');
                }
}

void router_save(Router *r, RouteHeldFn fn, void *userdata) {
        Buf data = BUF_INIT;
        const Digest *d;

        for (size_t i = 0; i < r->n_gone; i++)
                fn(userdata, r->gone[i], STR(""));
        LIST_FOREACH(d, &r->digests, others) {
                if (!d->dirty)
                        continue;
                pack(&data, r, d);
                if (!data.failed)
                        fn(userdata, d->id, buf_view(&data));
        }
        buf_done(&data);
}

void router_saved(Router *r) {
        Digest *d;

        r->n_gone = 0;
        LIST_FOREACH(d, &r->digests, others)
        d->dirty = false;
}

static uint64_t sinks_named(const Router *r, Str names) {
        uint64_t sinks = 0;

        while (names.n) {
                const char *end = memchr(names.p, 0, names.n);
                Str name = { names.p, end ? (size_t)(end - names.p) : names.n };

                for (size_t k = 0; k < r->config->n_sinks; k++)
                        if (str_eq(name, r->config->sinks[k].name))
                                sinks |= 1ull << k;
                names = (Str){ name.p + name.n + !!end, names.n - name.n - !!end };
        }
        return sinks;
}

void router_restore(Router *r, uint64_t id, Str data) {
        Digest *d = calloc(1, sizeof(*d));
        int64_t route = -1;

        if (!d)
                return;
        d->id = id;
        if (digest_unpack(d, &data) && data.n >= sizeof(route)) {
                memcpy(&route, data.p, sizeof(route));
                d->sinks = sinks_named(r, (Str){ data.p + sizeof(route), data.n - sizeof(route) });
        }
        d->route = route >= 0 && (uint64_t)route < r->config->n_routes ? (size_t)route : SIZE_MAX;
        link_digest(r, d);
        if (!d->sinks)
                forget(r, d);
}

void router_adopt(Router *r, Router *from) {
        Buf data = BUF_INIT;
        Digest *d;

        while ((d = LIST_FIRST(&from->digests))) {
                pack(&data, from, d);
                if (!data.failed)
                        router_restore(r, d->id, buf_view(&data));
                let_go(d);
                LIST_REMOVE(d, others);
                from->n_digests--;
                free(d);
        }
        for (size_t i = 0; i < from->n_gone && r->n_gone < GONE_MAX; i++)
                r->gone[r->n_gone++] = from->gone[i];
        from->n_gone = 0;
        buf_done(&data);
}
