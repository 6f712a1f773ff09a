/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "rule/explain-tree.h"

typedef struct {
        Eval *eval;
        Arena *arena;
} Tree;

/* ---- items: tests that belong to one field of the rule ---- */

typedef struct {
        uint32_t *v;
        size_t n;
        bool every;
} Tests;

static bool belong(const Test *a, const Test *b) {
        return a->field == b->field && a->kind == b->kind && a->cased == b->cased &&
               a->regex_flags == b->regex_flags && a->compare == b->compare && a->part == b->part &&
               a->star_before == b->star_before && a->star_after == b->star_after;
}

/* All tests below, when nothing but @op stands between them and they belong together. */
static bool gather(const Tree *t, const Expr *x, ExprKind op, Tests *tests) {
        const Test *all = t->eval->ast->tests;

        if (x->kind == EXPR_TEST) {
                if (tests->n && !belong(&all[tests->v[0]], &all[x->test]))
                        return false;
                tests->v[tests->n++] = x->test;
                return true;
        }
        if (x->kind != op)
                return false;
        for (size_t i = 0; i < x->n; i++)
                if (!gather(t, x->v[i], op, tests))
                        return false;
        return x->n > 0;
}

/* ---- modifiers ---- */

typedef struct {
        bool before, after; /* a star at that end of every pattern */
        bool dash;
} Shape;

static Shape shape_of(const Tree *t, const Tests *tests) {
        Shape s = { true, true, false };

        for (size_t i = 0; i < tests->n; i++) {
                const Pattern *p = &t->eval->ast->tests[tests->v[i]].pattern;
                bool before = p->n > 1 && p->v[0].kind == PATTERN_ANY;
                bool after = p->n > 1 && p->v[p->n - 1].kind == PATTERN_ANY;

                if (i && (before != s.before || after != s.after))
                        s.before = s.after = before = after = false;
                s.before &= before;
                s.after &= after;
                for (size_t k = 0; k < p->n; k++)
                        s.dash |= p->v[k].kind == PATTERN_DASH;
        }
        return s;
}

static void add(Buf *out, bool condition, const char *name) {
        if (!condition)
                return;
        if (out->n)
                buf_putc(out, '|');
        buf_putz(out, name);
}

static void add_ends(Buf *out, bool before, bool after) {
        add(out, before && after, "contains");
        add(out, before && !after, "endswith");
        add(out, !before && after, "startswith");
}

static void put_modifiers(Buf *out, const Test *t, Shape s) {
        static const char *const compares[] = { "", "neq", "lt", "lte", "gt", "gte" };
        static const char *const parts[] = { "minute", "hour", "day", "week", "month", "year" };

        add(out, t->kind == TEST_REGEX, "re");
        add(out, t->kind == TEST_REGEX && t->regex_flags & REGEX_CASELESS, "i");
        add(out, t->kind == TEST_REGEX && t->regex_flags & REGEX_MULTILINE, "m");
        add(out, t->kind == TEST_REGEX && t->regex_flags & REGEX_DOTALL, "s");
        add(out, t->kind == TEST_CIDR, "cidr");
        add(out, t->kind == TEST_FIELD, "fieldref");
        add(out, t->kind == TEST_EXISTS, "exists");
        add(out, t->kind == TEST_TIME, parts[t->part]);
        add(out, (t->kind == TEST_TIME || t->kind == TEST_NUMBER) && t->compare != COMPARE_EQ,
            compares[t->compare]);
        add(out, s.dash, "windash");
        if (t->field != FIELD_KEYWORDS)
                add_ends(out, s.before || t->star_before, s.after || t->star_after);
        add(out, t->cased, "cased");
}

/* ---- what is wanted ---- */

/* As a rule would say it: stars and question marks are wildcards, literal ones have a backslash. */
static void put_pattern(Buf *out, const Pattern *p, Shape s) {
        size_t first = s.before, end = p->n - s.after;

        for (size_t i = first; i < end; i++)
                switch (p->v[i].kind) {
                case PATTERN_ANY: buf_putc(out, '*'); break;
                case PATTERN_ONE: buf_putc(out, '?'); break;
                case PATTERN_DASH: buf_putc(out, '-'); break;
                case PATTERN_LITERAL:
                        for (size_t k = 0; k < p->v[i].text.n; k++) {
                                char c = p->v[i].text.p[k];

                                if (c == '*' || c == '?')
                                        buf_putc(out, '\\');
                                buf_putc(out, c);
                        }
                }
}

