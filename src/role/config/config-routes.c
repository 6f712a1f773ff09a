/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/duration.h"
#include "role/config/config-yaml.h"

static unsigned levels(ConfLoader *l, const ConfNode *value, const char *what) {
        StrList names = conf_list(l, value, what);
        unsigned bits = 0;

        for (size_t i = 0; i < names.n; i++) {
                RuleLevel level;

                if (alert_level_from_name(names.v[i], &level))
                        bits |= 1u << level;
                else if (names.v[i].n)
                        conf_bad(l, value,
                                 "%s is no level; levels are informational, low, medium, high, critical",
                                 names.v[i].p);
        }
        return bits;
}

static void take_levels(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigMatch *)into)->levels = levels(l, v, "level");
}
static void take_match_rule(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigMatch *)into)->rules = conf_list(l, v, "rule");
}
static void take_match_tag(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigMatch *)into)->tags = conf_list(l, v, "tag");
}
static void take_match_key(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigMatch *)into)->keys = conf_list(l, v, "key");
}
static void take_match_user(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigMatch *)into)->users = conf_list(l, v, "user");
}
static void take_match_node(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigMatch *)into)->nodes = conf_list(l, v, "node");
}

static void take_match_group(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "host_group");
        ConfigMatch *match = into;
        StrList *groups = conf_alloc(l, names.n * sizeof(*groups));

        for (size_t i = 0; groups && i < names.n; i++) {
                const ConfigGroup *group = names.v[i].n ? conf_find_group(l, value, names.v[i]) : NULL;

                if (group)
                        groups[match->n_groups++] = group->nodes;
        }
        match->groups = groups;
}

#define MATCH_KEYS                                                                                     \
        { "level", take_levels }, { "rule", take_match_rule }, { "tag", take_match_tag },              \
                { "key", take_match_key }, { "user", take_match_user }, { "node", take_match_node }, { \
                "host_group", take_match_group                                                         \
        }

static void take_not_one(ConfLoader *l, const ConfNode *value, ConfigMatch *ret) {
        static const ConfKey keys[] = { MATCH_KEYS };

        conf_map(l, value, "not", keys, ARRAY_SIZE(keys), ret);
        if (value->type == YAML_MAPPING_NODE && !conf_n_pairs(value))
                conf_bad(l, value, "not must not be empty: nothing would match");
}

static void take_not(ConfLoader *l, const ConfNode *value, void *into) {
        size_t n = conf_n_items(value);
        ConfigMatch *match = into, *not = conf_alloc(l, n * sizeof(*not ));

        for (size_t i = 0; not &&i < n; i++)
                take_not_one(l, conf_item(l, value, i), &not [i]);
        match->not = not ;
        match->n_not = not ? n : 0;
}

static void take_match(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { MATCH_KEYS, { "not", take_not } };

        conf_map(l, value, "match", keys, ARRAY_SIZE(keys), &((ConfigRoute *)into)->match);
}

static void take_at(ConfLoader *l, const ConfNode *value, void *into) {
        Quiet *quiet = into;

        quiet->text = conf_text(l, value, "quiet");
        if (quiet->text.n && !quiet_parse(quiet->text, quiet))
                conf_bad(l, value, "quiet hours are as 22:00-07:00, not %s", quiet->text.p);
}

static void take_except(ConfLoader *l, const ConfNode *v, void *into) {
        ((Quiet *)into)->except = levels(l, v, "except");
}

void conf_take_quiet(ConfLoader *l, const ConfNode *value, Quiet *ret) {
        static const ConfKey keys[] = { { "at", take_at }, { "except", take_except } };
        unsigned n_bad = l->n_bad;

        if (value->type != YAML_MAPPING_NODE) {
                take_at(l, value, ret);
                return;
        }
        conf_map(l, value, "quiet", keys, ARRAY_SIZE(keys), ret);
        if (l->n_bad == n_bad && !ret->text.n)
                conf_bad(l, value, "quiet needs at: { at: \"22:00-07:00\", except: [critical] }");
}

void conf_take_rate(ConfLoader *l, const ConfNode *value, ConfigRate *ret) {
        Str text = conf_text(l, value, "rate");
        const char *slash = memchr(text.p, '/', text.n);
        char time[32] = "1"; /* 10/m is 10/1m */
        uint64_t n = 0, ms = 0;

        if (!text.n)
                return;
        if (slash) {
                Str rest = { slash + 1, (size_t)(text.p + text.n - slash - 1) };
                size_t skip = rest.n && rest.p[0] >= '0' && rest.p[0] <= '9' ? 0 : 1;

                if (rest.n && rest.n < sizeof(time) - 2) {
                        memcpy(time + skip, rest.p, rest.n);
                        (void)duration_parse((Str){ time, rest.n + skip }, &ms);
                }
                (void)str_u64((Str){ text.p, (size_t)(slash - text.p) }, 10, &n);
        }
        if (!n || n > UINT32_MAX || !ms)
                conf_bad(l, value, "a rate is a number of alerts and a time, as 10/m or 3/30s, not %s",
                         text.p);
        *ret = (ConfigRate){ (uint32_t)n, (int64_t)ms };
}

static void take_group(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata) {
        Config *c = userdata;

        c->groups[c->n_groups++] =
                (ConfigGroup){ conf_keep(l, conf_scalar(key)), conf_list(l, value, "a host group") };
}

void conf_take_groups(ConfLoader *l, const ConfNode *value, void *into) {
        Config *c = into;

        if (value->type == YAML_MAPPING_NODE)
                c->groups = conf_alloc(l, conf_n_pairs(value) * sizeof(*c->groups));
        if (!l->no_memory)
                conf_each_pair(l, value, "host_groups", take_group, c);
}

static void take_to(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "to");
        ConfigRoute *route = into;
        size_t *to = conf_alloc(l, names.n * sizeof(*to));

        for (size_t i = 0; to && i < names.n; i++) {
                const ConfigSink *sink = names.v[i].n ? conf_find_sink(l, value, names.v[i]) : NULL;

                if (sink)
                        to[route->n_to++] = (size_t)(sink - l->config->sinks);
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

static void take_route_quiet(ConfLoader *l, const ConfNode *value, void *into) {
        conf_take_quiet(l, value, &((ConfigRoute *)into)->quiet);
}

static void take_route(ConfLoader *l, const ConfNode *value, ConfigRoute *route) {
        static const ConfKey keys[] = { { "match", take_match },
                                        { "to", take_to },
                                        { "once", take_once },
                                        { "quiet", take_route_quiet } };
        unsigned n_bad = l->n_bad;

        conf_map(l, value, "a route", keys, ARRAY_SIZE(keys), route);
        if (l->n_bad == n_bad && !route->n_to)
                conf_bad(l, value, "a route needs to: with the names of sinks");
}

void conf_take_routes(ConfLoader *l, const ConfNode *value, void *into) {
        Config *c = into;
        size_t n = conf_n_items(value);

        if (value->type != YAML_SEQUENCE_NODE) {
                conf_bad(l, value, "routes must be a list");
                return;
        }
        c->routes = conf_alloc(l, n * sizeof(*c->routes));
        for (; c->routes && c->n_routes < n; c->n_routes++)
                take_route(l, conf_item(l, value, c->n_routes), &c->routes[c->n_routes]);
}
