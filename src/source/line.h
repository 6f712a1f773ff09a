/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Reads a byte stream and hands out its lines, in place.
 *
 * Lines end at '\n' only. Memory: one buffer of LINE_CHUNK, larger only while a longer line (up to the
 * limit) passes. A longer line than the limit, or than there is memory for, is dropped while it streams by; an
 * unterminated last line is dropped. Both are counted, never silent. STR_SLACK bytes behind every line can be read. */
#include <sys/types.h>
#include "base/counter.h"

#define LINE_CHUNK       (256u << 10)
#define LINE_MAX_DEFAULT (1u << 20) /* DESIGN: the limit for a line unless configured */

typedef struct {
        uint64_t bytes;    /* read */
        uint64_t lines;    /* that ended, dropped ones included */
        uint64_t too_long; /* lines dropped because they are longer than the limit, or than memory */
        uint64_t unended;  /* last lines without newline, dropped (at most one an input) */
        uint64_t
                nul; /* lines with a NUL; they are kept up to it (auditd truncates so: replace_event_msg()) */
} LineCounters;

extern const CounterDesc line_counter_descs[];
extern const size_t line_n_counter_descs;

typedef enum { LINE_TOO_LONG, LINE_UNENDED, LINE_NUL } LineFault;

typedef struct {
        size_t max_line; /* 0: LINE_MAX_DEFAULT */
        /* In the place of read(2), for what is no stream of lines (source.h): as read(2), 0 at the end, -1 and
         * errno. NULL: read(2) of the descriptor. */
        ssize_t (*read)(void *read_data, char *into, size_t room);
        void *read_data;
        void (*recycle)(void *userdata); /* lines handed out so far are about to be overwritten */
        void (*fault)(void *userdata, LineFault fault, uint64_t line); /* @line: number from 1; may be NULL */
        void *userdata;
} LineOptions;

typedef struct LineReader LineReader;

/* Borrows @fd until it is freed; copies @options. 0 or -ENOMEM. */
int line_reader_new(LineReader **ret, int fd, const LineOptions *options);
LineReader *line_reader_free(LineReader *r); /* returns NULL */

enum { _LINE_E_SUCCESS, LINE_E_AGAIN, LINE_E_EOF };

/* One read(2). 0: lines may be there; LINE_E_AGAIN: nothing now (non-blocking fd); LINE_E_EOF: no more,
 * ever; -errno. */
int line_reader_fill(LineReader *r);

/* The next line, cut at its first NUL, or false: fill again. Lent until recycle() is called. */
bool line_reader_next(LineReader *r, Str *ret, uint64_t *ret_number);

/* Bytes that were read and are in no line yet: the start of one. To be asked when line_reader_next() has said that there is no other. */
size_t line_reader_rest(const LineReader *r);
/* Forgets these: they are to be read again. */
void line_reader_drop_rest(LineReader *r);

/* After LINE_E_EOF: another stream follows. Lines that were handed out stay where they are. */
void line_reader_restart(LineReader *r);

const LineCounters *line_counters(const LineReader *r);
