/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Follows plans: takes a glance at a record, and a closer look only where some rule may hold. */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "rule/category.h"
#include "rule/plan.h"
#include "rule/state.h"
#include "rule/types.h"

/* A value in which some literals were not found: the same programs and paths come again and again. */
typedef struct {
        const Lits *lits;
        uint32_t n;
        char text[52];
} Miss;

#define QUIET_TEXT 232u

/* A record in whose own fields no literal was found: most records but for SYSCALL say what another said before. */
typedef struct {
        const Plan *plan;
        int32_t type;
        uint16_t n;
        bool create;   /* VIEW_FILE may be interested */
        bool complete; /* it has all fields that rules for its type would take from others */
        char text[QUIET_TEXT];
} Quiet;

struct Matcher {
        const Index *index;
        Viewer *viewer;
        Eval *eval;
        uint32_t *candidates;
        size_t n_candidates;
        uint64_t *stamps; /* for each rule: the look in which it became a candidate last */
        uint64_t stamp;
        uint64_t n_nominated; /* ever */
        Miss misses[1024];    /* by hash; the newer one stays */
        Quiet quiet[2048];    /* the same */
        bool maybe_create;    /* the event has a PATH record that is not known to be nothing for VIEW_FILE */
        const Plan *inherit_nothing[4]; /* plans for which inherited fields of this event hold no literal */
        size_t n_inherit_nothing;
        bool quiet_caller;   /* the SYSCALL record was found to hold no literal */
        ParentsNeed parents; /* of this event */
};

int matcher_new(Matcher **ret, const Index *index, Viewer *viewer, Eval *eval) {
        Matcher *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        *m = (Matcher){ .index = index, .viewer = viewer, .eval = eval };
        m->candidates = calloc(index->set->n_rules + 1, sizeof(*m->candidates));
        m->stamps = calloc(index->set->n_rules + 1, sizeof(*m->stamps));
        if (!m->candidates || !m->stamps) {
                matcher_free(m);
                return -ENOMEM;
        }
        viewer->context_wanted = index->context;
        viewer->context_names = &index->context_names;
        viewer->fact_names = &index->fact_names;
        *ret = m;
        return 0;
}

Matcher *matcher_free(Matcher *m) {
        if (!m)
                return NULL;
        free(m->candidates);
        free(m->stamps);
        free(m);
        return NULL;
}

static void begin(Matcher *m) {
        m->stamp++;
        m->n_candidates = 0;
}

static void nominate(void *userdata, uint32_t rule) {
        Matcher *m = userdata;

        m->n_nominated++;
        if (m->stamps[rule] == m->stamp)
                return;
        m->stamps[rule] = m->stamp;
        m->candidates[m->n_candidates++] = rule;
}

static Miss *miss_of(Matcher *m, const Lits *lits, Str value) {
        uint64_t head, tail;

        memcpy(&head, value.p, sizeof(head));
        memcpy(&tail, value.p + value.n - sizeof(tail), sizeof(tail));
        head ^= (tail << 29 | tail >> 35) ^ (uint64_t)(uintptr_t)lits >> 4 ^ value.n;
        return &m->misses[(head * UINT64_C(0x9E3779B97F4A7C15)) >> 54];
}

static void search_value(Matcher *m, const Lits *lits, Str value) {
        uint64_t before = m->n_nominated;
        Miss *miss;

        if (value.n < sizeof(uint64_t) || value.n > sizeof(miss->text)) {
                lits_search(lits, value, nominate, m);
                return;
        }
        miss = miss_of(m, lits, value);
        if (miss->lits == lits && miss->n == value.n && !memcmp(miss->text, value.p, value.n))
                return;
        lits_search(lits, value, nominate, m);
        if (m->n_nominated != before)
                return;
        miss->lits = lits;
        miss->n = (uint32_t)value.n;
        memcpy(miss->text, value.p, value.n);
}

static void search_field(Matcher *m, const PlanField *f, const View *view, uint32_t field) {
        for (size_t i = 0; i < f->n_present; i++)
                nominate(m, f->present[i]);
        if (!f->lits)
                return;
        for (const Value *v = &view->values[view->heads[field] - 1]; v; v = view_next(view, v))
                search_value(m, f->lits, v->text);
}

