/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Keeps an engine and a deliver running, and hands them what they need.
 *
 *   supervisor ---- control ---- engine (reads stdin, or what a source or intake writes: inlet.h)
 *        |                          | link: alerts to the right, "committed" to the left
 *        +--------- control ---- deliver
 *
 * The engine that dies, or is stuck (watchdog.h), is replaced on the same stdin and the same ring; what it was doing is left
 * out when it was its own fault (ring_blame()). A deliver that dies is replaced too. Each time is counted, logged and an
 * alert. Who dies again and again is replaced more slowly: the engine after at most ENGINE_WAIT_MS, since auditd waits
 * for it, deliver after at most DELIVER_WAIT_MS. */
#include <systemd/sd-event.h>
#include "base/counter.h"

#define ENGINE_WAIT_MS  800u
#define DELIVER_WAIT_MS 2000u

typedef struct {
        uint64_t engine_died, engine_stuck, deliver_died, source_died; /* and were replaced */
        uint64_t blamed; /* events or lines that ended an engine, and are left out from then on */
        uint64_t
                forgotten; /* times an engine had to start afresh because its state or input kept killing it */
        uint64_t notes_dropped; /* alerts about ourselves */
        uint64_t reloads;
} SupervisorCounters;

extern const CounterDesc supervisor_counter_descs[];
extern const size_t supervisor_n_counter_descs;

typedef struct Supervisor Supervisor;

/* Reads the configuration. 0, or an exit status: what is wrong was logged. */
int supervisor_new(Supervisor **ret, const char *config_path);
Supervisor *supervisor_free(Supervisor *s); /* ends the children at once. Returns NULL */
sd_event *supervisor_loop(Supervisor *s);

/* Until the input has ended and everything is told, or supervisor_finish(). Returns an exit status. */
int supervisor_run(Supervisor *s);

/* What is there is still taken, then all end. */
void supervisor_finish(Supervisor *s);
/* A bad configuration is reported, and the old one stays. */
void supervisor_reload(Supervisor *s);
/* Logs all counters of all processes, when they have answered. */
void supervisor_say_counters(Supervisor *s);
