/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "rule/plan.h"

PlanField *plan_field_free(PlanField *f) {
        if (!f)
                return NULL;
        lits_free(f->lits);
        free(f->present);
        free(f);
        return NULL;
}

static void plan_free(const Index *x, Plan *p) {
        if (!p)
                return;
        for (size_t i = 0; p->fields && i < x->set->ast.n_fields; i++)
                plan_field_free(p->fields[i]);
        free(p->fields);
        free(p->wanted);
        free(p->inherited);
        free(p->always);
        free(p->truth);
        free(p);
}

Plan *plan_new(Index *x) {
        Plan *p;

        if (x->n_plans == x->cap_plans) {
                size_t cap = x->cap_plans ? x->cap_plans * 2 : 16;
                Plan **v = reallocarray(x->plans, cap, sizeof(*v));

                if (!v)
                        return NULL;
                x->plans = v;
                x->cap_plans = cap;
        }
        p = calloc(1, sizeof(*p));
        if (p)
                x->plans[x->n_plans++] = p;
        return p;
}

Index *index_free(Index *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n_plans; i++)
                plan_free(x, x->plans[i]);
        plan_free(x, x->base);
        plan_free(x, x->unknown);
        for (size_t i = 0; i < ARRAY_SIZE(x->categories); i++)
                plan_free(x, x->categories[i]);
        free(x->plans);
        free(x->context);
        free(x->by_text);
        free(x);
        return NULL;
}
