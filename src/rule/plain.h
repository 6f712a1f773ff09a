/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Asks every rule about every record and every category of the event: what the compiled way must be equal to. */
#include "rule/state.h"

void plain_event(RuleState *s);
void plain_parents(RuleState *s); /* rules that ask for parents, for the current view */
