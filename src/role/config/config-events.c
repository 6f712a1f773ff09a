/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/config/config-yaml.h"

static void take_type(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "type");

        for (size_t i = 0; i < names.n; i++)
                if (names.v[i].n && record_type_from_name(names.v[i]) < 0)
                        conf_bad(l, value,
                                 "%s is no type of record; types are as in the log: USER_LOGIN, EXECVE",
                                 names.v[i].p);
        ((EventMatch *)into)->types = names;
}

static void take_key(ConfLoader *l, const ConfNode *v, void *into) {
        ((EventMatch *)into)->keys = conf_list(l, v, "key");
}

static void take_user(ConfLoader *l, const ConfNode *v, void *into) {
        ((EventMatch *)into)->users = conf_list(l, v, "user");
}

/* Both node: and host_group: may be given: either will do. */
static void add_nodes(ConfLoader *l, EventMatch *match, StrList more) {
        Str *v = conf_alloc(l, (match->nodes.n + more.n) * sizeof(*v));

        for (size_t i = 0; v && i < match->nodes.n; i++)
                v[i] = match->nodes.v[i];
        for (size_t i = 0; v && i < more.n; i++)
                v[match->nodes.n + i] = more.v[i];
        if (v)
                match->nodes = (StrList){ v, match->nodes.n + more.n };
}

static void take_node(ConfLoader *l, const ConfNode *v, void *into) {
        add_nodes(l, into, conf_list(l, v, "node"));
}

static void take_group(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "host_group");

        for (size_t i = 0; i < names.n; i++) {
                const ConfigGroup *group = names.v[i].n ? conf_find_group(l, value, names.v[i]) : NULL;

                if (group)
                        add_nodes(l, into, group->nodes);
        }
}

#define MATCH_KEYS                                                                                  \
        { "type", take_type }, { "key", take_key }, { "user", take_user }, { "node", take_node }, { \
                "host_group", take_group                                                            \
        }

static void take_not_one(ConfLoader *l, const ConfNode *value, EventMatch *ret) {
        static const ConfKey keys[] = { MATCH_KEYS };

        conf_map(l, value, "not", keys, ARRAY_SIZE(keys), ret);
        if (value->type == YAML_MAPPING_NODE && !conf_n_pairs(value))
                conf_bad(l, value, "not must not be empty: nothing would match");
}

static void take_not(ConfLoader *l, const ConfNode *value, void *into) {
        size_t n = conf_n_items(value);
        EventRoute *route = into;
        EventMatch *not = conf_alloc(l, n * sizeof(*not ));

        for (size_t i = 0; not &&i < n; i++)
                take_not_one(l, conf_item(l, value, i), &not [i]);
        route->not = not ;
        route->n_not = not ? n : 0;
}

static void take_match(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { MATCH_KEYS, { "not", take_not } };

        conf_map(l, value, "match", keys, ARRAY_SIZE(keys),
                 into); /* the match is what the route begins with */
}
_Static_assert(offsetof(EventRoute, match) == 0, "take_match() relies on it");

static void take_to(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "to");

        for (size_t i = 0; i < names.n; i++) {
                const ConfigSink *sink = names.v[i].n ? conf_find_sink(l, value, names.v[i]) : NULL;

                if (sink && !sink->ops->lines)
                        conf_bad(l, value,
                                 "events cannot go to %s, which is of type %s: a sink of type file or kafka "
                                 "takes them",
                                 names.v[i].p, sink->ops->type);
        }
        ((EventRoute *)into)->to = names;
}

static void take_event_route(ConfLoader *l, const ConfNode *value, EventRoute *route) {
        static const ConfKey keys[] = { { "match", take_match }, { "to", take_to } };
        unsigned n_bad = l->n_bad;

        conf_map(l, value, "one of events", keys, ARRAY_SIZE(keys), route);
        if (l->n_bad == n_bad && !route->to.n)
                conf_bad(l, value, "one of events needs to: with the names of sinks");
}

void conf_take_events(ConfLoader *l, const ConfNode *value, void *into) {
        Config *c = into;
        size_t n = conf_n_items(value);

        if (value->type != YAML_SEQUENCE_NODE) {
                conf_bad(l, value, "events must be a list: [ { match: { type: EXECVE }, to: [log] } ]");
                return;
        }
        c->events = conf_alloc(l, n * sizeof(*c->events));
        for (; c->events && c->n_events < n; c->n_events++)
                take_event_route(l, conf_item(l, value, c->n_events), &c->events[c->n_events]);
}
