/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The engine's process at work: what role-engine.c (messages, alerts, its life) and engine-input.c (from bytes to events, and
 * its state) share. */
#include <systemd/sd-event.h>
#include "role/bad.h"
#include "role/config/settings.h"
#include "role/engine/catch-up.h"
#include "role/engine/engine.h"
#include "role/engine/gather.h"
#include "role/engine/keep.h"
#include "role/engine/link.h"
#include "role/engine/progress.h"
#include "role/engine/reload.h"
#include "role/engine/role-engine.h"
#include "role/ring.h"
#include "role/station.h"
#include "source/line.h"
#include "source/source.h"

typedef struct {
        Station station;
        Ring ring;
        uint64_t place; /* of the ring, behind the last byte that the source was given */
        sd_event_source *input, *age, *keeping;
        int fd;
        Gather gather;
        uint64_t age_at; /* for when age is armed, CLOCK_MONOTONIC ns; UINT64_MAX: it is not */
        Source *source;
        LineReader *reader;
        EventAssembler *assembler;
        Engine *engine;
        Link link;
        Keep keep;
        uint64_t keep_events; /* the number of the last message of events behind the state that waits */
        Progress progress;
        CatchUp catch;
        bool first; /* engine of this ring */
        bool live;  /* its input is this machine's, and of now */
        BadLines bad;
        EngineRoleCounters counters;
        bool loaded, finishing;
        Reload reload;
        int status;
} Run;

/* Goes on where an engine before has stopped, or begins. 0 or -errno. */
int run_open_input(Run *run, const Settings *settings);
/* Takes what is there without waiting for more, and ends. */
void run_drain(Run *run);
/* After each turn of the loop: keeps a state when it is time. */
void run_keep_state(Run *run);
/* Deliver has everything: the loop ends. */
int run_leave(Run *run);
