/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "role/config/config-yaml.h"
#include "role/places.h"
#include "rule/yaml-tree.h"
#include "source/source.h"

static void take_source(ConfLoader *l, const ConfNode *value, void *into) {
        Config *c = into;
        Str s = conf_text(l, value, "source");

        const char *why;

        if (str_starts(s, STR("kafka:")) && s.n > 6)
                ; /* conf_match_kafka() */
        else if (s.n && !source_spec_valid(s.p, &why))
                conf_bad(l, value, "%s, or here kafka:TOPIC, not %s", why, s.p);
        else if ((str_starts(s, STR("unix:")) || str_starts(s, STR("file:"))) && s.p[5] != '/')
                conf_bad(l, value, "the path of a source starts with /: %s", s.p);
        c->source = s.p;
}

static void take_catch_up(ConfLoader *l, const ConfNode *value, void *into) {
        Str s = conf_text(l, value, "catch_up");

        if (s.n && s.p[0] != '/')
                conf_bad(l, value, "the path of the log starts with /: %s", s.p);
        ((Config *)into)->catch_up = s.n ? s.p : NULL;
}

static void match_catch_up(ConfLoader *l, const ConfNode *root) {
        const Config *c = l->config;

        if (!c->catch_up)
                return;
        if (c->kafka.topic)
                conf_bad(l, root, "catch_up: not with source: %s, which remembers by itself how far it is",
                         c->source);
        if (c->spool.memory)
                conf_bad(l, root, "catch_up: needs a spool on disk, where it is kept how far we are");
}

static void take_rules(ConfLoader *l, const ConfNode *value, void *into) {
        StrList paths = conf_list(l, value, "rules");
        Config *c = into;

        c->rules = conf_alloc(l, paths.n * sizeof(*c->rules));
        for (size_t i = 0; c->rules && i < paths.n; i++)
                if (paths.v[i].n)
                        c->rules[c->n_rules++] = conf_path(l, paths.v[i]);
}

static void take_line(ConfLoader *l, const ConfNode *v, void *into) {
        ((Config *)into)->max_line = conf_size(l, v, "line");
}
static void take_open_events(ConfLoader *l, const ConfNode *v, void *into) {
        ((Config *)into)->limits.open_events = conf_size(l, v, "open_events");
}
static void take_event_records(ConfLoader *l, const ConfNode *v, void *into) {
        ((Config *)into)->limits.event_records = conf_size(l, v, "event_records");
}
static void take_event_bytes(ConfLoader *l, const ConfNode *v, void *into) {
        ((Config *)into)->limits.event_bytes = conf_size(l, v, "event_bytes");
}
static void take_total_bytes(ConfLoader *l, const ConfNode *v, void *into) {
        ((Config *)into)->limits.total_bytes = conf_size(l, v, "total_bytes");
}
static void take_nodes(ConfLoader *l, const ConfNode *v, void *into) {
        ((Config *)into)->limits.nodes = conf_size(l, v, "nodes");
}
static void take_timeout(ConfLoader *l, const ConfNode *v, void *into) {
        uint64_t ms = conf_duration(l, v, "timeout");

        ((Config *)into)->limits.timeout_ms = ms < 3600000 ? (uint32_t)ms : 3600000;
}

static void take_limits(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "line", take_line },
                                        { "open_events", take_open_events },
                                        { "event_records", take_event_records },
                                        { "event_bytes", take_event_bytes },
                                        { "total_bytes", take_total_bytes },
                                        { "nodes", take_nodes },
                                        { "timeout", take_timeout } };

        conf_map(l, value, "limits", keys, ARRAY_SIZE(keys), into);
}

static void take_redact_add(ConfLoader *l, const ConfNode *value, void *into) {
        StrList names = conf_list(l, value, "add");
        Redact *redact = into;

        for (size_t i = 0; i < names.n; i++) {
                const char *blank = memchr(names.v[i].p, ' ', names.v[i].n);

                if (!names.v[i].n)
                        continue;
                if (blank && blank[1] != '-')
                        conf_bad(l, value, "%s: write a name, with *, or a program, a blank and an option",
                                 names.v[i].p);
        }
        redact->names = names.v;
        redact->n_names = names.n;
}

static void take_redact_off(ConfLoader *l, const ConfNode *value, void *into) {
        Str s = conf_text(l, value, "off");

        if (s.n && !str_eqz(s, "true") && !str_eqz(s, "false"))
                conf_bad(l, value, "off must be true or false");
        ((Redact *)into)->off = str_eqz(s, "true");
}

static void take_redact(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "add", take_redact_add }, { "off", take_redact_off } };

        conf_map(l, value, "redact", keys, ARRAY_SIZE(keys), &((Config *)into)->redact);
}

/* Routes and events name sinks, wherever in the file those stand: they are read after all else. */
static void leave(ConfLoader *l, const ConfNode *value, void *into) {}

