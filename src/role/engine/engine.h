/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* From an event to alerts: rules, sentences, and one alert for one login.
 *
 * What `watch` and `run` have in common. It knows no input and no sink: events come in, alerts go out
 * through one function. Rules can be replaced between two events. One thread. */
#include "alert/attempt.h"
#include "role/engine/echo.h"
#include "role/engine/loader.h"

typedef struct {
        uint64_t events;    /* shown to the rules */
        uint64_t hits;      /* of rules */
        uint64_t alerts;    /* that went out */
        uint64_t no_memory; /* hits lost because memory could not be had */
} EngineCounters;

extern const CounterDesc engine_counter_descs[];
extern const size_t engine_n_counter_descs;

typedef struct Engine Engine;

int engine_new(Engine **ret, AlertFn fn, void *userdata); /* 0 or -ENOMEM */
Engine *engine_free(Engine *e);                           /* returns NULL */

/* Which secrets do not go into alerts; copied. At first: what is built in. 0 or -ENOMEM. */
int engine_set_redact(Engine *e, const Redact *redact);

/* Not switched off; what is in use, lent until the next engine_set_redact(). */
bool engine_redacts(const Engine *e);
const Redact *engine_redact(const Engine *e);
Meaning *engine_meaning(const Engine *e); /* the engine's own, lent */

/* Who we are, for hits on what we do ourselves (echo.h). To be called once. 0 or -ENOMEM. */
int engine_set_self(Engine *e, const EchoSelf *self);
Echo *engine_echo(const Engine *e); /* NULL: nobody said */

/* Loads rules and, unless that fails altogether, puts them in the place of those in use. Problems are
 * logged with file, line and column. @ret_n_errors: how many there were; may be NULL. 0 or -errno. */
int engine_load_rules(Engine *e, const char *const *paths, size_t n_paths, size_t *ret_n_errors);
uint64_t engine_n_rules(const Engine *e);

/* For a live stream of this machine: /proc is asked for the parents of processes that the log does not show, see rule.h. Without /proc
 * nothing is different. 0 or -errno. */
int engine_use_proc(Engine *e);

/* The same without stopping events: the rules in use go on until engine_load_finish(), to be called between two events once
 * engine_load_fd() is readable; it replaces them, logs the problems and closes that descriptor. Takes @job, in any case. 0; -EBUSY: one is
 * under way, start again when it has ended; -errno. */
int engine_load_start(Engine *e, const LoaderJob *job);
int engine_load_fd(const Engine *e);                     /* -1: none is under way */
int engine_load_finish(Engine *e, size_t *ret_n_errors); /* as engine_load_rules(); waits if need be */

/* The event is lent. Alerts that need not wait go out from within. */
void engine_event(Engine *e, const Event *event);

/* Alerts that wait: see attempt.h. */
void engine_age(Engine *e, uint64_t now_ns);
uint64_t engine_deadline(const Engine *e);
void engine_flush(Engine *e);

/* Events shown, and how many of the first of them can bring no more alerts from the rules. */
uint64_t engine_n_events(const Engine *e);
uint64_t engine_n_decided(const Engine *e);
/* Since when the oldest alert waits (attempt.h), CLOCK_MONOTONIC ns; UINT64_MAX: none does. */
uint64_t engine_oldest_ns(const Engine *e);

/* Appends every counter of the engine and what it is made of. */
void engine_print_counters(const Engine *e, Buf *out, bool only_loss);

/* All that a successor of this process needs to go on: rules' windows, what waits, processes, logins that were told. Sealed (base/pack.h):
 * magic, version, length, and a sum at the end. At most some 80 MiB, mostly far less; it holds secrets of hash tables, so it is for our own
 * eyes. To be called between events. What the assembler holds is not in it: see event_open_lines(). 0 or -ENOMEM. */
int engine_save(Engine *e, Buf *out);

/* Into an engine that has its rules and has seen nothing yet. They need not be the same rules: what belongs to those that are goes on.
 * PACK_E_BAD: foreign, damaged, of another version, or there are no rules; -ENOMEM. In both cases the engine is as it was. */
int engine_restore(Engine *e, Str saved);
