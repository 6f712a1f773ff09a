/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/sha256.h"

/* FIPS 180-4, 4.2.2: the first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t rotate(uint32_t x, unsigned n) { return x >> n | x << (32 - n); }

static void schedule(uint32_t w[64], const uint8_t block[64]) {
        for (int i = 0; i < 16; i++)
                w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 |
                       (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
        for (int i = 16; i < 64; i++) {
                uint32_t s0 = rotate(w[i - 15], 7) ^ rotate(w[i - 15], 18) ^ w[i - 15] >> 3;
                uint32_t s1 = rotate(w[i - 2], 17) ^ rotate(w[i - 2], 19) ^ w[i - 2] >> 10;

                w[i] = w[i - 16] + s0 + w[i - 7] + s1;
        }
}

static void compress(Sha256 *s) {
        uint32_t w[64], v[8];

        schedule(w, s->block);
        memcpy(v, s->h, sizeof(v));
        for (int i = 0; i < 64; i++) {
                uint32_t s1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25);
                uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + k[i] + w[i];
                uint32_t s0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22);
                uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));

                memmove(v + 1, v, 7 * sizeof(*v));
                v[4] += t1;
                v[0] = t1 + t2;
        }
        for (int i = 0; i < 8; i++)
                s->h[i] += v[i];
}

void sha256_init(Sha256 *s) {
        *s = (Sha256){ .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c,
                              0x1f83d9ab, 0x5be0cd19 } };
}

void sha256_add(Sha256 *s, Str data) {
        for (size_t i = 0; i < data.n; i++) {
                s->block[s->n_bytes++ % 64] = (uint8_t)data.p[i];
                if (s->n_bytes % 64 == 0)
                        compress(s);
        }
}

void sha256_finish(Sha256 *s, uint8_t ret[32]) {
        uint64_t n_bits = s->n_bytes * 8;
        char length[8];

        for (int i = 0; i < 8; i++)
                length[i] = (char)(n_bits >> (56 - 8 * i));
        sha256_add(s, STR("\x80"));
        while (s->n_bytes % 64 != 56)
                sha256_add(s, (Str){ "", 1 });
        sha256_add(s, (Str){ length, sizeof(length) });
        for (int i = 0; i < 32; i++)
                ret[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_hmac(Str key, const Str *parts, size_t n_parts, uint8_t ret[32]) {
        uint8_t block[64] = { 0 }, inner[32];
        Sha256 s;

        if (key.n > sizeof(block)) {
                sha256_init(&s);
                sha256_add(&s, key);
                sha256_finish(&s, block);
        } else if (key.n) {
                memcpy(block, key.p, key.n);
        }
        for (size_t i = 0; i < sizeof(block); i++)
                block[i] ^= 0x36;
        sha256_init(&s);
        sha256_add(&s, (Str){ (const char *)block, sizeof(block) });
        for (size_t i = 0; i < n_parts; i++)
                sha256_add(&s, parts[i]);
        sha256_finish(&s, inner);
        for (size_t i = 0; i < sizeof(block); i++)
                block[i] ^= 0x36 ^ 0x5c;
        sha256_init(&s);
        sha256_add(&s, (Str){ (const char *)block, sizeof(block) });
        sha256_add(&s, (Str){ (const char *)inner, sizeof(inner) });
        sha256_finish(&s, ret);
        explicit_bzero(block, sizeof(block));
        explicit_bzero(&s, sizeof(s));
}
