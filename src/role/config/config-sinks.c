/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/config/config-yaml.h"

typedef struct {
        ConfigSink *sink;
        SinkSetting *settings;
        bool has_type;
} SinkLoader;

static void bad_type(ConfLoader *l, const ConfNode *where, const char *word) {
        Buf known = BUF_INIT;

        for (size_t i = 0; sink_type_name(i); i++)
                buf_printf(&known, "%s%s", i ? ", " : "", sink_type_name(i));
        conf_bad(l, where, "there is no type of sink %s; there are %s", word, buf_z(&known) ? known.p : "");
        buf_done(&known);
}

static void find_type(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata) {
        SinkLoader *s = userdata;

        if (!str_eq(conf_scalar(key), STR("type")))
                return;
        s->has_type = true;
        s->sink->ops = sink_find_type(conf_scalar(value));
        if (!s->sink->ops)
                bad_type(l, value,
                         conf_is_text(value) ? (const char *)value->data.scalar.value : "like this");
}

static void bad_option(ConfLoader *l, const ConfNode *key, const SinkOps *ops) {
        Buf known = BUF_INIT;

        for (size_t i = 0; i < ops->n_options; i++)
                buf_printf(&known, ", %s", ops->options[i].name);
        conf_bad(l, key, "%s is unknown in a sink of type %s; known are: type, quiet, rate%s",
                 (const char *)key->data.scalar.value, ops->type, known.n && buf_z(&known) ? known.p : "");
        buf_done(&known);
}

typedef struct {
        SinkSetting *setting;
        Str *pairs;
} MapTaker;

static void take_pair(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata) {
        MapTaker *m = userdata;

        m->pairs[m->setting->n_values] = conf_keep(l, conf_scalar(key));
        m->pairs[m->setting->n_values + 1] = conf_text(l, value, (const char *)key->data.scalar.value);
        m->setting->n_values += 2;
}

static void take_value_map(ConfLoader *l, const ConfNode *value, const SinkOption *o, SinkSetting *ret) {
        MapTaker m = { .setting = ret };

        if (value->type == YAML_MAPPING_NODE)
                m.pairs = conf_alloc(l, 2 * conf_n_pairs(value) * sizeof(*m.pairs));
        ret->values = m.pairs;
        if (!l->no_memory)
                conf_each_pair(l, value, o->name, take_pair, &m);
}

static void take_value_list(ConfLoader *l, const ConfNode *value, const SinkOption *o, SinkSetting *ret) {
        StrList values = conf_list(l, value, o->name);

        ret->values = values.v;
        ret->n_values = values.n;
}

static void check_choice(ConfLoader *l, const ConfNode *value, const SinkOption *o) {
        Buf known = BUF_INIT;

        for (size_t i = 0; o->choices[i]; i++) {
                if (str_eqz(conf_scalar(value), o->choices[i])) {
                        buf_done(&known);
                        return;
                }
                buf_printf(&known, "%s%s", i ? ", " : "", o->choices[i]);
        }
        conf_bad(l, value, "%s must be one of: %s", o->name, buf_z(&known) ? known.p : "");
        buf_done(&known);
}

static uint64_t number(ConfLoader *l, const ConfNode *value, const SinkOption *o) {
        Str s = conf_scalar(value);
        uint64_t n = 0;

        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] < '0' || s.p[i] > '9' || i == 18) {
                        conf_bad(l, value, "%s must be a whole number", o->name);
                        return 0;
                }
                n = n * 10 + (uint64_t)(s.p[i] - '0');
        }
        return n;
}

static bool flag(ConfLoader *l, const ConfNode *value, const SinkOption *o) {
        if (str_eqz(conf_scalar(value), "true"))
                return true;
        if (!str_eqz(conf_scalar(value), "false"))
                conf_bad(l, value, "%s must be true or false", o->name);
        return false;
}

/* Everything but lists and maps: one text, which the kind may read. */
static void take_value_text(ConfLoader *l, const ConfNode *value, const SinkOption *o, SinkSetting *ret) {
        if (!conf_is_text(value)) {
                conf_bad(l, value, "%s must be a text", o->name);
                return;
        }
        take_value_list(l, value, o, ret);
        switch (o->kind) {
        case SINK_PATH: {
                Str *path = conf_alloc(l, sizeof(*path));
                const char *z = conf_path(l, conf_scalar(value));

                if (path && z)
                        *path = str_from(z);
                ret->values = path;
                break;
        }
        case SINK_CHOICE: check_choice(l, value, o); break;
        case SINK_DURATION: ret->number = conf_duration(l, value, o->name); break;
        case SINK_SIZE: ret->number = conf_size(l, value, o->name); break;
        case SINK_NUMBER: ret->number = number(l, value, o); break;
        case SINK_BOOL: ret->flag = flag(l, value, o); break;
        default: break;
        }
}

