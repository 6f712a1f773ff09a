/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a YAML document is: a detection rule, a filter, a correlation, or nothing of ours; and what it says about itself. */
#include <errno.h>
#include <stdlib.h>
#include "rule/load.h"

static const char *const level_names[_RULE_LEVEL_N] = { "informational", "low", "medium", "high",
                                                        "critical" };

/* A scalar of the document, copied into the set; "" when it has none. */
static int copy_text(Load *l, const YamlNode *doc, const char *key, Str *ret) {
        const YamlNode *n = yaml_get(doc, key);

        *ret = STR("");
        if (!n || n->kind == YAML_NULL)
                return 0;
        if (!yaml_is_scalar(n))
                return parse_error(&l->parse, n, "\"%s\" is one text; write it without list or map", key);
        *ret = arena_str(&l->set->ast.arena, n->text);
        return ret->p ? 0 : -ENOMEM;
}

static int copy_list(Load *l, const YamlNode *doc, const char *key, const Str **ret, size_t *ret_n) {
        const YamlNode *n = yaml_get(doc, key);
        size_t used = 0;
        Str *v;

        if (n && n->kind != YAML_LIST && n->kind != YAML_NULL)
                parse_warn(&l->parse, n, "\"%s\" is a list, and is not read; write it as [text, …]", key);
        if (!n || n->kind != YAML_LIST || !n->n)
                return 0;
        v = arena_alloc(&l->set->ast.arena, n->n * sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < n->n; i++) {
                if (!yaml_is_scalar(n->v[i]))
                        continue;
                v[used] = arena_str(&l->set->ast.arena, n->v[i]->text);
                if (!v[used++].p)
                        return -ENOMEM;
        }
        *ret = v;
        *ret_n = used;
        return 0;
}

static void read_level(Load *l, const YamlNode *doc, RuleInfo *info) {
        const YamlNode *n = yaml_get(doc, "level");

        info->level = RULE_MEDIUM;
        for (RuleLevel i = 0; n && i < _RULE_LEVEL_N; i++)
                if (str_ieq(n->text, str_from(level_names[i]))) {
                        info->level = i;
                        return;
                }
        if (n)
                parse_warn(
                        &l->parse, n,
                        "unknown level, taken as medium; write informational, low, medium, high or critical");
}

/* Another one gives fields other names. */
static int check_taxonomy(Load *l, const YamlNode *doc) {
        const YamlNode *n = yaml_get(doc, "taxonomy");

        if (!n || n->kind == YAML_NULL || str_ieq(n->text, STR("sigma")))
                return 0;
        return parse_error(
                &l->parse, n,
                "fields are known by the names of the taxonomy \"sigma\" only; write the rule with "
                "them and remove this line");
}

int document_info(Load *l, Str file, const YamlNode *doc, RuleInfo *ret) {
        Str id;
        int r;

        *ret = (RuleInfo){ .file = file, .line = doc->line };
        r = copy_text(l, doc, "id", &id);
        r = r ? r : copy_text(l, doc, "name", &ret->name);
        r = r ? r : copy_text(l, doc, "title", &ret->title);
        r = r ? r : copy_text(l, doc, "description", &ret->description);
        r = r ? r : copy_list(l, doc, "tags", &ret->tags, &ret->n_tags);
        r = r ? r : copy_list(l, doc, "references", &ret->references, &ret->n_references);
        if (r)
                return r;
        ret->id = id.n ? id : ret->name.n ? ret->name : ret->title;
        l->parse.rule = ret->id;
        if (!ret->id.n)
                return parse_error(&l->parse, doc, "a rule needs a title and an id; write both");
        if (!ret->title.n) {
                parse_warn(&l->parse, doc, "there is no title; write one, as people will read it");
                ret->title = ret->id;
        }
        read_level(l, doc, ret);
        return check_taxonomy(l, doc);
}

typedef struct {
        Str product, service, category;
        bool odd; /* one of them is no text */
} Logsource;

/* What is no text names no logs that audit feeds. */
static bool source_is_odd(Load *l, const YamlNode *source) {
        static const char *const keys[] = { "product", "service", "category" };

        for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
                const YamlNode *n = yaml_get(source, keys[i]);

                if (!n || yaml_is_scalar(n))
                        continue;
                parse_warn(&l->parse, n,
                           "\"%s\" is one text, so that this is skipped; write it without list or map",
                           keys[i]);
                return true;
        }
        return false;
}

