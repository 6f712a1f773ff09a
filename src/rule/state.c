/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events go in, hits come out: at once for what one event decides, in the order of events for the rest. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "base/hash.h"
#include "meaning/process.h"
#include "rule/at-once.h"
#include "rule/category.h"
#include "rule/index.h"
#include "rule/pending.h"
#include "rule/plain.h"
#include "rule/state.h"

const CounterDesc rule_counter_descs[] = {
        { "regex_limited", "regular expressions given up because they took too long, taken as no match",
          offsetof(RuleCounters, regex_limited), true },
        { "correlation_groups_dropped", "correlation groups forgotten early because there were too many",
          offsetof(RuleCounters, groups_dropped), true },
        { "correlation_members_dropped", "occurrences forgotten early because their group had too many",
          offsetof(RuleCounters, members_dropped), true },
        { "rule_queue_forced",
          "decisions taken early because too much waited, or new processes were too many",
          offsetof(RuleCounters, queue_forced), true },
        { "processes_dropped", "processes forgotten because there were too many",
          offsetof(RuleCounters, processes_dropped), true },
        { "rule_no_memory", "decisions not taken because memory could not be had",
          offsetof(RuleCounters, no_memory), true },
        { "correlation_groups_unsaved",
          "correlation groups left out of what a successor gets, because of their size",
          offsetof(RuleCounters, groups_unsaved), false },
};
const size_t rule_n_counter_descs = ARRAY_SIZE(rule_counter_descs);

static int set_up(RuleState *s, RuleSet *set) {
        int r = viewer_init(&s->viewer, set);

        r = r ? r : eval_init(&s->eval, &s->viewer);
        s->matcher = NULL;
        if (!r && !set->options.plain && set->options.scope != RULE_SCOPE_EVENT)
                r = matcher_new(&s->matcher, set->index, &s->viewer, &s->eval);
        s->stamps = calloc(set->n_rules + 1, sizeof(*s->stamps));
        s->windows = calloc(set->n_correlations + 1, sizeof(*s->windows));
        s->at_once = at_once_find(set);
        if (!r && (!s->stamps || !s->windows || !s->at_once))
                r = -ENOMEM;
        s->set = rule_set_ref(set);
        return r;
}

static void tear_down(RuleState *s) {
        for (size_t i = 0; s->windows && i < s->set->n_correlations; i++)
                window_free(s->windows[i]);
        free(s->windows);
        free(s->at_once);
        free(s->stamps);
        s->matcher = matcher_free(s->matcher);
        eval_done(&s->eval);
        viewer_done(&s->viewer);
        rule_set_unref(s->set);
}

int rule_state_new(RuleState **ret, RuleSet *set) {
        RuleState *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        node_clocks_init(&s->clocks);
        s->total = calloc(1, sizeof(*s->total));
        r = set_up(s, set);
        r = r || s->total ? r : -ENOMEM;
        r = r ? r : process_table_new(&s->processes, PROCESS_MAX_DEFAULT, PROCESS_BYTES_DEFAULT);
        for (size_t i = 0; !r && i < set->n_correlations; i++)
                r = window_new(&s->windows[i], &set->correlations[i], s->total);
        if (r)
                rule_state_free(s);
        else
                *ret = s;
        return r;
}

RuleState *rule_state_free(RuleState *s) {
        if (!s)
                return NULL;
        tear_down(s);
        free(s->total);
        pending_done(&s->queue);
        process_table_free(s->processes);
        free(s->occurrences);
        free(s->values);
        free(s->fires);
        free(s);
        return NULL;
}

const RuleCounters *rule_counters(RuleState *s) {
        s->counters.regex_limited = s->regex_before + regex_scratch_limited(s->eval.regex);
        s->counters.processes_dropped = process_table_dropped(s->processes);
        s->counters.groups_dropped = s->groups_before;
        s->counters.members_dropped = s->members_before;
        for (size_t i = 0; i < s->set->n_correlations; i++) {
                s->counters.groups_dropped += window_counters(s->windows[i])->groups_dropped;
                s->counters.members_dropped += window_counters(s->windows[i])->members_dropped;
        }
        return &s->counters;
}

/* ---- what an event contributes ---- */

static int remember_value(RuleState *s, Str value) {
        if (state_grow(&s->values, sizeof(*s->values), s->n_values, &s->cap_values))
                return -ENOMEM;
        s->values[s->n_values++] = value;
        return 0;
}

