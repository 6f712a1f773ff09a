/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* State as bytes: what one process writes so that its successor goes on where it stopped.
 *
 * Little-endian. Numbers have a fixed size; a text is its length (4 bytes) and its bytes, or UNPACK_NO_TEXT for one that is absent. Parts
 * are a tag (4 bytes), a version (4), a length (8) and a body; what is stored or sent is sealed, which adds a sum at its end. The sum
 * finds accidents (a write that was torn, a disk that lies). It keeps nobody out: who reads takes every number for hostile.
 * A reader that meets something wrong is marked bad and yields zeros from then on, so that one check at the end is enough, as long as
 * nothing is allocated or counted on the word of a number alone: unpack_count(). */
#include <endian.h>
#include "base/buf.h"

enum { _PACK_E_SUCCESS, PACK_E_BAD }; /* the bytes are not what they should be, or of another version */

#define UNPACK_NO_TEXT UINT32_MAX
#define PACK_TAG(_a, _b, _c, _d) \
        ((uint32_t)(_a) | (uint32_t)(_b) << 8 | (uint32_t)(_c) << 16 | (uint32_t)(_d) << 24)

/* What stored times may be, in milliseconds: adding or taking away a time span cannot overflow. */
#define PACK_TIME_MAX (INT64_MAX / 4)

static inline void pack_u8(Buf *out, uint8_t v) { buf_putc(out, (char)v); }

static inline void pack_u32(Buf *out, uint32_t v) {
        v = htole32(v);
        buf_put(out, &v, sizeof(v));
}

static inline void pack_u64(Buf *out, uint64_t v) {
        v = htole64(v);
        buf_put(out, &v, sizeof(v));
}

static inline void pack_i64(Buf *out, int64_t v) { pack_u64(out, (uint64_t)v); }
void pack_real(Buf *out, long double v); /* exactly */

/* At most UINT32_MAX - 1 bytes. */
static inline void pack_text(Buf *out, Str s) {
        pack_u32(out, s.p ? (uint32_t)s.n : UNPACK_NO_TEXT);
        if (s.p)
                buf_str(out, s);
}

/* A part: between the two goes its body. The Buf must not be attached to a descriptor. */
size_t pack_begin(Buf *out, uint32_t tag, uint32_t version);
void pack_end(Buf *out, size_t begun);

/* Puts the sum behind what was written since @start. */
void pack_seal(Buf *out, size_t start);

typedef struct {
        Str rest;
        bool bad;
} Unpack;

#define UNPACK_INIT(_bytes) ((Unpack){ .rest = (_bytes) })

/* @n bytes, or NULL and bad. */
static inline const char *unpack_bytes(Unpack *u, size_t n) {
        const char *p = u->rest.p;

        if (unlikely(u->bad || u->rest.n < n)) {
                u->bad = true;
                return NULL;
        }
        u->rest = (Str){ p + n, u->rest.n - n };
        return p;
}

static inline uint8_t unpack_u8(Unpack *u) {
        const char *p = unpack_bytes(u, 1);

        return p ? (uint8_t)*p : 0;
}

static inline uint32_t unpack_u32(Unpack *u) {
        const char *p = unpack_bytes(u, 4);
        uint32_t v = 0;

        if (p)
                memcpy(&v, p, sizeof(v));
        return le32toh(v);
}

static inline uint64_t unpack_u64(Unpack *u) {
        const char *p = unpack_bytes(u, 8);
        uint64_t v = 0;

        if (p)
                memcpy(&v, p, sizeof(v));
        return le64toh(v);
}

static inline int64_t unpack_i64(Unpack *u) { return (int64_t)unpack_u64(u); }
long double unpack_real(Unpack *u);

/* 0 or 1, else bad. */
bool unpack_bool(Unpack *u);

int64_t unpack_time(Unpack *u);          /* at most PACK_TIME_MAX either way, else bad */
int64_t unpack_time_or_never(Unpack *u); /* also INT64_MIN */

/* STR_NULL where none was written; borrowed from the bytes. Longer than @max: bad. */
Str unpack_text(Unpack *u, size_t max);

/* How many items follow, of which each takes at least @size bytes: more than there can be is bad, and 0. */
uint32_t unpack_count(Unpack *u, size_t size);

/* The part of that tag and version that stands next. Bad: another one stands there; .rest is empty then. */
Unpack unpack_part(Unpack *u, uint32_t tag, uint32_t version);

/* 0, or PACK_E_BAD: something was wrong, or something is left over. */
static inline int unpack_end(const Unpack *u) { return u->bad || u->rest.n ? PACK_E_BAD : 0; }

/* Takes the sum off the end of sealed bytes. 0 or PACK_E_BAD. */
int unpack_unseal(Str sealed, Str *ret);
