/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Looks at many bytes at once.
 *
 * SSE2 where the compiler has it (every x86_64), plain C elsewhere with the same results. All read
 * RECORD_SLACK bytes beyond what they are asked about, at most. */
#include "record/record.h"
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* Bit i of the result: p[i] == c, for 64 bytes. */
static inline uint64_t scan_eq64(const char *p, char c) {
        uint64_t m = 0;
#ifdef __SSE2__
        const __m128i want = _mm_set1_epi8(c);

        for (int i = 0; i < 4; i++) {
                __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));

                m |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, want)) << (16 * i);
        }
#else
        for (int i = 0; i < 64; i++)
                m |= (uint64_t)(p[i] == c) << i;
#endif
        return m;
}

/* Bit i: p[i] is one of two bytes. */
static inline uint64_t scan_either64(const char *p, char a, char b) {
        uint64_t m = 0;
#ifdef __SSE2__
        const __m128i wa = _mm_set1_epi8(a), wb = _mm_set1_epi8(b);

        for (int i = 0; i < 4; i++) {
                __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i));
                __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, wa), _mm_cmpeq_epi8(x, wb));

                m |= (uint64_t)(uint32_t)_mm_movemask_epi8(hit) << (16 * i);
        }
#else
        for (int i = 0; i < 64; i++)
                m |= (uint64_t)(p[i] == a || p[i] == b) << i;
#endif
        return m;
}

/* Bit i: p[i] == c, for 32 bytes. */
static inline uint32_t scan_eq32(const char *p, char c) {
#ifdef __SSE2__
        const __m128i want = _mm_set1_epi8(c);
        __m128i lo = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i hi = _mm_loadu_si128((const __m128i *)(const void *)(p + 16));

        return (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(lo, want)) |
               (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(hi, want)) << 16;
#else
        uint32_t m = 0;

        for (int i = 0; i < 32; i++)
                m |= (uint32_t)(p[i] == c) << i;
        return m;
#endif
}

/* True when the first @n <= 32 bytes are the same. Both sides have 32 readable bytes. */
static inline bool scan_same32(const char *a, const char *b, unsigned n) {
#ifdef __SSE2__
        __m128i lo = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)a),
                                    _mm_loadu_si128((const __m128i *)(const void *)b));
        __m128i hi = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(a + 16)),
                                    _mm_loadu_si128((const __m128i *)(const void *)(b + 16)));
        uint64_t same = (uint32_t)_mm_movemask_epi8(lo) | (uint64_t)(uint32_t)_mm_movemask_epi8(hi) << 16;

        return !(~same & ((1ull << n) - 1));
#else
        return !memcmp(a, b, n);
#endif
}

/* The first ' ', '=' or 0x1D in [p, end), or @end. */
static inline const char *scan_break(const char *p, const char *end) {
#ifdef __SSE2__
        const __m128i bit = _mm_set1_epi8(0x20), blank = _mm_set1_epi8(0x20), equals = _mm_set1_epi8(0x3D);

        /* (b | 0x20) is 0x20 or 0x3D for exactly NUL, ' ', '=' and 0x1D, and a record holds no NUL */
        for (; p < end; p += 16) {
                __m128i x = _mm_or_si128(_mm_loadu_si128((const __m128i *)(const void *)p), bit);
                __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, blank), _mm_cmpeq_epi8(x, equals));
                unsigned m = (unsigned)_mm_movemask_epi8(hit);

                if (m) {
                        p += __builtin_ctz(m);
                        return p < end ? p : end;
                }
        }
        return end;
#else
        while (p < end && *p != ' ' && *p != '=' && *p != 0x1D)
                p++;
        return p;
#endif
}

/* The first of two bytes in [p, end), or @end. */
static inline const char *scan_either(const char *p, const char *end, char a, char b) {
#ifdef __SSE2__
        const __m128i wa = _mm_set1_epi8(a), wb = _mm_set1_epi8(b);

        for (; p < end; p += 16) {
                __m128i x = _mm_loadu_si128((const __m128i *)(const void *)p);
                __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(x, wa), _mm_cmpeq_epi8(x, wb));
                unsigned m = (unsigned)_mm_movemask_epi8(hit);

                if (m) {
                        p += __builtin_ctz(m);
                        return p < end ? p : end;
                }
        }
        return end;
#else
        while (p < end && *p != a && *p != b)
                p++;
        return p;
#endif
}

/* The first ' ' or 0x1D in [p, end), or @end. */
static inline const char *scan_blank(const char *p, const char *end) {
        return scan_either(p, end, ' ', 0x1D);
}

/* The first '"' or 0x1D in [p, end), or @end. */
static inline const char *scan_quote(const char *p, const char *end) {
        return scan_either(p, end, '"', 0x1D);
}

/* Where the bytes that end names and values are, for 64 bytes at a time: one look serves all fields that lie in them. */
typedef struct {
        const char *base; /* the masks are about the 64 bytes from here on */
        uint64_t blank;   /* ' ' or 0x1D */
        uint64_t equals, quote;
} ScanMarks;

static inline void scan_marks(ScanMarks *m, const char *p) {
        *m = (ScanMarks){ .base = p };
#ifdef __SSE2__
        for (int i = 0; i < 64; i += 16) {
                __m128i x = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
                __m128i blank = _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8(' ')),
                                             _mm_cmpeq_epi8(x, _mm_set1_epi8(0x1D)));

                m->blank |= (uint64_t)(uint32_t)_mm_movemask_epi8(blank) << i;
                m->equals |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('=')))
                             << i;
                m->quote |= (uint64_t)(uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(x, _mm_set1_epi8('"'))) << i;
        }
#else
        for (int i = 0; i < 64; i++) {
                m->blank |= (uint64_t)(p[i] == ' ' || p[i] == 0x1D) << i;
                m->equals |= (uint64_t)(p[i] == '=') << i;
                m->quote |= (uint64_t)(p[i] == '"') << i;
        }
#endif
}

typedef enum { SCAN_BREAK, SCAN_BLANK, SCAN_QUOTE } ScanWhat;

/* The first ' ', 0x1D or, SCAN_BREAK, '=', or the first '"', in [p, end), or @end. @p: not before m->base. */
static inline __attribute__((always_inline)) const char *scan_next(ScanMarks *m, const char *p,
                                                                   const char *end, ScanWhat what) {
        while (p < end) {
                size_t at = (size_t)(p - m->base);
                uint64_t bits;

                if (at >= 64) {
                        scan_marks(m, p);
                        at = 0;
                }
                bits = (what == SCAN_QUOTE   ? m->quote
                        : what == SCAN_BREAK ? m->blank | m->equals
                                             : m->blank) >>
                       at;
                if (bits) {
                        p += __builtin_ctzll(bits);
                        return p < end ? p : end;
                }
                p = m->base + 64;
        }
        return end;
}
