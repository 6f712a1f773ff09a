/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of the engine that others may ask for. */
#include "event/event.h"

typedef struct {
        uint64_t events_aside, lines_aside; /* because they had ended an engine */
        uint64_t overrun; /* bytes that a new engine should have read again, and that were overwritten */
} EngineRoleCounters;

extern const CounterDesc engine_role_counter_descs[];
extern const size_t engine_role_n_counter_descs;

/* For tests of how a broken engine is replaced: called before each event. NULL but in the program that they build. */
extern void (*role_engine_planted)(const Event *event);
