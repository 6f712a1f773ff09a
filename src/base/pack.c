/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <math.h>
#include "base/pack.h"

#define PART_HEAD 16u
#define SUM_BYTES 8u

/* ---- numbers with a fraction ---- */

enum { REAL_ZERO, REAL_FINITE, REAL_INFINITE, REAL_NONE };
#define REAL_MINUS 4u

/* Two words of 64 bits hold every mantissa there is. */
void pack_real(Buf *out, long double v) {
        uint8_t kind = isnan(v) ? REAL_NONE : isinf(v) ? REAL_INFINITE : v == 0 ? REAL_ZERO : REAL_FINITE;
        uint64_t high;
        int exponent;
        long double m;

        pack_u8(out, (uint8_t)(kind | (signbit(v) ? REAL_MINUS : 0)));
        if (kind != REAL_FINITE)
                return;
        m = ldexpl(frexpl(fabsl(v), &exponent), 64);
        high = (uint64_t)m;
        pack_u32(out, (uint32_t)exponent);
        pack_u64(out, high);
        pack_u64(out, (uint64_t)ldexpl(m - (long double)high, 64));
}

long double unpack_real(Unpack *u) {
        uint8_t kind = unpack_u8(u);
        long double v = 0;

        if ((kind & ~REAL_MINUS) == REAL_FINITE) {
                int32_t exponent = (int32_t)unpack_u32(u);
                long double high = (long double)unpack_u64(u), low = (long double)unpack_u64(u);

                u->bad |= exponent < -20000 || exponent > 20000;
                v = ldexpl(high + ldexpl(low, -64), u->bad ? 0 : exponent - 64);
        } else if ((kind & ~REAL_MINUS) == REAL_INFINITE) {
                v = (long double)INFINITY;
        } else if ((kind & ~REAL_MINUS) == REAL_NONE) {
                v = (long double)NAN;
        } else {
                u->bad |= kind & ~REAL_MINUS;
        }
        return kind & REAL_MINUS ? -v : v;
}

/* ---- parts ---- */

size_t pack_begin(Buf *out, uint32_t tag, uint32_t version) {
        pack_u32(out, tag);
        pack_u32(out, version);
        pack_u64(out, 0);
        return out->n;
}

void pack_end(Buf *out, size_t begun) {
        uint64_t n = htole64(out->n - begun);

        if (!out->failed)
                memcpy(out->p + begun - sizeof(n), &n, sizeof(n));
}

Unpack unpack_part(Unpack *u, uint32_t tag, uint32_t version) {
        uint32_t its_tag = unpack_u32(u), its_version = unpack_u32(u);
        uint64_t n = unpack_u64(u);
        const char *p = NULL;

        u->bad |= its_tag != tag || its_version != version || n > u->rest.n;
        p = unpack_bytes(u, (size_t)n);
        return (Unpack){ .rest = { p, p ? (size_t)n : 0 }, .bad = !p };
}

bool unpack_bool(Unpack *u) {
        uint8_t v = unpack_u8(u);

        u->bad |= v > 1;
        return v == 1;
}

int64_t unpack_time_or_never(Unpack *u) {
        int64_t t = unpack_i64(u);

        if (t == INT64_MIN || (t <= PACK_TIME_MAX && t >= -PACK_TIME_MAX))
                return t;
        u->bad = true;
        return 0;
}

int64_t unpack_time(Unpack *u) {
        int64_t t = unpack_time_or_never(u);

        if (t != INT64_MIN)
                return t;
        u->bad = true;
        return 0;
}

Str unpack_text(Unpack *u, size_t max) {
        uint32_t n = unpack_u32(u);
        const char *p;

        if (n == UNPACK_NO_TEXT)
                return STR_NULL;
        u->bad |= n > max;
        p = unpack_bytes(u, n);
        return p ? (Str){ p, n } : STR_NULL;
}

uint32_t unpack_count(Unpack *u, size_t size) {
        uint32_t n = unpack_u32(u);

        u->bad |= n > u->rest.n / size;
        return u->bad ? 0 : n;
}

/* ---- the sum ---- */

/* Each step can be undone, for the sum and for the word: one word that is wrong always shows. */
static uint64_t sum_of(Str s) {
        uint64_t h = 0x9E3779B97F4A7C15ull ^ s.n, word;

        for (; s.n >= sizeof(word); s = (Str){ s.p + sizeof(word), s.n - sizeof(word) }) {
                memcpy(&word, s.p, sizeof(word));
                h = (h ^ le64toh(word)) * 0xC2B2AE3D27D4EB4Full;
                h ^= h >> 29;
        }
        word = 0;
        if (s.n)
                memcpy(&word, s.p, s.n);
        h = (h ^ le64toh(word)) * 0xC2B2AE3D27D4EB4Full;
        return h ^ h >> 32;
}

void pack_seal(Buf *out, size_t start) {
        if (!out->failed)
                pack_u64(out, sum_of((Str){ out->p + start, out->n - start }));
}

int unpack_unseal(Str sealed, Str *ret) {
        Str body = { sealed.p, sealed.n - SUM_BYTES };
        Unpack sum;

        if (sealed.n < PART_HEAD + SUM_BYTES)
                return PACK_E_BAD;
        sum = UNPACK_INIT(((Str){ sealed.p + body.n, SUM_BYTES }));
        if (unpack_u64(&sum) != sum_of(body))
                return PACK_E_BAD;
        *ret = body;
        return 0;
}
