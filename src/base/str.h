/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Borrowed byte strings: a pointer and a length, no NUL, no ownership.
 *
 * A Str lives as long as the buffer it points into; the function that hands one out says how long that is.
 * Bytes may be anything, NUL included. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
        const char *p;
        size_t n;
} Str;

/* Lines and records are followed by so many readable bytes, whatever they hold: scanning may read in wide
 * loads. */
#define STR_SLACK 64

#define STR(_literal) ((Str){ "" _literal, sizeof(_literal) - 1 })
#define STR_INIT(_literal) \
        { "" _literal, sizeof(_literal) - 1 } /* for tables */
#define STR_NULL       ((Str){ NULL, 0 })
#define STR_FMT        "%.*s"
#define STR_ARG(_s)    (int)(_s).n, (_s).p /* for printf("%.*s") of text that is known to be short and clean */
#define ARRAY_SIZE(_a) (sizeof(_a) / sizeof(*(_a)))

#define likely(_x)   __builtin_expect(!!(_x), 1)
#define unlikely(_x) __builtin_expect(!!(_x), 0)

static inline Str str_from(const char *z) { return (Str){ z, z ? strlen(z) : 0 }; }
static inline bool str_eq(Str a, Str b) { return a.n == b.n && (!a.n || !memcmp(a.p, b.p, a.n)); }
static inline bool str_eqz(Str a, const char *z) { return str_eq(a, str_from(z)); }
static inline bool str_starts(Str s, Str head) {
        return s.n >= head.n && (!head.n || !memcmp(s.p, head.p, head.n));
}
static inline bool str_ends(Str s, Str tail) {
        return s.n >= tail.n && !memcmp(s.p + s.n - tail.n, tail.p, tail.n);
}

/* A copy of @s at *at, which moves behind it; STR_NULL stays what it is. For texts that are packed behind a struct. */
static inline Str str_put(char **at, Str s) {
        Str kept = { *at, s.n };

        if (!s.p)
                return STR_NULL;
        if (s.n)
                memcpy(*at, s.p, s.n);
        *at += s.n;
        return kept;
}

/* ASCII letters compare without case, other bytes exactly. */
bool str_ieq(Str a, Str b);

/* Characters of UTF-8: all bytes but those that continue one. */
size_t str_chars(Str s);

/* Whole string as an unsigned number in @base (10 or 16, without prefix). False, and *ret untouched, when
 * the string is empty, holds another character, or does not fit. */
bool str_u64(Str s, unsigned base, uint64_t *ret);

extern const uint8_t str_hexval_plus1[256];

/* Value of one hexadecimal digit of either case, or -1. */
static inline int str_hexval(char c) { return str_hexval_plus1[(uint8_t)c] - 1; }

/* True when @s is a non-empty even number of hexadecimal digits. */
bool str_is_hex(Str s);

/* Decodes an even number of hexadecimal digits into @dst, which has room for n / 2 bytes. Returns the
 * number of bytes written; stops at the first character that is no digit. */
size_t str_unhex(char *dst, Str s);
