/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include <yaml.h>
#include "base/duration.h"
#include "role/args.h"
#include "role/config.h"
#include "role/places.h"

typedef struct {
        Config *config;
        yaml_document_t *doc;
        ConfigDiagFn diag;
        void *userdata;
        unsigned n_bad; /* mistakes so far */
        bool no_memory;
} Loader;

typedef yaml_node_t Node;

/* One key of a map and what becomes of its value. */
typedef struct {
        const char *name;
        void (*take)(Loader *l, const Node *value, void *into);
} Key;

static void bad(Loader *l, const Node *where, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void bad(Loader *l, const Node *where, const char *fmt, ...) {
        Buf text = BUF_INIT;
        va_list ap;

        va_start(ap, fmt);
        buf_vprintf(&text, fmt, ap);
        va_end(ap);
        l->n_bad++;
        l->diag(l->userdata, l->config->path, (unsigned)where->start_mark.line + 1,
                (unsigned)where->start_mark.column + 1, buf_z(&text) ? text.p : fmt);
        buf_done(&text);
}

static const Node *node_at(Loader *l, int index) { return yaml_document_get_node(l->doc, index); }

static Str scalar(const Node *n) {
        return n->type == YAML_SCALAR_NODE
                       ? (Str){ (const char *)n->data.scalar.value, n->data.scalar.length }
                       : STR("");
}

static void *alloc(Loader *l, size_t n) {
        void *p = arena_alloc(&l->config->arena, n ? n : 1);

        l->no_memory |= !p;
        return p;
}

static Str keep(Loader *l, Str s) {
        Str copy = arena_str(&l->config->arena, s);

        if (copy.p)
                return copy;
        l->no_memory = true;
        return STR("");
}

static bool is_text(const Node *n) {
        Str s = scalar(n);

        return s.n && !memchr(s.p, 0, s.n);
}

static Str text(Loader *l, const Node *n, const char *what) {
        if (is_text(n))
                return keep(l, scalar(n));
        bad(l, n, "%s must be a text", what);
        return STR("");
}

static StrList list(Loader *l, const Node *n, const char *what) {
        size_t n_items = 1;
        Str *items;

        if (n->type == YAML_SEQUENCE_NODE)
                n_items = (size_t)(n->data.sequence.items.top - n->data.sequence.items.start);
        items = alloc(l, n_items * sizeof(*items));
        if (!items)
                return (StrList){ 0 };
        if (n->type != YAML_SEQUENCE_NODE) {
                items[0] = text(l, n, what);
                return (StrList){ items, 1 };
        }
        if (!n_items)
                bad(l, n, "%s must not be empty", what);
        for (size_t i = 0; i < n_items; i++)
                items[i] = text(l, node_at(l, n->data.sequence.items.start[i]), what);
        return (StrList){ items, n_items };
}

static size_t n_pairs(const Node *map) {
        return (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
}

/* Calls @fn for every pair of a map; a key that comes twice is a mistake. */
static void each_pair(Loader *l, const Node *map, const char *what,
                      void (*fn)(Loader *l, const Node *key, const Node *value, void *userdata),
                      void *userdata) {
        if (map->type != YAML_MAPPING_NODE) {
                bad(l, map, "%s must be a map, key: value", what);
                return;
        }
        for (size_t i = 0; i < n_pairs(map); i++) {
                const yaml_node_pair_t *pairs = map->data.mapping.pairs.start;
                const Node *key = node_at(l, pairs[i].key);
                bool twice = false;

                if (!is_text(key)) {
                        bad(l, key, "a key of %s must be a text", what);
                        continue;
                }
                for (size_t k = 0; k < i; k++)
                        twice |= str_eq(scalar(node_at(l, pairs[k].key)), scalar(key));
                if (twice)
                        bad(l, key, "%s comes twice in %s", (const char *)key->data.scalar.value, what);
                else
                        fn(l, key, node_at(l, pairs[i].value), userdata);
        }
}

typedef struct {
        const Key *keys;
        size_t n_keys;
        const char *what;
        void *into;
} Keys;

static void take_key(Loader *l, const Node *key, const Node *value, void *userdata) {
        const Keys *k = userdata;
        Buf known = BUF_INIT;

        for (size_t i = 0; i < k->n_keys; i++)
                if (str_eqz(scalar(key), k->keys[i].name)) {
                        k->keys[i].take(l, value, k->into);
                        return;
                }
        for (size_t i = 0; i < k->n_keys; i++)
                buf_printf(&known, "%s%s", i ? ", " : "", k->keys[i].name);
        bad(l, key, "%s is unknown in %s; known are: %s", (const char *)key->data.scalar.value, k->what,
            buf_z(&known) ? known.p : "");
        buf_done(&known);
}

static void take_map(Loader *l, const Node *map, const char *what, const Key *keys, size_t n_keys,
                     void *into) {
        Keys k = { keys, n_keys, what, into };

        each_pair(l, map, what, take_key, &k);
}

/* Relative paths are relative to the configuration: auditd starts its plugins in /. */
static const char *path_of(Loader *l, Str s) {
        const char *slash = strrchr(l->config->path, '/');
        Buf path = BUF_INIT;
        char *copy;

        if (s.p[0] != '/' && slash)
                buf_put(&path, l->config->path, (size_t)(slash + 1 - l->config->path));
        buf_str(&path, s);
        copy = buf_z(&path) ? arena_strdup(&l->config->arena, path.p) : NULL;
        l->no_memory |= !copy;
        buf_done(&path);
        return copy;
}

static void take_source(Loader *l, const Node *value, void *into) {
        Config *c = into;
        Str s = text(l, value, "source");

        if (s.n && !str_eq(s, STR("stdin")) && !str_starts(s, STR("unix:/")))
                bad(l, value, "source is stdin or unix:/PATH, not %s", s.p);
        c->source = s.p;
}

static void take_rules(Loader *l, const Node *value, void *into) {
        StrList paths = list(l, value, "rules");
        Config *c = into;

        c->rules = alloc(l, paths.n * sizeof(*c->rules));
        for (size_t i = 0; c->rules && i < paths.n; i++)
                if (paths.v[i].n)
                        c->rules[c->n_rules++] = path_of(l, paths.v[i]);
}

static void take_levels(Loader *l, const Node *value, void *into) {
        StrList names = list(l, value, "level");

        for (size_t i = 0; i < names.n; i++) {
                RuleLevel level;

                if (alert_level_from_name(names.v[i], &level))
                        ((ConfigRoute *)into)->levels |= 1u << level;
                else if (names.v[i].n)
                        bad(l, value, "%s is no level; levels are informational, low, medium, high, critical",
                            names.v[i].p);
        }
}

static void take_match_rule(Loader *l, const Node *v, void *into) {
        ((ConfigRoute *)into)->rules = list(l, v, "rule");
}
static void take_match_tag(Loader *l, const Node *v, void *into) {
        ((ConfigRoute *)into)->tags = list(l, v, "tag");
}
static void take_match_key(Loader *l, const Node *v, void *into) {
        ((ConfigRoute *)into)->keys = list(l, v, "key");
}
static void take_match_user(Loader *l, const Node *v, void *into) {
        ((ConfigRoute *)into)->users = list(l, v, "user");
}
static void take_match_node(Loader *l, const Node *v, void *into) {
        ((ConfigRoute *)into)->nodes = list(l, v, "node");
}

static void take_match(Loader *l, const Node *value, void *into) {
        static const Key keys[] = { { "level", take_levels },    { "rule", take_match_rule },
                                    { "tag", take_match_tag },   { "key", take_match_key },
                                    { "user", take_match_user }, { "node", take_match_node } };

        take_map(l, value, "match", keys, ARRAY_SIZE(keys), into);
}

static void take_to(Loader *l, const Node *value, void *into) {
        StrList names = list(l, value, "to");
        ConfigRoute *route = into;
        size_t *to = alloc(l, names.n * sizeof(*to));

        for (size_t i = 0; to && i < names.n; i++) {
                size_t k = 0;

                while (k < l->config->n_sinks && !str_eq(l->config->sinks[k].name, names.v[i]))
                        k++;
                if (k < l->config->n_sinks)
                        to[route->n_to++] = k;
                else if (names.v[i].n)
                        bad(l, value, "there is no sink %s: name one that stands under sinks:", names.v[i].p);
        }
        route->to = to;
}

static void take_per(Loader *l, const Node *value, void *into) {
        static const struct {
                const char *name;
                unsigned bit;
        } pers[] = { { "rule", CONFIG_PER_RULE },
                     { "user", CONFIG_PER_USER },
                     { "addr", CONFIG_PER_ADDR },
                     { "node", CONFIG_PER_NODE },
                     { "level", CONFIG_PER_LEVEL } };
        StrList names = list(l, value, "per");

        for (size_t i = 0; i < names.n; i++) {
                size_t k = 0;

                while (k < ARRAY_SIZE(pers) && !str_eqz(names.v[i], pers[k].name))
                        k++;
                if (k < ARRAY_SIZE(pers))
                        ((ConfigRoute *)into)->per |= pers[k].bit;
                else if (names.v[i].n)
                        bad(l, value, "once per %s? known are rule, user, addr, node, level", names.v[i].p);
        }
}

static uint64_t duration(Loader *l, const Node *value, const char *what) {
        uint64_t ms = 0;

        if (!duration_parse(scalar(value), &ms))
                bad(l, value, "%s must be a duration, as 500ms, 3s, 5m, 2h", what);
        return ms;
}

static void take_in(Loader *l, const Node *value, void *into) {
        ((ConfigRoute *)into)->once_ms = duration(l, value, "in");
}

static void take_once(Loader *l, const Node *value, void *into) {
        static const Key keys[] = { { "per", take_per }, { "in", take_in } };
        ConfigRoute *route = into;
        unsigned n_bad = l->n_bad;

        take_map(l, value, "once", keys, ARRAY_SIZE(keys), into);
        if (l->n_bad == n_bad && (!route->per || !route->once_ms))
                bad(l, value, "once needs both: { per: [user, addr], in: 5m }");
}

static void take_route(Loader *l, const Node *value, ConfigRoute *route) {
        static const Key keys[] = { { "match", take_match }, { "to", take_to }, { "once", take_once } };
        unsigned n_bad = l->n_bad;

        take_map(l, value, "a route", keys, ARRAY_SIZE(keys), route);
        if (l->n_bad == n_bad && !route->n_to)
                bad(l, value, "a route needs to: with the names of sinks");
}

static void take_routes(Loader *l, const Node *value, void *into) {
        Config *c = into;
        size_t n;

        if (value->type != YAML_SEQUENCE_NODE) {
                bad(l, value, "routes must be a list");
                return;
        }
        n = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
        c->routes = alloc(l, n * sizeof(*c->routes));
        for (; c->routes && c->n_routes < n; c->n_routes++)
                take_route(l, node_at(l, value->data.sequence.items.start[c->n_routes]),
                           &c->routes[c->n_routes]);
}

typedef struct {
        ConfigSink *sink;
        SinkSetting *settings;
        bool has_type;
} SinkLoader;

static void find_type(Loader *l, const Node *key, const Node *value, void *userdata) {
        SinkLoader *s = userdata;

        if (!str_eq(scalar(key), STR("type")))
                return;
        s->has_type = true;
        s->sink->ops = sink_find_type(scalar(value));
        if (!s->sink->ops)
                bad(l, value, "there is no type of sink %s; there are desktop, journal, terminal",
                    is_text(value) ? (const char *)value->data.scalar.value : "like this");
}

static void bad_option(Loader *l, const Node *key, const SinkOps *ops) {
        Buf known = BUF_INIT;

        for (size_t i = 0; i < ops->n_options; i++)
                buf_printf(&known, ", %s", ops->options[i].name);
        bad(l, key, "%s is unknown in a sink of type %s; known are: type%s",
            (const char *)key->data.scalar.value, ops->type, known.n && buf_z(&known) ? known.p : "");
        buf_done(&known);
}

static void take_setting(Loader *l, const Node *key, const Node *value, void *userdata) {
        SinkLoader *s = userdata;
        const SinkOps *ops = s->sink->ops;
        SinkSetting *setting = &s->settings[s->sink->conf.n_settings];
        const char *name = (const char *)key->data.scalar.value;
        StrList values;
        size_t i = 0;

        if (str_eq(scalar(key), STR("type")))
                return;
        while (i < ops->n_options && !str_eqz(scalar(key), ops->options[i].name))
                i++;
        if (i == ops->n_options) {
                bad_option(l, key, ops);
                return;
        }
        *setting = (SinkSetting){ .name = keep(l, scalar(key)) };
        if (ops->options[i].kind == SINK_DURATION)
                setting->ms = duration(l, value, name);
        if (ops->options[i].kind != SINK_LIST && !is_text(value)) {
                bad(l, value, "%s must be a text", name);
                return;
        }
        values = list(l, value, name);
        setting->values = values.v;
        setting->n_values = values.n;
        s->sink->conf.n_settings++;
}

static void take_sink(Loader *l, const Node *key, const Node *value, void *into) {
        Config *c = into;
        ConfigSink *sink = &c->sinks[c->n_sinks];
        SinkLoader s = { .sink = sink };

        *sink = (ConfigSink){ .name = keep(l, scalar(key)) };
        each_pair(l, value, "a sink", find_type, &s);
        if (value->type == YAML_MAPPING_NODE && !s.has_type)
                bad(l, value, "a sink needs type: desktop, journal or terminal");
        if (!sink->ops)
                return;
        s.settings = alloc(l, n_pairs(value) * sizeof(*s.settings));
        sink->conf.settings = s.settings;
        if (s.settings)
                each_pair(l, value, "a sink", take_setting, &s);
        c->n_sinks++;
}

static void take_sinks(Loader *l, const Node *value, void *into) {
        Config *c = into;

        if (value->type == YAML_MAPPING_NODE)
                c->sinks = alloc(l, n_pairs(value) * sizeof(*c->sinks));
        if (!l->no_memory)
                each_pair(l, value, "sinks", take_sink, c);
}

static size_t size(Loader *l, const Node *value, const char *what) {
        size_t n = 0;

        if (!is_text(value) || !args_size((const char *)value->data.scalar.value, &n))
                bad(l, value, "%s must be a number, as 100, 64K, 1M", what);
        return n;
}

static void take_line(Loader *l, const Node *v, void *into) {
        ((Config *)into)->max_line = size(l, v, "line");
}
static void take_open_events(Loader *l, const Node *v, void *into) {
        ((Config *)into)->limits.open_events = size(l, v, "open_events");
}
static void take_event_records(Loader *l, const Node *v, void *into) {
        ((Config *)into)->limits.event_records = size(l, v, "event_records");
}
static void take_event_bytes(Loader *l, const Node *v, void *into) {
        ((Config *)into)->limits.event_bytes = size(l, v, "event_bytes");
}
static void take_total_bytes(Loader *l, const Node *v, void *into) {
        ((Config *)into)->limits.total_bytes = size(l, v, "total_bytes");
}
static void take_nodes(Loader *l, const Node *v, void *into) {
        ((Config *)into)->limits.nodes = size(l, v, "nodes");
}
static void take_timeout(Loader *l, const Node *v, void *into) {
        uint64_t ms = duration(l, v, "timeout");

        ((Config *)into)->limits.timeout_ms = ms < 3600000 ? (uint32_t)ms : 3600000;
}

static void take_limits(Loader *l, const Node *value, void *into) {
        static const Key keys[] = { { "line", take_line },
                                    { "open_events", take_open_events },
                                    { "event_records", take_event_records },
                                    { "event_bytes", take_event_bytes },
                                    { "total_bytes", take_total_bytes },
                                    { "nodes", take_nodes },
                                    { "timeout", take_timeout } };

        take_map(l, value, "limits", keys, ARRAY_SIZE(keys), into);
}

/* Routes name sinks, wherever in the file those stand: they are read after all else. */
static void leave(Loader *l, const Node *value, void *into) {}

static void take_document(Loader *l, const Node *root) {
        static const Key first[] = { { "source", take_source },
                                     { "rules", take_rules },
                                     { "sinks", take_sinks },
                                     { "routes", leave },
                                     { "limits", take_limits } };

        take_map(l, root, "the configuration", first, ARRAY_SIZE(first), l->config);
        if (root->type != YAML_MAPPING_NODE)
                return;
        for (size_t i = 0; i < n_pairs(root); i++) {
                const yaml_node_pair_t *pair = &root->data.mapping.pairs.start[i];

                if (str_eq(scalar(node_at(l, pair->key)), STR("routes")) && !l->config->routes)
                        take_routes(l, node_at(l, pair->value), l->config);
        }
}

static void add_defaults(Loader *l) {
        Config *c = l->config;
        Buf own = BUF_INIT;
        size_t *to;

        if (!c->source)
                c->source = "stdin";
        if (!c->rules) {
                const char *path = places_rules(&own);

                c->rules = alloc(l, sizeof(*c->rules));
                if (path && c->rules)
                        c->rules[c->n_rules++] = path_of(l, str_from(path));
                buf_done(&own);
        }
        if (c->routes)
                return;
        c->routes = alloc(l, sizeof(*c->routes));
        to = alloc(l, c->n_sinks * sizeof(*to));
        if (!c->routes || !to)
                return;
        for (size_t i = 0; i < c->n_sinks; i++)
                to[i] = i;
        c->routes[0] = (ConfigRoute){ .to = to, .n_to = c->n_sinks };
        c->n_routes = 1;
}

static int read_file(const char *path, Buf *ret) {
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n = 0;

        if (fd < 0)
                return -errno;
        while (ret->n <= CONFIG_MAX && buf_reserve(ret, 65536) && (n = read(fd, ret->p + ret->n, 65536)) > 0)
                ret->n += (size_t)n;
        n = n < 0 ? -errno : ret->n > CONFIG_MAX ? -EFBIG : ret->failed ? -ENOMEM : 0;
        close(fd);
        return (int)n;
}

static void parse(Loader *l, Str file) {
        yaml_document_t doc;
        yaml_parser_t parser;
        const Node *root;

        if (!yaml_parser_initialize(&parser)) {
                l->no_memory = true;
                return;
        }
        yaml_parser_set_input_string(&parser, (const unsigned char *)(file.n ? file.p : ""), file.n);
        if (!yaml_parser_load(&parser, &doc)) {
                l->n_bad++;
                l->diag(l->userdata, l->config->path, (unsigned)parser.problem_mark.line + 1,
                        (unsigned)parser.problem_mark.column + 1,
                        parser.problem ? parser.problem : "no YAML");
                yaml_parser_delete(&parser);
                return;
        }
        l->doc = &doc;
        root = yaml_document_get_root_node(&doc);
        if (root) {
                take_document(l, root);
        } else {
                l->n_bad++;
                l->diag(l->userdata, l->config->path, 1, 1, "the file is empty; write at least sinks:");
        }
        if (!l->n_bad && !l->no_memory)
                add_defaults(l);
        yaml_document_delete(&doc);
        yaml_parser_delete(&parser);
}

int config_load(Config **ret, const char *path, ConfigDiagFn diag, void *userdata) {
        Config *c = calloc(1, sizeof(*c));
        Loader l = { .config = c, .diag = diag, .userdata = userdata };
        Buf file = BUF_INIT;
        int r;

        if (!c)
                return -ENOMEM;
        c->path = arena_strdup(&c->arena, path);
        c->limits = EVENT_LIMITS_DEFAULT;
        r = c->path ? read_file(path, &file) : -ENOMEM;
        if (r == 0)
                parse(&l, buf_view(&file));
        buf_done(&file);
        if (r == 0 && l.no_memory)
                r = -ENOMEM;
        if (r == 0 && l.n_bad)
                r = CONFIG_E_BAD;
        if (r) {
                config_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

Config *config_free(Config *c) {
        if (c) {
                arena_done(&c->arena);
                free(c);
        }
        return NULL;
}
