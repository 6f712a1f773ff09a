/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the supervisor tells who asks (status.h), taken apart for `aulert status`.
 *
 * Texts borrow from what was read; they are bytes of others, for whoever shows them to escape. What is not understood is
 * counted: another version may say more. Tables are as large as a supervisor of this version fills them; more is left out,
 * and counted too. */
#include "role/account/account.h"
#include "role/account/counters.h"

#define STATUS_NODES_MAX 64u
#define STATUS_DEAD_MAX  128u
#define STATUS_BYTES_MAX (1u << 20)

typedef struct {
        Str role;
        uint64_t pid, up_s;
} StatusProcess;

typedef struct {
        Str name, type;
        Str why; /* its last trouble; "": none */
} StatusSink;

typedef struct {
        Str id, sink, why;
        uint64_t tries;
} StatusDead;

typedef struct {
        Str node;
        uint64_t n;
} StatusGaps;

typedef struct {
        Str role;
        CounterLine line;
} StatusCounter;

typedef struct {
        Str version, reload; /* reload: what came of the last one; "": there was none */
        uint64_t n_rules, reload_s;
        struct {
                bool known;
                Str why;       /* it is not */
                uint64_t lost; /* since boot */
                uint64_t backlog, backlog_limit;
        } kernel;
        bool complete; /* the end was there, and every process has answered */
        StatusProcess processes[ACCOUNT_PARTS];
        size_t n_processes;
        Str silent[ACCOUNT_PARTS]; /* roles that did not answer, or do not run now */
        size_t n_silent;
        StatusSink sinks[CONFIG_SINKS_MAX];
        Str sink_names[CONFIG_SINKS_MAX];
        size_t n_sinks;
        StatusDead dead[STATUS_DEAD_MAX];
        size_t n_dead;
        StatusGaps gaps[STATUS_NODES_MAX];
        size_t n_gaps;
        StatusCounter *counters;
        size_t n_counters;
        size_t n_unknown; /* lines */
} Status;

/* @text is lent for the life of *ret. 0 or -ENOMEM. */
int status_parse(Status *ret, Str text);
void status_done(Status *s);

/* A counter that shows a loss. */
bool status_is_loss(const StatusCounter *c);
/* That of a sink ("": of a process) by its name; NULL: it was not told. */
const StatusCounter *status_find(const Status *s, Str sink, const char *name);

void status_text(Buf *out, const Status *s);
void status_json(Buf *out, const Status *s);
