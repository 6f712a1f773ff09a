/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Correlation documents: read once all detection rules are known, each after those that it refers to. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include "base/pack.h"
#include "base/sha256.h"
#include "rule/load.h"
#include "rule/window.h"

#define MAX_REFS  64u
#define MAX_CHAIN 32u

static const struct {
        const char *name;
        CorrelationType type;
} types[] = {
        { "event_count", CORRELATION_EVENT_COUNT }, { "value_count", CORRELATION_VALUE_COUNT },
        { "value_sum", CORRELATION_VALUE_SUM },     { "value_avg", CORRELATION_VALUE_AVG },
        { "temporal", CORRELATION_TEMPORAL },       { "temporal_ordered", CORRELATION_TEMPORAL_ORDERED },
};

static const struct {
        const char *name;
        Compare compare;
} operators[] = {
        { "lt", COMPARE_LT },   { "lte", COMPARE_LTE }, { "gt", COMPARE_GT },
        { "gte", COMPARE_GTE }, { "eq", COMPARE_EQ },   { "neq", COMPARE_NEQ },
};

typedef struct {
        Load *l;
        LoadCorrelation *doc;
        const YamlNode *map; /* "correlation:" */
        Correlation c;
} Reading;

static Arena *arena_of(Reading *x) { return &x->l->set->ast.arena; }

/* Of a list of scalars, or one scalar as a list of one; nothing is an empty list. */
static size_t count_of(const YamlNode *n) { return !n || n->kind == YAML_NULL ? 0 : yaml_count(n); }

static bool is_name(const YamlNode *n) { return yaml_is_scalar(n) && n->kind != YAML_NULL && n->text.n; }

static int check_texts(Reading *x, const YamlNode *n, const char *key, size_t max) {
        size_t count = count_of(n);

        if (n && (n->kind == YAML_MAP || count > max))
                return parse_error(&x->l->parse, n, "\"%s\" must be a list of at most %zu names; write it so",
                                   key, max);
        for (size_t i = 0; i < count; i++)
                if (!is_name(yaml_item(n, i)))
                        return parse_error(&x->l->parse, yaml_item(n, i),
                                           "\"%s\" must hold names; write one here", key);
        return 0;
}

static int read_type(Reading *x) {
        const YamlNode *n = yaml_get(x->map, "type");

        for (size_t i = 0; n && i < ARRAY_SIZE(types); i++)
                if (str_eqz(n->text, types[i].name)) {
                        x->c.type = types[i].type;
                        return 0;
                }
        return parse_error(&x->l->parse, n ? n : x->map,
                           "unknown type of correlation; write event_count, value_count, value_sum, "
                           "value_avg, temporal or "
                           "temporal_ordered");
}

#define MAX_SPAN_MS (INT64_C(100) * 366 * 86400000)

static int read_span(Reading *x) {
        static const struct {
                char unit;
                int64_t ms;
        } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
        const YamlNode *n = yaml_get(x->map, "timespan");
        Str s = n && yaml_is_scalar(n) ? n->text : STR("");
        uint64_t number;

        for (size_t i = 0; s.n > 1 && i < ARRAY_SIZE(units); i++)
                if (s.p[s.n - 1] == units[i].unit && str_u64((Str){ s.p, s.n - 1 }, 10, &number) &&
                    number <= (uint64_t)(MAX_SPAN_MS / units[i].ms)) {
                        x->c.span_ms = (int64_t)number * units[i].ms;
                        return 0;
                }
        return parse_error(&x->l->parse, n ? n : x->map,
                           "a correlation needs a timespan; write a number with s, m, h or d, as 10m");
}

static bool holds(const CorrelationTest *t, long double v) {
        switch (t->compare) {
        case COMPARE_EQ: return v == t->number;
        case COMPARE_NEQ: return v != t->number;
        case COMPARE_LT: return v < t->number;
        case COMPARE_LTE: return v <= t->number;
        case COMPARE_GT: return v > t->number;
        default: return v >= t->number;
        }
}

