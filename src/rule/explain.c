/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/explain-cost.h"
#include "rule/explain.h"
#include "rule/state.h"
#include "rule/types.h"

/* The record (or category) that comes closest to a rule. */
typedef struct {
        uint64_t at; /* the view's number; 0: none comes near */
        uint64_t cost;
} Closest;

struct Explain {
        RuleSet *set;
        RecordId target;
        char *node;
        RuleState *state;
        Viewer viewers[2]; /* the second looks for the closest record, and lets go of what it read */
        Eval evals[2];
        Viewer *viewer;
        Eval *eval;
        PendingMemory memory; /* where the parts lie */
        Pending *parts[EXPLAIN_MAX_PARTS];
        size_t n_parts, n_more;
        /* while one part is explained: */
        const ExplainOutput *out;
        const Event *event;
        Arena event_arena, arena; /* for the event; for the rule under way */
        Process parent;
        Closest *closest;   /* for each rule */
        bool *fired;        /* for each correlation */
        uint64_t at;        /* of the current view, from 1 */
        size_t number;      /* of its record */
        ExplainName *shown; /* of the rule under way, as many as its Names */
        Names *names;       /* --scope event: judged already, each by a record of its own */
        bool failed;        /* memory ran out */
};

const char *explain_view_name(ViewKind view) {
        static const char *const names[_VIEW_N] = { "", "process_creation", "network_connection",
                                                    "file_event" };

        return names[view];
}

static void look_through(Explain *x, size_t i) {
        x->viewer = &x->viewers[i];
        x->eval = &x->evals[i];
}

int explain_new(Explain **ret, RuleSet *set, const RecordId *target) {
        Explain *x = calloc(1, sizeof(*x));
        int r;

        if (!x)
                return -ENOMEM;
        x->set = rule_set_ref(set);
        x->target = *target;
        x->node = strndup(target->node.n ? target->node.p : "", target->node.n);
        x->target.node = (Str){ x->node, target->node.n };
        x->closest = calloc(set->n_rules + 1, sizeof(*x->closest));
        x->fired = calloc(set->n_correlations + 1, sizeof(*x->fired));
        r = x->node && x->closest && x->fired ? rule_state_new(&x->state, set) : -ENOMEM;
        if (r == 0) /* which correlations fired is read off an event's turn: let all of them wait for it */
                memset(x->state->at_once, 0, set->n_correlations * sizeof(*x->state->at_once));
        for (size_t i = 0; i < 2 && !r; i++) {
                r = viewer_init(&x->viewers[i], set);
                r = r ? r : eval_init(&x->evals[i], &x->viewers[i]);
        }
        look_through(x, 0);
        if (r)
                explain_free(x);
        else
                *ret = x;
        return r;
}

Explain *explain_free(Explain *x) {
        if (!x)
                return NULL;
        for (size_t i = 0; i < x->n_parts; i++)
                pending_free(&x->memory, x->parts[i]);
        pending_memory_done(&x->memory);
        for (size_t i = 0; i < 2; i++) {
                eval_done(&x->evals[i]);
                viewer_done(&x->viewers[i]);
        }
        rule_state_free(x->state);
        arena_done(&x->event_arena);
        arena_done(&x->arena);
        rule_set_unref(x->set);
        free(x->node);
        free(x->closest);
        free(x->fired);
        free(x);
        return NULL;
}

/* ---- the stream ---- */

static void ignore(void *userdata, const RuleHit *hit) {}

static int order(const RecordId *a, const RecordId *b) {
        if (a->sec != b->sec)
                return a->sec < b->sec ? -1 : 1;
        if (a->ms != b->ms)
                return a->ms < b->ms ? -1 : 1;
        return (a->serial > b->serial) - (a->serial < b->serial);
}

