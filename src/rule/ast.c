/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "rule/category.h"
#include "rule/ast.h"

int ast_init(Ast *a) {
        uint32_t id;

        *a = (Ast){ .arena = ARENA_INIT };
        if (ast_field(a, STR(""), &id) || ast_field(a, STR("type"), &id)) {
                ast_done(a);
                return -ENOMEM;
        }
        return 0;
}

void ast_done(Ast *a) {
        for (size_t i = 0; i < a->n_tests; i++)
                regex_free(a->tests[i].regex);
        free(a->tests);
        free(a->fields);
        free(a->test_index.slots);
        free(a->field_index.slots);
        arena_done(&a->arena);
        *a = (Ast){ 0 };
}

static Str field_key(const Ast *a, size_t i) { return a->fields[i].name; }
static Str test_key(const Ast *a, size_t i) { return a->tests[i].key; }

typedef Str (*KeyFn)(const Ast *, size_t);

/* The slot of a key: its own, or the empty one where it belongs. */
static size_t slot_of(const Ast *a, const AstIndex *x, KeyFn key_of, Str key) {
        size_t at = hash_str(key) & (x->n_slots - 1);

        while (x->slots[at] && !str_eq(key_of(a, x->slots[at] - 1), key))
                at = (at + 1) & (x->n_slots - 1);
        return at;
}

static int index_grow(const Ast *a, AstIndex *x, KeyFn key_of, size_t n) {
        AstIndex bigger = { .n_slots = x->n_slots ? x->n_slots * 2 : 64 };

        if (n * 2 < x->n_slots)
                return 0;
        bigger.slots = calloc(bigger.n_slots, sizeof(*bigger.slots));
        if (!bigger.slots)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                bigger.slots[slot_of(a, &bigger, key_of, key_of(a, i))] = (uint32_t)i + 1;
        free(x->slots);
        *x = bigger;
        return 0;
}

static int grow(void *array, size_t size, size_t n, size_t *cap) {
        void **p = array, *v;
        size_t want = *cap ? *cap * 2 : 64;

        if (n < *cap)
                return 0;
        v = reallocarray(*p, want, size);
        if (!v)
                return -ENOMEM;
        *p = v;
        *cap = want;
        return 0;
}

/* sigma-semantics B3: a record does not see these fields of another; aN are arguments of two kinds. */
static bool inherits(Str name) {
        /* names of ours, which no record has: not worth looking for in others */
        for (size_t i = 0; i < _CATEGORY_N; i++)
                if (str_eqz(name, category_names[i]))
                        return false;
        if (str_eqz(name, "type") || str_eqz(name, "argc") || str_eqz(name, "items") || !name.n)
                return false;
        if (name.n < 2 || name.p[0] != 'a')
                return true;
        for (size_t i = 1; i < name.n; i++)
                if (name.p[i] < '0' || name.p[i] > '9')
                        return true;
        return false;
}

size_t ast_bytes(const Ast *a) { return a->arena.used + a->n_tests * sizeof(*a->tests) + a->regex_bytes; }

int ast_field(Ast *a, Str name, uint32_t *ret) {
        size_t at;

        if (index_grow(a, &a->field_index, field_key, a->n_fields) ||
            grow(&a->fields, sizeof(*a->fields), a->n_fields, &a->cap_fields))
                return -ENOMEM;
        at = slot_of(a, &a->field_index, field_key, name);
        if (!a->field_index.slots[at]) {
                FieldInfo f = { arena_str(&a->arena, name), inherits(name) };

                if (!f.name.p)
                        return -ENOMEM;
                a->fields[a->n_fields++] = f;
                a->field_index.slots[at] = (uint32_t)a->n_fields;
        }
        *ret = a->field_index.slots[at] - 1;
        return 0;
}

bool ast_find_field(const Ast *a, Str name, uint32_t *ret) {
        size_t at = slot_of(a, &a->field_index, field_key, name);

        if (!a->field_index.slots[at])
                return false;
        *ret = a->field_index.slots[at] - 1;
        return true;
}

static void key_number(Buf *b, long double v) { buf_printf(b, "%.20Lg;", v); }

static int make_key(Ast *a, const Test *t, Str *ret) {
        Buf b = BUF_INIT;
        int r = -ENOMEM;

        buf_printf(&b, "%d,%u,%d,%d,%d,%u,%d,%d,%u;", t->kind, t->field, t->cased, t->compare, t->part,
                   t->other, t->star_before, t->star_after, t->regex_flags);
        if (t->kind == TEST_NUMBER || t->kind == TEST_TIME)
                key_number(&b, t->number);
        if (t->kind == TEST_CIDR) {
                buf_printf(&b, "%d,%u,", t->net.addr.v6, t->net.bits);
                buf_put(&b, t->net.addr.bytes, sizeof(t->net.addr.bytes));
        }
        buf_str(&b, t->regex_text);
        pattern_key(&b, &t->pattern);
        if (!b.failed) {
                *ret = arena_str(&a->arena, buf_view(&b));
                r = ret->p ? 0 : -ENOMEM;
        }
        buf_done(&b);
        return r;
}

static int add_test(Ast *a, Test *t, uint32_t *ret) {
        size_t at;

        if (make_key(a, t, &t->key) || index_grow(a, &a->test_index, test_key, a->n_tests) ||
            grow(&a->tests, sizeof(*a->tests), a->n_tests, &a->cap_tests))
                return -ENOMEM;
        at = slot_of(a, &a->test_index, test_key, t->key);
        if (a->test_index.slots[at]) {
                regex_free(t->regex);
        } else {
                a->tests[a->n_tests++] = *t;
                a->regex_bytes += t->regex ? regex_bytes(t->regex) : 0;
                a->test_index.slots[at] = (uint32_t)a->n_tests;
        }
        *ret = a->test_index.slots[at] - 1;
        return 0;
}

int ast_test(Ast *a, const Test *test, uint32_t *ret) {
        Test t = *test;
        int r = add_test(a, &t, ret);

        if (r)
                regex_free(t.regex);
        return r;
}

static Expr *new_expr(Ast *a, ExprKind kind, const Expr *const *v, size_t n) {
        uint64_t size = 1;
        Expr *e;

        for (size_t i = 0; i < n; i++)
                size += v[i]->size;
        if (size > EXPR_MAX_SIZE)
                return NULL;
        e = arena_alloc(&a->arena, sizeof(*e));
        if (!e)
                return NULL;
        *e = (Expr){
                .kind = kind, .size = (uint32_t)size, .n = n, .v = arena_alloc(&a->arena, n * sizeof(*v) + 1)
        };
        if (!e->v)
                return NULL;
        if (n)
                memcpy(e->v, v, n * sizeof(*v));
        return e;
}

const Expr *expr_test(Ast *a, uint32_t test) {
        Expr *e = new_expr(a, EXPR_TEST, NULL, 0);

        if (e)
                e->test = test;
        return e;
}

const Expr *expr_list(Ast *a, ExprKind kind, const Expr *const *v, size_t n) {
        return n == 1 ? v[0] : new_expr(a, kind, v, n);
}

const Expr *expr_not(Ast *a, const Expr *e) { return new_expr(a, EXPR_NOT, &e, 1); }

const Expr *expr_name(Ast *a, Str name, const RuleInfo *filter, const Expr *e) {
        Expr *named = new_expr(a, EXPR_NAME, &e, 1);

        if (named) {
                named->filter = filter;
                named->name = arena_str(&a->arena, name);
                if (!named->name.p)
                        return NULL;
        }
        return named;
}
