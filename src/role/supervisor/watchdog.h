/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Whether the engine gets on: looked at every WATCH_MS.
 *
 * An engine is stuck that, within a turn of its loop or leaving its input alone, does not get on for WATCH_STUCK_MS, and that by its own
 * fault: it waits or was stopped, or it has used WATCH_RAN_MS of a processor meanwhile, many times what a turn takes. Who is not let, as the
 * machine has more to do than processors, is not stuck: what it has at hand would be blamed for it, and left out (ring_blame()). Nor who was
 * seen waiting by a look that came late: each look stands for WATCH_MS at most. Nor who is held by the kernel (D of proc(5)): by its disk, from
 * which a page of the program has to come again, or by its audit, where our calls are audited and auditd is behind (audit_log_start());
 * another engine would be held as well. */
#include "role/supervisor/child.h"

#define WATCH_MS       200u
#define WATCH_STUCK_MS 500u
#define WATCH_RAN_MS   200u

typedef struct {
        uint64_t beat;      /* of the ring, at the last look */
        uint64_t looked_ns; /* CLOCK_MONOTONIC, of it */
        uint64_t ran_ns;    /* CPU time that the engine had used by then; 0: not known, as when it got on */
        uint64_t all_ns;    /* since it got on: in all, */
        uint64_t rested_ns; /* of it while it did not ask for a processor, */
        uint64_t used_ns;   /* and CPU time */
} Watchdog;

void watchdog_begin(Watchdog *w); /* with a new engine */

/* @beat: the ring's; @input_waits: there is something for it to read. True: it is stuck, and that was logged. */
bool watchdog_look(Watchdog *w, const Child *engine, uint64_t beat, bool input_waits);
