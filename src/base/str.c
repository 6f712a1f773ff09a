/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/str.h"

const uint8_t str_hexval_plus1[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
        ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static inline char fold(char c) { return c >= 'A' && c <= 'Z' ? c | 0x20 : c; }

bool str_ieq(Str a, Str b) {
        if (a.n != b.n)
                return false;
        for (size_t i = 0; i < a.n; i++)
                if (fold(a.p[i]) != fold(b.p[i]))
                        return false;
        return true;
}

bool str_u64(Str s, unsigned base, uint64_t *ret) {
        uint64_t v = 0;

        if (!s.n)
                return false;
        for (size_t i = 0; i < s.n; i++) {
                int d = str_hexval(s.p[i]);

                if (d < 0 || (unsigned)d >= base)
                        return false;
                if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
                    __builtin_add_overflow(v, (uint64_t)d, &v))
                        return false;
        }
        *ret = v;
        return true;
}

bool str_is_hex(Str s) {
        if (!s.n || s.n & 1)
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (str_hexval(s.p[i]) < 0)
                        return false;
        return true;
}

size_t str_unhex(char *dst, Str s) {
        size_t i;

        for (i = 0; i + 1 < s.n; i += 2) {
                int hi = str_hexval(s.p[i]), lo = str_hexval(s.p[i + 1]);

                if (hi < 0 || lo < 0)
                        break;
                dst[i / 2] = (char)(hi << 4 | lo);
        }
        return i / 2;
}

size_t str_chars(Str s) {
        size_t n = 0;

        for (size_t i = 0; i < s.n; i++)
                n += (s.p[i] & 0xC0) != 0x80;
        return n;
}
