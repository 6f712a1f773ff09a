/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What redact.c and redact-words.c share: a text, and which parts of it are secret. */
#include "alert/redact.h"

typedef struct {
        const Redact *redact;
        Str text;
        Buf spans;  /* of Span, in no order, overlapping */
        bool words; /* a NUL between two words, blanks belong to them; else it is a command line */
} Scan;

typedef struct {
        size_t start, end; /* offsets in Scan.text */
} Span;

void scan_mark(Scan *s, size_t start, size_t end);

/* Options of known programs, in the words of [start, end) of the text (redact-words.c). @lines: NULs or blanks. */
void scan_words(Scan *s, size_t start, size_t end);
void scan_line(Scan *s, size_t start, size_t end, unsigned depth);

#define SCAN_DEPTH 4u /* lines within quotes within lines; deeper, quotes count as blanks */