static int read_logsource(Load *l, const YamlNode *doc, Logsource *ret) {
        const YamlNode *source = yaml_get(doc, "logsource");
        int r;

        *ret = (Logsource){ .odd = source_is_odd(l, source) };
        if (ret->odd)
                return 0;
        r = copy_text(l, source, "product", &ret->product);
        r = r ? r : copy_text(l, source, "service", &ret->service);
        return r ? r : copy_text(l, source, "category", &ret->category);
}

static bool is_one_of(Str s, const char *const *words) {
        for (; *words; words++)
                if (str_ieq(s, str_from(*words)))
                        return true;
        return false;
}

/* The one of @words that @s is nearly; "" when it is one of them, or near none. */
static Str nearly(Load *l, Str s, const char *const *words) {
        Nearest near;

        if (is_one_of(s, words))
                return STR("");
        near = parse_nearest(&l->parse, s);
        for (; *words; words++)
                nearest_try(&near, str_from(*words));
        return near.best;
}

/* A key that is nearly one of those that count: the rule would be for more than it says. */
static void check_source_keys(Load *l, const YamlNode *source) {
        static const char *const keys[] = { "product", "service", "category", "definition", NULL };

        for (size_t i = 0; source->kind == YAML_MAP && i < source->n; i++) {
                Str right = nearly(l, source->keys[i]->text, keys);

                if (right.n)
                        parse_warn(&l->parse, source->keys[i], "this word means nothing here; write %.*s",
                                   STR_ARG(right));
        }
}

/* A value that is nearly one that audit feeds: the rule would be skipped as one for others. */
static void check_source_value(Load *l, const YamlNode *source, const char *key, const char *const *known) {
        const YamlNode *n = yaml_get(source, key);
        Str right = n && yaml_is_scalar(n) ? nearly(l, n->text, known) : STR("");

        if (right.n)
                parse_warn(&l->parse, n,
                           "audit feeds no %s of this name, so that the rule is skipped; write %.*s", key,
                           STR_ARG(right));
}

/* There are many products; these words name none. */
static void check_product(Load *l, const YamlNode *source, const Logsource *s) {
        static const char *const none[] = { "lunix", "gnu/linux", "gnu-linux", "auditd", "audit", NULL };
        static const char *const linux_only[] = { "linux", NULL };

        if (is_one_of(s->product, none) || nearly(l, s->product, linux_only).n)
                parse_warn(&l->parse, yaml_get(source, "product"),
                           "no product has this name, so that the rule is skipped; write linux");
}

static void check_source_values(Load *l, const YamlNode *source, const Logsource *s) {
        static const char *const services[] = { "auditd", NULL };
        static const char *const categories[] = { "process_creation", "network_connection", "file_event",
                                                  NULL };

        if (s->product.n && !str_ieq(s->product, STR("linux"))) {
                check_product(l, source, s);
                return;
        }
        check_source_value(l, source, "service", services);
        check_source_value(l, source, "category", categories);
        if (str_ieq(s->category, STR("auditd")))
                parse_warn(
                        &l->parse, yaml_get(source, "category"),
                        "audit feeds no category of this name, so that the rule is skipped; write \"service: "
                        "auditd\"");
}

/* A rule that says nothing that could be understood is for nobody. */
static void check_logsource(Load *l, const YamlNode *doc, const Logsource *s) {
        const YamlNode *source = yaml_get(doc, "logsource");

        if (s->odd)
                return;
        if (source) {
                check_source_keys(l, source);
                check_source_values(l, source, s);
        }
        if (!s->product.n && !s->service.n && !s->category.n)
                parse_warn(&l->parse, source ? source : doc,
                           "the rule does not say which logs it is for, and is skipped; write \"logsource:\" "
                           "with \"product: linux\" and \"service: auditd\" or a category");
}

/* sigma-semantics B1: false for everything that audit cannot feed. */
static bool find_view(const Logsource *s, ViewKind *ret) {
        static const struct {
                const char *name;
                ViewKind view;
        } categories[] = { { "process_creation", VIEW_PROCESS },
                           { "network_connection", VIEW_NETWORK },
                           { "file_event", VIEW_FILE } };

        if (s->odd || (s->product.n && !str_ieq(s->product, STR("linux"))) ||
            (s->service.n && !str_ieq(s->service, STR("auditd"))))
                return false;
        *ret = VIEW_AUDIT;
        if (!s->category.n)
                return s->product.n || s->service.n;
        for (size_t i = 0; i < ARRAY_SIZE(categories); i++)
                if (str_ieq(s->category, str_from(categories[i].name))) {
                        if (!s->service.n)
                                *ret = categories[i].view;
                        return true;
                }
        return false;
}

