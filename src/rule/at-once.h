/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Correlations whose hits nothing that comes later can take back: they hit when the event completes, not when its turn has come.
 *
 * Such are counts with gt and gte, temporal and temporal_ordered, as long as all correlations that they refer to, or that refer to them,
 * are such, too, and no rule that waits for the parents of processes is among them. An event that completes late may make a later one
 * hit, which still waits in the queue then. */
#include "rule/state.h"

/* Which of the set's correlations hit at once; an array of as many. NULL on ENOMEM. */
bool *at_once_find(const RuleSet *set);

/* The event's occurrences go into the windows of these correlations. @p: in the queue. */
void at_once_event(RuleState *s, Pending *p);
