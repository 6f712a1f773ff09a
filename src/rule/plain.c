/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rule/category.h"
#include "rule/plain.h"
#include "rule/types.h"

static void ask(RuleState *s, ViewKind view, bool parents, const Record *record) {
        eval_begin(&s->eval);
        for (uint32_t i = 0; i < s->set->n_rules; i++) {
                const Rule *rule = &s->set->rules[i];

                if (rule->view == view && rule->asks_parents == parents && eval_expr(&s->eval, rule->expr))
                        state_hit(s, i, record);
        }
}

void plain_parents(RuleState *s) { ask(s, VIEW_PROCESS, true, NULL); }

static bool is_asked(const Record *r, const Record **seen_execve) {
        if (view_type_is_end(r->type) || (r->type == TYPE_EXECVE && *seen_execve))
                return false;
        if (r->type == TYPE_EXECVE)
                *seen_execve = r;
        return true;
}

/* --scope event: a search identifier holds when any record makes it hold. */
static bool name_holds(RuleState *s, const Expr *name) {
        bool failed = s->viewer.failed;
        const Record *execve = NULL;

        /* Else the texts of all records would be kept once for each name; values that correlations want still point to them. */
        if (!s->n_values)
                viewer_event(&s->viewer, s->viewer.event);
        s->viewer.failed = failed;
        for (const Record *r = s->viewer.event->records; r; r = r->next) {
                if (!is_asked(r, &execve))
                        continue;
                viewer_record(&s->viewer, r, true);
                eval_begin(&s->eval);
                if (eval_expr(&s->eval, name->v[0]))
                        return true;
        }
        return false;
}

static bool event_holds(RuleState *s, const Expr *x) {
        switch (x->kind) {
        case EXPR_NAME: return name_holds(s, x);
        case EXPR_NOT: return !event_holds(s, x->v[0]);
        default:
                for (size_t i = 0; i < x->n; i++)
                        if (event_holds(s, x->v[i]) == (x->kind == EXPR_OR))
                                return x->kind == EXPR_OR;
                return x->kind == EXPR_AND;
        }
}

static void whole_event(RuleState *s) {
        for (uint32_t i = 0; i < s->set->n_rules; i++)
                if (s->set->rules[i].view == VIEW_AUDIT && event_holds(s, s->set->rules[i].expr))
                        state_hit(s, i, NULL);
}

static void categories(RuleState *s) {
        const Event *e = s->viewer.event;

        for (ViewKind k = VIEW_PROCESS; k < _VIEW_N; k++) {
                if (!s->set->views[k] || !category_possible(e, k))
                        continue;
                if (k != VIEW_FILE) {
                        if (viewer_category(&s->viewer, k, NULL))
                                ask(s, k, false, NULL);
                        continue;
                }
                for (const Record *r = e->records; r; r = r->next)
                        if (r->type == TYPE_PATH && viewer_category(&s->viewer, k, r))
                                ask(s, k, false, r);
        }
}

void plain_event(RuleState *s) {
        const Record *execve = NULL;

        if (s->set->views[VIEW_AUDIT] && s->set->options.scope == RULE_SCOPE_EVENT)
                whole_event(s);
        else if (s->set->views[VIEW_AUDIT])
                for (const Record *r = s->viewer.event->records; r; r = r->next)
                        if (is_asked(r, &execve)) {
                                viewer_record(&s->viewer, r, true);
                                ask(s, VIEW_AUDIT, false, r);
                        }
        categories(s);
}
