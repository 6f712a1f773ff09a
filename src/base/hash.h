/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Hashing of attacker-chosen bytes.
 *
 * Every table that is keyed by log data hashes with a secret drawn once per process, so that nobody can write
 * records whose keys all collide. */
#include "base/str.h"

extern uint64_t hash_secret[2]; /* drawn before main(); read-only afterwards */

static inline uint64_t hash_mix(uint64_t a, uint64_t b) {
        __uint128_t m = (__uint128_t)a * b;

        return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t hash_u64(uint64_t v) { return hash_mix(v ^ hash_secret[0], hash_secret[1]); }

/* For tables that only remember, where the worst that equal hashes do is that something is worked out again: blocks are multiplied side by
 * side, in a third of the time. @n: at least 16. */
static inline uint64_t hash_blocks(const char *p, size_t n) {
        uint64_t sum = 0, w[2];

        for (size_t i = 0; i < n; i += sizeof(w)) {
                memcpy(w, p + (i + sizeof(w) <= n ? i : n - sizeof(w)), sizeof(w));
                sum += hash_mix(w[0] ^ hash_secret[0], (w[1] + i) ^ hash_secret[1]);
        }
        return sum;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);

/* With another secret than this process's: for hashes that outlive it. A copy of hash_secret gives what hash_bytes() gives. */
uint64_t hash_bytes_with(const uint64_t secret[2], const void *p, size_t n, uint64_t seed);
static inline uint64_t hash_str(Str s) { return hash_bytes(s.p, s.n, 0); }