static int read_operator(Reading *x, const YamlNode *key, const YamlNode *value) {
        CorrelationTest *t = &x->c.tests[x->c.n_tests];

        for (size_t i = 0; i < ARRAY_SIZE(operators); i++) {
                if (!str_eqz(key->text, operators[i].name))
                        continue;
                if (!yaml_number(value, &t->number))
                        return parse_error(&x->l->parse, value,
                                           "\"%s\" compares with a number; write one without quotes",
                                           operators[i].name);
                t->compare = operators[i].compare;
                x->c.n_tests++;
                return 0;
        }
        return parse_error(
                &x->l->parse, key,
                "unknown word in a correlation's condition; write lt, lte, gt, gte, eq, neq or field");
}

/* "All rules" is the only thing that an order can be about. */
static int check_ordered(Reading *x, const YamlNode *condition) {
        for (size_t n = 0; n <= x->c.n_refs; n++) {
                bool all = true;

                for (size_t i = 0; i < x->c.n_tests; i++)
                        all = all && holds(&x->c.tests[i], (long double)n);
                if (x->c.n_tests && all != (n == x->c.n_refs))
                        return parse_error(
                                &x->l->parse, condition,
                                "temporal_ordered always asks for all its rules; remove the condition");
        }
        return 0;
}

static bool all_hold(const Reading *x, long double v) {
        for (size_t i = 0; i < x->c.n_tests; i++)
                if (!holds(&x->c.tests[i], v))
                        return false;
        return true;
}

/* Whether some value of at least @least can meet all tests: they change their minds only at their numbers. Counts are whole, and of rules
 * there are so many. */
static bool can_hold(const Reading *x, long double least) {
        bool count = x->c.type != CORRELATION_VALUE_SUM && x->c.type != CORRELATION_VALUE_AVG;
        long double most = x->c.type >= CORRELATION_TEMPORAL ? (long double)x->c.n_refs : HUGE_VALL;

        if (count && all_hold(x, least))
                return true;
        for (size_t i = 0; i < x->c.n_tests; i++)
                for (size_t k = 0; k < x->c.n_tests; k++) {
                        long double a = x->c.tests[i].number, b = x->c.tests[k].number;
                        long double tries[] = { a, (a + b) / 2, a - 1, a + 1, floorl(a), ceill(a) };

                        for (size_t t = 0; t < ARRAY_SIZE(tries); t++)
                                if ((!count || (tries[t] >= least && tries[t] <= most &&
                                                tries[t] == floorl(tries[t]))) &&
                                    all_hold(x, tries[t]))
                                        return true;
                }
        return false;
}

static int check_reachable(Reading *x, const YamlNode *condition) {
        bool temporal = x->c.type >= CORRELATION_TEMPORAL;

        if (!can_hold(x, 0))
                return parse_error(
                        &x->l->parse, condition,
                        temporal ? "no number of these rules meets this condition; write gte with at "
                                   "most as many as there are"
                                 : "no number meets this condition; write one that can hold");
        if ((temporal || x->c.type == CORRELATION_EVENT_COUNT) && !can_hold(x, 1))
                parse_warn(&x->l->parse, condition,
                           "this condition never holds, as it is asked when an event was counted; write at "
                           "least 1");
        return 0;
}

static void check_memory(Reading *x, const YamlNode *condition) {
        uint32_t most = x->c.n_values ? WINDOW_MAX_VALUES : WINDOW_MAX_COUNT;

        for (size_t i = 0; i < x->c.n_tests && x->c.type <= CORRELATION_VALUE_COUNT; i++)
                if (x->c.tests[i].compare >= COMPARE_GT && x->c.tests[i].number > most)
                        parse_warn(&x->l->parse, condition,
                                   "this many are not remembered for one group; write %u at most", most);
}