static void put_net(Buf *out, const Net *net) {
        char text[NET_TEXT_SIZE];

        net_text(net, text);
        buf_putz(out, text);
}

static void put_wanted(Buf *out, const Ast *ast, const Test *t, Shape s, bool negated) {
        switch (t->kind) {
        case TEST_PATTERN: put_pattern(out, &t->pattern, s); break;
        case TEST_REGEX: buf_str(out, t->regex_text); break;
        case TEST_CIDR: put_net(out, &t->net); break;
        case TEST_NUMBER:
        case TEST_TIME: buf_printf(out, "%.18Lg", t->number); break;
        case TEST_FIELD: buf_str(out, ast->fields[t->other].name); break;
        case TEST_NULL: buf_putz(out, "null"); break;
        case TEST_EXISTS: buf_putz(out, negated ? "false" : "true"); break;
        }
}

/* Moves what is in @b to the arena. False on ENOMEM. */
static bool keep(Tree *t, Buf *b, Str *ret) {
        *ret = b->failed ? STR_NULL : arena_str(t->arena, buf_view(b));
        buf_clear(b);
        return ret->p != NULL;
}

static bool all_wanted(Tree *t, const Tests *tests, ExplainNode *node, Buf *b) {
        const Ast *ast = t->eval->ast;
        const Test *first = &ast->tests[tests->v[0]];
        Shape s = first->kind == TEST_PATTERN ? shape_of(t, tests) : (Shape){ 0 };
        Str *wanted = arena_alloc(t->arena, tests->n * sizeof(*wanted));

        if (!wanted)
                return false;
        for (size_t i = 0; i < tests->n; i++) {
                put_wanted(b, ast, &ast->tests[tests->v[i]], s, node->negated);
                if (!keep(t, b, &wanted[i]))
                        return false;
        }
        put_modifiers(b, first, s);
        add(b, tests->every, "all");
        add(b, node->negated && first->kind != TEST_EXISTS, "neq");
        node->wanted = wanted;
        node->n_wanted = tests->n;
        node->bare = first->kind >= TEST_NUMBER;
        return keep(t, b, &node->modifier);
}

/* ---- what is there ---- */

/* The type of the record that a view was read from, where that is not the record looked at. */
static Str inherited_from(const Viewer *v, const View *view) {
        for (size_t k = 0; k < _CONTEXT_N; k++)
                if (view == &v->context[k] && view != v->current)
                        return record_type_name(v->context_records[k]);
        return STR("");
}

static bool all_values(Tree *t, uint32_t field, const Str **ret, size_t *ret_n, Str *ret_from) {
        const View *view = viewer_source(t->eval->viewer, field);
        const Value *first = view ? &view->values[view->heads[field] - 1] : NULL;
        size_t n = 0;
        Str *v;

        *ret_n = 0;
        *ret_from = view ? inherited_from(t->eval->viewer, view) : STR("");
        for (const Value *a = first; a; a = view_next(view, a))
                n++;
        v = arena_alloc(t->arena, (n + 1) * sizeof(*v));
        if (!v)
                return false;
        for (const Value *a = first; a; a = view_next(view, a))
                v[(*ret_n)++] = a->text;
        *ret = v;
        return true;
}

static void decide(Tree *t, const Tests *tests, ExplainNode *node) {
        size_t n_failed = 0;

        node->decided = tests->n;
        for (size_t i = 0; i < tests->n; i++) {
                bool holds = eval_test(t->eval, tests->v[i]);

                n_failed += !holds;
                if (holds != tests->every && node->decided == tests->n)
                        node->decided = i;
        }
        node->holds = (node->decided < tests->n) != tests->every;
        node->distance = node->holds ? 0 : tests->every ? n_failed : 1;
        if (node->negated) {
                node->holds = !node->holds;
                node->distance = !node->holds;
        }
}

static const ExplainNode *item(Tree *t, const Tests *tests, bool negated) {
        const Ast *ast = t->eval->ast;
        const Test *first = &ast->tests[tests->v[0]];
        ExplainNode *node = arena_alloc(t->arena, sizeof(*node));
        Buf b = BUF_INIT;
        Str from;
        bool ok;

        if (!node)
                return NULL;
        *node = (ExplainNode){ .kind = EXPLAIN_ITEM,
                               .field = ast->fields[first->field].name,
                               .every = tests->every,
                               .negated = negated };
        ok = all_wanted(t, tests, node, &b) &&
             all_values(t, first->field, &node->values, &node->n_values, &node->from) &&
             (first->kind != TEST_FIELD ||
              all_values(t, first->other, &node->others, &node->n_others, &from));
        decide(t, tests, node);
        buf_done(&b);
        return ok ? node : NULL;
}

