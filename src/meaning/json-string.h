/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of a JSON string, quickly where nothing is to be escaped, which is nearly always.
 *
 * Same output as escape_json(). SSE2 where the compiler has it, eight bytes at a time elsewhere. */
#include "base/escape.h"
#include "record/record.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

typedef enum {
        JSON_STRING_REPLACED, /* it was not UTF-8 */
        JSON_STRING_ESCAPED, /* it held something other than printable ASCII without quotes and backslashes */
        JSON_STRING_PLAIN,
} JsonString;

/* True: sixteen bytes, of which the first @n count, go as they are. */
static inline bool json_plain16(const char *p, size_t n) {
#ifdef __SSE2__
        __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* below 0x20 and, as signed numbers, from 0x80; DEL, quote and backslash one by one */
        __m128i bad =
                _mm_or_si128(_mm_cmplt_epi8(x, _mm_set1_epi8(0x20)), _mm_cmpeq_epi8(x, _mm_set1_epi8(0x7F)));

        bad = _mm_or_si128(bad, _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('"')),
                                             _mm_cmpeq_epi8(x, _mm_set1_epi8('\\'))));
        return !((unsigned)_mm_movemask_epi8(bad) & (n < 16 ? (1u << n) - 1 : 0xFFFFu));
#else
        unsigned bad = 0;

        for (size_t i = 0; i < (n < 16 ? n : 16); i++) {
                uint8_t c = (uint8_t)p[i];

                bad |= c < 0x20 || c >= 0x7F || c == '"' || c == '\\';
        }
        return !bad;
#endif
}

static inline JsonString json_string_slowly(Buf *b, Str s) {
        return escape_json(b, s) ? JSON_STRING_ESCAPED : JSON_STRING_REPLACED;
}

/* @s has RECORD_SLACK readable bytes behind it, as texts of records have. */
static inline JsonString json_string_slack(Buf *b, Str s) {
        char *d = buf_reserve(b, s.n + 16);

        if (unlikely(!d))
                return JSON_STRING_PLAIN;
        for (size_t i = 0; i < s.n; i += 16) {
                if (unlikely(!json_plain16(s.p + i, s.n - i)))
                        return json_string_slowly(b, s);
                memcpy(d + i, s.p + i, 16);
        }
        b->n += s.n;
        return JSON_STRING_PLAIN;
}

/* Any string. */
static inline JsonString json_string(Buf *b, Str s) {
        char *d = buf_reserve(b, s.n + 16);

        if (unlikely(!d))
                return JSON_STRING_PLAIN;
        if (s.n)
                memcpy(d, s.p, s.n);
        for (size_t i = 0; i < s.n; i += 16)
                if (unlikely(!json_plain16(d + i, s.n - i)))
                        return json_string_slowly(b, s);
        b->n += s.n;
        return JSON_STRING_PLAIN;
}