static int add_part(Explain *x, const Event *event) {
        if (x->n_parts == EXPLAIN_MAX_PARTS) {
                x->n_more++;
                return 0;
        }
        x->parts[x->n_parts] = pending_new(&x->memory, &(Pending){ 0 }, event);
        if (!x->parts[x->n_parts])
                return -ENOMEM;
        x->n_parts++;
        return 0;
}

int explain_add(Explain *x, const Event *event) {
        int o = order(&event->id, &x->target);

        if (!o && (!x->target.node.n || str_eq(x->target.node, event->id.node)))
                return add_part(x, event);
        return o > 0 ? 0 : rule_state_match(x->state, event, ignore, NULL);
}

/* ---- all that rules can look at ---- */

typedef void (*ViewFn)(Explain *x, ViewKind view, const Record *record);

static bool is_asked(const Record *r, bool *execve) {
        bool again = r->type == TYPE_EXECVE && *execve;

        *execve |= r->type == TYPE_EXECVE;
        return !view_type_is_end(r->type) && !again;
}

static void show(Explain *x, ViewKind view, const Record *record, ViewFn fn) {
        eval_begin(x->eval);
        x->at++;
        fn(x, view, record);
}

static void each_record(Explain *x, ViewFn fn) {
        bool execve = false;

        x->number = 0;
        for (const Record *r = x->event->records; r; r = r->next) {
                x->number++;
                if (!is_asked(r, &execve))
                        continue;
                viewer_record(x->viewer, r, true);
                show(x, VIEW_AUDIT, r, fn);
        }
}

static void each_path(Explain *x, ViewFn fn) {
        x->number = 0;
        for (const Record *r = x->event->records; r; r = r->next) {
                x->number++;
                if (r->type == TYPE_PATH && viewer_category(x->viewer, VIEW_FILE, r))
                        show(x, VIEW_FILE, r, fn);
        }
}

static void each_view(Explain *x, ViewFn fn) {
        x->at = 0;
        viewer_event(x->viewer, x->event);
        if (x->set->views[VIEW_AUDIT] && x->set->options.scope != RULE_SCOPE_EVENT)
                each_record(x, fn);
        for (ViewKind k = VIEW_PROCESS; k < _VIEW_N; k++) {
                if (!x->set->views[k] || !category_possible(x->event, k))
                        continue;
                if (k == VIEW_FILE) {
                        each_path(x, fn);
                        continue;
                }
                x->number = 0;
                if (!viewer_category(x->viewer, k, NULL))
                        continue;
                if (k == VIEW_PROCESS)
                        viewer_parent(x->viewer, x->parent.exe, x->parent.command_line);
                show(x, k, NULL, fn);
        }
        x->failed |= x->viewer->failed;
}

/* ---- passes over them ---- */

static void tell_view(Explain *x, ViewKind view, const Record *record) {
        ExplainView v = { .view = view, .record = record, .number = x->number };

        if (view == VIEW_AUDIT || !category_read(x->viewer, view, record, &v.values))
                return;
        v.parents = view == VIEW_PROCESS && x->set->parents;
        if (v.parents) {
                v.values.v[CATEGORY_PARENT_IMAGE] = x->parent.exe;
                v.values.v[CATEGORY_PARENT_COMMAND_LINE] = x->parent.command_line;
        }
        x->out->view(x->out->userdata, &v);
}

static bool whole(const Explain *x, const Rule *rule) {
        return rule->view == VIEW_AUDIT && x->set->options.scope == RULE_SCOPE_EVENT;
}

static void find_closest(Explain *x, ViewKind view, const Record *record) {
        for (size_t i = 0; i < x->set->n_rules; i++) {
                const Rule *rule = &x->set->rules[i];
                Closest *c = &x->closest[i];
                Cost cost;

                if (rule->view != view || (c->at && !c->cost) ||
                    cost_weigh(x->eval, x->names, rule->expr, true).yes >= COST_TYPE)
                        continue;
                cost = cost_weigh(x->eval, x->names, rule->expr, false);
                if (!c->at || cost.yes < c->cost)
                        *c = (Closest){ x->at, cost.yes };
        }
}