/* ---- the tree ---- */

static const ExplainNode *build(Tree *t, const Expr *x, bool negated);

static void sum_up(ExplainNode *node) {
        uint64_t least = UINT64_MAX, sum = 0;

        for (size_t i = 0; i < node->n; i++) {
                sum += node->v[i]->distance;
                least = node->v[i]->distance < least ? node->v[i]->distance : least;
        }
        node->distance = node->kind == EXPLAIN_ALL   ? sum
                         : node->kind == EXPLAIN_ANY ? least
                                                     : node->v[0]->holds;
        node->holds = !node->distance;
}

static const ExplainNode *branch(Tree *t, const Expr *x) {
        ExplainNode *node = arena_alloc(t->arena, sizeof(*node));
        const ExplainNode **v = arena_alloc(t->arena, (x->n + 1) * sizeof(*v));

        if (!node || !v)
                return NULL;
        *node = (ExplainNode){ .kind = x->kind == EXPR_AND  ? EXPLAIN_ALL
                                       : x->kind == EXPR_OR ? EXPLAIN_ANY
                                                            : EXPLAIN_NOT,
                               .v = v };
        for (; node->n < x->n; node->n++) {
                v[node->n] = build(t, x->v[node->n], false);
                if (!v[node->n])
                        return NULL;
        }
        sum_up(node);
        return node;
}

static const ExplainNode *build(Tree *t, const Expr *x, bool negated) {
        Tests tests = { .v = arena_alloc(t->arena, (x->size + 1) * sizeof(*tests.v)) };

        if (!tests.v)
                return NULL;
        if (x->kind == EXPR_NAME)
                return build(t, x->v[0], negated);
        if (gather(t, x, EXPR_OR, &tests))
                return item(t, &tests, negated);
        tests.n = 0;
        tests.every = true;
        if (gather(t, x, EXPR_AND, &tests))
                return item(t, &tests, negated);
        tests.n = 0;
        if (x->kind == EXPR_NOT && !negated &&
            (gather(t, x->v[0], EXPR_OR, &tests) || (tests.n = 0, gather(t, x->v[0], EXPR_AND, &tests))))
                return build(t, x->v[0], true);
        return branch(t, x);
}

const ExplainNode *explain_tree(Eval *e, Arena *arena, const Expr *x) {
        return build(&(Tree){ e, arena }, x, false);
}

const ExplainNode *explain_first_failed(const ExplainNode *node) {
        if (node->holds)
                return NULL;
        while (node->kind != EXPLAIN_ITEM) {
                const ExplainNode *next = node->n ? node->v[0] : NULL;

                if (!next)
                        return NULL;
                for (size_t i = 0; i < node->n; i++) {
                        if (node->kind == EXPLAIN_ALL && !node->v[i]->holds) {
                                next = node->v[i];
                                break;
                        }
                        if (node->kind == EXPLAIN_ANY && node->v[i]->distance < next->distance)
                                next = node->v[i];
                }
                node = next;
        }
        return node;
}

/* ---- the condition ---- */

#define MAX_CONDITION 2000u

static void put_condition(Buf *out, const Expr *x, bool inside) {
        const char *word = x->kind == EXPR_AND ? " and " : " or ";
        bool list = (x->kind == EXPR_AND || x->kind == EXPR_OR) && x->n > 1;

        if (out->n > MAX_CONDITION)
                return;
        if (x->kind == EXPR_NAME)
                buf_str(out, x->name);
        if (x->kind == EXPR_NAME && x->filter) {
                buf_putz(out, " [filter ");
                buf_str(out, x->filter->id);
                buf_putc(out, ']');
        }
        if (x->kind == EXPR_NAME || x->kind == EXPR_TEST)
                return;
        if (x->kind == EXPR_NOT)
                buf_putz(out, "not ");
        if (list && inside)
                buf_putc(out, '(');
        for (size_t i = 0; i < x->n && out->n <= MAX_CONDITION; i++) {
                if (i)
                        buf_putz(out, word);
                put_condition(out, x->v[i], true);
        }
        if (list && inside)
                buf_putc(out, ')');
}

void explain_condition(Buf *out, const Expr *x) {
        Buf text = BUF_INIT;

        put_condition(&text, x, false);
        buf_put(out, text.p, text.n > MAX_CONDITION ? MAX_CONDITION : text.n);
        if (text.n > MAX_CONDITION)
                buf_putz(out, "…");
        out->failed |= text.failed;
        buf_done(&text);
}