static int read_condition(Reading *x) {
        const YamlNode *n = yaml_get(x->map, "condition"), *field = yaml_get(n, "field");
        bool temporal = x->c.type >= CORRELATION_TEMPORAL,
             valued = x->c.type >= CORRELATION_VALUE_COUNT && !temporal;
        int r = 0;

        if (!n && temporal)
                return 0;
        if (!n || n->kind != YAML_MAP)
                return parse_error(&x->l->parse, n ? n : x->map,
                                   "a correlation's condition is a map; write \"condition: {gte: 10}\"");
        for (size_t i = 0; i < n->n && !r; i++)
                if (!str_eqz(n->keys[i]->text, "field"))
                        r = read_operator(x, n->keys[i], n->v[i]);
        if (r)
                return r;
        if (!x->c.n_tests)
                return parse_error(&x->l->parse, n,
                                   "the condition compares with nothing; write gte: 10 or the like");
        if (valued != (field != NULL))
                return parse_error(&x->l->parse, n,
                                   valued ? "this type counts values; write \"field: name\" in the condition"
                                          : "this type looks at no field; remove \"field\"");
        x->c.n_values = count_of(field);
        r = field ? check_texts(x, field, "field", LOAD_MAX_FIELDS) : 0;
        if (!r && field && (!x->c.n_values || (x->c.n_values > 1 && x->c.type != CORRELATION_VALUE_COUNT)))
                return parse_error(&x->l->parse, field, "this type needs exactly one field; write its name");
        r = r ? r : x->c.type == CORRELATION_TEMPORAL_ORDERED ? check_ordered(x, n) : 0;
        check_memory(x, n);
        return r ? r : check_reachable(x, n);
}

/* ---- what it refers to ---- */

static int place(Load *l, LoadCorrelation *c);

static LoadCorrelation *find_correlation(const Load *l, Str name) {
        uint32_t at = load_named(&l->correlation_names, name);

        return at ? &l->correlations[l->correlation_names.entries[at - 1].value] : NULL;
}

static int too_long(Load *l, const YamlNode *n) {
        return parse_error(&l->parse, n, "a chain of more than %u correlations; make it shorter", MAX_CHAIN);
}

/* An id stands once, a name need not. */
static void check_sole(Load *l, const YamlNode *n) {
        uint32_t rule = load_named(&l->names, n->text), other = load_named(&l->correlation_names, n->text);

        if ((rule && (other || l->names.entries[rule - 1].next)) ||
            (other && l->correlation_names.entries[other - 1].next))
                parse_warn(&l->parse, n,
                           "several rules have this name, and only the first of them is counted; write ids");
}

static int resolve(Reading *x, const YamlNode *n, CorrelationRef *ref) {
        Load *l = x->l;
        LoadCorrelation *other;
        Parse saved = l->parse;
        int r;

        check_sole(l, n);
        if (load_find_rule(l, n->text, &ref->index))
                return 0;
        other = find_correlation(l, n->text);
        if (!other) {
                x->doc->skipped = load_named(&l->skipped, n->text);
                if (x->doc->skipped)
                        return PARSE_E_BAD;
                return parse_error(&l->parse, n,
                                   load_named(&l->refused, n->text)
                                           ? "the rule it refers to was refused; put that one right"
                                           : "there is no rule of this id or name; load it too, or write one "
                                             "that is loaded");
        }
        if (other->visiting)
                return parse_error(
                        &l->parse, n,
                        "these correlations refer to each other in a circle; remove one of the references");
        if (l->depth == MAX_CHAIN)
                return too_long(l, n);
        l->depth++;
        r = place(l, other);
        l->depth--;
        l->parse.file = saved.file;
        l->parse.rule = saved.rule;
        if (r < 0)
                return r;
        x->doc->skipped = other->skipped;
        if (other->skipped)
                return PARSE_E_BAD;
        if (other->refused)
                return parse_error(&l->parse, n,
                                   "the correlation it refers to was refused; put that one right");
        ref->correlation = true;
        ref->index = other->index;
        if (l->set->correlations[other->index].chain >= MAX_CHAIN)
                return too_long(l, n);
        if (l->set->correlations[other->index].chain >= x->c.chain)
                x->c.chain = l->set->correlations[other->index].chain + 1;
        return 0;
}

