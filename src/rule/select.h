/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which few things must be there before a rule is worth asking.
 *
 * From a rule's expression a set of triggers is chosen, one of which is there whenever the rule holds: the ones expected least often.
 * Tests whose truth is known beforehand (about the type of the record, say) are worked in. Whether the rule holds is for
 * eval.c to say. */
#include "rule/ast.h"
#include "rule/lits.h"

typedef struct {
        uint32_t field;
        bool present; /* any value of the field; else the literal */
        Lit lit;      /* id: the rule */
} Trigger;

typedef struct {
        Trigger *v;
        size_t n, cap;
} TriggerList;

typedef enum {
        SELECT_NEVER,    /* the rule cannot hold */
        SELECT_ALWAYS,   /* no trigger can be named: ask every time */
        SELECT_TRIGGERS, /* only with one of the triggers added */
} SelectResult;

/* Where triggers may come from. The parents of a process are known later than the process. */
typedef enum {
        SELECT_ANY,
        SELECT_OWN,     /* what the event itself says; keywords may stand in what its parents say */
        SELECT_PARENTS, /* the program and the command line of the parent: matcher_parents_text() */
} SelectFrom;

typedef struct {
        Ast *ast;                      /* literals go to its arena */
        const uint64_t *known, *truth; /* a bit for each test; NULL: nothing is known */
        bool audit;                    /* VIEW_AUDIT: keywords are looked for in the logged line */
        bool syscall;                  /* the record is a SYSCALL record: it has itself what others inherit */
        SelectFrom from;
} Selection;

/* 0 or -ENOMEM. */
int select_triggers(const Selection *s, const Expr *rule, uint32_t id, TriggerList *list, SelectResult *ret);
