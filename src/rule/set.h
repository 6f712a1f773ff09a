/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a RuleSet is made of. Read-only once it is loaded: any number of RuleStates may use it. */
#include "rule/ast.h"
#include "rule/rule.h"

typedef struct {
        RuleInfo info;
        ViewKind view;
        const Expr *expr; /* filters included */
        Str product, service, category;
        bool referred;     /* a correlation counts it */
        bool silent;       /* gives no hits of its own */
        bool asks_parents; /* it, or a correlation of it, looks at fields that need the process table */
        bool asks_keywords;
        const uint32_t *wants; /* fields that correlations, also in a chain, want of it */
        size_t n_wants;
} Rule;

typedef enum {
        CORRELATION_EVENT_COUNT,
        CORRELATION_VALUE_COUNT,
        CORRELATION_VALUE_SUM,
        CORRELATION_VALUE_AVG,
        CORRELATION_TEMPORAL,
        CORRELATION_TEMPORAL_ORDERED,
} CorrelationType;

/* Where a correlation finds a value of an occurrence. */
typedef struct {
        uint32_t field;
        int32_t inner; /* a group-by value of the correlation referred to, or -1: the field of the event */
} CorrelationWant;

typedef struct {
        bool correlation; /* index into correlations, else into rules */
        uint32_t index;
        const CorrelationWant *group;  /* for each group-by name, aliases followed */
        const CorrelationWant *values; /* for each condition.field */
} CorrelationRef;

typedef struct {
        Compare compare;
        long double number;
} CorrelationTest;

#define CORRELATION_KEY 32u

typedef struct {
        RuleInfo info;
        CorrelationType type;
        const CorrelationRef *refs;
        size_t n_refs;
        const Str *group; /* group-by names */
        size_t n_group;
        size_t n_values;          /* condition.field */
        CorrelationTest tests[6]; /* all must hold */
        size_t n_tests;
        int64_t span_ms;
        bool generate;
        bool silent;
        uint32_t chain;        /* correlations below it, one on the other, and itself */
        const uint32_t *wants; /* fields that correlations around it want of the event that made it fire */
        size_t n_wants;
        Str key; /* CORRELATION_KEY bytes, equal in two sets: the same correlation */
} Correlation;

typedef struct Index Index;

struct RuleSet {
        unsigned n_ref;
        Ast ast;
        Rule *rules;
        size_t n_rules, cap_rules;
        Correlation *correlations; /* each after those that it refers to */
        size_t n_correlations;
        RuleSetStats stats;
        RuleOptions options;
        bool views[_VIEW_N]; /* a rule looks at it */
        bool parents;        /* some rule asks for the parents of processes */
        Index *index;
};
