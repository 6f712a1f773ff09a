/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One input of the differential fuzzer: lines without their newlines, and how they reach our side. Holds
 * no NUL and no newline inside a line. */
#include "base/buf.h"

#define CASE_LINES 200

typedef struct {
        Buf line[CASE_LINES];
        size_t n;
        bool by_reader; /* ours gets the lines from a LineReader, not one by one */
        bool unended;   /* no newline after the last line */
        uint64_t noise; /* what stands behind the lines in memory, and when texts are detached */
} Case;

Case *case_new(void); /* NULL: no memory */
Case *case_free(Case *c);
void case_copy(Case *to, const Case *from);
bool case_failed(const Case *c);

/* The whole text, newlines included. */
void case_text(const Case *c, Buf *out);

/* For people: a line a line, odd bytes as \xNN. */
void case_show(const Case *c, Buf *out);
