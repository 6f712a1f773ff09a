/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "role/route.h"

typedef struct {
        uint64_t what; /* hash of what must be the same; 0: free */
        int64_t ms;    /* when it was told */
} Told;

struct Router {
        const Config *config;
        Told **told; /* by route; NULL: it has no once */
        bool *done;  /* by sink, of the alert at hand */
        uint64_t n_folded;
};

int router_new(Router **ret, const Config *config) {
        Router *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->config = config;
        r->told = calloc(config->n_routes + 1, sizeof(*r->told));
        r->done = calloc(config->n_sinks + 1, sizeof(*r->done));
        if (!r->told || !r->done) {
                router_free(r);
                return -ENOMEM;
        }
        for (size_t i = 0; i < config->n_routes; i++) {
                if (!config->routes[i].once_ms)
                        continue;
                r->told[i] = calloc(ROUTE_MEMORY, sizeof(**r->told));
                if (!r->told[i]) {
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
        for (size_t i = 0; r->told && i < r->config->n_routes; i++)
                free(r->told[i]);
        free(r->told);
        free(r->done);
        free(r);
        return NULL;
}

static bool any(StrList wanted, Str have) {
        for (size_t i = 0; i < wanted.n; i++)
                if (str_eq(wanted.v[i], have))
                        return true;
        return false;
}

static bool any_of(StrList wanted, const Str *have, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (any(wanted, have[i]))
                        return true;
        return !wanted.n;
}

static bool any_tag(StrList wanted, const Alert *a) {
        const Str own = STR("aulert.");

        for (size_t i = 0; i < a->n_tags; i++)
                if (any(wanted, a->tags[i]) ||
                    (str_starts(a->tags[i], own) &&
                     any(wanted, (Str){ a->tags[i].p + own.n, a->tags[i].n - own.n })))
                        return true;
        return !wanted.n;
}

bool route_matches(const ConfigRoute *route, const Alert *a) {
        return (!route->levels || route->levels & 1u << a->level) &&
               (!route->rules.n || any(route->rules, a->rule_id) || any(route->rules, a->rule_title)) &&
               any_tag(route->tags, a) && any_of(route->keys, a->keys, a->n_keys) &&
               any_of(route->users, &a->user, 1) && any_of(route->nodes, &a->node, 1);
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

static bool is_folded(Router *r, size_t route, const Alert *a) {
        uint64_t what = hash_of(&r->config->routes[route], a);
        int64_t window = (int64_t)r->config->routes[route].once_ms;
        Told *t = &r->told[route][what % ROUTE_MEMORY];
        int64_t sec = a->sec, now;

        if (sec > INT64_MAX / 4000)
                sec = INT64_MAX / 4000;
        if (sec < -INT64_MAX / 4000)
                sec = -INT64_MAX / 4000;
        now = sec * 1000 + a->ms;
        if (t->what == what && now - t->ms < window && t->ms - now < window)
                return true;
        *t = (Told){ what, now };
        return false;
}

void router_route(Router *r, const Alert *alert, RouteFn fn, void *userdata) {
        memset(r->done, 0, r->config->n_sinks * sizeof(*r->done));
        for (size_t i = 0; i < r->config->n_routes; i++) {
                const ConfigRoute *route = &r->config->routes[i];

                if (!route_matches(route, alert))
                        continue;
                if (r->told[i] && is_folded(r, i, alert)) {
                        r->n_folded++;
                        continue;
                }
                for (size_t k = 0; k < route->n_to; k++) {
                        if (r->done[route->to[k]])
                                continue;
                        r->done[route->to[k]] = true;
                        fn(userdata, route->to[k]);
                }
        }
}

uint64_t router_n_folded(const Router *r) { return r->n_folded; }
