/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Repeatable randomness: the same seed gives the same numbers on every machine (splitmix64). */
#include "base/str.h"

typedef struct {
        uint64_t state;
} Rng;

static inline uint64_t rng_next(Rng *r) {
        uint64_t v = r->state += 0x9E3779B97F4A7C15ull;

        v = (v ^ v >> 30) * 0xBF58476D1CE4E5B9ull;
        v = (v ^ v >> 27) * 0x94D049BB133111EBull;
        return v ^ v >> 31;
}

/* 0 … @n - 1; @n > 0. */
static inline unsigned rng_below(Rng *r, unsigned n) { return (unsigned)((rng_next(r) >> 32) * n >> 32); }

static inline unsigned rng_between(Rng *r, unsigned low, unsigned high) {
        return low + rng_below(r, high - low + 1);
}

/* True once in @n times; 0: never. */
static inline bool rng_one_in(Rng *r, unsigned n) { return n && !rng_below(r, n); }

#define RNG_PICK(_r, _array) ((_array)[rng_below((_r), ARRAY_SIZE(_array))])
