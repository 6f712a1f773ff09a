/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How far the records of an intake (source/kafka-intake.h) have had their effect, told back to it.
 *
 * A mark is done with when every event that began before it is complete, the rules have decided about it, and the alerts that
 * came of it are in the spool (and with deliver what `events:` sends on). One mark is followed at a time: it takes as long as the slowest of what came before
 * it, a few seconds at most, and the newest is next. */
#include <systemd/sd-event.h>
#include "event/event.h"
#include "role/engine/engine.h"
#include "role/engine/link.h"
#include "role/ring.h"

typedef enum {
        PROGRESS_NONE,
        PROGRESS_EVENTS, /* waits for events that were open when the mark came */
        PROGRESS_RULES,  /* for what the rules have not decided yet */
        PROGRESS_SPOOL,  /* for the alerts to be committed, and the events taken */
} ProgressStage;

typedef struct {
        int sock; /* where marks are told to; -1: there is no intake, and this does nothing */
        sd_event_source *timer;
        const EventAssembler *assembler;
        const Engine *engine;
        const Link *link;
        uint64_t newest, newest_ns; /* mark, and when it came; 0: all have been told */
        ProgressStage stage;        /* of @mark */
        uint64_t mark, mark_ns;
        uint64_t events, events_ns; /* shown to the engine when its events were complete */
        uint64_t alerts, messages;  /* that had been made when the rules had decided */
} Progress;

/* All is lent for the life of it. 0 or -errno. */
int progress_open(Progress *p, sd_event *loop, int sock, const EventAssembler *assembler,
                  const Engine *engine, const Link *link);
void progress_close(Progress *p);

/* Records come from an intake. */
static inline bool progress_is_open(const Progress *p) { return p->timer; }

/* True: the line was a mark, and is no record. */
bool progress_take(Progress *p, Str line);
/* An intake can wait, auditd cannot: true when too much is on its way to deliver to read more now; waits a little. */
bool progress_hold(const Progress *p, Ring *ring);
