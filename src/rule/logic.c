/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "rule/category.h"
#include "rule/logic.h"

enum { WANTED = 1, UNWANTED = 2 };

#define FIXED UINT8_MAX

/* A test or a search identifier. */
typedef struct {
        const Expr *e;
        uint8_t wanted; /* WANTED, UNWANTED: how the expression uses it */
        uint8_t column; /* of the table, or FIXED */
} Atom;

/* Two tests that cannot come out so at the same time. */
typedef struct {
        size_t a, b;
        bool a_truth, b_truth;
        bool single; /* because the field has one value */
} Clash;

#define MAX_CLASHES (LOGIC_RELATED * LOGIC_RELATED)

typedef struct {
        const Ast *ast;
        ViewKind view;
        bool by_name; /* atoms are search identifiers, else tests */
        Atom v[LOGIC_LEAVES];
        size_t n, nodes, n_columns;
        Clash clashes[MAX_CLASHES];
        size_t n_clashes;
        uint32_t block; /* 64 lines of the table, the bits of a word */
        bool suits;     /* what has no column comes out as the expression would like it */
} Table;

/* ---- what the expression is made of ---- */

static bool is_atom(const Table *t, const Expr *e) { return e->kind == (t->by_name ? EXPR_NAME : EXPR_TEST); }

static int compare(const Expr *a, const Expr *b) {
        if (a->kind == EXPR_TEST)
                return (a->test > b->test) - (a->test < b->test);
        return ((uintptr_t)a > (uintptr_t)b) - ((uintptr_t)a < (uintptr_t)b);
}

static int compare_atoms(const void *a, const void *b) {
        return compare(((const Atom *)a)->e, ((const Atom *)b)->e);
}

/* False: there are too many. */
static bool collect(Table *t, const Expr *e, uint8_t wanted) {
        if (++t->nodes > LOGIC_WORK)
                return false;
        if (is_atom(t, e)) {
                if (t->n == LOGIC_LEAVES)
                        return false;
                t->v[t->n++] = (Atom){ e, wanted, FIXED };
                return true;
        }
        if (e->kind == EXPR_NOT)
                wanted ^= WANTED | UNWANTED;
        for (size_t i = 0; i < e->n; i++)
                if (!collect(t, e->v[i], wanted))
                        return false;
        return true;
}

/* Each once, in order. */
static void unite(Table *t) {
        size_t n = 0;

        qsort(t->v, t->n, sizeof(*t->v), compare_atoms);
        for (size_t i = 0; i < t->n; i++)
                if (n && !compare(t->v[n - 1].e, t->v[i].e))
                        t->v[n - 1].wanted |= t->v[i].wanted;
                else
                        t->v[n++] = t->v[i];
        t->n = n;
}

static const Atom *find(const Table *t, const Expr *e) {
        Atom key = { .e = e };

        return bsearch(&key, t->v, t->n, sizeof(*t->v), compare_atoms);
}

/* ---- what cannot be at the same time ---- */

static bool has_one_value(const Table *t, uint32_t field) {
        if (t->view == _VIEW_N)
                return false;
        if (t->view == VIEW_AUDIT)
                return field == FIELD_TYPE;
        for (size_t i = 0; i < _CATEGORY_N; i++)
                if (str_eqz(t->ast->fields[field].name, category_names[i]))
                        return true;
        return false;
}

static void clash(Table *t, size_t a, bool a_truth, size_t b, bool b_truth, bool single) {
        t->clashes[t->n_clashes++] = (Clash){ a, b, a_truth, b_truth, single };
}

/* A field that is absent has no value, and is null. */
static void relate_presence(Table *t, size_t i, size_t k) {
        const Test *a = &t->ast->tests[t->v[i].e->test], *b = &t->ast->tests[t->v[k].e->test];

        if (b->kind == TEST_EXISTS && a->kind != TEST_EXISTS)
                clash(t, i, a->kind != TEST_NULL, k, false, false);
}

/* That it is this text, and that it is like that. */
static void relate_values(Table *t, size_t i, size_t k) {
        const Test *a = &t->ast->tests[t->v[i].e->test], *b = &t->ast->tests[t->v[k].e->test];
        Str text;

        if (a->kind == TEST_PATTERN && b->kind == TEST_PATTERN && !a->cased && !b->cased &&
            has_one_value(t, a->field) && pattern_plain(&a->pattern, &text))
                clash(t, i, true, k, !pattern_match(&b->pattern, text), true);
}