static int remember(LoadNames *x, Str name) { return name.n ? load_name(x, name, 0) : 0; }

static int skip(Load *l, const YamlNode *doc) {
        static const char *const keys[] = { "id", "name" };
        int r = 0;

        l->set->stats.skipped++;
        for (size_t i = 0; i < ARRAY_SIZE(keys) && !r; i++) {
                const YamlNode *n = yaml_get(doc, keys[i]);

                if (n && yaml_is_scalar(n))
                        r = remember(&l->skipped, n->text);
        }
        return r;
}

/* PARSE_E_BAD becomes a refused rule, and no error of loading. */
static int refuse(Load *l, const RuleInfo *info, int r) {
        if (r <= 0)
                return r;
        load_refuse(l, info->id.n ? info->id : info->file);
        r = remember(&l->refused, info->id);
        return r ? r : remember(&l->refused, info->name);
}

static bool asks_keywords(const Ast *a, const Expr *e) {
        if (e->kind == EXPR_TEST)
                return a->tests[e->test].field == FIELD_KEYWORDS;
        for (size_t i = 0; i < e->n; i++)
                if (asks_keywords(a, e->v[i]))
                        return true;
        return false;
}

/* True when a test of the expression asks for a field whose name starts with @head. */
static bool asks(const Ast *a, const Expr *e, Str head) {
        if (e->kind == EXPR_TEST) {
                const Test *t = &a->tests[e->test];

                return str_starts(a->fields[t->field].name, head) ||
                       (t->kind == TEST_FIELD && str_starts(a->fields[t->other].name, head));
        }
        for (size_t i = 0; i < e->n; i++)
                if (asks(a, e->v[i], head))
                        return true;
        return false;
}

/* A correlation may group or count by what a rule itself does not ask. */
static bool wants(const Ast *a, const Rule *rule, Str head) {
        for (size_t i = 0; i < rule->n_wants; i++)
                if (str_starts(a->fields[rule->wants[i]].name, head))
                        return true;
        return false;
}

static int no_detection(Load *l, const YamlNode *doc) {
        const YamlNode *at = doc;

        for (size_t i = 0; i < doc->n; i++) {
                Nearest near = parse_nearest(&l->parse, doc->keys[i]->text);

                nearest_try(&near, STR("detection"));
                if (near.best.n)
                        at = doc->keys[i];
        }
        return parse_error(&l->parse, at, "there is no \"detection\"; write one, with a condition");
}

static int parse_rule(Load *l, const YamlNode *doc, Rule *rule) {
        static const char *const not_names[] = { "condition", "timeframe", NULL };
        const YamlNode *detection = yaml_get(doc, "detection"), *timeframe = yaml_get(detection, "timeframe");

        if (!detection)
                return no_detection(l, doc);
        if (timeframe)
                parse_warn(&l->parse, timeframe,
                           "\"timeframe\" means nothing here; write a correlation document with a timespan");
        return detection_parse(&l->parse, detection, not_names, &rule->expr);
}

static int add_rule(Load *l, const Rule *rule) {
        RuleSet *s = l->set;
        uint32_t at = (uint32_t)s->n_rules;
        int r;

        if (load_grow(&s->rules, sizeof(*s->rules), s->n_rules, &s->cap_rules))
                return -ENOMEM;
        s->rules[s->n_rules++] = *rule;
        s->views[rule->view] = true;
        s->stats.loaded++;
        r = load_name(&l->names, rule->info.id, at);
        return r || !rule->info.name.n ? r : load_name(&l->names, rule->info.name, at);
}

/* An id stands once, whatever has it: hits are told by it. */
static int check_id(Load *l, const YamlNode *doc, Str id) {
        const RuleInfo *other = NULL;
        uint32_t at;

        if (!yaml_get(doc, "id"))
                return 0;
        if (load_find_rule(l, id, &at))
                other = &l->set->rules[at].info;
        at = load_named(&l->correlation_names, id);
        if (at)
                other = &l->correlations[l->correlation_names.entries[at - 1].value].info;
        if (!other)
                return 0;
        return parse_error(&l->parse, doc, "this id is taken by %s:%u; give each rule an id of its own",
                           other->file.p, other->line);
}

