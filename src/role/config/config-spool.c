/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/config/config-yaml.h"

#define SIZE_MIN (1u << 20)

static void take_path(ConfLoader *l, const ConfNode *v, void *into) {
        Str path = conf_text(l, v, "path");

        if (path.n)
                ((ConfigSpool *)into)->path = conf_path(l, path);
}
static void take_max_size(ConfLoader *l, const ConfNode *v, void *into) {
        unsigned n_bad = l->n_bad;
        size_t n = conf_size(l, v, "max_size");

        if (l->n_bad == n_bad && n < SIZE_MIN)
                conf_bad(l, v, "max_size must be at least 1M");
        ((ConfigSpool *)into)->max_size = n;
}
static void take_keep(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigSpool *)into)->keep_ms = (int64_t)conf_duration(l, v, "keep");
}
static void take_keep_dead(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigSpool *)into)->keep_dead_ms = (int64_t)conf_duration(l, v, "keep_dead");
}
static void take_retry_for(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigSpool *)into)->retry_for_ms = (int64_t)conf_duration(l, v, "retry_for");
}
static void take_tries(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigSpool *)into)->tries = (uint32_t)conf_size(l, v, "tries");
}

void conf_take_spool(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "path", take_path },           { "max_size", take_max_size },
                                        { "keep", take_keep },           { "keep_dead", take_keep_dead },
                                        { "retry_for", take_retry_for }, { "tries", take_tries } };
        ConfigSpool *spool = &((Config *)into)->spool;

        if (str_eqz(conf_scalar(value), "memory"))
                spool->memory = true;
        else if (conf_is_text(value))
                take_path(l, value, spool);
        else
                conf_map(l, value, "spool", keys, ARRAY_SIZE(keys), spool);
}