/* The values that correlations want, from the current view. */
static int remember(RuleState *s, const Rule *rule, uint32_t id) {
        Occurrence o = { id, (uint32_t)s->n_values, (uint32_t)rule->n_wants };

        if (state_grow(&s->occurrences, sizeof(*s->occurrences), s->n_occurrences, &s->cap_occurrences))
                return -ENOMEM;
        for (size_t i = 0; i < rule->n_wants; i++) {
                const Value *v = viewer_value(&s->viewer, rule->wants[i]);

                if (remember_value(s, v ? v->text : STR_NULL))
                        return -ENOMEM;
        }
        s->occurrences[s->n_occurrences++] = o;
        return 0;
}

int state_grow(void *array, size_t size, size_t n, size_t *cap) {
        void **p = array, *v;

        if (n < *cap)
                return 0;
        v = reallocarray(*p, *cap ? *cap * 2 : 16, size);
        if (!v)
                return -ENOMEM;
        *p = v;
        *cap = *cap ? *cap * 2 : 16;
        return 0;
}

void state_hit(RuleState *s, uint32_t id, const Record *record) {
        const Rule *rule = &s->set->rules[id];

        if (s->stamps[id] == s->stamp)
                return;
        s->stamps[id] = s->stamp;
        if (rule->referred && !s->live && remember(s, rule, id))
                s->counters.no_memory++;
        if (!rule->silent)
                s->fn(s->userdata, &(RuleHit){ &rule->info, s->viewer.event, record, s->live });
}

static int64_t time_of(const Event *e) { return e->id.sec * 1000 + e->id.ms; }

ProcessTime state_place(const RuleState *s, const Event *e) {
        return (ProcessTime){ s->at_ms, e->id.serial, s->order };
}

static Str node_of(const Event *e) { return e->id.node.p ? e->id.node : STR(""); }

/* What the event says about the process that did it. */
static void note_process(RuleState *s, const Event *e) {
        const Facts *f = viewer_facts(&s->viewer);
        bool exec = f->success && f->kind == CALL_EXEC;
        ProcessTime at = state_place(s, e);
        Str line;

        if (!f->known || f->pid < 0 || !f->exe.p ||
            (!exec && process_same(s->processes, &at, node_of(e), f->pid, f->exe)))
                return;
        line = exec ? viewer_command_line(&s->viewer) : viewer_proctitle(&s->viewer);
        if ((exec ? process_exec : process_seen)(s->processes, &at, node_of(e), f->pid, f->exe, line))
                s->counters.no_memory++;
}

void rule_state_use_proc(RuleState *s, Proc *proc, Str node) {
        size_t n = node.n < sizeof(s->host) ? node.n : 0;

        s->proc = proc;
        if (n)
                memcpy(s->host, node.p, n);
        s->host[n] = '\0';
}

/* While the process is likely to live still. What the log knows by now, or will know when the event's turn comes, counts more. */
static Str live_parent(RuleState *s, const Event *e, int64_t ppid) {
        ProcessTime at = state_place(s, e);
        int64_t age = (int64_t)time(NULL) * 1000 - time_of(e);
        Str node = node_of(e);
        Process known;

        if (age > RULE_LIVE_MS || age < -RULE_LIVE_MS || (node.n && !str_eqz(node, s->host)) ||
            process_find(s->processes, &at, node, ppid, &known))
                return STR_NULL;
        return proc_program(s->proc, ppid, time_of(e));
}

static void bound_windows(RuleState *s) {
        window_bound(s->total, s->windows, s->set->n_correlations, WINDOW_TOTAL_BYTES);
}

/* What is left to decide about the event waits for its turn. */
static int enqueue(RuleState *s, const Event *event) {
        ParentsNeed need = s->matcher ? matcher_parents_need(s->matcher) : PARENTS_ASK;
        const Facts *f = need && s->set->parents ? viewer_facts(&s->viewer) : NULL;
        bool exec = f && f->success && f->kind == CALL_EXEC;
        Pending p;
        Pending *kept;

        if (!s->n_occurrences && !exec)
                return 0;
        p = (Pending){ .time_ms = time_of(event),
                       .at_ms = s->at_ms,
                       .serial = event->id.serial,
                       .order = s->order,
                       .node = node_of(event),
                       .exec = exec,
                       .by_text = need == PARENTS_BY_TEXT,
                       .ppid = f ? f->ppid : -1,
                       .occurrences = s->occurrences,
                       .n_occurrences = s->n_occurrences,
                       .values = s->values,
                       .n_values = s->n_values };
        if (s->proc && p.exec && p.ppid > 0)
                p.live = live_parent(s, event, p.ppid);
        kept = pending_new(&s->queue.memory, &p, event);
        if (!kept)
                return -ENOMEM;
        if (pending_push(&s->queue, kept)) {
                pending_free(&s->queue.memory, kept);
                return -ENOMEM;
        }
        at_once_event(s, kept);
        bound_windows(s);
        return 0;
}

/* ---- correlations ---- */