static int load_rule(Load *l, Str file, const YamlNode *doc) {
        Rule rule = { 0 };
        Logsource source;
        int r = read_logsource(l, doc, &source);

        if (r)
                return r;
        check_logsource(l, doc, &source);
        if (!find_view(&source, &rule.view))
                return skip(l, doc);
        l->parse.view = rule.view;
        rule.product = source.product;
        rule.service = source.service;
        rule.category = source.category;
        r = document_info(l, file, doc, &rule.info);
        r = r ? r : check_id(l, doc, rule.info.id);
        if (!r && l->set->n_rules >= LOAD_MAX_RULES)
                r = parse_error(&l->parse, doc, "too many rules (%u at most); load fewer of them",
                                LOAD_MAX_RULES);
        r = r ? r : parse_rule(l, doc, &rule);
        return r ? refuse(l, &rule.info, r) : add_rule(l, &rule);
}

/* ---- filters ---- */

static bool is_name(uint8_t c) { return c > ' ' && c != '(' && c != ')'; }

/* The word, in any case, as in a condition; not the middle of a name. */
static bool says_not(const YamlNode *condition) {
        Str s = condition && condition->kind == YAML_TEXT ? condition->text : STR("not");

        for (size_t i = 0; i + 3 <= s.n; i++)
                if (str_ieq((Str){ s.p + i, 3 }, STR("not")) && (!i || !is_name((uint8_t)s.p[i - 1])) &&
                    (i + 3 == s.n || !is_name((uint8_t)s.p[i + 3])))
                        return true;
        return false;
}

static int parse_filter(Load *l, const YamlNode *filter, LoadFilter *f) {
        static const char *const not_names[] = { "condition", "rules", NULL };
        const YamlNode *rules = yaml_get(filter, "rules"), *condition = yaml_get(filter, "condition");
        bool any = rules && rules->kind == YAML_TEXT && str_ieq(rules->text, STR("any"));

        if (!rules || (!any && (rules->kind != YAML_LIST || !rules->n)))
                return parse_error(&l->parse, rules ? rules : filter,
                                   "a filter must say which rules it is for; write \"rules: [id, …]\" or "
                                   "\"rules: any\"");
        for (size_t i = 0; !any && i < rules->n; i++)
                if (!yaml_is_scalar(rules->v[i]) || rules->v[i]->kind == YAML_NULL)
                        return parse_error(&l->parse, rules->v[i],
                                           "\"rules\" must hold ids or names; write one here");
        if (!says_not(condition))
                parse_warn(&l->parse, condition,
                           "this filter lets only events through that match it; to suppress them write \"not "
                           "selection\"");
        f->rules = any ? NULL : rules;
        return detection_parse(&l->parse, filter, not_names, &f->expr);
}

static int keep_info(Load *l, const RuleInfo *info, const RuleInfo **ret) {
        RuleInfo *kept = arena_alloc(&l->set->ast.arena, sizeof(*kept));

        if (!kept)
                return -ENOMEM;
        *kept = *info;
        *ret = kept;
        return 0;
}

/* Without one a filter is for all rules that it names. */
static void check_filter_source(Load *l, const YamlNode *source) {
        if (source && source->kind == YAML_MAP)
                check_source_keys(l, source);
        else if (source && source->kind != YAML_NULL)
                parse_warn(
                        &l->parse, source,
                        "this says nothing about logs, so that the filter is for those of all rules that it "
                        "names; write a map, as \"logsource: {product: linux}\"");
}

static int load_filter(Load *l, Str file, const YamlNode *doc) {
        LoadFilter f = { .file = file, .node = yaml_get(doc, "filter") };
        Logsource source;
        RuleInfo info;
        ViewKind view;
        int r = read_logsource(l, doc, &source);

        if (r)
                return r;
        if ((source.odd || source.product.n || source.service.n || source.category.n) &&
            !find_view(&source, &view))
                return skip(l, doc);
        check_filter_source(l, yaml_get(doc, "logsource"));
        l->parse.view = source.category.n ? view : _VIEW_N;
        f.product = source.product;
        f.service = source.service;
        f.category = source.category;
        r = document_info(l, file, doc, &info);
        r = r ? r : keep_info(l, &info, &f.info);
        l->parse.filter = f.info;
        r = r ? r : parse_filter(l, f.node, &f);
        l->parse.filter = NULL;
        if (r)
                return refuse(l, &info, r);
        if (load_grow(&l->filters, sizeof(*l->filters), l->n_filters, &l->cap_filters))
                return -ENOMEM;
        l->filters[l->n_filters++] = f;
        return 0;
}

/* ---- documents ---- */