static bool is_called(const Load *l, const CorrelationRef *ref, Str name) {
        const RuleInfo *info =
                ref->correlation ? &l->set->correlations[ref->index].info : &l->set->rules[ref->index].info;

        return str_eq(info->id, name) || str_eq(info->name, name);
}

/* The field that @name stands for in one of the rules: what "aliases" says, else itself. */
static int follow_alias(Reading *x, const YamlNode *name, const CorrelationRef *ref, Str *ret) {
        const YamlNode *aliases = yaml_get(x->map, "aliases");

        for (size_t i = 0; aliases && aliases->kind == YAML_MAP && i < aliases->n; i++) {
                const YamlNode *rules = aliases->v[i];

                if (!str_eq(aliases->keys[i]->text, name->text))
                        continue;
                for (size_t k = 0; rules->kind == YAML_MAP && k < rules->n; k++)
                        if (is_called(x->l, ref, rules->keys[k]->text) && is_name(rules->v[k])) {
                                *ret = rules->v[k]->text;
                                return 0;
                        }
                return parse_error(&x->l->parse, aliases->keys[i],
                                   "this alias names no field for one of the rules; write \"rule: field\" "
                                   "for each of them");
        }
        *ret = name->text;
        return 0;
}

static int read_wants(Reading *x, const YamlNode *names, const CorrelationRef *ref,
                      const CorrelationWant **ret) {
        size_t n = count_of(names);
        CorrelationWant *v = arena_alloc(arena_of(x), n * sizeof(*v) + 1);
        Str field = STR("");
        int r = v ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && !r; i++) {
                const Correlation *inner = ref->correlation ? &x->l->set->correlations[ref->index] : NULL;

                r = follow_alias(x, yaml_item(names, i), ref, &field);
                r = r ? r : ast_field(&x->l->set->ast, field, &v[i].field);
                v[i].inner = -1;
                for (size_t k = 0; inner && k < inner->n_group; k++)
                        if (str_eq(inner->group[k], field))
                                v[i].inner = (int32_t)k;
        }
        *ret = v;
        return r;
}

static int read_group(Reading *x, const YamlNode *names) {
        size_t n = count_of(names);
        Str *v = arena_alloc(arena_of(x), n * sizeof(*v) + 1);

        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                v[i] = arena_str(arena_of(x), yaml_item(names, i)->text);
                if (!v[i].p)
                        return -ENOMEM;
        }
        x->c.group = v;
        x->c.n_group = n;
        return 0;
}

/* Only in an order does it mean something to name a rule again. */
static bool is_counted(const Reading *x, const CorrelationRef *ref) {
        for (size_t i = 0; i < x->c.n_refs && x->c.type != CORRELATION_TEMPORAL_ORDERED; i++)
                if (x->c.refs[i].correlation == ref->correlation && x->c.refs[i].index == ref->index)
                        return true;
        return false;
}

static int read_refs(Reading *x) {
        const YamlNode *rules = yaml_get(x->map, "rules"), *group = yaml_get(x->map, "group-by");
        const YamlNode *fields = yaml_get(yaml_get(x->map, "condition"), "field");
        CorrelationRef *refs;
        int r = check_texts(x, rules, "rules", MAX_REFS);

        r = r ? r : check_texts(x, group, "group-by", LOAD_MAX_FIELDS);
        r = r ? r : check_texts(x, fields, "field", LOAD_MAX_FIELDS);
        r = r ? r : read_group(x, group);
        if (r)
                return r;
        x->c.n_refs = count_of(rules);
        if (!x->c.n_refs)
                return parse_error(&x->l->parse, x->map,
                                   "a correlation needs rules to count; write \"rules: [id]\"");
        refs = arena_alloc(arena_of(x), x->c.n_refs * sizeof(*refs));
        if (!refs)
                return -ENOMEM;
        x->c.refs = refs;
        x->c.n_refs = 0;
        for (size_t i = 0; i < count_of(rules) && !r; i++) {
                CorrelationRef *ref = &refs[x->c.n_refs];

                *ref = (CorrelationRef){ 0 };
                r = resolve(x, yaml_item(rules, i), ref);
                if (!r && is_counted(x, ref)) {
                        parse_warn(&x->l->parse, yaml_item(rules, i),
                                   "this rule stands twice, and counts once; write it once, or another one");
                        continue;
                }
                r = r ? r : read_wants(x, group, ref, &ref->group);
                r = r ? r : read_wants(x, fields, ref, &ref->values);
                x->c.n_refs += !r;
        }
        return r;
}

