/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: for each kind of record, which literals in which fields make which rules worth asking.
 *
 * Rules that say nothing about the type of a record share one plan. The others are filed, for every type that has a name, under the
 * plan of that type, in which tests of the type are already decided; types that no rule tells apart share a plan. For names that
 * nobody knows there is a plan in which the type is a field like any other. */
#include <errno.h>
#include <stdlib.h>
#include "rule/category.h"
#include "rule/plan.h"
#include "rule/types.h"

typedef struct {
        Index *index;
        Eval eval; /* for the truth of tests about types; sees no event */
        Viewer viewer;
        uint64_t *known, *truth;
        uint8_t *typed; /* for each rule: it tests the type */
        TriggerList list;
} Building;

static bool asks_type(const Ast *a, const Expr *x) {
        if (x->kind == EXPR_TEST)
                return a->tests[x->test].field == FIELD_TYPE && a->tests[x->test].kind != TEST_FIELD;
        for (size_t i = 0; i < x->n; i++)
                if (asks_type(a, x->v[i]))
                        return true;
        return false;
}

static int by_field(const void *a, const void *b) {
        const Trigger *x = a, *y = b;

        return (x->field > y->field) - (x->field < y->field);
}

static int add_id(uint32_t **v, size_t *n, uint32_t id) {
        uint32_t *more;

        /* room for a power of two */
        if (!(*n & (*n - 1)) || !*v) {
                more = reallocarray(*v, *n ? *n * 2 : 1, sizeof(*more));
                if (!more)
                        return -ENOMEM;
                *v = more;
        }
        (*v)[(*n)++] = id;
        return 0;
}

/* The triggers of one field: literals into one sieve, the rest asks for any value. */
static int build_field(const Ast *a, Plan *plan, const Trigger *v, size_t n) {
        PlanField *f = calloc(1, sizeof(*f));
        Lit *lits = calloc(n + 1, sizeof(*lits));
        uint32_t field = v[0].field;
        size_t used = 0;
        int r = f && lits ? 0 : -ENOMEM;

        for (size_t i = 0; i < n && !r; i++)
                if (v[i].present)
                        r = add_id(&f->present, &f->n_present, v[i].lit.id);
                else
                        lits[used++] = v[i].lit;
        if (!r && used)
                r = lits_new(&f->lits, lits, used);
        free(lits);
        if (r) {
                plan_field_free(f);
                return r;
        }
        plan->fields[field] = f;
        plan->wanted[field / 64] |= UINT64_C(1) << field % 64;
        plan->any = true;
        return a->fields[field].inherited ? add_id(&plan->inherited, &plan->n_inherited, field) : 0;
}

static int plan_init(const Ast *a, Plan *plan) {
        plan->fields = calloc(a->n_fields, sizeof(*plan->fields));
        plan->wanted = calloc(a->n_fields / 64 + 1, sizeof(*plan->wanted));
        return plan->fields && plan->wanted ? 0 : -ENOMEM;
}

typedef bool (*RuleFn)(const Building *b, uint32_t rule);

static int build_plan(Building *b, Plan *plan, const Selection *s, RuleFn belongs) {
        const RuleSet *set = b->index->set;
        int r = plan_init(s->ast, plan);

        b->list.n = 0;
        for (uint32_t i = 0; i < set->n_rules && !r; i++) {
                Selection mine = *s;
                SelectResult result;

                if (!belongs(b, i))
                        continue;
                if (!set->rules[i].asks_parents)
                        mine.from = SELECT_ANY;
                r = select_triggers(&mine, set->rules[i].expr, i, &b->list, &result);
                if (!r && result == SELECT_ALWAYS)
                        r = add_id(&plan->always, &plan->n_always, i);
        }
        plan->any |= plan->n_always > 0;
        if (b->list.n)
                qsort(b->list.v, b->list.n, sizeof(*b->list.v), by_field);
        for (size_t i = 0, end; i < b->list.n && !r; i = end) {
                for (end = i; end < b->list.n && b->list.v[end].field == b->list.v[i].field; end++)
                        continue;
                r = build_field(s->ast, plan, b->list.v + i, end - i);
        }
        return r;
}

static bool is_untyped(const Building *b, uint32_t i) {
        return b->index->set->rules[i].view == VIEW_AUDIT && !b->typed[i];
}

static bool is_typed(const Building *b, uint32_t i) {
        return b->index->set->rules[i].view == VIEW_AUDIT && b->typed[i];
}

static bool is_process(const Building *b, uint32_t i) { return b->index->set->rules[i].view == VIEW_PROCESS; }