/* ---- the names of a condition ---- */

static bool begin_names(Explain *x, Names *names, const Expr *e) {
        if (!names_init(names, &x->arena, e))
                return false;
        x->shown = arena_alloc(&x->arena, (names->n + 1) * sizeof(*x->shown));
        return x->shown != NULL;
}

/* By the current view. */
static bool judge_name(Explain *x, Names *names, size_t i, const Record *record) {
        const Expr *e = names->judged[i].expr;

        names->judged[i].cost = cost_weigh(x->eval, x->names, e->v[0], false);
        x->shown[i] = (ExplainName){ e->name, e->filter, record, record ? x->number : 0,
                                     explain_tree(x->eval, &x->arena, e->v[0]) };
        return x->shown[i].node != NULL;
}

/* --scope event: by the record that comes closest to it. */
static bool judge_name_anywhere(Explain *x, Names *names, size_t i) {
        const Record *best = x->event->records;
        uint64_t least = UINT64_MAX;
        bool execve = false;
        size_t number = 0, best_number = 1;

        look_through(x, 1);
        viewer_event(x->viewer, x->event);
        for (const Record *r = x->event->records; r && least; r = r->next) {
                Cost c;

                number++;
                if (!is_asked(r, &execve))
                        continue;
                viewer_record(x->viewer, r, true);
                eval_begin(x->eval);
                c = cost_weigh(x->eval, x->names, names->judged[i].expr->v[0], false);
                if (c.yes >= least)
                        continue;
                least = c.yes;
                best = r;
                best_number = number;
        }
        x->failed |= x->viewer->failed;
        look_through(x, 0);
        viewer_record(x->viewer, best, true);
        eval_begin(x->eval);
        x->number = best_number;
        return judge_name(x, names, i, best);
}

/* The first name that is not as it should be, going down where least is missing. */
static void blame(Explain *x, const Expr *e, Explanation *ret) {
        bool want = true;
        size_t at;

        while (e->kind != EXPR_NAME) {
                const Expr *next = e->n ? e->v[0] : NULL;
                uint64_t least = UINT64_MAX;

                if (!next)
                        return;
                for (size_t i = 0; i < e->n && e->kind != EXPR_NOT; i++) {
                        Cost c = cost_weigh(x->eval, x->names, e->v[i], false);
                        uint64_t missing = want ? c.yes : c.no;
                        bool all = (e->kind == EXPR_AND) == want; /* each of them should be as wanted */

                        if (!missing || missing >= least)
                                continue;
                        next = e->v[i];
                        least = all ? 0 : missing;
                }
                want = e->kind == EXPR_NOT ? !want : want;
                e = next;
        }
        if (!names_find(x->names, e, &at))
                return;
        ret->failed = &x->shown[at];
        ret->failed_item = want ? explain_first_failed(ret->failed->node) : NULL;
}

/* ---- correlations ---- */

static const ExplainCount *count_for(Explain *x, const Correlation *c, const CorrelationRef *ref,
                                     ExplainCount *ret) {
        Str *values = arena_alloc(&x->arena, (c->n_group + 1) * sizeof(*values));

        *ret = (ExplainCount){ .correlation = &c->info,
                               .fired = x->fired[c - x->set->correlations],
                               .group = c->group,
                               .value = values,
                               .n = values ? c->n_group : 0 };
        for (size_t i = 0; i < ret->n; i++) {
                const Value *v = viewer_value(x->viewer, ref->group[i].field);

                values[i] = v ? v->text : STR_NULL;
        }
        return values ? ret : NULL;
}

