/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* SHA-256 (FIPS 180-4), for ids that must be the same in every process and that nobody can make collide. */
#include "base/str.h"

typedef struct {
        uint32_t h[8];
        uint64_t n_bytes;
        uint8_t block[64];
} Sha256;

void sha256_init(Sha256 *s);
void sha256_add(Sha256 *s, Str data);
void sha256_finish(Sha256 *s, uint8_t ret[32]);

/* HMAC (RFC 2104) over the parts one after the other. */
void sha256_hmac(Str key, const Str *parts, size_t n_parts, uint8_t ret[32]);