static bool is_parents(const Building *b, uint32_t i) { return b->index->set->rules[i].asks_parents; }
static bool is_network(const Building *b, uint32_t i) { return b->index->set->rules[i].view == VIEW_NETWORK; }
static bool is_file(const Building *b, uint32_t i) { return b->index->set->rules[i].view == VIEW_FILE; }

/* What all tests of the type say about one name; all of them are known then. */
static void decide_type(Building *b, Str name) {
        const Ast *a = &b->index->set->ast;

        for (uint32_t i = 0; i < a->n_tests; i++) {
                const Test *t = &a->tests[i];
                bool truth;

                if (t->field != FIELD_TYPE || t->kind == TEST_FIELD)
                        continue;
                eval_begin(&b->eval);
                truth = t->kind == TEST_EXISTS || (t->kind != TEST_NULL && eval_value(&b->eval, t, name));
                b->known[i / 64] |= UINT64_C(1) << i % 64;
                b->truth[i / 64] &= ~(UINT64_C(1) << i % 64);
                b->truth[i / 64] |= (uint64_t)truth << i % 64;
        }
}

/* A plan made for a name that every test of the type answers in the same way, or NULL. */
static const Plan *same_plan(const Building *b, size_t words) {
        const Index *x = b->index;

        for (size_t i = 0; i < x->n_plans; i++)
                if (!memcmp(x->plans[i]->truth, b->truth, words * sizeof(*b->truth)))
                        return x->plans[i];
        return NULL;
}

static void join_wanted(const Index *x, Plan *plan) {
        for (size_t i = 0; i <= x->set->ast.n_fields / 64; i++)
                plan->wanted[i] |= x->base->wanted[i];
}

static int plan_type(Building *b, int type) {
        Index *x = b->index;
        const char *name = record_type_to_name(type);
        size_t words = x->set->ast.n_tests / 64 + 1;
        Selection s = { (Ast *)&x->set->ast, b->known, b->truth, true, type == TYPE_SYSCALL, SELECT_ANY };
        const Plan *same;
        Plan *plan;
        int r;

        if (!name)
                return 0;
        x->type_names[type - FIRST_TYPE] = str_from(name);
        decide_type(b, str_from(name));
        same = type == TYPE_SYSCALL ? NULL : same_plan(b, words);
        if (same) {
                x->by_type[type - FIRST_TYPE] = same;
                return 0;
        }
        plan = plan_new(x);
        if (!plan)
                return -ENOMEM;
        plan->truth = calloc(words, sizeof(*plan->truth));
        if (!plan->truth)
                return -ENOMEM;
        memcpy(plan->truth, b->truth, words * sizeof(*b->truth));
        r = build_plan(b, plan, &s, is_typed);
        if (!r)
                join_wanted(x, plan);
        x->by_type[type - FIRST_TYPE] = plan;
        return r;
}

static void join_inherited(Index *x, const Plan *plan) {
        for (size_t i = 0; i < plan->n_inherited; i++)
                x->context[plan->inherited[i] / 64] |= UINT64_C(1) << plan->inherited[i] % 64;
}

/* Context records are read once, for what is asked of them themselves and for what others inherit. */
static void join_context(Index *x) {
        static const int types[] = { TYPE_SYSCALL, TYPE_URINGOP, TYPE_CWD, TYPE_PROCTITLE };
        size_t words = x->set->ast.n_fields / 64 + 1;

        join_inherited(x, x->base);
        join_inherited(x, x->unknown);
        for (size_t i = 0; i < x->n_plans; i++)
                join_inherited(x, x->plans[i]);
        for (size_t i = 0; i < ARRAY_SIZE(x->categories); i++)
                join_inherited(x, x->categories[i]);
        for (size_t i = 0; i < words; i++)
                x->context[i] |= x->unknown->wanted[i];
        for (size_t k = 0; k < ARRAY_SIZE(types); k++)
                for (size_t i = 0; x->by_type[types[k] - FIRST_TYPE] && i < words; i++)
                        x->context[i] |= x->by_type[types[k] - FIRST_TYPE]->wanted[i];
}

static int build_audit(Building *b) {
        Index *x = b->index;
        Selection open = { .ast = (Ast *)&x->set->ast, .audit = true };
        int r;

        x->base = calloc(1, sizeof(*x->base));
        x->unknown = calloc(1, sizeof(*x->unknown));
        x->context = calloc(x->set->ast.n_fields / 64 + 1, sizeof(*x->context));
        if (!x->base || !x->unknown || !x->context)
                return -ENOMEM;
        r = build_plan(b, x->base, &open, is_untyped);
        r = r ? r : build_plan(b, x->unknown, &open, is_typed);
        if (!r)
                join_wanted(x, x->unknown);
        for (int type = FIRST_TYPE; type <= LAST_TYPE && !r; type++)
                r = plan_type(b, type);
        return r;
}