static Str value_of(const RuleSet *set, const Occurrence *o, const Str *values, uint32_t field) {
        const Rule *rule = &set->rules[o->rule];

        for (uint32_t i = 0; i < o->n; i++)
                if (rule->wants[i] == field)
                        return values[o->first + i];
        return STR_NULL;
}

void state_pick(const RuleState *s, const CorrelationWant *wants, size_t n, const Occurrence *o,
                const Str *values, const Str *inner, Str *ret) {
        for (size_t i = 0; i < n; i++)
                ret[i] = inner && wants[i].inner >= 0 ? inner[wants[i].inner]
                                                      : value_of(s->set, o, values, wants[i].field);
}

static int add_occurrence(RuleState *s, uint32_t c, size_t ref, const Pending *p, const Occurrence *o,
                          const Str *inner) {
        const Correlation *corr = &s->set->correlations[c];
        const CorrelationRef *r = &corr->refs[ref];
        Str group[32], values[32];
        WindowGroup *g;

        state_pick(s, r->group, corr->n_group, o, p->values, inner, group);
        state_pick(s, r->values, corr->n_values, o, p->values, inner, values);
        if (window_add(s->windows[c], ref, s->turn, p->time_ms, group, values, &g))
                return -ENOMEM;
        if (!g)
                return 0;
        if (state_grow(&s->fires, sizeof(*s->fires), s->n_fires, &s->cap_fires))
                return -ENOMEM;
        s->fires[s->n_fires++] = (Fire){ .correlation = c, .group = g, .occurrence = o };
        return 0;
}

/* The occurrences of one reference: of a rule in this event, or of a correlation that has just fired. */
static int add_reference(RuleState *s, uint32_t c, size_t ref, const Pending *p, size_t n_fires) {
        const CorrelationRef *r = &s->set->correlations[c].refs[ref];
        int k = 0;

        for (size_t i = 0; !r->correlation && i < p->n_occurrences && !k; i++)
                if (p->occurrences[i].rule == r->index)
                        k = add_occurrence(s, c, ref, p, &p->occurrences[i], NULL);
        for (size_t i = 0; r->correlation && i < n_fires && !k; i++)
                if (s->fires[i].correlation == r->index && s->fires[i].fired)
                        k = add_occurrence(s, c, ref, p, s->fires[i].occurrence,
                                           window_group_values(s->fires[i].group));
        return k;
}

static void correlate(RuleState *s, uint32_t c, const Pending *p) {
        const Correlation *corr = &s->set->correlations[c];
        size_t start = s->n_fires;
        bool any = false, first;

        for (size_t ref = 0; ref < corr->n_refs; ref++)
                if (add_reference(s, c, ref, p, start))
                        s->counters.no_memory++;
        for (size_t i = start; i < s->n_fires; i++) {
                Fire *f = &s->fires[i];

                f->fired = window_ask(s->windows[c], f->group, s->turn, s->set->options.correlation_edge,
                                      &first);
                any |= f->fired;
        }
        if (any && !corr->silent)
                s->fn(s->userdata, &(RuleHit){ &corr->info, p->event, NULL, false });
}

/* ---- an event's turn ---- */

static void ask_with(RuleState *s, const Pending *p, Str exe, Str command_line) {
        if (p->by_text && s->matcher && !matcher_parents_text(s->matcher, exe, command_line))
                return;
        viewer_event(&s->viewer, p->event);
        if (!viewer_category(&s->viewer, VIEW_PROCESS, NULL))
                return;
        viewer_parent(&s->viewer, exe, command_line);
        if (s->matcher)
                matcher_parents(s->matcher, s);
        else
                plain_parents(s);
}

static void ask_parents(RuleState *s, const Pending *p) {
        ProcessTime at = { p->at_ms, p->serial, p->order };
        Process parent = { STR_NULL, STR_NULL };

        if (p->ppid >= 0)
                process_find(s->processes, &at, p->node, p->ppid, &parent);
        ask_with(s, p, parent.exe, parent.command_line);
        if (parent.exe.p || !p->live.p)
                return;
        s->live = true;
        ask_with(s, p, p->live, STR_NULL);
        s->live = false;
}

/* Occurrences that the parent rules have added, behind those that @p brought along. */
static Pending with_parents(RuleState *s, const Pending *p) {
        Pending all = *p;

        all.occurrences = s->occurrences;
        all.n_occurrences = s->n_occurrences;
        all.values = s->values;
        all.n_values = s->n_values;
        return all;
}