/* An alias is for rules that are counted here. */
static void check_alias_rules(Reading *x) {
        const YamlNode *aliases = yaml_get(x->map, "aliases");

        for (size_t i = 0; aliases && i < aliases->n; i++)
                for (size_t k = 0; k < aliases->v[i]->n; k++) {
                        const YamlNode *rule = aliases->v[i]->keys[k];
                        bool known = false;

                        for (size_t m = 0; m < x->c.n_refs; m++)
                                known |= is_called(x->l, &x->c.refs[m], rule->text);
                        if (!known)
                                parse_warn(&x->l->parse, rule,
                                           "this correlation counts no rule of this id or name; write one of "
                                           "those under \"rules\"");
                }
}

static bool names_hold(const YamlNode *names, Str name) {
        for (size_t i = 0; i < count_of(names); i++)
                if (str_eq(yaml_item(names, i)->text, name))
                        return true;
        return false;
}

/* Legal, and surely a mistake. */
static void check_fields(Reading *x) {
        const YamlNode *group = yaml_get(x->map, "group-by"), *aliases = yaml_get(x->map, "aliases");
        const YamlNode *field = yaml_get(yaml_get(x->map, "condition"), "field");

        for (size_t i = 0; aliases && i < aliases->n; i++)
                if (!names_hold(group, aliases->keys[i]->text) && !names_hold(field, aliases->keys[i]->text))
                        parse_warn(&x->l->parse, aliases->keys[i],
                                   "nothing is grouped by this alias; write it under \"group-by\", or remove "
                                   "it");
        if (x->c.type == CORRELATION_VALUE_COUNT && count_of(field) == 1 &&
            names_hold(group, yaml_item(field, 0)->text))
                parse_warn(&x->l->parse, field,
                           "events are grouped by the field that is counted, so that there is one value in "
                           "each; "
                           "write another field");
}

static int read_generate(Reading *x) {
        const YamlNode *n = yaml_get(x->map, "generate");

        if (n && n->kind != YAML_BOOL)
                return parse_error(&x->l->parse, n, "\"generate\" is yes or no; write true or false");
        x->c.generate = n && n->truth;
        return 0;
}

/* Of fixed size: those of a chain would otherwise grow with every link. */
static int digest(Reading *x, const Buf *b) {
        uint8_t sum[32];
        Sha256 sha;

        sha256_init(&sha);
        sha256_add(&sha, buf_view(b));
        sha256_finish(&sha, sum);
        x->c.key = b->failed ? STR_NULL : arena_str(arena_of(x), (Str){ (const char *)sum, sizeof(sum) });
        return x->c.key.p ? 0 : -ENOMEM;
}

static int make_key(Reading *x) {
        const RuleSet *set = x->l->set;
        Buf b = BUF_INIT;
        int r;

        pack_text(&b, x->c.info.id);
        buf_printf(&b, "%d|%lld|%zu|%zu|%zu|%zu|", x->c.type, (long long)x->c.span_ms, x->c.n_values,
                   x->c.n_group, x->c.n_refs, x->c.n_tests);
        for (size_t i = 0; i < x->c.n_tests; i++)
                buf_printf(&b, "%d:%.20Lg|", x->c.tests[i].compare, x->c.tests[i].number);
        for (size_t i = 0; i < x->c.n_refs; i++) {
                const CorrelationRef *ref = &x->c.refs[i];

                pack_text(&b, ref->correlation ? set->correlations[ref->index].key
                                               : set->rules[ref->index].info.id);
                for (size_t k = 0; k < x->c.n_group + x->c.n_values; k++) {
                        const CorrelationWant *w =
                                k < x->c.n_group ? &ref->group[k] : &ref->values[k - x->c.n_group];

                        pack_u32(&b, (uint32_t)w->inner);
                        pack_text(&b, set->ast.fields[w->field].name);
                }
        }
        r = digest(x, &b);
        buf_done(&b);
        return r;
}

