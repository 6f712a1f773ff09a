/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Reads files, or stdin, and hands out events.
 *
 * The files are one stream, in the order given, so that an event may span two of them (rotated logs).
 * Everything that is bad is said on stderr: the first of each kind with its file and line, the totals at
 * the end; a file that cannot be read is said and the others are processed. A pipe, socket or terminal is
 * live: events age on the monotonic clock while it is silent. Memory: what LineReader and EventAssembler
 * say. */
#include "event/event.h"
#include "source/line.h"
#include "source/source.h"

#define INPUT_WHOLE_MAX (4u << 20)

typedef struct {
        EventMode
                mode; /* EVENT_WHOLE: if what is read are files of at most INPUT_WHOLE_MAX bytes together, else EVENT_DEFAULT */
        size_t max_line; /* 0: LINE_MAX_DEFAULT */
        EventFn event;
        /* Nothing more is there for now: show what has been found. Not 0: stop reading (output is broken).
         * May be NULL. */
        int (*idle)(void *userdata);
        /* When idle() wants to be called although nothing arrives, CLOCK_MONOTONIC ns, or UINT64_MAX. May
         * be NULL. */
        uint64_t (*deadline)(void *userdata);
        /* The input has ended and the last event was handed out; idle() follows. May be NULL. */
        void (*end)(void *userdata);
        void *userdata;
        const char *source; /* as in source.h: read this, no files; NULL: files */
        SourceOptions source_options;
} InputOptions;

/* What was given for --source, --from and --max-line; NULL: nothing. */
typedef struct {
        const char *source, *from, *max_line;
} InputWords;

/* Sets source, source_options and max_line; sources connect again. @n_files: how many files were named. 0, or
 * STATUS_USAGE: what is wrong was said. Borrows. */
int input_take_words(InputOptions *options, const InputWords *words, const char *command, size_t n_files);

/* Reads @paths, or stdin when there are none ("-" is stdin too); flushes at the end. Returns STATUS_DONE or
 * STATUS_INPUT. */
int input_run(const InputOptions *options, char *const *paths, size_t n_paths);

/* What to do about an error of opening @source (may be NULL): "" or "; …". */
const char *input_hint(const char *source, int r);
