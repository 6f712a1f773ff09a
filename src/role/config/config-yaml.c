/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/duration.h"
#include "role/args.h"
#include "role/config/config-yaml.h"

void conf_bad(ConfLoader *l, const ConfNode *where, const char *fmt, ...) {
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

const ConfNode *conf_node(ConfLoader *l, int index) { return yaml_document_get_node(l->doc, index); }

Str conf_scalar(const ConfNode *n) {
        return n->type == YAML_SCALAR_NODE
                       ? (Str){ (const char *)n->data.scalar.value, n->data.scalar.length }
                       : STR("");
}

void *conf_alloc(ConfLoader *l, size_t n) {
        void *p = arena_alloc(&l->config->arena, n ? n : 1);

        l->no_memory |= !p;
        return p;
}

Str conf_keep(ConfLoader *l, Str s) {
        Str copy = arena_str(&l->config->arena, s);

        if (copy.p)
                return copy;
        l->no_memory = true;
        return STR("");
}

bool conf_is_text(const ConfNode *n) {
        Str s = conf_scalar(n);

        return s.n && !memchr(s.p, 0, s.n);
}

Str conf_text(ConfLoader *l, const ConfNode *n, const char *what) {
        if (conf_is_text(n))
                return conf_keep(l, conf_scalar(n));
        conf_bad(l, n, "%s must be a text", what);
        return STR("");
}

StrList conf_list(ConfLoader *l, const ConfNode *n, const char *what) {
        size_t n_items = conf_n_items(n);
        Str *items;

        items = conf_alloc(l, n_items * sizeof(*items));
        if (!items)
                return (StrList){ 0 };
        if (n->type != YAML_SEQUENCE_NODE) {
                items[0] = conf_text(l, n, what);
                return (StrList){ items, 1 };
        }
        if (!n_items)
                conf_bad(l, n, "%s must not be empty", what);
        for (size_t i = 0; i < n_items; i++)
                items[i] = conf_text(l, conf_node(l, n->data.sequence.items.start[i]), what);
        return (StrList){ items, n_items };
}

size_t conf_n_items(const ConfNode *list) {
        return list->type == YAML_SEQUENCE_NODE
                       ? (size_t)(list->data.sequence.items.top - list->data.sequence.items.start)
                       : 1;
}

const ConfNode *conf_item(ConfLoader *l, const ConfNode *list, size_t i) {
        return list->type == YAML_SEQUENCE_NODE ? conf_node(l, list->data.sequence.items.start[i]) : list;
}

const ConfigGroup *conf_find_group(ConfLoader *l, const ConfNode *where, Str name) {
        for (size_t i = 0; i < l->config->n_groups; i++)
                if (str_eq(l->config->groups[i].name, name))
                        return &l->config->groups[i];
        conf_bad(l, where, "there is no host group %s: name one that stands under host_groups:", name.p);
        return NULL;
}

const ConfigSink *conf_find_sink(ConfLoader *l, const ConfNode *where, Str name) {
        for (size_t i = 0; i < l->config->n_sinks; i++)
                if (str_eq(l->config->sinks[i].name, name))
                        return &l->config->sinks[i];
        conf_bad(l, where, "there is no sink %s: name one that stands under sinks:", name.p);
        return NULL;
}

size_t conf_n_pairs(const ConfNode *map) {
        return (size_t)(map->data.mapping.pairs.top - map->data.mapping.pairs.start);
}

void conf_each_pair(ConfLoader *l, const ConfNode *map, const char *what,
                    void (*fn)(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata),
                    void *userdata) {
        if (map->type != YAML_MAPPING_NODE) {
                conf_bad(l, map, "%s must be a map, key: value", what);
                return;
        }
        for (size_t i = 0; i < conf_n_pairs(map); i++) {
                const yaml_node_pair_t *pairs = map->data.mapping.pairs.start;
                const ConfNode *key = conf_node(l, pairs[i].key);
                bool twice = false;

                if (!conf_is_text(key)) {
                        conf_bad(l, key, "a key of %s must be a text", what);
                        continue;
                }
                for (size_t k = 0; k < i; k++)
                        twice |= str_eq(conf_scalar(conf_node(l, pairs[k].key)), conf_scalar(key));
                if (twice)
                        conf_bad(l, key, "%s comes twice in %s", (const char *)key->data.scalar.value, what);
                else
                        fn(l, key, conf_node(l, pairs[i].value), userdata);
        }
}

typedef struct {
        const ConfKey *keys;
        size_t n_keys;
        const char *what;
        void *into;
} Keys;

static void take_key(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata) {
        const Keys *k = userdata;
        Buf known = BUF_INIT;

        for (size_t i = 0; i < k->n_keys; i++)
                if (str_eqz(conf_scalar(key), k->keys[i].name)) {
                        k->keys[i].take(l, value, k->into);
                        return;
                }
        for (size_t i = 0; i < k->n_keys; i++)
                buf_printf(&known, "%s%s", i ? ", " : "", k->keys[i].name);
        conf_bad(l, key, "%s is unknown in %s; known are: %s", (const char *)key->data.scalar.value, k->what,
                 buf_z(&known) ? known.p : "");
        buf_done(&known);
}

void conf_map(ConfLoader *l, const ConfNode *map, const char *what, const ConfKey *keys, size_t n_keys,
              void *into) {
        Keys k = { keys, n_keys, what, into };

        conf_each_pair(l, map, what, take_key, &k);
}

const char *conf_path(ConfLoader *l, Str s) {
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

uint64_t conf_duration(ConfLoader *l, const ConfNode *value, const char *what) {
        uint64_t ms = 0;

        if (!duration_parse(conf_scalar(value), &ms))
                conf_bad(l, value, "%s must be a duration, as 500ms, 3s, 5m, 2h", what);
        return ms;
}

size_t conf_size(ConfLoader *l, const ConfNode *value, const char *what) {
        size_t n = 0;

        if (!conf_is_text(value) || !args_size((const char *)value->data.scalar.value, &n))
                conf_bad(l, value, "%s must be a number, as 100, 64K, 1M", what);
        return n;
}
