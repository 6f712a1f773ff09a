/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Reading the configuration's YAML: what config.c, config-sinks.c and config-routes.c share.
 *
 * A taker reads one value into its place, and reports what is wrong with conf_bad(); it goes on, so that one
 * run tells all mistakes. Texts and arrays live in the arena of the configuration. */
#include <yaml.h>
#include "role/config/config.h"

typedef yaml_node_t ConfNode;

typedef struct {
        Config *config;
        yaml_document_t *doc;
        ConfigDiagFn diag;
        void *userdata;
        unsigned n_bad; /* mistakes so far */
        bool no_memory;
} ConfLoader;

/* One key of a map and what becomes of its value. */
typedef struct {
        const char *name;
        void (*take)(ConfLoader *l, const ConfNode *value, void *into);
} ConfKey;

void conf_bad(ConfLoader *l, const ConfNode *where, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

const ConfNode *conf_node(ConfLoader *l, int index);
Str conf_scalar(const ConfNode *n); /* "" where it is none */
bool conf_is_text(const ConfNode *n);
size_t conf_n_pairs(const ConfNode *map);

/* These return "", an empty list, NULL or 0 after a mistake. @what: the word for it in a message. */
void *conf_alloc(ConfLoader *l, size_t n); /* zeroed */
Str conf_keep(ConfLoader *l, Str s);       /* NUL-terminated */
Str conf_text(ConfLoader *l, const ConfNode *n, const char *what);
StrList conf_list(ConfLoader *l, const ConfNode *n, const char *what); /* one text is a list of one */
uint64_t conf_duration(ConfLoader *l, const ConfNode *value, const char *what);
size_t conf_size(ConfLoader *l, const ConfNode *value, const char *what); /* 100, 64K, 1M */
/* Relative paths are relative to the configuration: auditd starts its plugins in /. */
const char *conf_path(ConfLoader *l, Str s);

/* Of a list; what is none is a list of one. */
size_t conf_n_items(const ConfNode *list);
const ConfNode *conf_item(ConfLoader *l, const ConfNode *list, size_t i);

/* NULL, and a mistake at @where: there is none of that name. To be called when sinks and groups are known. */
const ConfigGroup *conf_find_group(ConfLoader *l, const ConfNode *where, Str name);
const ConfigSink *conf_find_sink(ConfLoader *l, const ConfNode *where, Str name);

/* Calls @fn for every pair of a map; a key that comes twice is a mistake. */
void conf_each_pair(ConfLoader *l, const ConfNode *map, const char *what,
                    void (*fn)(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata),
                    void *userdata);
void conf_map(ConfLoader *l, const ConfNode *map, const char *what, const ConfKey *keys, size_t n_keys,
              void *into);

/* The hours of a sink or a route; its rate. */
void conf_take_quiet(ConfLoader *l, const ConfNode *value, Quiet *ret);
void conf_take_rate(ConfLoader *l, const ConfNode *value, ConfigRate *ret);
/* config-kafka.c. @into: the Config. The second one when all keys have been taken. */
void conf_take_kafka(ConfLoader *l, const ConfNode *value, void *into);
void conf_match_kafka(ConfLoader *l, const ConfNode *root);

/* config-sinks.c, config-routes.c, config-events.c, config-spool.c. @into: the Config. */
void conf_take_sinks(ConfLoader *l, const ConfNode *value, void *into);
void conf_take_groups(ConfLoader *l, const ConfNode *value, void *into);
void conf_take_spool(ConfLoader *l, const ConfNode *value, void *into);
void conf_take_status(ConfLoader *l, const ConfNode *value, void *into);  /* config-status.c */
void conf_take_metrics(ConfLoader *l, const ConfNode *value, void *into); /* 〃 */
void conf_take_routes(ConfLoader *l, const ConfNode *value, void *into);
void conf_take_events(ConfLoader *l, const ConfNode *value, void *into);
