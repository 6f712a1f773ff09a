/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* For unit tests: cmocka with what it needs before it, and text that ends against an unmapped page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/str.h"

/* A copy of @text with exactly STR_SLACK readable bytes behind it, filled with @slack: reading further
 * crashes. Never freed. */
static inline Str test_guarded(Str text, char slack) {
        size_t page = (size_t)sysconf(_SC_PAGESIZE), size = (text.n + STR_SLACK + page - 1) / page * page;
        char *m = mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_ANON | MAP_PRIVATE, -1, 0), *p;

        assert_ptr_not_equal(m, MAP_FAILED);
        assert_int_equal(mprotect(m + size, page, PROT_NONE), 0);
        p = m + size - STR_SLACK - text.n;
        memcpy(p, text.p, text.n);
        memset(p + text.n, slack, STR_SLACK);
        return (Str){ p, text.n };
}

/* A copy with a few bytes changed, from the heap: free it. @seed: which. */
static inline Str test_mangled(Str bytes, uint64_t seed) {
        static const uint8_t values[] = { 0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF };
        char *p = malloc(bytes.n + 1);

        memcpy(p, bytes.p, bytes.n);
        for (unsigned i = 0; i < 1 + seed % 4; i++) {
                uint64_t x = (seed * 4 + i + 1) * 0x9E3779B97F4A7C15ull;

                x ^= x >> 31;
                x *= 0xC2B2AE3D27D4EB4Full;
                x ^= x >> 29;
                p[x % bytes.n] = (char)values[(x >> 40) % sizeof(values)];
        }
        return (Str){ p, bytes.n };
}
