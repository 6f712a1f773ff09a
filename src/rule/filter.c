/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filters become part of the rules that they are for, once all rules are known. */
#include <errno.h>
#include <stdlib.h>
#include "rule/load.h"

/* One filter for one rule. */
typedef struct {
        uint32_t rule, filter;
} Use;

typedef struct {
        Load *l;
        Use *v;
        size_t n, cap;
        uint32_t *sizes; /* of each rule with its filters */
} Uses;

static bool same_or_open(Str filter, Str rule) { return !filter.n || str_ieq(filter, rule); }

static bool fits(const LoadFilter *f, const Rule *r) {
        return same_or_open(f->product, r->product) && same_or_open(f->service, r->service) &&
               same_or_open(f->category, r->category);
}

static int use(Uses *u, uint32_t filter, uint32_t rule) {
        const LoadFilter *f = &u->l->filters[filter];
        const Rule *r = &u->l->set->rules[rule];

        if (!fits(f, r))
                return 0;
        if (u->n == LOAD_MAX_FILTERED)
                return parse_error(
                        &u->l->parse, f->node,
                        "more than %u times a filter for a rule; join filters, or name fewer rules",
                        LOAD_MAX_FILTERED);
        if (u->sizes[rule] + f->expr->size >= EXPR_MAX_SIZE)
                return parse_error(&u->l->parse, f->node,
                                   "with this filter the rule %.*s is too large; join filters of this rule",
                                   PARSE_ARG(r->info.id));
        if (load_grow(&u->v, sizeof(*u->v), u->n, &u->cap))
                return -ENOMEM;
        u->sizes[rule] += f->expr->size;
        u->v[u->n++] = (Use){ rule, filter };
        return 0;
}

/* A name that leads to nothing, or to what the filter cannot be for. */
static void check_name(const Uses *u, const LoadFilter *f, const YamlNode *node) {
        Load *l = u->l;
        size_t at = load_named(&l->names, node->text);

        if (load_named(&l->skipped, node->text) || load_named(&l->refused, node->text))
                return;
        if (!at)
                parse_warn(&l->parse, node, "%s",
                           load_named(&l->correlation_names, node->text)
                                   ? "a correlation cannot be filtered; write the rules that it counts"
                           : str_ieq(node->text, STR("any"))
                                   ? "there is no rule of this name; write \"rules: any\" for all"
                                   : "there is no rule of this id or name; write one that is loaded");
        for (size_t i = at; i; i = l->names.entries[i - 1].next)
                if (fits(f, &l->set->rules[l->names.entries[i - 1].value]))
                        return;
        if (at)
                parse_warn(&l->parse, node,
                           "the filter is not for this rule, whose logsource is another one; write in the "
                           "filter's logsource only what the rule's has as well");
}

static int use_named(Uses *u, uint32_t filter) {
        Load *l = u->l;
        const YamlNode *rules = l->filters[filter].rules;
        int r = 0;

        for (size_t i = 0; i < rules->n && !r; i++) {
                size_t at = load_named(&l->names, rules->v[i]->text);

                check_name(u, &l->filters[filter], rules->v[i]);
                /* two rules may share a name or title; all of them are meant */
                for (; at && !r; at = l->names.entries[at - 1].next)
                        r = use(u, filter, l->names.entries[at - 1].value);
        }
        return r;
}

/* A filter is used as a whole or not at all. */
static int use_filter(Uses *u, uint32_t filter) {
        const LoadFilter *f = &u->l->filters[filter];
        size_t start = u->n;
        int r = 0;

        u->l->parse.file = f->file.p;
        u->l->parse.rule = f->info->id;
        if (f->rules)
                r = use_named(u, filter);
        else
                for (uint32_t k = 0; k < u->l->set->n_rules && !r; k++)
                        r = use(u, filter, k);
        if (r <= 0)
                return r;
        while (u->n > start)
                u->sizes[u->v[--u->n].rule] -= f->expr->size;
        load_refuse(u->l, f->info->id);
        return 0;
}

static int by_rule(const void *a, const void *b) {
        const Use *x = a, *y = b;

        return x->rule != y->rule ? (x->rule > y->rule) - (x->rule < y->rule)
                                  : (x->filter > y->filter) - (x->filter < y->filter);
}

/* Side by side: filters inside each other would be looked through again and again. */
static int join(const Uses *u) {
        RuleSet *s = u->l->set;
        const Expr **v = calloc(u->n + 1, sizeof(*v));
        int r = v ? 0 : -ENOMEM;

        if (!r && u->n)
                qsort(u->v, u->n, sizeof(*u->v), by_rule);
        for (size_t i = 0; i < u->n && !r;) {
                Rule *rule = &s->rules[u->v[i].rule];
                uint32_t number = u->v[i].rule;
                size_t n = 0;

                v[n++] = rule->expr;
                for (; i < u->n && u->v[i].rule == number; i++)
                        v[n++] = u->l->filters[u->v[i].filter].expr;
                rule->expr = expr_list(&s->ast, EXPR_AND, v, n);
                r = rule->expr ? 0 : -ENOMEM;
        }
        free(v);
        return r;
}

int load_apply_filters(Load *l) {
        Uses u = { .l = l, .sizes = calloc(l->set->n_rules + 1, sizeof(*u.sizes)) };
        int r = u.sizes ? 0 : -ENOMEM;

        for (size_t i = 0; i < l->set->n_rules && !r; i++)
                u.sizes[i] = l->set->rules[i].expr->size;
        for (uint32_t i = 0; i < l->n_filters && !r; i++)
                r = use_filter(&u, i);
        r = r ? r : join(&u);
        free(u.sizes);
        free(u.v);
        return r;
}
