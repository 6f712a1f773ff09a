/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of an Index: what index.c builds and matcher.c follows. */
#include "rule/index.h"
#include "rule/select.h"

#define FIRST_TYPE 1000
#define LAST_TYPE  2999

/* Rules that a value of one field makes worth asking. */
typedef struct {
        Lits *lits;        /* NULL: none */
        uint32_t *present; /* rules for which any value will do */
        size_t n_present;
} PlanField;

typedef struct {
        PlanField **fields;  /* for each field, or NULL */
        uint64_t *wanted;    /* the fields that have one; in plans of types also those of the plan for all */
        uint32_t *inherited; /* those of them that a record may see in another */
        size_t n_inherited;
        uint32_t *always; /* rules to ask in any case */
        size_t n_always;
        uint64_t *truth;  /* of the tests of the type, for index.c */
        bool any;         /* there is something to do */
        bool repeats;     /* what it finds in a record depends on the body and the type alone */
        FieldNames names; /* of wanted */
        const PlanField *head[_HEAD_N],
                *path[_PATH_N]; /* for the fields of a Call and of a Path; NULL: none */
} Plan;

struct Index {
        const RuleSet *set;
        Plan *base;                                      /* rules that say nothing about the type */
        Plan *unknown;                                   /* the others, for types without a name */
        const Plan *by_type[LAST_TYPE - FIRST_TYPE + 1]; /* the others; NULL: no such name */
        Str type_names[LAST_TYPE - FIRST_TYPE + 1];
        uint64_t *context;        /* fields that some plan looks for in SYSCALL, CWD and PROCTITLE records */
        FieldNames context_names; /* theirs, and some of Facts if rules need them */
        FieldNames fact_names;    /* all of Facts */
        /* Process, network, file. Last the rules that ask for parents: they are among those for processes, by what the event itself
         * says, and here by what the parents do. */
        Plan *categories[4];
        uint8_t *
                by_text; /* for each rule that asks for parents: it holds only where matcher_parents_text() is true */
        Plan **plans; /* those of by_type, each once */
        size_t n_plans, cap_plans;
};

Plan *plan_new(Index *x); /* owned by the index; NULL on ENOMEM */
PlanField *plan_field_free(PlanField *f);