static void take_later(ConfLoader *l, Str key, const ConfNode *value) {
        if (str_eq(key, STR("routes")) && !l->config->routes)
                conf_take_routes(l, value, l->config);
        else if (str_eq(key, STR("events")) && !l->config->events)
                conf_take_events(l, value, l->config);
}

static void take_document(ConfLoader *l, const ConfNode *root) {
        static const ConfKey first[] = { { "source", take_source },
                                         { "kafka", conf_take_kafka },
                                         { "rules", take_rules },
                                         { "sinks", conf_take_sinks },
                                         { "routes", leave },
                                         { "host_groups", conf_take_groups },
                                         { "spool", conf_take_spool },
                                         { "redact", take_redact },
                                         { "limits", take_limits },
                                         { "events", leave },
                                         { "status", conf_take_status },
                                         { "metrics", conf_take_metrics },
                                         { "catch_up", take_catch_up } };

        conf_map(l, root, "the configuration", first, ARRAY_SIZE(first), l->config);
        conf_match_kafka(l, root);
        match_catch_up(l, root);
        if (root->type != YAML_MAPPING_NODE)
                return;
        for (size_t i = 0; i < conf_n_pairs(root); i++) {
                const yaml_node_pair_t *pair = &root->data.mapping.pairs.start[i];

                take_later(l, conf_scalar(conf_node(l, pair->key)), conf_node(l, pair->value));
        }
}

static bool is_for_events(const Config *c, Str sink) {
        for (size_t i = 0; i < c->n_events; i++)
                for (size_t k = 0; k < c->events[i].to.n; k++)
                        if (str_eq(c->events[i].to.v[k], sink))
                                return true;
        return false;
}

static void add_defaults(ConfLoader *l) {
        Config *c = l->config;
        Buf own = BUF_INIT;
        size_t *to, n_to = 0;

        if (!c->source)
                c->source = "stdin";
        if (!c->rules) {
                const char *path = places_rules(&own);

                c->rules = conf_alloc(l, sizeof(*c->rules));
                if (path && c->rules)
                        c->rules[c->n_rules++] = conf_path(l, str_from(path));
                buf_done(&own);
        }
        if (c->routes)
                return;
        c->routes = conf_alloc(l, sizeof(*c->routes));
        to = conf_alloc(l, c->n_sinks * sizeof(*to));
        if (!c->routes || !to)
                return;
        for (size_t i = 0; i < c->n_sinks; i++)
                if (!is_for_events(c, c->sinks[i].name))
                        to[n_to++] = i;
        c->routes[0] = (ConfigRoute){ .to = to, .n_to = n_to };
        c->n_routes = 1;
}

int config_read_file(const char *path, Buf *ret) {
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

/* As for rules: with what to write instead. */
static void say_no_yaml(ConfLoader *l, Str file, const yaml_parser_t *parser) {
        YamlError e = { (unsigned)parser->problem_mark.line + 1, (unsigned)parser->problem_mark.column + 1,
                        "no YAML" };
        Arena arena = ARENA_INIT;
        YamlFile yaml;

        l->no_memory |= parser->error == YAML_MEMORY_ERROR || yaml_read(&yaml, &arena, file, &e) == -ENOMEM;
        arena_done(&arena);
        l->n_bad++;
        l->diag(l->userdata, l->config->path, e.line, e.column, e.text);
}

static void parse(ConfLoader *l, Str file) {
        yaml_document_t doc;
        yaml_parser_t parser;
        const ConfNode *root;

        if (!yaml_parser_initialize(&parser)) {
                l->no_memory = true;
                return;
        }
        yaml_parser_set_input_string(&parser, (const unsigned char *)(file.n ? file.p : ""), file.n);
        if (!yaml_parser_load(&parser, &doc)) {
                say_no_yaml(l, file, &parser);
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

int config_load_text(Config **ret, const char *path, Str text, ConfigDiagFn diag, void *userdata) {
        Config *c = calloc(1, sizeof(*c));
        ConfLoader l = { .config = c, .diag = diag, .userdata = userdata };
        int r = 0;

        if (!c)
                return -ENOMEM;
        c->path = arena_strdup(&c->arena, path);
        c->limits = EVENT_LIMITS_DEFAULT;
        c->spool = CONFIG_SPOOL_DEFAULT;
        c->status = CONFIG_STATUS_DEFAULT;
        c->metrics = CONFIG_METRICS_DEFAULT;
        if (c->path)
                parse(&l, text);
        if (!c->path || l.no_memory)
                r = -ENOMEM;
        else if (l.n_bad)
                r = CONFIG_E_BAD;
        if (r) {
                config_free(c);
                return r;
        }
        *ret = c;
        return 0;
}

int config_load(Config **ret, const char *path, ConfigDiagFn diag, void *userdata) {
        Buf file = BUF_INIT;
        int r = config_read_file(path, &file);

        if (r == 0)
                r = config_load_text(ret, path, buf_view(&file), diag, userdata);
        buf_done(&file);
        return r;
}

Config *config_free(Config *c) {
        if (c) {
                arena_done(&c->arena);
                free(c);
        }
        return NULL;
}
