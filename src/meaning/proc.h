/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Asks /proc of this machine which program a process runs that the log does not show.
 *
 * For live streams: a process started before auditing did. What it says is of now and not of the log, so whoever uses it marks it. It
 * never waits: /proc/PID/stat and the link /proc/PID/exe are read, and not cmdline, whose reading the process itself can make take for ever
 * (its arguments may lie on a file system that it serves). At most PROC_PER_SECOND processes are asked about. Without privilege the
 * kernel shows the programs of one's own processes only (proc(5), ptrace access mode); that is counted. */
#include "base/counter.h"

#define PROC_PER_SECOND 100u

typedef struct {
        uint64_t found;     /* times a program was told */
        uint64_t gone;      /* the process had ended, is no program's, or is a later one of the same number */
        uint64_t forbidden; /* the kernel does not tell us */
        uint64_t limited;   /* not asked: too many questions in a second */
} ProcCounters;

extern const CounterDesc proc_counter_descs[];
extern const size_t proc_n_counter_descs;

typedef struct Proc Proc;

/* @root: "/proc"; it stays open, so that a process may shut itself in later. 0 or -errno. */
int proc_new(Proc **ret, const char *root);
Proc *proc_free(Proc *p); /* returns NULL */
const ProcCounters *proc_counters(const Proc *p);

/* The program of a process that was started before @before_ms (milliseconds since 1970), lent until the next call; STR_NULL: not known. */
Str proc_program(Proc *p, int64_t pid, int64_t before_ms);
