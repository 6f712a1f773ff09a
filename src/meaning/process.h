/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which program each process runs, as far as the log told.
 *
 * Keyed by (node, pid), built from SYSCALL records in the order of events. A successful execve says
 * program and command line; any other system call says the program, and the title where nothing was known
 * before. What clone() returned is not used: in a container it is a pid of another name space. Bounded:
 * the process heard from least recently is forgotten. */
#include "base/str.h"

typedef struct {
        Str exe;
        Str command_line; /* STR_NULL: not known */
} Process;

typedef struct ProcessTable ProcessTable;

#define PROCESS_MAX_DEFAULT   32768u
#define PROCESS_BYTES_DEFAULT (12u << 20)
#define PROCESS_TEXT_MAX      8192u /* of a text that is kept; what is longer is cut */

int process_table_new(ProcessTable **ret, size_t max, size_t max_bytes);
ProcessTable *process_table_free(ProcessTable *t); /* returns NULL */

/* Lent until the table changes. */
bool process_find(const ProcessTable *t, Str node, int64_t pid, Process *ret);

/* 0 or -ENOMEM: then the process is as it was before, or forgotten. */
int process_exec(ProcessTable *t, Str node, int64_t pid, Str exe, Str command_line);
int process_seen(ProcessTable *t, Str node, int64_t pid, Str exe, Str title);

uint64_t process_table_dropped(const ProcessTable *t); /* processes forgotten because the table was full */
