/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which program each process ran at which time, as far as the log told.
 *
 * Keyed by (node, pid), built from SYSCALL records. A successful execve says program and command line; any other system
 * call says the program, and the title where nothing was known before. What clone() returned is not used: in a
 * container it is a pid of another name space.
 *
 * Events come out of order: each has its place in time, and an answer is what the events before a place said,
 * whenever they came. What was told of a process is kept until process_settle() says that nobody will ask about that
 * time. One case is not exact: an event that is late and names another program than those around it, of which only the first
 * and the last are remembered. Bounded: the process heard from least recently is forgotten, and of many changes of one process the
 * earliest. */
#include "base/pack.h"

typedef struct {
        Str exe;
        Str command_line; /* STR_NULL: not known */
} Process;

/* The place of an event among all. */
typedef struct {
        int64_t time_ms;
        uint64_t serial, order; /* order: of arrival */
} ProcessTime;

typedef struct ProcessTable ProcessTable;

#define PROCESS_MAX_DEFAULT   32768u
#define PROCESS_BYTES_DEFAULT (12u << 20)
#define PROCESS_TEXT_MAX      8192u /* of a text that is kept; what is longer is cut */
#define PROCESS_CHANGES_MAX   64u   /* of one process that are kept */

int process_table_new(ProcessTable **ret, size_t max, size_t max_bytes);
ProcessTable *process_table_free(ProcessTable *t); /* returns NULL */

/* What was known before @at; lent until the table changes. */
bool process_find(const ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Process *ret);

/* An event that is no execve: true when it says nothing new. Else the caller finds the title and calls process_seen(). */
bool process_same(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe);

/* 0 or -ENOMEM: then the process is as it was before. */
int process_exec(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe, Str command_line);
int process_seen(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe, Str title);

void process_settle(ProcessTable *t, int64_t time_ms); /* nobody will ask about earlier times */

/* Who was heard from since then is remembered; INT64_MIN as long as nobody had to be forgotten. */
int64_t process_table_since(const ProcessTable *t);

uint64_t process_table_dropped(
        const ProcessTable *t); /* processes, or changes, forgotten because the table was full */

/* The whole table as a part (base/pack.h): what a successor needs to give the same answers. Takes about as many bytes as the table
 * itself. 0 or -ENOMEM. */
int process_table_save(const ProcessTable *t, Buf *out);

/* Takes such a part off @in; it replaces all that @t knew, within its own limits. PACK_E_BAD, -ENOMEM: @t is as it was. Linear in the
 * bytes, whatever they hold. */
int process_table_restore(ProcessTable *t, Unpack *in);
