/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Sigma's `re`: PCRE2, searched anywhere in the value, with limits.
 *
 * Subjects are characters (UTF-8 decoded, other bytes one character each), while \w \d \s and the flag i know ASCII only:
 * that is PCRE2 with 32-bit units and without its Unicode mode. No JIT: auditd's sandbox may forbid writable code. A search that
 * takes too many steps, or too much memory, counts as no match and is counted. */
#include "base/arena.h"
#include "rule/pattern.h"

typedef struct Regex Regex;
typedef struct RegexScratch RegexScratch;

enum { REGEX_CASELESS = 1 << 0, REGEX_MULTILINE = 1 << 1, REGEX_DOTALL = 1 << 2 };

typedef struct {
        size_t offset; /* in bytes of the pattern */
        char text[160];
} RegexError;

enum { _REGEX_E_SUCCESS, REGEX_E_BAD };

#define REGEX_MAX_BYTES (256u << 10) /* of one, compiled */

int regex_new(Regex **ret, Str pattern, unsigned flags, RegexError *ret_error);
Regex *regex_free(Regex *r); /* returns NULL */
size_t regex_bytes(const Regex *r);

/* What a search needs besides the expression; one a thread. */
int regex_scratch_new(RegexScratch **ret);
RegexScratch *regex_scratch_free(RegexScratch *s);     /* returns NULL */
uint64_t regex_scratch_limited(const RegexScratch *s); /* searches given up so far */

bool regex_search(const Regex *r, RegexScratch *s, Str value);

/* Texts in lower case, one of which stands in the lower-case form of every value that matches. False: none is known. */
#define REGEX_MAX_LITERALS 16
bool regex_literals(Str pattern, Arena *arena, Str ret[static REGEX_MAX_LITERALS], size_t *ret_n);
