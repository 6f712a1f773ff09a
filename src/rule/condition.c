/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions: or < and < not < "x of" < ( ). Recursive descent, bounded in depth. */
#include <errno.h>
#include <stdlib.h>
#include "base/buf.h"
#include "rule/parse.h"

#define MAX_DEPTH  64
#define MAX_ADVICE 5 /* names listed in a message */

typedef struct {
        Parse *p;
        const YamlNode *node;
        Str s;
        size_t at;     /* where the token after the current one starts */
        size_t offset; /* of the current token */
        Str token;     /* "" at the end */
        SearchNames *names;
        unsigned depth;
} Cond;

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static void advance(Cond *c) {
        size_t end;

        while (c->at < c->s.n && is_blank(c->s.p[c->at]))
                c->at++;
        end = c->offset = c->at;
        if (end < c->s.n && strchr("()|", c->s.p[end]) && c->s.p[end])
                end++;
        else
                while (end < c->s.n && !is_blank(c->s.p[end]) && !(strchr("()|", c->s.p[end]) && c->s.p[end]))
                        end++;
        c->token = (Str){ c->s.p + c->offset, end - c->offset };
        c->at = end;
}

static bool is_word(const Cond *c, const char *word) { return str_ieq(c->token, str_from(word)); }

#define FAIL(_c, ...) parse_error_at((_c)->p, (_c)->node, (_c)->offset, __VA_ARGS__)

static int too_large(Cond *c) { return FAIL(c, "this condition is too large; split the rule in two"); }

static int parse_or(Cond *c, const Expr **ret);

/* Names and "*"; the last star is tried again further on, so this costs name x pattern at most. */
static bool glob(Str pattern, Str name) {
        size_t p = 0, n = 0, star = SIZE_MAX, mark = 0;

        while (n < name.n) {
                if (p < pattern.n && pattern.p[p] == '*') {
                        star = p++;
                        mark = n;
                } else if (p < pattern.n && pattern.p[p] == name.p[n]) {
                        p++;
                        n++;
                } else if (star != SIZE_MAX) {
                        p = star + 1;
                        n = ++mark;
                } else
                        return false;
        }
        while (p < pattern.n && pattern.p[p] == '*')
                p++;
        return p == pattern.n;
}

/* The name that was meant, in quotes; else all that there are. */
static void append_advice(const Cond *c, Str word, Buf *out) {
        Nearest near = parse_nearest(c->p, word);
        size_t n = c->names->n;

        for (size_t i = 0; i < n; i++)
                nearest_try(&near, c->names->v[i].name);
        if (near.best.n) {
                buf_printf(out, "\"%.*s\"", STR_ARG(near.best));
                return;
        }
        for (size_t i = 0; i < n && i < MAX_ADVICE && out->n < 200; i++)
                buf_printf(out, "%s\"%.*s\"", i ? " or " : "", PARSE_ARG(c->names->v[i].name));
        if (!n)
                buf_putz(out, "a search identifier under \"detection\" first");
}

static int unknown_name(Cond *c) {
        Buf advice = BUF_INIT;
        int r;

        if (c->token.p[0] == '!')
                return FAIL(c, "\"!\" means nothing in a condition; write \"not\" and a blank");
        append_advice(c, c->token, &advice);
        r = FAIL(c, "there is no search identifier \"%.*s\"; write %s", PARSE_ARG(c->token), buf_z(&advice));
        buf_done(&advice);
        return r;
}

/* @pattern matched nothing. */
static int unknown_pattern(Cond *c, Str pattern) {
        Buf advice = BUF_INIT, plain = BUF_INIT;
        int r;

        for (size_t i = 0; i < pattern.n; i++)
                if (pattern.p[i] != '*')
                        buf_putc(&plain, pattern.p[i]);
        append_advice(c, buf_view(&plain), &advice);
        r = FAIL(c,
                 "\"%.*s\" matches no search identifier of this rule; write a pattern that matches %s, or "
                 "drop this part",
                 PARSE_ARG(c->token), buf_z(&advice));
        buf_done(&advice);
        buf_done(&plain);
        return r;
}

static int parse_of(Cond *c, ExprKind kind, const Expr **ret) {
        bool them = is_word(c, "them");
        Str pattern = them ? STR("*") : c->token;
        const Expr **v;
        size_t n = 0;

        if (!pattern.n || strchr("()|", *pattern.p))
                return FAIL(c, "\"of\" needs \"them\" or a pattern of names after it; write 1 of selection*");
        v = calloc(c->names->n + 1, sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < c->names->n; i++) {
                SearchName *name = &c->names->v[i];

                if ((*pattern.p != '_' && name->name.n && *name->name.p == '_') || !glob(pattern, name->name))
                        continue;
                name->used = true;
                v[n++] = name->expr;
        }
        *ret = n ? expr_list(c->p->ast, kind, v, n) : NULL;
        free(v);
        if (!n)
                return unknown_pattern(c, pattern);
        if (!*ret)
                return too_large(c);
        advance(c);
        return 0;
}

static int parse_name(Cond *c, const Expr **ret) {
        for (size_t i = 0; i < c->names->n; i++)
                if (str_eq(c->names->v[i].name, c->token)) {
                        c->names->v[i].used = true;
                        *ret = c->names->v[i].expr;
                        advance(c);
                        return 0;
                }
        return unknown_name(c);
}