static int note_by_text(Index *x) {
        const Plan *parents = x->categories[3];

        x->by_text = calloc(x->set->n_rules + 1, 1);
        if (!x->by_text)
                return -ENOMEM;
        for (size_t i = 0; i < x->set->n_rules; i++)
                x->by_text[i] = x->set->rules[i].asks_parents;
        for (size_t i = 0; i < parents->n_always; i++)
                x->by_text[parents->always[i]] = false;
        return 0;
}

static int build_categories(Building *b) {
        static const struct {
                RuleFn belongs;
                SelectFrom from;
        } plans[] = { { is_process, SELECT_OWN },
                      { is_network, SELECT_ANY },
                      { is_file, SELECT_ANY },
                      { is_parents, SELECT_PARENTS } };
        Index *x = b->index;
        Selection s = { .ast = (Ast *)&x->set->ast, .known = b->known, .truth = b->truth };
        const Ast *a = &x->set->ast;
        int r = 0;

        /* views of categories have no type */
        for (uint32_t i = 0; i < a->n_tests; i++) {
                if (a->tests[i].field != FIELD_TYPE || a->tests[i].kind == TEST_FIELD)
                        continue;
                b->known[i / 64] |= UINT64_C(1) << i % 64;
                b->truth[i / 64] &= ~(UINT64_C(1) << i % 64);
                b->truth[i / 64] |= (uint64_t)(a->tests[i].kind == TEST_NULL) << i % 64;
        }
        for (size_t i = 0; i < ARRAY_SIZE(plans) && !r; i++) {
                x->categories[i] = calloc(1, sizeof(*x->categories[i]));
                s.from = plans[i].from;
                r = x->categories[i] ? build_plan(b, x->categories[i], &s, plans[i].belongs) : -ENOMEM;
        }
        return r ? r : note_by_text(x);
}

static bool repeats(const Building *b, const Plan *p) {
        return !p->n_always && !p->fields[FIELD_KEYWORDS] && !viewer_needs_header(&b->viewer, p->wanted);
}

static const PlanField *field_of(const Plan *p, uint32_t id) {
        return id == UINT32_MAX ? NULL : p->fields[id];
}

static void finish_plan(const Building *b, Plan *p) {
        p->repeats = repeats(b, p);
        for (size_t i = 0; i < _HEAD_N; i++)
                p->head[i] = field_of(p, b->viewer.id_head[i]);
        for (size_t i = 0; i < _PATH_N; i++)
                p->path[i] = field_of(p, b->viewer.id_path[i]);
}

static void name_fields(Building *b) {
        Index *x = b->index;
        const RuleSet *set = x->set;

        finish_plan(b, x->base);
        for (size_t i = 0; i < x->n_plans; i++)
                finish_plan(b, x->plans[i]);

        for (size_t i = 0; i < x->n_plans; i++)
                viewer_names(&b->viewer, x->plans[i]->wanted, &x->plans[i]->names);
        viewer_names(&b->viewer, x->unknown->wanted, &x->unknown->names);
        viewer_names(&b->viewer, x->context, &x->context_names);
        if (set->parents || set->views[VIEW_PROCESS] || set->views[VIEW_NETWORK] || set->views[VIEW_FILE])
                viewer_fact_names(&x->context_names, true);
        viewer_fact_names(&x->fact_names, true);
}

static int build(Building *b) {
        const RuleSet *set = b->index->set;
        size_t words = set->ast.n_tests / 64 + 1;
        int r = viewer_init(&b->viewer, set);

        r = r ? r : eval_init(&b->eval, &b->viewer);
        b->known = calloc(words, sizeof(*b->known));
        b->truth = calloc(words, sizeof(*b->truth));
        b->typed = calloc(set->n_rules + 1, 1);
        if (r || !b->known || !b->truth || !b->typed)
                return -ENOMEM;
        for (size_t i = 0; i < set->n_rules; i++)
                b->typed[i] = asks_type(&set->ast, set->rules[i].expr);
        r = build_audit(b);
        r = r ? r : build_categories(b);
        if (!r) {
                join_context(b->index);
                name_fields(b);
        }
        return r;
}

int index_new(Index **ret, const RuleSet *set) {
        Index *x = calloc(1, sizeof(*x));
        Building b = { .index = x };
        int r;

        if (!x)
                return -ENOMEM;
        x->set = set;
        r = build(&b);
        eval_done(&b.eval);
        viewer_done(&b.viewer);
        free(b.known);
        free(b.truth);
        free(b.typed);
        free(b.list.v);
        if (r)
                index_free(x);
        else
                *ret = x;
        return r;
}
