/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/at-once.h"

/* By itself, without those around it. */
static bool alone(const RuleSet *set, const Correlation *c) {
        if (set->options.correlation_edge || !window_at_once(c))
                return false;
        for (size_t i = 0; i < c->n_refs; i++)
                if (!c->refs[i].correlation && set->rules[c->refs[i].index].asks_parents)
                        return false;
        return true;
}

bool *at_once_find(const RuleSet *set) {
        bool *at_once = calloc(set->n_correlations + 1, sizeof(*at_once)), changed;

        if (!at_once)
                return NULL;
        for (size_t i = 0; i < set->n_correlations; i++)
                at_once[i] = alone(set, &set->correlations[i]);
        do { /* each turn takes at least one out */
                changed = false;
                for (size_t i = 0; i < set->n_correlations; i++)
                        for (size_t k = 0; k < set->correlations[i].n_refs; k++) {
                                const CorrelationRef *ref = &set->correlations[i].refs[k];

                                if (!ref->correlation || at_once[i] == at_once[ref->index])
                                        continue;
                                at_once[i] = at_once[ref->index] = false;
                                changed = true;
                        }
        } while (changed);
        return at_once;
}

typedef struct {
        RuleState *s;
        uint32_t correlation;
        Pending *p; /* that is at hand */
} Telling;

static void insert(RuleState *s, uint32_t c, size_t ref, Pending *p, uint32_t occurrence, const Str *inner);

/* The event that waits under that number; NULL: its turn is over, it is too late. */
static Pending *find(const RuleState *s, uint64_t order) {
        for (size_t i = 0; i < s->queue.n; i++)
                if (pending_at(&s->queue, i)->order == order)
                        return pending_at(&s->queue, i);
        return NULL;
}

static bool told_before(RuleState *s, Pending *p, uint32_t c) {
        for (size_t i = 0; i < p->n_told; i++)
                if (p->told[i] == c)
                        return true;
        if (state_grow(&p->told, sizeof(*p->told), p->n_told, &p->cap_told))
                s->counters.no_memory++;
        else
                p->told[p->n_told++] = c;
        return false;
}

static void on_holds(void *userdata, uint64_t order, uint32_t occurrence, const WindowGroup *g) {
        const Telling *t = userdata;
        RuleState *s = t->s;
        const Correlation *c = &s->set->correlations[t->correlation];
        Pending *p = t->p->order == order ? t->p : find(s, order);

        if (!p || occurrence >= p->n_occurrences || p->occurrences[occurrence].rule >= s->set->n_rules)
                return; /* the latter: as restored from damaged bytes */
        if (!told_before(s, p, t->correlation) && !c->silent)
                s->fn(s->userdata, &(RuleHit){ &c->info, p->event, NULL, false });
        /* those that refer to it stand behind it */
        for (uint32_t i = t->correlation + 1; i < s->set->n_correlations; i++)
                for (size_t k = 0; k < s->set->correlations[i].n_refs; k++)
                        if (s->set->correlations[i].refs[k].correlation &&
                            s->set->correlations[i].refs[k].index == t->correlation)
                                insert(s, i, k, p, occurrence, window_group_values(g));
}

static void insert(RuleState *s, uint32_t c, size_t ref, Pending *p, uint32_t occurrence, const Str *inner) {
        const Correlation *corr = &s->set->correlations[c];
        const Occurrence *o = &p->occurrences[occurrence];
        WindowPlace at = { p->time_ms, p->serial, p->order, occurrence };
        Telling telling = { s, c, p };
        Str group[32], values[32];

        state_pick(s, corr->refs[ref].group, corr->n_group, o, p->values, inner, group);
        state_pick(s, corr->refs[ref].values, corr->n_values, o, p->values, inner, values);
        if (window_insert(s->windows[c], ref, &at, group, values, on_holds, &telling))
                s->counters.no_memory++;
}

void at_once_event(RuleState *s, Pending *p) {
        for (uint32_t c = 0; c < s->set->n_correlations; c++) {
                const Correlation *corr = &s->set->correlations[c];

                if (!s->at_once[c])
                        continue;
                for (size_t ref = 0; ref < corr->n_refs; ref++)
                        for (uint32_t i = 0; !corr->refs[ref].correlation && i < p->n_occurrences; i++)
                                if (p->occurrences[i].rule == corr->refs[ref].index)
                                        insert(s, c, ref, p, i, NULL);
        }
}
