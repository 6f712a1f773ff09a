/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* `kafka:`, what `source: kafka:TOPIC` is told. */
#include "role/config/config-yaml.h"

#define REBUILD_MS 600000u

static void take_brokers(ConfLoader *l, const ConfNode *v, void *into) {
        StrList brokers = conf_list(l, v, "brokers");

        ((KafkaIntake *)into)->brokers = brokers.v;
        ((KafkaIntake *)into)->n_brokers = brokers.n;
}

static void take_group(ConfLoader *l, const ConfNode *v, void *into) {
        ((KafkaIntake *)into)->group = conf_text(l, v, "group").p;
}

static void take_from(ConfLoader *l, const ConfNode *v, void *into) {
        Str s = conf_text(l, v, "from");

        ((KafkaIntake *)into)->from_start = str_eqz(s, "start");
        if (s.n && !str_eqz(s, "start") && !str_eqz(s, "end"))
                conf_bad(l, v, "from must be start or end");
}

static void take_rebuild(ConfLoader *l, const ConfNode *v, void *into) {
        ((KafkaIntake *)into)->rebuild_ms = conf_duration(l, v, "rebuild");
}

static void take_option(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata) {
        KafkaIntake *k = userdata;
        Str *options = (Str *)k->options;

        options[k->n_options] = conf_keep(l, conf_scalar(key));
        options[k->n_options + 1] = conf_text(l, value, (const char *)key->data.scalar.value);
        k->n_options += 2;
}

static void take_options(ConfLoader *l, const ConfNode *v, void *into) {
        if (v->type == YAML_MAPPING_NODE)
                ((KafkaIntake *)into)->options = conf_alloc(l, 2 * conf_n_pairs(v) * sizeof(Str));
        if (!l->no_memory)
                conf_each_pair(l, v, "options", take_option, into);
}

void conf_take_kafka(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "brokers", take_brokers },
                                        { "group", take_group },
                                        { "from", take_from },
                                        { "rebuild", take_rebuild },
                                        { "options", take_options } };
        KafkaIntake *k = &((Config *)into)->kafka;
        unsigned n_bad = l->n_bad;
        char why[512];

        k->rebuild_ms = REBUILD_MS;
        k->group = "aulert";
        conf_map(l, value, "kafka", keys, ARRAY_SIZE(keys), k);
        if (l->n_bad == n_bad && !l->no_memory && !kafka_intake_check(k, why, sizeof(why)))
                conf_bad(l, value, "%s", why);
}

void conf_match_kafka(ConfLoader *l, const ConfNode *root) {
        Config *c = l->config;

        if (!c->source || strncmp(c->source, "kafka:", 6) != 0)
                return;
        if (!c->kafka.brokers && !l->n_bad)
                conf_bad(l, root, "source: %s needs kafka:, with its brokers", c->source);
        c->kafka.topic = c->source + 6;
}