static void follow_own(Matcher *m, const Plan *plan, const View *view) {
        for (size_t i = 0; i < plan->n_always; i++)
                nominate(m, plan->always[i]);
        for (size_t i = 0; i < view->n_fields; i++)
                if (plan->fields[view->fields[i]])
                        search_field(m, plan->fields[view->fields[i]], view, view->fields[i]);
}

/* @view: fields that it has are not inherited; NULL: not known, all are looked at. */
static void follow_inherited(Matcher *m, const Plan *plan, const View *view) {
        for (size_t i = 0; i < plan->n_inherited; i++) {
                uint32_t field = plan->inherited[i];
                const View *source =
                        view && view->heads[field] ? NULL : viewer_glance_source(m->viewer, field);

                if (source)
                        search_field(m, plan->fields[field], source, field);
        }
}

static void follow(Matcher *m, const Plan *plan, const View *view) {
        follow_own(m, plan, view);
        follow_inherited(m, plan, view);
}

/* Keywords stand in the logged line, in what is decoded from it, or in the joined arguments. */
static void search_keywords(Matcher *m, const Lits *lits, const Record *r) {
        const FieldVec *fields;

        if (r->type == TYPE_EXECVE) {
                for (const Record *e = r; e; e = e->next)
                        if (e->type == TYPE_EXECVE)
                                lits_search(lits, e->text, nominate, m);
                lits_search(lits, viewer_command_line(m->viewer), nominate, m);
                return;
        }
        lits_search(lits, r->text, nominate, m);
        fields = viewer_split(m->viewer, r);
        for (size_t i = 0; i < fields->n; i++) {
                const Field *f = &fields->v[i];
                Str text;

                if (f->quoted || f->value.n < 2 || f->value.n % 2 || str_hexval(f->value.p[0]) < 0 ||
                    str_hexval(f->value.p[1]) < 0)
                        continue;
                text = viewer_text(m->viewer, r->type, f);
                if (text.p != f->value.p)
                        lits_search(lits, text, nominate, m);
        }
}

static void ask(Matcher *m, RuleState *s, const Record *record) {
        eval_begin(m->eval);
        for (size_t i = 0; i < m->n_candidates; i++) {
                uint32_t rule = m->candidates[i];

                if (eval_expr(m->eval, m->index->set->rules[rule].expr))
                        state_hit(s, rule, record);
        }
}

/* The plan for rules that do say something about the type. */
static const Plan *plan_for(const Index *x, const Record *r) {
        const Plan *plan =
                r->type >= FIRST_TYPE && r->type <= LAST_TYPE ? x->by_type[r->type - FIRST_TYPE] : NULL;

        return plan && str_eq(record_type_name(r), x->type_names[r->type - FIRST_TYPE]) ? plan : x->unknown;
}

/* ---- records that say what another said before ---- */

static Quiet *quiet_slot(Matcher *m, const Plan *plan, const Record *r) {
        Str body = record_body(r);
        uint64_t a = (uintptr_t)plan >> 4 ^ hash_secret[0], w[2];

        for (size_t i = 0; i < body.n; i += sizeof(w)) {
                size_t at = i + sizeof(w) <= body.n ? i : body.n - sizeof(w);

                memcpy(w, body.p + at, sizeof(w));
                a = hash_mix(a ^ w[0], hash_secret[1] ^ w[1]);
        }
        return &m->quiet[a % ARRAY_SIZE(m->quiet)];
}

/* Where to remember the record, or NULL: it is of a kind whose fields also depend on more than its body. */
static Quiet *quiet_for(Matcher *m, const Plan *plan, const Record *r) {
        Str body = record_body(r);

        if (r->type == TYPE_SYSCALL || r->type == TYPE_URINGOP || r->type == TYPE_EXECVE || body.n < 16 ||
            body.n > QUIET_TEXT)
                return NULL;
        return quiet_slot(m, plan, r);
}

static bool is_quiet(const Quiet *q, const Plan *plan, const Record *r) {
        Str body = record_body(r);

        return q->plan == plan && q->type == r->type && q->n == body.n && !memcmp(q->text, body.p, body.n);
}

static bool says_create(const Record *r) {
        return memmem(r->text.p, r->text.n, "nametype=CREATE", 15) != NULL;
}

