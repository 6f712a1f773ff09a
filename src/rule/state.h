/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of a RuleState, for the two ways of asking rules: index.c (compiled) and plain.c (to compare with). */
#include "meaning/proc.h"
#include "meaning/process.h"
#include "rule/eval.h"
#include "rule/index.h"
#include "rule/node-clock.h"
#include "rule/pending.h"
#include "rule/window.h"

/* A group of a correlation that this event touched, and whether it fired. */
typedef struct {
        uint32_t correlation;
        WindowGroup *group;
        const Occurrence *occurrence;
        bool fired;
} Fire;

struct RuleState {
        RuleSet *set;
        Viewer viewer;
        Eval eval;
        Matcher *matcher; /* NULL: plain */
        ProcessTable *processes;
        Proc *proc; /* or NULL */
        char host[256];
        bool live;          /* the parent of the current view is from /proc */
        Window **windows;   /* for each correlation */
        WindowTotal *total; /* of the windows; goes on over a reload */
        bool *at_once;      /* for each correlation: see at-once.h */
        PendingQueue queue;
        RuleHitFn fn; /* of the call that is under way */
        void *userdata;
        uint64_t *stamps; /* for each rule: the event it hit last */
        uint64_t stamp;
        uint64_t order, turn;
        NodeClocks clocks;
        int64_t at_ms;           /* of the event under way: when its turn comes, by these */
        Occurrence *occurrences; /* of the event under way */
        size_t n_occurrences, cap_occurrences;
        Str *values;
        size_t n_values, cap_values;
        Fire *fires;
        size_t n_fires, cap_fires;
        uint64_t regex_before, groups_before, members_before;
        RuleCounters counters;
};

/* A rule holds for the current view: a hit, or an occurrence, or both; once an event. @record: what made it true. */
void state_hit(RuleState *s, uint32_t rule, const Record *record);

ProcessTime state_place(const RuleState *s, const Event *e); /* of the event under way */

/* The values of an occurrence that a correlation wants. @inner: the group values of the correlation that is referred to, or NULL for a
 * rule. */
void state_pick(const RuleState *s, const CorrelationWant *wants, size_t n, const Occurrence *o,
                const Str *values, const Str *inner, Str *ret);

int state_grow(void *array, size_t size, size_t n, size_t *cap);

/* Into a state that was set up with another set: the windows of correlations that are the same in both, and what waits. 0, or -ENOMEM: @old is
 * as it was. */
int state_carry(RuleState *s, RuleState *old);
