/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The compiled form of a RuleSet: which rules are worth asking about a record. */
#include "rule/eval.h"

typedef struct RuleState RuleState;
typedef struct Matcher Matcher;

int index_new(Index **ret, const RuleSet *set);
Index *index_free(Index *x); /* returns NULL */

/* The memory that matching needs; one a RuleState. */
int matcher_new(Matcher **ret, const Index *index, Viewer *viewer, Eval *eval);
Matcher *matcher_free(Matcher *m); /* returns NULL */

void matcher_event(Matcher *m, RuleState *s);

/* What is left to do for rules that ask for parents, once matcher_event() has seen the event; the least first. */
typedef enum {
        PARENTS_NEVER,   /* none can hold, whatever the parent is */
        PARENTS_BY_TEXT, /* none can hold unless matcher_parents_text() says so */
        PARENTS_ASK,
} ParentsNeed;

ParentsNeed matcher_parents_need(const Matcher *m);
bool matcher_parents_text(Matcher *m, Str image, Str command_line);
void matcher_parents(Matcher *m, RuleState *s); /* rules that ask for parents, for the current view */
