/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/config-yaml.h"

static void take_levels(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "level");

        for (size_t i = 0; i < names.n; i++) {
                RuleLevel level;

                if (alert_level_from_name(names.v[i], &level))
                        ((ConfigRoute *)into)->levels |= 1u << level;
                else if (names.v[i].n)
                        conf_bad(l, value,
                                 "%s is no level; levels are informational, low, medium, high, critical",
                                 names.v[i].p);
        }
}

static void take_match_rule(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigRoute *)into)->rules = conf_list(l, v, "rule");
}
static void take_match_tag(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigRoute *)into)->tags = conf_list(l, v, "tag");
}
static void take_match_key(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigRoute *)into)->keys = conf_list(l, v, "key");
}
static void take_match_user(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigRoute *)into)->users = conf_list(l, v, "user");
}
static void take_match_node(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigRoute *)into)->nodes = conf_list(l, v, "node");
}

static void take_match(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "level", take_levels },    { "rule", take_match_rule },
                                        { "tag", take_match_tag },   { "key", take_match_key },
                                        { "user", take_match_user }, { "node", take_match_node } };

        conf_map(l, value, "match", keys, ARRAY_SIZE(keys), into);
}

static void take_to(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "to");
        ConfigRoute *route = into;
        size_t *to = conf_alloc(l, names.n * sizeof(*to));

        for (size_t i = 0; to && i < names.n; i++) {
                size_t k = 0;

                while (k < l->config->n_sinks && !str_eq(l->config->sinks[k].name, names.v[i]))
                        k++;
                if (k < l->config->n_sinks)
                        to[route->n_to++] = k;
                else if (names.v[i].n)
                        conf_bad(l, value,
                                 "there is no sink %s: name one that stands under sinks:", names.v[i].p);
        }
        route->to = to;
}

static void take_per(ConfLoader *l, const ConfNode *value, void *into) {
        static const struct {
                const char *name;
                unsigned bit;
        } pers[] = { { "rule", CONFIG_PER_RULE },
                     { "user", CONFIG_PER_USER },
                     { "addr", CONFIG_PER_ADDR },
                     { "node", CONFIG_PER_NODE },
                     { "level", CONFIG_PER_LEVEL } };
        StrList names = conf_list(l, value, "per");

        for (size_t i = 0; i < names.n; i++) {
                size_t k = 0;

                while (k < ARRAY_SIZE(pers) && !str_eqz(names.v[i], pers[k].name))
                        k++;
                if (k < ARRAY_SIZE(pers))
                        ((ConfigRoute *)into)->per |= pers[k].bit;
                else if (names.v[i].n)
                        conf_bad(l, value, "once per %s? known are rule, user, addr, node, level",
                                 names.v[i].p);
        }
}

static void take_in(ConfLoader *l, const ConfNode *value, void *into) {
        ((ConfigRoute *)into)->once_ms = conf_duration(l, value, "in");
}

static void take_once(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "per", take_per }, { "in", take_in } };
        ConfigRoute *route = into;
        unsigned n_bad = l->n_bad;

        conf_map(l, value, "once", keys, ARRAY_SIZE(keys), into);
        if (l->n_bad == n_bad && (!route->per || !route->once_ms))
                conf_bad(l, value, "once needs both: { per: [user, addr], in: 5m }");
}

static void take_route(ConfLoader *l, const ConfNode *value, ConfigRoute *route) {
        static const ConfKey keys[] = { { "match", take_match }, { "to", take_to }, { "once", take_once } };
        unsigned n_bad = l->n_bad;

        conf_map(l, value, "a route", keys, ARRAY_SIZE(keys), route);
        if (l->n_bad == n_bad && !route->n_to)
                conf_bad(l, value, "a route needs to: with the names of sinks");
}

void conf_take_routes(ConfLoader *l, const ConfNode *value, void *into) {
        Config *c = into;
        size_t n;

        if (value->type != YAML_SEQUENCE_NODE) {
                conf_bad(l, value, "routes must be a list");
                return;
        }
        n = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
        c->routes = conf_alloc(l, n * sizeof(*c->routes));
        for (; c->routes && c->n_routes < n; c->n_routes++)
                take_route(l, conf_node(l, value->data.sequence.items.start[c->n_routes]),
                           &c->routes[c->n_routes]);
}