static void relate(Table *t) {
        if (t->by_name || t->n > LOGIC_RELATED)
                return;
        for (size_t i = 0; i < t->n; i++)
                for (size_t k = 0; k < t->n; k++) {
                        if (i == k ||
                            t->ast->tests[t->v[i].e->test].field != t->ast->tests[t->v[k].e->test].field)
                                continue;
                        relate_presence(t, i, k);
                        relate_values(t, i, k);
                }
}

/* ---- the table ---- */

/* False: too many columns. */
static bool give_column(Table *t, Atom *a) {
        if (a->column != FIXED)
                return true;
        if (t->n_columns == LOGIC_COLUMNS)
                return false;
        a->column = (uint8_t)t->n_columns++;
        return true;
}

static bool give_columns(Table *t) {
        for (size_t i = 0; i < t->n; i++)
                if (t->v[i].wanted == (WANTED | UNWANTED) && !give_column(t, &t->v[i]))
                        return false;
        for (size_t i = 0; i < t->n_clashes; i++)
                if (!give_column(t, &t->v[t->clashes[i].a]) || !give_column(t, &t->v[t->clashes[i].b]))
                        return false;
        return true;
}

static uint64_t atom_lines(const Table *t, const Atom *a) {
        static const uint64_t low[6] = { 0xAAAAAAAAAAAAAAAA, 0xCCCCCCCCCCCCCCCC, 0xF0F0F0F0F0F0F0F0,
                                         0xFF00FF00FF00FF00, 0xFFFF0000FFFF0000, 0xFFFFFFFF00000000 };

        if (a->column == FIXED)
                return (a->wanted == WANTED) == t->suits ? UINT64_MAX : 0;
        return a->column < 6 ? low[a->column] : t->block >> (a->column - 6) & 1 ? UINT64_MAX : 0;
}

/* The lines of the block in which @e holds. */
static uint64_t lines(const Table *t, const Expr *e) {
        uint64_t all;

        if (is_atom(t, e))
                return atom_lines(t, find(t, e));
        if (e->kind == EXPR_NOT)
                return ~lines(t, e->v[0]);
        if (e->kind == EXPR_NAME)
                return lines(t, e->v[0]);
        all = e->kind == EXPR_AND ? UINT64_MAX : 0;
        for (size_t i = 0; i < e->n; i++) {
                uint64_t one = lines(t, e->v[i]);

                all = e->kind == EXPR_AND ? all & one : all | one;
        }
        return all;
}

/* The lines of the block that some log can bring about; @single: values count that exclude each other. */
static uint64_t possible(const Table *t, bool single) {
        uint64_t all = UINT64_MAX;

        for (size_t i = 0; i < t->n_clashes; i++) {
                const Clash *c = &t->clashes[i];
                uint64_t a = atom_lines(t, &t->v[c->a]), b = atom_lines(t, &t->v[c->b]);

                if (single || !c->single)
                        all &= ~((c->a_truth ? a : ~a) & (c->b_truth ? b : ~b));
        }
        return all;
}

/* Whether the expression can come out as @truth. */
static bool can_be(Table *t, const Expr *e, bool truth, bool single) {
        uint32_t n = t->n_columns > 6 ? 1u << (t->n_columns - 6) : 1;

        t->suits = truth;
        for (t->block = 0; t->block < n; t->block++)
                if ((truth ? lines(t, e) : ~lines(t, e)) & possible(t, single))
                        return true;
        return false;
}

static Logic judge(Table *t, const Expr *e) {
        unite(t);
        relate(t);
        if (!give_columns(t))
                return LOGIC_OPEN;
        if (((uint64_t)(t->nodes + t->n_clashes) << (t->n_columns > 6 ? t->n_columns - 6 : 0)) > LOGIC_WORK)
                return LOGIC_OPEN;
        if (can_be(t, e, true, true))
                return can_be(t, e, false, true) ? LOGIC_OPEN : LOGIC_ALWAYS;
        return !can_be(t, e, true, false) ? LOGIC_NEVER : t->view == VIEW_AUDIT ? LOGIC_TYPES : LOGIC_VALUES;
}

Logic logic_judge(const Ast *a, ViewKind view, const Expr *e) {
        Table *t = malloc(sizeof(*t));
        Logic r = LOGIC_OPEN;

        for (int by_name = 0; t && by_name < 2; by_name++) {
                t->ast = a;
                t->view = view;
                t->by_name = by_name;
                t->n = t->nodes = t->n_columns = t->n_clashes = 0;
                if (collect(t, e, WANTED)) {
                        r = judge(t, e);
                        break;
                }
        }
        free(t);
        return r;
}