/* "all x*", with no "of". */
static bool lacks_of(const Cond *c, const Cond *ahead) {
        static const char *const others[] = { "and", "or", "not", "near", "(", ")", "|", "" };

        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (is_word(ahead, others[i]))
                        return false;
        return is_word(c, "all") || is_word(c, "any") || is_word(c, "1");
}

static int parse_primary(Cond *c, const Expr **ret) {
        bool all = is_word(c, "all"), some = is_word(c, "1") || is_word(c, "any");
        Cond ahead = *c;
        int r;

        if (is_word(c, "(")) {
                advance(c);
                r = parse_or(c, ret);
                if (r)
                        return r;
                if (!is_word(c, ")"))
                        return FAIL(c, "a \")\" is missing; close what \"(\" opened");
                advance(c);
                return 0;
        }
        if (!c->token.n || is_word(c, ")") || is_word(c, "|") || is_word(c, "and") || is_word(c, "or"))
                return FAIL(c, "a search identifier is missing here; write one");
        advance(&ahead);
        if (lacks_of(c, &ahead) && !is_word(&ahead, "of"))
                return FAIL(&ahead, "\"of\" is missing; write \"%.*s of %.*s\"", STR_ARG(c->token),
                            PARSE_ARG(ahead.token));
        if (!is_word(&ahead, "of"))
                return parse_name(c, ret);
        if (!all && !some)
                return FAIL(c, "only \"1 of\", \"any of\" and \"all of\" can be asked; write one of them, or "
                               "a correlation to count");
        *c = ahead;
        advance(c);
        return parse_of(c, all ? EXPR_AND : EXPR_OR, ret);
}

static int parse_not(Cond *c, const Expr **ret) {
        bool negate = false;
        int r;

        while (is_word(c, "not")) {
                negate = !negate;
                advance(c);
        }
        r = parse_primary(c, ret);
        if (r || !negate)
                return r;
        *ret = expr_not(c->p->ast, *ret);
        return *ret ? 0 : too_large(c);
}

typedef int (*ParseFn)(Cond *, const Expr **);

/* One or more of @operand with @word between them. */
static int parse_chain(Cond *c, const char *word, ExprKind kind, ParseFn operand, const Expr **ret) {
        const Expr **v = NULL;
        size_t n = 0, cap = 0;
        int r;

        for (;;) {
                if (n == cap) {
                        const Expr **more = reallocarray(v, cap ? cap * 2 : 4, sizeof(*v));

                        r = more ? 0 : -ENOMEM;
                        if (r)
                                break;
                        v = more;
                        cap = cap ? cap * 2 : 4;
                }
                r = operand(c, &v[n]);
                if (r)
                        break;
                n++;
                if (!is_word(c, word))
                        break;
                advance(c);
        }
        if (!r) {
                *ret = expr_list(c->p->ast, kind, v, n);
                r = *ret ? 0 : too_large(c);
        }
        free(v);
        return r;
}

static int parse_and(Cond *c, const Expr **ret) { return parse_chain(c, "and", EXPR_AND, parse_not, ret); }

static int parse_or(Cond *c, const Expr **ret) {
        int r;

        if (++c->depth > MAX_DEPTH)
                return FAIL(c, "too many \"(\" inside each other; name the parts as search identifiers");
        r = parse_chain(c, "or", EXPR_OR, parse_and, ret);
        c->depth--;
        return r;
}

static int parse_one(Parse *p, const YamlNode *node, SearchNames *names, const Expr **ret) {
        Cond c = { .p = p, .node = node, .s = node->text, .names = names };
        int r;

        if (node->kind == YAML_LIST || node->kind == YAML_MAP || node->kind == YAML_NULL)
                return parse_error(p, node,
                                   "a condition is a text; write one, as \"selection and not filter\"");
        advance(&c);
        if (!c.token.n)
                return parse_error(p, node,
                                   "the condition is empty; write one, as \"selection and not filter\"");
        r = parse_or(&c, ret);
        if (r || !c.token.n)
                return r;
        if (is_word(&c, "|") || is_word(&c, "near"))
                return FAIL(&c, "\"|\" and \"near\" (count, near and the like) are no longer part of Sigma; "
                                "write a correlation document (event_count, temporal, …) with a timespan");
        if (is_word(&c, ")"))
                return FAIL(&c, "no \"(\" opened what this closes; write one before it, or remove this");
        return FAIL(&c, "\"%.*s\" does not fit here; write \"and\" or \"or\" between search identifiers",
                    PARSE_ARG(c.token));
}

int condition_parse(Parse *p, const YamlNode *condition, SearchNames *names, const Expr **ret) {
        const Expr **v;
        int r = 0;

        if (condition->kind != YAML_LIST)
                return parse_one(p, condition, names, ret);
        if (!condition->n)
                return parse_error(p, condition,
                                   "an empty list of conditions never holds; write a condition");
        v = calloc(condition->n, sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < condition->n && !r; i++)
                r = parse_one(p, condition->v[i], names, &v[i]);
        if (!r) {
                *ret = expr_list(p->ast, EXPR_OR, v, condition->n);
                r = *ret ? 0
                         : parse_error(p, condition, "these conditions are too large; split the rule in two");
        }
        free(v);
        return r;
}
