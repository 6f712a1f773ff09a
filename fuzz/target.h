/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the targets of libFuzzer share. With -Dfuzz=enabled libFuzzer calls the target; else replay.c runs
 * it over the corpus. */
#include <stdio.h>
#include <stdlib.h>
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHECK(_condition)                                                                        \
        do {                                                                                     \
                if (!(_condition)) {                                                             \
                        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #_condition); \
                        abort();                                                                 \
                }                                                                                \
        } while (0)

/* A copy with STR_SLACK bytes of @slack behind it and nothing behind those, to be freed. */
static inline char *target_copy(Str text, char slack) {
        char *p = malloc(text.n + STR_SLACK);

        CHECK(p);
        if (text.n)
                memcpy(p, text.p, text.n);
        memset(p + text.n, slack, STR_SLACK);
        return p;
}

/* The next line of @rest, which loses it, cut at its first NUL as LineReader does. False: no more. The
 * last one needs no newline. */
static inline bool target_line(Str *rest, Str *ret) {
        const char *newline = rest->n ? memchr(rest->p, '\n', rest->n) : NULL, *nul;
        size_t n = newline ? (size_t)(newline - rest->p) : rest->n;

        if (!rest->n)
                return false;
        *ret = (Str){ rest->p, n };
        nul = n ? memchr(rest->p, 0, n) : NULL;
        if (nul)
                ret->n = (size_t)(nul - rest->p);
        n += newline != NULL;
        *rest = (Str){ rest->p + n, rest->n - n };
        return true;
}