/* A word that is not read would be a rule that means something else. */
static void check_words(Reading *x) {
        static const char *const words[] = { "type",      "rules",   "group-by", "timespan",
                                             "condition", "aliases", "generate" };
        const YamlNode *outside = yaml_get(x->doc->doc, "generate");

        if (outside)
                parse_warn(&x->l->parse, outside,
                           "\"generate\" means nothing here; write it under \"correlation\"");
        for (size_t i = 0; i < x->map->n; i++) {
                const YamlNode *key = x->map->keys[i];
                Nearest near = parse_nearest(&x->l->parse, key->text);
                bool known = false;

                for (size_t k = 0; k < ARRAY_SIZE(words); k++) {
                        known |= str_eqz(key->text, words[k]);
                        nearest_try(&near, str_from(words[k]));
                }
                if (str_eqz(key->text, "timeframe"))
                        near.best = STR("timespan");
                if (!known)
                        parse_warn(&x->l->parse, key, "this word means nothing in a correlation; write %.*s",
                                   STR_ARG(near.best.n ? near.best : STR("it elsewhere, or remove it")));
        }
}

static int check_aliases(Reading *x) {
        const YamlNode *aliases = yaml_get(x->map, "aliases");
        bool good = !aliases || aliases->kind == YAML_MAP;

        for (size_t i = 0; good && aliases && i < aliases->n; i++)
                good = aliases->v[i]->kind == YAML_MAP;
        return good ? 0
                    : parse_error(&x->l->parse, aliases,
                                  "aliases are a map of maps; write \"alias: {rule: field, other: field}\"");
}

static int read_all(Reading *x) {
        int r;

        if (x->map->kind != YAML_MAP)
                return parse_error(&x->l->parse, x->map,
                                   "\"correlation\" must be a map; write type, rules and timespan");
        check_words(x);
        r = read_type(x);
        r = r ? r : check_aliases(x);
        r = r ? r : read_span(x);
        r = r ? r : read_refs(x);
        r = r ? r : read_condition(x);
        r = r ? r : read_generate(x);
        if (!r) {
                check_alias_rules(x);
                check_fields(x);
        }
        return r ? r : make_key(x);
}

/* Reads one correlation, after those that it refers to. 0 also when it was refused; -errno. */
static int place(Load *l, LoadCorrelation *c) {
        Reading x = {
                .l = l, .doc = c, .map = yaml_get(c->doc, "correlation"), .c = { .info = c->info, .chain = 1 }
        };
        int r;

        if (c->placed || c->refused || c->skipped)
                return 0;
        l->parse.file = c->file.p;
        l->parse.rule = c->info.id;
        c->visiting = true;
        r = read_all(&x);
        c->visiting = false;
        if (r < 0)
                return r;
        if (r) {
                c->refused = !c->skipped;
                l->set->stats.skipped += c->skipped;
                if (c->refused)
                        load_refuse(l, c->info.id);
                return 0;
        }
        c->placed = true;
        c->index = (uint32_t)l->set->n_correlations;
        l->set->correlations[l->set->n_correlations++] = x.c;
        l->set->stats.loaded++;
        return 0;
}

int correlation_finish(Load *l) {
        RuleSet *s = l->set;
        int r = 0;

        s->correlations = calloc(l->n_correlations + 1, sizeof(*s->correlations));
        if (!s->correlations)
                return -ENOMEM;
        for (size_t i = 0; i < l->n_correlations && !r; i++)
                r = place(l, &l->correlations[i]);
        r = r ? r : load_mark_silent(s);
        return r ? r : load_pass_wants(s);
}
