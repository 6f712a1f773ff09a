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
void matcher_parents(Matcher *m, RuleState *s); /* rules that ask for parents, for the current view */
