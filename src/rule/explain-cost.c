/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/hash.h"
#include "rule/explain-cost.h"

/* ---- names ---- */

/* False: not there; *ret is where it belongs. */
static bool find_name(const Names *names, const Expr *x, size_t *ret) {
        size_t at = hash_bytes(&x, sizeof(x), 0) & (names->n_slots - 1);

        while (names->slots[at] && names->judged[names->slots[at] - 1].expr != x)
                at = (at + 1) & (names->n_slots - 1);
        *ret = at;
        return names->slots[at] != 0;
}

static size_t count_names(const Expr *e) {
        size_t n = e->kind == EXPR_NAME;

        for (size_t i = 0; i < e->n && e->kind != EXPR_NAME; i++)
                n += count_names(e->v[i]);
        return n;
}

static void collect(Names *names, const Expr *e) {
        size_t at;

        if (e->kind == EXPR_NAME) {
                if (find_name(names, e, &at))
                        return;
                names->judged[names->n].expr = e;
                names->slots[at] = (uint32_t)++names->n;
                return;
        }
        for (size_t i = 0; i < e->n; i++)
                collect(names, e->v[i]);
}

bool names_init(Names *names, Arena *arena, const Expr *e) {
        size_t n = count_names(e) + 1;

        *names = (Names){ .n_slots = 16 };
        while (names->n_slots < 2 * n)
                names->n_slots *= 2;
        names->judged = arena_alloc(arena, n * sizeof(*names->judged));
        names->slots = arena_alloc(arena, names->n_slots * sizeof(*names->slots));
        if (!names->judged || !names->slots)
                return false;
        collect(names, e);
        return true;
}

bool names_find(const Names *names, const Expr *e, size_t *ret) {
        size_t at;

        if (!find_name(names, e, &at))
                return false;
        *ret = names->slots[at] - 1;
        return true;
}

/* ---- costs ---- */

static uint64_t sum(uint64_t a, uint64_t b) { return a + b > COST_MAX ? COST_MAX : a + b; }

Cost cost_weigh(Eval *eval, const Names *names, const Expr *e, bool types_only) {
        Cost c = { 0, 0 };
        size_t at;

        switch (e->kind) {
        case EXPR_TEST: {
                bool type = eval->ast->tests[e->test].field == FIELD_TYPE;
                uint64_t cost = type ? COST_TYPE : 1;

                if (types_only && !type)
                        return c;
                return eval_test(eval, e->test) ? (Cost){ 0, cost } : (Cost){ cost, 0 };
        }
        case EXPR_NOT: c = cost_weigh(eval, names, e->v[0], types_only); return (Cost){ c.no, c.yes };
        case EXPR_NAME:
                if (names && names_find(names, e, &at))
                        return names->judged[at].cost;
                return cost_weigh(eval, names, e->v[0], types_only);
        default: break;
        }
        c = e->kind == EXPR_AND ? (Cost){ 0, COST_MAX } : (Cost){ COST_MAX, 0 };
        for (size_t i = 0; i < e->n; i++) {
                Cost one = cost_weigh(eval, names, e->v[i], types_only);

                if (e->kind == EXPR_AND)
                        c = (Cost){ sum(c.yes, one.yes), one.no < c.no ? one.no : c.no };
                else
                        c = (Cost){ one.yes < c.yes ? one.yes : c.yes, sum(c.no, one.no) };
        }
        return c;
}