static int load_correlation(Load *l, Str file, const YamlNode *doc) {
        LoadCorrelation c = { .file = file, .doc = doc };
        int r = document_info(l, file, doc, &c.info);

        r = r ? r : check_id(l, doc, c.info.id);
        if (r)
                return refuse(l, &c.info, r);
        if (load_grow(&l->correlations, sizeof(*l->correlations), l->n_correlations, &l->cap_correlations))
                return -ENOMEM;
        r = load_name(&l->correlation_names, c.info.id, (uint32_t)l->n_correlations);
        if (!r && c.info.name.n)
                r = load_name(&l->correlation_names, c.info.name, (uint32_t)l->n_correlations);
        l->correlations[l->n_correlations++] = c;
        return r;
}

static Str text_of(const YamlNode *doc, const char *key) {
        const YamlNode *n = yaml_get(doc, key);

        return n && yaml_is_scalar(n) && n->kind != YAML_NULL ? n->text : STR("");
}

/* Such a document may be no rule by itself, which is no mistake of its own. */
static int refuse_action(Load *l, Str file, const YamlNode *doc) {
        RuleInfo info = { .file = file, .id = text_of(doc, "id"), .name = text_of(doc, "name") };

        info.id = info.id.n ? info.id : info.name.n ? info.name : text_of(doc, "title");
        l->parse.rule = info.id;
        return refuse(l, &info,
                      parse_error(&l->parse, yaml_get(doc, "action"),
                                  "\"action\" (global, repeat, reset) is no longer part of Sigma; write each "
                                  "rule out in full"));
}

static const struct {
        const char *key;
        int (*load)(Load *l, Str file, const YamlNode *doc);
} kinds[] = { { "action", refuse_action },
              { "correlation", load_correlation },
              { "filter", load_filter },
              { "detection", load_rule },
              { "logsource", load_rule } };

static int refuse_two(Load *l, Str file, const YamlNode *doc) {
        RuleInfo info;
        int r = document_info(l, file, doc, &info);

        if (r >= 0)
                r = parse_error(
                        &l->parse, yaml_get(doc, yaml_get(doc, "detection") ? "detection" : "filter"),
                        "a document holds one rule, and this one has two kinds of it; write \"---\" and "
                        "a document of its own");
        return refuse(l, &info, r);
}

/* Some other YAML that lies in a checkout of rules; or a rule whose one important word is misspelt. */
static void skip_other(Load *l, const YamlNode *doc) {
        l->set->stats.skipped++;
        if (doc->kind != YAML_MAP)
                parse_warn(&l->parse, doc,
                           "this document is no map, and is skipped; write a rule as \"title: …\", "
                           "\"logsource: …\", \"detection: …\", and \"---\" between two of them");
        if (!yaml_get(doc, "title"))
                return;
        for (size_t i = 0; i < doc->n; i++) {
                Nearest near = parse_nearest(&l->parse, doc->keys[i]->text);

                for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
                        nearest_try(&near, str_from(kinds[k].key));
                if (near.best.n)
                        parse_warn(&l->parse, doc->keys[i],
                                   "this document is no rule, and is skipped; write \"%.*s\" if it should be "
                                   "one",
                                   STR_ARG(near.best));
        }
}

int document_load(Load *l, Str file, const YamlNode *doc) {
        size_t taken = ast_bytes(&l->set->ast);

        l->parse.file = file.p;
        l->parse.rule = STR("");
        l->parse.most = taken + PARSE_MAX_BYTES;
        if (taken + l->arena.used > LOAD_MAX_MEMORY) {
                parse_error(&l->parse, doc,
                            "the rules take too much memory (%zu MiB at most); load fewer of them",
                            LOAD_MAX_MEMORY >> 20);
                load_refuse(l, file);
                return 0;
        }
        if (!!yaml_get(doc, "detection") + !!yaml_get(doc, "correlation") + !!yaml_get(doc, "filter") > 1)
                return refuse_two(l, file, doc);
        for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
                if (yaml_get(doc, kinds[i].key))
                        return kinds[i].load(l, file, doc);
        skip_other(l, doc);
        return 0;
}

int document_finish(Load *l) {
        RuleSet *s = l->set;
        int r = load_apply_filters(l);

        r = r ? r : correlation_finish(l);
        for (size_t i = 0; i < s->n_rules && !r; i++) {
                Rule *rule = &s->rules[i];

                rule->asks_keywords = asks_keywords(&s->ast, rule->expr);
                rule->asks_parents = rule->view == VIEW_PROCESS &&
                                     (rule->asks_keywords || asks(&s->ast, rule->expr, STR("Parent")) ||
                                      wants(&s->ast, rule, STR("Parent")));
                s->parents |= rule->asks_parents;
        }
        return r;
}