/* For a rule that hit, while its record is the current view. */
static bool add_counts(Explain *x, uint32_t rule, Explanation *ret) {
        ExplainCount *counts = arena_alloc(&x->arena, (x->set->n_correlations + 1) * sizeof(*counts));

        if (!counts)
                return false;
        ret->counts = counts;
        for (size_t i = 0; i < x->set->n_correlations; i++) {
                const Correlation *c = &x->set->correlations[i];

                for (size_t k = 0; k < c->n_refs; k++) {
                        if (c->refs[k].correlation || c->refs[k].index != rule)
                                continue;
                        if (!count_for(x, c, &c->refs[k], &counts[ret->n_counts]))
                                return false;
                        ret->n_counts++;
                        break;
                }
        }
        return true;
}

static void tell_correlation(Explain *x, const Correlation *c) {
        Explanation e = { .rule = &c->info, .correlation = true, .silent = c->silent };
        ExplainPart *parts = arena_alloc(&x->arena, (c->n_refs + 1) * sizeof(*parts));

        if (!parts) {
                x->failed = true;
                return;
        }
        e.verdict = x->fired[c - x->set->correlations] ? EXPLAIN_HIT : EXPLAIN_NO_HIT;
        e.parts = parts;
        for (; e.n_parts < c->n_refs; e.n_parts++) {
                uint32_t i = c->refs[e.n_parts].index;

                if (c->refs[e.n_parts].correlation)
                        parts[e.n_parts] = (ExplainPart){ &x->set->correlations[i].info, x->fired[i] };
                else
                        parts[e.n_parts] = (ExplainPart){ &x->set->rules[i].info,
                                                          x->closest[i].at && !x->closest[i].cost };
        }
        x->out->rule(x->out->userdata, &e);
        arena_reset(&x->arena);
}

/* ---- telling ---- */

static bool explain_rule(Explain *x, uint32_t i, const Record *record, Names *names, Explanation *e) {
        const Rule *rule = &x->set->rules[i];
        Buf condition = BUF_INIT;
        bool ok = true;

        x->names = names;
        e->verdict = cost_weigh(x->eval, x->names, rule->expr, false).yes ? EXPLAIN_NO_HIT : EXPLAIN_HIT;
        e->names = x->shown;
        e->n_names = names->n;
        explain_condition(&condition, rule->expr);
        e->condition = condition.failed ? STR_NULL : arena_str(&x->arena, buf_view(&condition));
        buf_done(&condition);
        if (e->verdict == EXPLAIN_NO_HIT)
                blame(x, rule->expr, e);
        else if (rule->referred)
                ok = add_counts(x, i, e);
        x->names = NULL;
        return ok && e->condition.p;
}

static void tell(Explain *x, uint32_t i, const Record *record) {
        const Rule *rule = &x->set->rules[i];
        Explanation e = { .rule = &rule->info, .view = rule->view, .silent = rule->silent };
        bool anywhere = whole(x, rule), ok;
        Names names;

        ok = begin_names(x, &names, rule->expr);
        for (size_t k = 0; ok && k < names.n; k++)
                ok = anywhere ? judge_name_anywhere(x, &names, k) : judge_name(x, &names, k, record);
        e.record = record;
        e.number = record ? x->number : 0;
        ok = ok && explain_rule(x, i, record, &names, &e);
        if (ok)
                x->out->rule(x->out->userdata, &e);
        x->failed |= !ok || x->viewer->failed;
        arena_reset(&x->arena);
}

static void tell_at(Explain *x, ViewKind view, const Record *record, bool hits) {
        for (size_t i = 0; i < x->set->n_rules; i++)
                if (x->closest[i].at == x->at && x->set->rules[i].view == view &&
                    !whole(x, &x->set->rules[i]) && !x->closest[i].cost == hits)
                        tell(x, (uint32_t)i, record);
}

static void tell_hits(Explain *x, ViewKind view, const Record *record) { tell_at(x, view, record, true); }
static void tell_failures(Explain *x, ViewKind view, const Record *record) {
        tell_at(x, view, record, false);
}

