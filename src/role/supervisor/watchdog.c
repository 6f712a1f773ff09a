/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/clock.h"
#include "base/log.h"
#include "role/supervisor/watchdog.h"

static void get_on(Watchdog *w, uint64_t beat) {
        *w = (Watchdog){ .beat = beat, .looked_ns = clock_monotonic_ns() };
}

static void add(Watchdog *w, char state, uint64_t ran_ns) {
        uint64_t now = clock_monotonic_ns(), passed = now - w->looked_ns;
        bool is_kept_waiting = state == 'R' || state == 'D'; /* for a processor, or by the kernel */

        w->all_ns += passed;
        /* what it did since the last look is not known: we may not have been let either */
        if (!is_kept_waiting)
                w->rested_ns += passed < WATCH_MS * NS_PER_MS ? passed : WATCH_MS * NS_PER_MS;
        else if (w->ran_ns)
                w->used_ns += ran_ns - w->ran_ns;
        w->looked_ns = now;
        w->ran_ns = ran_ns;
}

void watchdog_begin(Watchdog *w) { get_on(w, 0); }

bool watchdog_look(Watchdog *w, const Child *engine, uint64_t beat, bool input_waits) {
        const uint64_t stuck = WATCH_STUCK_MS * NS_PER_MS;
        uint64_t ran_ns = 0;
        char state;

        if (beat != w->beat || (!(beat & 1) && !input_waits)) {
                get_on(w, beat);
                return false;
        }
        state = child_state(engine, &ran_ns);
        add(w, state, ran_ns);
        if (w->rested_ns < stuck && (w->all_ns < stuck || w->used_ns < WATCH_RAN_MS * NS_PER_MS))
                return false;
        log_notice("the engine (state %c) %s and did not get on for %llu ms, in which it used %llu ms of CPU",
                   state, beat & 1 ? "had something at hand" : "left its input alone",
                   (unsigned long long)(w->all_ns / NS_PER_MS), (unsigned long long)(w->used_ns / NS_PER_MS));
        get_on(w, beat);
        return true;
}
