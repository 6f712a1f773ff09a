/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Sorts lines by their bytes and leaves out repeats, in bounded memory: what does not fit goes to an
 * unlinked temporary file. */
#include "base/buf.h"

#define SORTER_BYTES (16u << 20)

typedef struct Sorter Sorter;

int sorter_new(Sorter **ret, size_t max_bytes);
Sorter *sorter_free(Sorter *s); /* returns NULL */

/* A line without its newline; must not hold one. 0 or -errno. */
int sorter_add(Sorter *s, Str line);

/* Appends all lines, sorted, each once; to be called once. 0 or -errno. */
int sorter_finish(Sorter *s, Buf *out);
