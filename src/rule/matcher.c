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
        size_t n_inherit_nothing, turn;
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

static void search_text(Matcher *m, const PlanField *f, Str text) {
        for (size_t i = 0; i < f->n_present; i++)
                nominate(m, f->present[i]);
        if (f->lits)
                search_value(m, f->lits, text);
}

static void search_field(Matcher *m, const PlanField *f, const View *view, uint32_t field) {
        const Value *v = &view->values[view->heads[field] - 1];

        search_text(m, f, v->text);
        while (f->lits && (v = view_next(view, v)))
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
                lits_search_both(lits, r->text, viewer_command_line(m->viewer), nominate, m);
                for (const Record *e = r->next; e; e = e->next)
                        if (e->type == TYPE_EXECVE)
                                lits_search(lits, e->text, nominate, m);
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

static Quiet *quiet_slot(Matcher *m, const Plan *plan, int32_t type, Str text) {
        uint64_t hash =
                hash_blocks(text.p, text.n) + hash_mix((uintptr_t)plan ^ hash_secret[0], (uint32_t)type);

        return &m->quiet[hash % ARRAY_SIZE(m->quiet)];
}

/* What of a record may be known to hold no literal. */
typedef struct {
        Quiet *slot;  /* NULL: nothing is remembered of such a record */
        int32_t type; /* negative: of a PATH record, only the tail */
        Str text;
        Path path;
} Look;

static void look_init(Matcher *m, const Plan *plan, const Record *r, Look *ret) {
        *ret = (Look){ .type = r->type, .text = record_body(r) };
        if (r->type == TYPE_PATH && viewer_path(r, &ret->path)) {
                ret->type = -TYPE_PATH;
                ret->text = ret->path.tail;
        }
        /* fields of SYSCALL and EXECVE depend on more than the body */
        if (r->type != TYPE_SYSCALL && r->type != TYPE_URINGOP && r->type != TYPE_EXECVE &&
            ret->text.n >= 16 && ret->text.n <= QUIET_TEXT)
                ret->slot = quiet_slot(m, plan, ret->type, ret->text);
}

static bool is_quiet(const Look *l, const Plan *plan) {
        const Quiet *q = l->slot;

        return q && q->plan == plan && q->type == l->type && q->n == l->text.n &&
               !memcmp(q->text, l->text.p, l->text.n);
}

/* A sieve: whether the value is that, its form decides. */
static bool says_create(Str text) { return memmem(text.p, text.n, "CREATE", 6) != NULL; }

static bool has_inherited(const Plan *plan, const View *view) {
        for (size_t i = 0; i < plan->n_inherited; i++)
                if (!view->heads[plan->inherited[i]])
                        return false;
        return true;
}

static void remember_quiet(const Look *l, const Plan *plan, const View *view) {
        Quiet *q = l->slot;

        q->plan = plan;
        q->type = l->type;
        q->n = (uint16_t)l->text.n;
        q->create = (l->type == TYPE_PATH || l->type == -TYPE_PATH) && says_create(l->text);
        q->complete = has_inherited(plan, view);
        memcpy(q->text, l->text.p, l->text.n);
}

static void inherit_nothing(Matcher *m, const Plan *plan) {
        if (m->n_inherit_nothing < ARRAY_SIZE(m->inherit_nothing))
                m->inherit_nothing[m->n_inherit_nothing++] = plan;
}

/* The numbers of a call are in no memory. */
static bool inherits_numbers(const Plan *plan) {
        return plan->head[HEAD_EXIT] || plan->head[HEAD_PPID] || plan->head[HEAD_PID];
}

/* @call: the event's, which has the usual context. */
static bool is_known_for_nothing(const Call *call, const Plan *plan) {
        for (size_t i = 0; i < ARRAY_SIZE(call->tail->none); i++)
                if (call->tail->none[i].plan == plan && call->tail->none[i].front == call->front->id)
                        return !inherits_numbers(plan) && (call->front->name.n || !call->tail->enriched);
        return false;
}

/* What an event's records inherit is the same for all of them: true when it is known to hold nothing for @plan. What the plan of all
 * types seeks, it has sought in the SYSCALL record itself. */
static bool inherits_nothing(Matcher *m, const Plan *plan) {
        const Call *call;

        if (!plan->n_inherited)
                return true;
        for (size_t i = 0; i < m->n_inherit_nothing; i++)
                if (m->inherit_nothing[i] == plan)
                        return true;
        if (!viewer_has_usual_context(m->viewer, plan->wanted))
                return false;
        if (plan != m->index->base || !m->quiet_caller) {
                call = viewer_call(m->viewer);
                if (!call || !is_known_for_nothing(call, plan))
                        return false;
        }
        inherit_nothing(m, plan);
        return true;
}

/* Nothing was found in what this event's records inherit. */
static void remember_nothing(Matcher *m, const Plan *plan) {
        Call *call = viewer_call(m->viewer);
        size_t i = m->turn++ % ARRAY_SIZE(call->tail->none);

        inherit_nothing(m, plan);
        if (!call || !viewer_has_usual_context(m->viewer, plan->wanted))
                return;
        call->tail->none[i].plan = plan;
        call->tail->none[i].front = call->front->id;
}

/* Records look at a little more than they inherit here: it is a sieve. */
static void follow_event(Matcher *m, const Plan *plan) {
        if (inherits_nothing(m, plan))
                return;
        follow_inherited(m, plan, NULL);
        if (!m->n_candidates)
                remember_nothing(m, plan);
}

/* @complete: the record has itself what the typed plan would inherit. */
static void look_again(Matcher *m, const Plan *const plans[2], bool complete) {
        m->viewer->current_context = _CONTEXT_N;
        if (plans[0]->any)
                follow_event(m, plans[0]);
        if (plans[1]->any && !complete)
                follow_event(m, plans[1]);
}

/* The fields of a PATH record whose tail is known. */
static void look_at_path(Matcher *m, const Plan *const plans[2], const Path *path) {
        for (size_t i = 0; i < 2; i++)
                for (PathField f = 0; f < _PATH_N; f++)
                        if (plans[i]->path[f])
                                search_text(m, plans[i]->path[f],
                                            f == PATH_NAME ? viewer_path_name(m->viewer, path)
                                                           : path->head[f]);
}

static void look(Matcher *m, const Plan *const plans[2], const Record *r, const Look *l) {
        const View *view = viewer_glance(m->viewer, r, plans[1]->wanted, &plans[1]->names);

        m->maybe_create |= r->type == TYPE_PATH;
        for (size_t i = 0; i < 2; i++)
                if (plans[i]->any)
                        follow_own(m, plans[i], view);
        if (l && l->slot && !m->n_candidates)
                remember_quiet(l, plans[1], view);
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

/* What the SYSCALL record takes from the others: as a rule nothing that is sought, as they say one thing each. */
static void follow_call(Matcher *m, const Plan *plan) {
        if (viewer_has_usual_context(m->viewer, plan->wanted))
                return;
        m->viewer->current_context = CONTEXT_SYSCALL;
        follow_inherited(m, plan, NULL);
}

/* What is made from a number that has no name here is the name that auditd gave. */
static bool is_quiet_call(const Call *c, const Plan *plan) {
        return c->tail->quiet == plan && c->front->quiet[c->tail->enriched] == plan &&
               (c->front->name.n || !c->tail->enriched);
}

static void look_at_head(Matcher *m, const Plan *const plans[2], const Call *call) {
        for (size_t i = 0; i < 2; i++) {
                if (!plans[i]->any)
                        continue;
                for (HeadField f = 0; f < _HEAD_N; f++)
                        if (plans[i]->head[f])
                                search_text(m, plans[i]->head[f], call->head[f]);
                follow_call(m, plans[i]);
        }
}

static void look_at_call(Matcher *m, const Plan *const plans[2], const Record *r) {
        Call *call = viewer_call(m->viewer);

        if (call && is_quiet_call(call, plans[1]))
                look_at_head(m, plans, call);
        else
                look(m, plans, r, NULL);
        if (m->n_candidates)
                return;
        m->quiet_caller = true;
        if (call)
                call->tail->quiet = call->front->quiet[call->tail->enriched] = plans[1];
}

static void look_at(Matcher *m, const Plan *const plans[2], const Record *r) {
        Look l;

        look_init(m, plans[1], r, &l);
        if (!is_quiet(&l, plans[1])) {
                look(m, plans, r, &l);
                return;
        }
        m->maybe_create |= l.slot->create;
        if (l.type == -TYPE_PATH)
                look_at_path(m, plans, &l.path);
        look_again(m, plans, l.slot->complete);
}

static bool asks_keywords(const Matcher *m) {
        for (size_t i = 0; i < m->n_candidates; i++)
                if (m->index->set->rules[m->candidates[i]].asks_keywords)
                        return true;
        return false;
}

static void match_record(Matcher *m, RuleState *s, const Record *r) {
        const Plan *plans[] = { m->index->base, plan_for(m->index, r) };
        bool repeats = m->index->base->repeats && plans[1]->repeats;

        if (!plans[0]->any && !plans[1]->any) {
                m->maybe_create |= r->type == TYPE_PATH;
                return;
        }
        begin(m);
        if (repeats && viewer_lacks_all(m->viewer, r, plans[1]->wanted))
                look_again(m, plans, false);
        else if (repeats && r->type == TYPE_SYSCALL && r == m->viewer->context_records[CONTEXT_SYSCALL])
                look_at_call(m, plans, r);
        else if (repeats)
                look_at(m, plans, r);
        else
                look(m, plans, r, NULL);
        if (!m->n_candidates)
                return;
        viewer_record(m->viewer, r, asks_keywords(m));
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
        for (size_t i = 0; i < m->n_candidates; i++) {
                uint32_t rule = m->candidates[i];
                ParentsNeed need = m->index->by_text[rule] ? PARENTS_BY_TEXT : PARENTS_ASK;

                if (!m->index->set->rules[rule].asks_parents)
                        m->candidates[n++] = rule;
                else if (need > m->parents)
                        m->parents = need;
        }
        m->n_candidates = n;
}

ParentsNeed matcher_parents_need(const Matcher *m) { return m->parents; }

static void search_parent(Matcher *m, CategoryField f, Str text) {
        const PlanField *field = text.p ? parents_field(m, f) : NULL;

        if (field)
                search_text(m, field, text);
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
                if (r->type == TYPE_PATH && says_create(r->text) && viewer_category(m->viewer, VIEW_FILE, r))
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