/* --scope event, where a rule has no record of its own: is it worth telling, and does it hold? */
static void weigh_whole(Explain *x, uint32_t i) {
        Names names;
        Cost c;

        if (!begin_names(x, &names, x->set->rules[i].expr)) {
                x->failed = true;
                return;
        }
        for (size_t k = 0; k < names.n; k++)
                x->failed |= !judge_name_anywhere(x, &names, k);
        x->names = &names;
        c = cost_weigh(x->eval, x->names, x->set->rules[i].expr, false);
        x->names = NULL;
        x->closest[i] = (Closest){ c.yes < COST_TYPE, c.yes };
        arena_reset(&x->arena);
}

static void whole_rules(Explain *x, bool hits) {
        for (uint32_t i = 0; i < x->set->n_rules; i++) {
                if (!whole(x, &x->set->rules[i]))
                        continue;
                viewer_event(x->viewer, x->event); /* lets go of the values of the rule before */
                if (hits)
                        weigh_whole(x, i);
                if (x->closest[i].at && !x->closest[i].cost == hits)
                        tell(x, i, NULL);
        }
}

static void tell_others(Explain *x) {
        for (size_t i = 0; i < x->set->n_rules; i++) {
                const Rule *rule = &x->set->rules[i];
                Explanation e = { .rule = &rule->info, .view = rule->view, .silent = rule->silent };

                e.verdict = rule->view == VIEW_AUDIT ? EXPLAIN_OTHER_TYPE : EXPLAIN_OTHER_CATEGORY;
                if (!x->closest[i].at)
                        x->out->rule(x->out->userdata, &e);
        }
}

/* ---- one part ---- */

/* What the event's turn has left behind: also correlations that give no hits of their own. */
static void note_correlations(Explain *x) {
        for (size_t i = 0; i < x->state->n_fires; i++)
                x->fired[x->state->fires[i].correlation] |= x->state->fires[i].fired;
}

/* The parent as the process table has it just before the event. */
static void find_parent(Explain *x) {
        ProcessTime at = state_place(x->state, x->event); /* its own turn is yet to come */
        Process p = { STR_NULL, STR_NULL };
        const Facts *f;

        at.order++;
        viewer_event(x->viewer, x->event);
        f = viewer_facts(x->viewer);
        if (f->known && f->ppid >= 0)
                process_find(x->state->processes, &at, x->event->id.node.p ? x->event->id.node : STR(""),
                             f->ppid, &p);
        x->parent = (Process){ p.exe.p ? arena_str(&x->event_arena, p.exe) : STR_NULL,
                               p.command_line.p ? arena_str(&x->event_arena, p.command_line) : STR_NULL };
}

static int explain_part(Explain *x, const Event *event) {
        int r;

        x->event = event;
        arena_reset(&x->event_arena);
        memset(x->closest, 0, x->set->n_rules * sizeof(*x->closest));
        memset(x->fired, 0, x->set->n_correlations * sizeof(*x->fired));
        find_parent(x);
        x->state->n_fires = 0;
        r = rule_state_match(x->state, event, ignore, NULL);
        r = r ? r : rule_state_flush(x->state, ignore, NULL);
        if (r)
                return r;
        note_correlations(x);
        x->out->event(x->out->userdata, event);
        each_view(x, tell_view);
        each_view(x, find_closest);
        each_view(x, tell_hits);
        whole_rules(x, true);
        each_view(x, tell_failures);
        whole_rules(x, false);
        tell_others(x);
        for (size_t i = 0; i < x->set->n_correlations; i++)
                tell_correlation(x, &x->set->correlations[i]);
        return x->failed ? -ENOMEM : 0;
}

int explain_finish(Explain *x, const ExplainOutput *out, size_t *ret_parts, size_t *ret_more) {
        int r = rule_state_flush(x->state, ignore, NULL);

        x->out = out;
        for (size_t i = 0; i < x->n_parts && !r; i++)
                r = explain_part(x, x->parts[i]->event);
        *ret_parts = x->n_parts;
        *ret_more = x->n_more;
        return r;
}