static bool has_inherited(const Plan *plan, const View *view) {
        for (size_t i = 0; i < plan->n_inherited; i++)
                if (!view->heads[plan->inherited[i]])
                        return false;
        return true;
}

static void remember_quiet(Quiet *q, const Plan *plan, const Record *r, const View *view) {
        Str body = record_body(r);

        q->plan = plan;
        q->type = r->type;
        q->n = (uint16_t)body.n;
        q->create = r->type == TYPE_PATH && says_create(r);
        q->complete = has_inherited(plan, view);
        memcpy(q->text, body.p, body.n);
}

/* What an event's records inherit is the same for all of them: true when it is known to hold nothing for @plan. What the plan of all
 * types seeks, it has sought in the SYSCALL record itself. */
static bool inherits_nothing(Matcher *m, const Plan *plan) {
        if (!plan->n_inherited)
                return true;
        if (plan == m->index->base && m->quiet_caller && viewer_has_usual_context(m->viewer, plan->wanted))
                return true;
        for (size_t i = 0; i < m->n_inherit_nothing; i++)
                if (m->inherit_nothing[i] == plan)
                        return true;
        return false;
}

/* Records look at a little more than they inherit here: it is a sieve. */
static void follow_event(Matcher *m, const Plan *plan) {
        if (inherits_nothing(m, plan))
                return;
        follow_inherited(m, plan, NULL);
        if (!m->n_candidates && m->n_inherit_nothing < ARRAY_SIZE(m->inherit_nothing))
                m->inherit_nothing[m->n_inherit_nothing++] = plan;
}

/* @complete: the record has itself what the typed plan would inherit. */
static void look_again(Matcher *m, const Plan *const plans[2], bool complete) {
        m->viewer->current_context = _CONTEXT_N;
        if (plans[0]->any)
                follow_event(m, plans[0]);
        if (plans[1]->any && !complete)
                follow_event(m, plans[1]);
}

static void look(Matcher *m, const Plan *const plans[2], const Record *r, Quiet *quiet) {
        const View *view = viewer_glance(m->viewer, r, plans[1]->wanted, &plans[1]->names);

        for (size_t i = 0; i < 2; i++)
                if (plans[i]->any)
                        follow_own(m, plans[i], view);
        if (quiet && !m->n_candidates)
                remember_quiet(quiet, plans[1], r, view);
        for (size_t i = 0; i < 2; i++) {
                const PlanField *keywords = plans[i]->fields[FIELD_KEYWORDS];

                if (!plans[i]->any)
                        continue;
                if (!inherits_nothing(m, plans[i]))
                        follow_inherited(m, plans[i], view);
                if (keywords && keywords->lits)
                        search_keywords(m, keywords->lits, r);
        }
}

/* False: the record has to be looked at as a whole. */
static bool look_at_head(Matcher *m, const Plan *const plans[2], Tail *tail) {
        const View *view;

        if (!tail || !tail->quiet)
                return false;
        view = viewer_glance_head(m->viewer);
        for (size_t i = 0; i < 2; i++)
                if (plans[i]->any)
                        follow_own(m, plans[i], view);
        return true;
}

static void look_at_call(Matcher *m, const Plan *const plans[2], const Record *r) {
        Tail *tail = viewer_tail(m->viewer);

        if (!look_at_head(m, plans, tail))
                look(m, plans, r, NULL);
        if (m->n_candidates)
                return;
        m->quiet_caller = true;
        if (tail)
                tail->quiet = true;
}

static void match_record(Matcher *m, RuleState *s, const Record *r) {
        const Plan *plans[] = { m->index->base, plan_for(m->index, r) };
        bool repeats = m->index->base->repeats && plans[1]->repeats;
        Quiet *quiet;

        if (!plans[0]->any && !plans[1]->any) {
                m->maybe_create |= r->type == TYPE_PATH;
                return;
        }
        begin(m);
        quiet = repeats ? quiet_for(m, plans[1], r) : NULL;
        if (repeats && viewer_lacks_all(m->viewer, r, plans[1]->wanted))
                look_again(m, plans, false);
        else if (repeats && r->type == TYPE_SYSCALL && r == m->viewer->context_records[CONTEXT_SYSCALL])
                look_at_call(m, plans, r);
        else if (quiet && is_quiet(quiet, plans[1], r)) {
                m->maybe_create |= quiet->create;
                look_again(m, plans, quiet->complete);
        } else {
                m->maybe_create |= r->type == TYPE_PATH;
                look(m, plans, r, quiet);
        }
        if (!m->n_candidates)
                return;
        viewer_record(m->viewer, r, true);
        ask(m, s, r);
}