static void check_setting(ConfLoader *l, const ConfNode *value, const SinkOption *o,
                          const SinkSetting *setting) {
        const char *wrong = o->check && !l->no_memory ? o->check(setting) : NULL;

        if (wrong)
                conf_bad(l, value, "%s %s", o->name, wrong);
}

/* What every sink has. */
static bool take_common(ConfLoader *l, const ConfNode *key, const ConfNode *value, ConfigSink *sink) {
        if (str_eq(conf_scalar(key), STR("quiet")))
                conf_take_quiet(l, value, &sink->quiet);
        else if (str_eq(conf_scalar(key), STR("rate")))
                conf_take_rate(l, value, &sink->rate);
        else
                return false;
        return true;
}

static void take_setting(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *userdata) {
        SinkLoader *s = userdata;
        const SinkOps *ops = s->sink->ops;
        SinkSetting *setting = &s->settings[s->sink->conf.n_settings];
        unsigned n_bad = l->n_bad;
        size_t i = 0;

        if (str_eq(conf_scalar(key), STR("type")) || take_common(l, key, value, s->sink))
                return;
        while (i < ops->n_options && !str_eqz(conf_scalar(key), ops->options[i].name))
                i++;
        if (i == ops->n_options) {
                bad_option(l, key, ops);
                return;
        }
        *setting = (SinkSetting){ .name = conf_keep(l, conf_scalar(key)) };
        if (ops->options[i].kind == SINK_MAP)
                take_value_map(l, value, &ops->options[i], setting);
        else if (ops->options[i].kind == SINK_LIST)
                take_value_list(l, value, &ops->options[i], setting);
        else
                take_value_text(l, value, &ops->options[i], setting);
        if (l->n_bad == n_bad)
                check_setting(l, value, &ops->options[i], setting);
        if (l->n_bad == n_bad)
                s->sink->conf.n_settings++;
}

static void check_required(ConfLoader *l, const ConfNode *where, const ConfigSink *sink) {
        for (size_t i = 0; i < sink->ops->n_options; i++)
                if (sink->ops->options[i].required &&
                    !sink_conf_find(&sink->conf, sink->ops->options[i].name))
                        conf_bad(l, where, "a sink of type %s needs %s", sink->ops->type,
                                 sink->ops->options[i].name);
}

static void check_sink(ConfLoader *l, const ConfNode *where, const ConfigSink *sink) {
        Buf why = BUF_INIT;

        if (sink->ops->check && !sink->ops->check(&sink->conf, &why))
                conf_bad(l, where, "%s", buf_z(&why) ? why.p : "these settings cannot be used");
        buf_done(&why);
}

/* A name stands in lines of counters. */
static bool has_control(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
                        return true;
        return false;
}

static void take_sink(ConfLoader *l, const ConfNode *key, const ConfNode *value, void *into) {
        Config *c = into;
        ConfigSink *sink = &c->sinks[c->n_sinks];
        SinkLoader s = { .sink = sink };
        unsigned n_bad = l->n_bad;

        *sink = (ConfigSink){ .name = conf_keep(l, conf_scalar(key)) };
        if (has_control(sink->name))
                conf_bad(l, key, "the name of a sink has no control characters");
        if (sink->name.n > SINK_NAME_MAX)
                conf_bad(l, key, "the name of a sink has at most %u bytes", SINK_NAME_MAX);
        conf_each_pair(l, value, "a sink", find_type, &s);
        if (value->type == YAML_MAPPING_NODE && !s.has_type)
                conf_bad(l, value, "a sink needs type:, as type: journal (man aulert.yaml lists them)");
        if (!sink->ops)
                return;
        s.settings = conf_alloc(l, conf_n_pairs(value) * sizeof(*s.settings));
        sink->conf.settings = s.settings;
        if (s.settings)
                conf_each_pair(l, value, "a sink", take_setting, &s);
        if (l->n_bad == n_bad)
                check_required(l, value, sink);
        if (l->n_bad == n_bad && !l->no_memory)
                check_sink(l, value, sink);
        c->n_sinks++;
}

void conf_take_sinks(ConfLoader *l, const ConfNode *value, void *into) {
        Config *c = into;

        if (value->type == YAML_MAPPING_NODE)
                c->sinks = conf_alloc(l, conf_n_pairs(value) * sizeof(*c->sinks));
        if (value->type == YAML_MAPPING_NODE && conf_n_pairs(value) > CONFIG_SINKS_MAX)
                conf_bad(l, value, "there are at most %u sinks", CONFIG_SINKS_MAX);
        else if (!l->no_memory)
                conf_each_pair(l, value, "sinks", take_sink, c);
}
