/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/socket.h>
#include "base/clock.h"
#include "role/engine/progress.h"
#include "source/kafka-intake.h"

#define HOLD_NS   2000000
#define LOOK_USEC 100000u

static void begin(Progress *p) {
        if (p->stage != PROGRESS_NONE || !p->newest)
                return;
        p->stage = PROGRESS_EVENTS;
        p->mark = p->newest;
        p->mark_ns = p->newest_ns;
        p->newest = 0;
}

/* An event that opened in the same read as the mark may have done so behind it: then this takes longer than it must. */
static bool step(Progress *p) {
        switch (p->stage) {
        case PROGRESS_EVENTS:
                if (event_oldest_ns(p->assembler) <= p->mark_ns)
                        return false;
                p->events = engine_n_events(p->engine);
                p->events_ns = clock_monotonic_ns();
                p->stage = PROGRESS_RULES;
                return true;
        case PROGRESS_RULES:
                if (engine_n_decided(p->engine) < p->events || engine_oldest_ns(p->engine) <= p->events_ns)
                        return false;
                p->alerts = p->link->outbox.seq;
                p->messages = events_out_number(p->link->events);
                p->stage = PROGRESS_SPOOL;
                return true;
        case PROGRESS_SPOOL:
                if (p->link->outbox.committed < p->alerts ||
                    events_out_confirmed(p->link->events) < p->messages)
                        return false;
                /* no room: the next one says as much */
                (void)send(p->sock, &p->mark, sizeof(p->mark), MSG_DONTWAIT | MSG_NOSIGNAL);
                p->stage = PROGRESS_NONE;
                return true;
        default: return false;
        }
}

static void look(Progress *p) {
        do
                begin(p);
        while (step(p));
        if (p->stage == PROGRESS_NONE)
                return;
        sd_event_source_set_time_relative(p->timer, LOOK_USEC);
        sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        look(userdata);
        return 0;
}

int progress_open(Progress *p, sd_event *loop, int sock, const EventAssembler *assembler,
                  const Engine *engine, const Link *link) {
        int r;

        *p = (Progress){ .sock = sock, .assembler = assembler, .engine = engine, .link = link };
        r = sd_event_add_time(loop, &p->timer, CLOCK_MONOTONIC, UINT64_MAX, 10000, on_look, p);
        return r < 0 ? r : sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
}

void progress_close(Progress *p) { p->timer = sd_event_source_disable_unref(p->timer); }

bool progress_take(Progress *p, Str line) {
        uint64_t mark;

        if (likely(!line.n || line.p[0] != INTAKE_MARK) || !p->timer)
                return false;
        if (!str_u64((Str){ line.p + 1, line.n - 1 }, 10, &mark))
                return false; /* the line reader cuts and drops: not ours, then */
        p->newest = mark;
        p->newest_ns = clock_monotonic_ns();
        if (p->stage == PROGRESS_NONE) {
                sd_event_source_set_time_relative(p->timer, LOOK_USEC);
                sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
        }
        return true;
}

bool progress_hold(const Progress *p, Ring *ring) {
        if (!progress_is_open(p) ||
            (p->link->outbox.bytes <= OUTBOX_MAX / 2 && !events_out_is_half_full(p->link->events)))
                return false;
        ring_beat(ring);
        nanosleep(&(struct timespec){ .tv_nsec = HOLD_NS }, NULL);
        ring_beat(ring);
        return true;
}
