/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include "base/hash.h"

uint64_t hash_secret[2] = { 0x9E3779B97F4A7C15ull, 0xC2B2AE3D27D4EB4Full };

__attribute__((constructor)) static void draw_secret(void) {
        uint64_t s[2];

        if (getrandom(s, sizeof(s), GRND_NONBLOCK) != sizeof(s)) {
                struct timespec t;

                clock_gettime(CLOCK_REALTIME, &t);
                s[0] = (uint64_t)t.tv_nsec << 32 ^ (uint64_t)t.tv_sec;
                s[1] = (uint64_t)(uintptr_t)&t;
        }
        hash_secret[0] ^= s[0];
        hash_secret[1] ^= s[1];
        hash_secret[1] |= 1;
}

static inline uint64_t load64(const char *p) {
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return v;
}

uint64_t hash_bytes_with(const uint64_t secret[2], const void *bytes, size_t n, uint64_t seed) {
        const char *p = bytes;
        uint64_t h = seed ^ secret[0] ^ n, tail = 0;

        for (; n >= 8; n -= 8, p += 8)
                h = hash_mix(h ^ load64(p), secret[1] ^ 0x9E3779B97F4A7C15ull);
        if (n)
                memcpy(&tail, p, n);
        return hash_mix(h ^ tail, secret[1]);
}

uint64_t hash_bytes(const void *bytes, size_t n, uint64_t seed) {
        return hash_bytes_with(hash_secret, bytes, n, seed);
}
