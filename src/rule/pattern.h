/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Sigma's string values: text, wildcards, and the dash class of `windash`.
 *
 * A pattern is a row of tokens. Characters are UTF-8; a byte that is not part of UTF-8 is a character of its own.
 * ASCII letters compare without case unless the pattern is cased; then literals are kept in lower case and values must be given in
 * lower case as well. Matching costs at most (length of value) x (length of pattern), in practice their sum. */
#include "base/arena.h"
#include "base/buf.h"

typedef enum {
        PATTERN_LITERAL,
        PATTERN_ANY, /* "*": any run of characters, also none */
        PATTERN_ONE, /* "?": exactly one character */
        PATTERN_DASH /* windash: - / and the en, em and horizontal dashes */
} PatternKind;

typedef struct {
        PatternKind kind;
        Str text; /* PATTERN_LITERAL; never empty */
} PatternToken;

typedef struct {
        const PatternToken *v;
        size_t n;
} Pattern;

/* Reads a value of a rule: * and ? are wildcards, \* \? \\ are literal, another backslash is itself. 0 or -ENOMEM. */
int pattern_parse(Pattern *ret, Arena *arena, Str text);

/* A pattern that is just this text. */
int pattern_literal(Pattern *ret, Arena *arena, Str text);

/* Several patterns one after the other; literals that meet become one, so do stars. */
int pattern_join(Pattern *ret, Arena *arena, const Pattern *parts, size_t n);

/* With "*" before or after. */
int pattern_anchor(Pattern *ret, Arena *arena, const Pattern *p, bool star_before, bool star_after);

/* Replaces dashes that start a word by PATTERN_DASH. */
int pattern_windash(Pattern *ret, Arena *arena, const Pattern *p);

/* Literals in lower case. */
int pattern_lower(Pattern *ret, Arena *arena, const Pattern *p);

bool pattern_has_wildcard(const Pattern *p);

/* The pattern's text when it is one literal or nothing; false otherwise. */
bool pattern_plain(const Pattern *p, Str *ret);

bool pattern_match(const Pattern *p, Str value);

/* Appends a form in which equal patterns are equal, different ones different. */
void pattern_key(Buf *out, const Pattern *p);

/* Length in bytes of the character at @s.p, at least 1; @s is not empty. */
size_t pattern_char(Str s);
