/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/eval.h"
#include "rule/timepart.h"

int eval_init(Eval *e, Viewer *viewer) {
        const Ast *a = &viewer->set->ast;
        size_t words = a->n_tests / 64 + 1;

        *e = (Eval){ .ast = a, .viewer = viewer, .lower = BUF_INIT };
        e->known = calloc(words, sizeof(*e->known));
        e->truth = calloc(words, sizeof(*e->truth));
        e->asked = calloc(a->n_tests + 1, sizeof(*e->asked));
        if (!e->known || !e->truth || !e->asked || regex_scratch_new(&e->regex)) {
                eval_done(e);
                return -ENOMEM;
        }
        return 0;
}

void eval_done(Eval *e) {
        free(e->known);
        free(e->truth);
        free(e->asked);
        regex_scratch_free(e->regex);
        buf_done(&e->lower);
        *e = (Eval){ .lower = BUF_INIT };
}

void eval_begin(Eval *e) {
        for (size_t i = 0; i < e->n_asked; i++)
                e->known[e->asked[i] / 64] = e->truth[e->asked[i] / 64] = 0;
        e->n_asked = 0;
        e->low_p = NULL;
}

bool compare_numbers(Compare c, long double a, long double b) {
        switch (c) {
        case COMPARE_EQ: return a == b;
        case COMPARE_NEQ: return a != b;
        case COMPARE_LT: return a < b;
        case COMPARE_LTE: return a <= b;
        case COMPARE_GT: return a > b;
        default: return a >= b;
        }
}

bool number_parse(Str s, long double *ret) {
        char z[64];
        size_t digits = 0, points = 0;

        if (!s.n || s.n >= sizeof(z))
                return false;
        for (size_t i = 0; i < s.n; i++) {
                bool sign = i == 0 && (s.p[i] == '-' || s.p[i] == '+');

                digits += s.p[i] >= '0' && s.p[i] <= '9';
                points += s.p[i] == '.';
                if (!sign && s.p[i] != '.' && (s.p[i] < '0' || s.p[i] > '9'))
                        return false;
        }
        if (!digits || points > 1)
                return false;
        memcpy(z, s.p, s.n);
        z[s.n] = '\0';
        *ret = strtold(z, NULL);
        return true;
}

static Str lower(Eval *e, Str s) {
        char *p;

        if (e->low_p == s.p && e->low_n == s.n && s.n)
                return buf_view(&e->lower);
        buf_clear(&e->lower);
        p = buf_reserve(&e->lower, s.n + 1);
        if (!p) {
                e->viewer->failed = true;
                return STR("");
        }
        for (size_t i = 0; i < s.n; i++)
                p[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] | 0x20) : s.p[i];
        e->lower.n = s.n;
        e->low_p = s.p;
        e->low_n = s.n;
        return (Str){ p, s.n };
}

static bool in_net(const Net *net, Str value) {
        NetAddr addr;

        return net_addr_parse(&addr, value) && net_contains(net, &addr);
}

static bool number_holds(const Test *t, Str value) {
        long double v;

        return number_parse(value, &v) && compare_numbers(t->compare, v, t->number);
}

static bool time_holds(const Test *t, Str value) {
        int part;

        return timepart_read(value, t->part, &part) && compare_numbers(t->compare, part, t->number);
}

bool eval_value(Eval *e, const Test *t, Str value) {
        switch (t->kind) {
        case TEST_PATTERN: return pattern_match(&t->pattern, t->cased ? value : lower(e, value));
        case TEST_REGEX: return regex_search(t->regex, e->regex, value);
        case TEST_CIDR: return in_net(&t->net, value);
        case TEST_NUMBER: return number_holds(t, value);
        case TEST_TIME: return time_holds(t, value);
        default: return false;
        }
}

static bool equal(Str a, Str b, bool cased) { return cased ? str_eq(a, b) : str_ieq(a, b); }

static bool refers(Eval *e, const Test *t, Str a, Str b) {
        PatternToken text = { PATTERN_LITERAL, b }, star = { PATTERN_ANY, STR("") };
        PatternToken tokens[3];
        Pattern p = { tokens, 0 };
        Buf low = BUF_INIT;
        bool truth;

        if (!t->star_before && !t->star_after)
                return equal(a, b, t->cased);
        if (b.n > a.n)
                return false;
        if (!b.n)
                return true;
        if (!t->cased) {
                for (size_t i = 0; i < b.n; i++)
                        buf_putc(&low, b.p[i] >= 'A' && b.p[i] <= 'Z' ? (char)(b.p[i] | 0x20) : b.p[i]);
                text.text = buf_view(&low);
        }
        if (t->star_before)
                tokens[p.n++] = star;
        tokens[p.n++] = text;
        if (t->star_after)
                tokens[p.n++] = star;
        truth = !low.failed && pattern_match(&p, t->cased ? a : lower(e, a));
        buf_done(&low);
        return truth;
}

#define MAX_PAIRS 10000 /* two fields with many values each are an attacker's work */

static bool field_holds(Eval *e, const Test *t) {
        const View *va = viewer_source(e->viewer, t->field), *vb = viewer_source(e->viewer, t->other);
        size_t pairs = 0;

        if (!va || !vb)
                return false;
        for (const Value *a = &va->values[va->heads[t->field] - 1]; a; a = view_next(va, a))
                for (const Value *b = &vb->values[vb->heads[t->other] - 1]; b && pairs++ < MAX_PAIRS;
                     b = view_next(vb, b))
                        if (refers(e, t, a->text, b->text))
                                return true;
        return false;
}

static bool null_holds(Eval *e, const Test *t) {
        const View *v = viewer_source(e->viewer, t->field);

        for (const Value *a = v ? &v->values[v->heads[t->field] - 1] : NULL; a; a = view_next(v, a))
                if (!a->null)
                        return false;
        return true;
}

static bool any_value(Eval *e, const Test *t) {
        const View *v = viewer_source(e->viewer, t->field);

        for (const Value *a = v ? &v->values[v->heads[t->field] - 1] : NULL; a; a = view_next(v, a))
                if (eval_value(e, t, a->text))
                        return true;
        return false;
}

static bool find_out(Eval *e, const Test *t) {
        switch (t->kind) {
        case TEST_FIELD: return field_holds(e, t);
        case TEST_NULL: return null_holds(e, t);
        case TEST_EXISTS: return viewer_source(e->viewer, t->field) != NULL;
        default: return any_value(e, t);
        }
}

bool eval_test(Eval *e, uint32_t test) {
        uint64_t bit = UINT64_C(1) << test % 64;

        if (!(e->known[test / 64] & bit))
                eval_set(e, test, find_out(e, &e->ast->tests[test]));
        return (e->truth[test / 64] & bit) != 0;
}

bool eval_expr(Eval *e, const Expr *x) {
        switch (x->kind) {
        case EXPR_TEST: return eval_test(e, x->test);
        case EXPR_NOT: return !eval_expr(e, x->v[0]);
        case EXPR_NAME: return eval_expr(e, x->v[0]);
        default:
                for (size_t i = 0; i < x->n; i++)
                        if (eval_expr(e, x->v[i]) == (x->kind == EXPR_OR))
                                return x->kind == EXPR_OR;
                return x->kind == EXPR_AND;
        }
}