static void match_category(Matcher *m, RuleState *s, const Plan *plan, const Record *record) {
        begin(m);
        follow(m, plan, m->viewer->current);
        if (m->n_candidates)
                ask(m, s, record);
}

static const PlanField *parents_field(const Matcher *m, CategoryField f) {
        uint32_t id = m->viewer->id_category[f];

        return id == UINT32_MAX ? NULL : m->index->categories[3]->fields[id];
}

/* Rules that ask for parents wait until those are known: they are no candidates now. */
static void set_parents_aside(Matcher *m) {
        size_t n = 0;

        if (!m->index->set->parents)
                return;
        m->parents = parents_field(m, CATEGORY_PARENT_IMAGE) || parents_field(m, CATEGORY_PARENT_COMMAND_LINE)
                             ? PARENTS_BY_TEXT
                             : PARENTS_NEVER;
        for (size_t i = 0; i < m->n_candidates; i++)
                if (m->index->set->rules[m->candidates[i]].asks_parents)
                        m->parents = PARENTS_ASK;
                else
                        m->candidates[n++] = m->candidates[i];
        m->n_candidates = n;
}

ParentsNeed matcher_parents_need(const Matcher *m) { return m->parents; }

static void search_parent(Matcher *m, CategoryField f, Str text) {
        const PlanField *field = text.p ? parents_field(m, f) : NULL;

        if (!field)
                return;
        for (size_t i = 0; i < field->n_present; i++)
                nominate(m, field->present[i]);
        if (field->lits)
                search_value(m, field->lits, text);
}

bool matcher_parents_text(Matcher *m, Str image, Str command_line) {
        begin(m);
        search_parent(m, CATEGORY_PARENT_IMAGE, image);
        search_parent(m, CATEGORY_PARENT_COMMAND_LINE, command_line);
        return m->n_candidates;
}

static void match_process(Matcher *m, RuleState *s) {
        const Plan *plan = m->index->categories[0];

        if (!plan->any || !category_likely(m->viewer, VIEW_PROCESS) ||
            !viewer_category(m->viewer, VIEW_PROCESS, NULL))
                return;
        begin(m);
        follow(m, plan, m->viewer->current);
        set_parents_aside(m);
        if (m->n_candidates)
                ask(m, s, NULL);
}

static void match_categories(Matcher *m, RuleState *s) {
        const Event *e = m->viewer->event;
        Plan *const *plans = m->index->categories;

        match_process(m, s);
        if (plans[1]->any && category_likely(m->viewer, VIEW_NETWORK) &&
            viewer_category(m->viewer, VIEW_NETWORK, NULL))
                match_category(m, s, plans[1], NULL);
        if (!plans[2]->any || !m->viewer->context_records[CONTEXT_SYSCALL] || !m->maybe_create)
                return;
        for (const Record *r = e->records; r; r = r->next)
                if (r->type == TYPE_PATH && says_create(r) && viewer_category(m->viewer, VIEW_FILE, r))
                        match_category(m, s, plans[2], r);
}

void matcher_event(Matcher *m, RuleState *s) {
        bool execve = false;

        m->n_inherit_nothing = 0;
        m->quiet_caller = false;
        m->parents = PARENTS_NEVER;
        m->maybe_create = !m->index->set->views[VIEW_AUDIT];
        if (m->index->set->views[VIEW_AUDIT])
                for (const Record *r = m->viewer->event->records; r; r = r->next) {
                        if (view_type_is_end(r->type) || (r->type == TYPE_EXECVE && execve))
                                continue;
                        execve |= r->type == TYPE_EXECVE;
                        match_record(m, s, r);
                }
        match_categories(m, s);
}

void matcher_parents(Matcher *m, RuleState *s) { match_category(m, s, m->index->categories[3], NULL); }