static int restore(RuleState *s, const Pending *p) {
        s->n_occurrences = s->n_values = 0;
        for (size_t i = 0; i < p->n_values; i++)
                if (remember_value(s, p->values[i]))
                        return -ENOMEM;
        for (size_t i = 0; i < p->n_occurrences; i++) {
                if (state_grow(&s->occurrences, sizeof(*s->occurrences), s->n_occurrences,
                               &s->cap_occurrences))
                        return -ENOMEM;
                s->occurrences[s->n_occurrences++] = p->occurrences[i];
        }
        return 0;
}

static void take_turn(RuleState *s, Pending *p) {
        Pending all = *p;
        int r = 0;

        s->turn++;
        s->stamp++;
        if (p->exec && s->set->parents) {
                r = restore(s, p);
                ask_parents(s, p);
                all = with_parents(s, p);
        }
        if (all.n_occurrences) {
                s->n_fires = 0;
                for (size_t i = 0; i < s->set->n_correlations; i++)
                        if (!s->at_once[i])
                                correlate(s, (uint32_t)i, &all);
                bound_windows(s);
        }
        if (r)
                s->counters.no_memory++;
        pending_free(&s->queue.memory, p);
}

/* Where processes come so fast that the table does not reach back far enough, its events wait for half of the time that it covers: their
 * parents have the other half. */
static int64_t covered_ms(const RuleState *s) {
        int64_t since = process_table_since(s->processes);

        return since == INT64_MIN || since > s->clocks.now_ms ? INT64_MIN
                                                              : since + (s->clocks.now_ms - since) / 2;
}

static void settle(RuleState *s, int64_t until_ms) {
        int64_t force_ms = s->set->parents ? covered_ms(s) : INT64_MIN;

        while (s->queue.n && (pending_first(&s->queue)->at_ms < until_ms || pending_full(&s->queue) ||
                              pending_first(&s->queue)->at_ms < force_ms)) {
                s->counters.queue_forced += pending_first(&s->queue)->at_ms >= until_ms;
                take_turn(s, pending_pop(&s->queue));
        }
}

int rule_state_match(RuleState *s, const Event *event, RuleHitFn fn, void *userdata) {
        int64_t until;

        s->fn = fn;
        s->userdata = userdata;
        s->stamp++;
        s->order++;
        s->n_occurrences = s->n_values = 0;
        s->at_ms = node_clock_take(&s->clocks, node_of(event), time_of(event));
        viewer_event(&s->viewer, event);
        if (s->matcher)
                matcher_event(s->matcher, s);
        else
                plain_event(s);
        if ((s->set->parents || s->n_occurrences) && enqueue(s, event))
                s->viewer.failed = true;
        if (s->set->parents && s->viewer.context_records[CONTEXT_SYSCALL])
                note_process(s, event);
        if (s->viewer.failed) {
                s->counters.no_memory++;
                return -ENOMEM;
        }
        until = s->clocks.now_ms - RULE_SETTLE_MS;
        settle(s, until);
        process_settle(s->processes, until);
        return 0;
}

int rule_state_flush(RuleState *s, RuleHitFn fn, void *userdata) {
        s->fn = fn;
        s->userdata = userdata;
        settle(s, INT64_MAX);
        return 0;
}

void rule_state_decide(RuleState *s, uint64_t n, RuleHitFn fn, void *userdata) {
        int64_t until = INT64_MIN;

        for (size_t i = 0; i < s->queue.n; i++)
                if (pending_at(&s->queue, i)->order + n <= s->order &&
                    pending_at(&s->queue, i)->at_ms >= until)
                        until = pending_at(&s->queue, i)->at_ms + 1;
        s->fn = fn;
        s->userdata = userdata;
        settle(s, until);
}

uint64_t rule_state_undecided(const RuleState *s) {
        uint64_t first = s->order + 1;

        for (size_t i = 0; i < s->queue.n; i++)
                if (pending_at(&s->queue, i)->order < first)
                        first = pending_at(&s->queue, i)->order;
        return s->order + 1 - first;
}

bool rule_state_pending(const RuleState *s) { return s->queue.n > 0; }

/* ---- reload ---- */

int rule_state_adopt(RuleState *s, RuleSet *set) {
        RuleState old;
        int r;

        rule_counters(s);
        old = *s;
        s->viewer = (Viewer){ 0 };
        s->eval = (Eval){ .lower = BUF_INIT };
        s->stamps = NULL;
        s->windows = NULL;
        s->at_once = NULL;
        s->queue = (PendingQueue){ 0 };
        r = set_up(s, set);
        r = r ? r : state_carry(s, &old);
        if (r) {
                tear_down(s);
                *s = old;
                return r;
        }
        s->regex_before = s->counters.regex_limited;
        s->groups_before = s->counters.groups_dropped;
        s->members_before = s->counters.members_dropped;
        s->stamp = 0;
        tear_down(&old);
        return 0;
}
