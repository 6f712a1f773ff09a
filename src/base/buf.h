/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A growing byte buffer, for output and for text that is put together.
 *
 * Appending cannot fail half-way: when memory runs out the buffer is marked (`failed`) and every later
 * append is dropped, so a writer checks once, at the end. With an fd attached (buf_attach) the buffer
 * writes itself out whenever it holds more than BUF_FLUSH bytes, so that output of any size needs little
 * memory. */
#include <stdarg.h>
#include "base/str.h"

/* Large writes let the page cache use large folios: a sixth less CPU than with 64 KiB. */
#define BUF_FLUSH (512u << 10)

typedef struct {
        char *p;
        size_t n, cap;
        int fd;      /* where it flushes to, or -1 */
        int error;   /* errno of the first failed write or allocation, 0 while all is well */
        bool failed; /* contents are incomplete: see error */
} Buf;

#define BUF_INIT ((Buf){ .fd = -1 })

void buf_attach(Buf *b, int fd);
void buf_done(Buf *b); /* frees the memory, writes nothing; the Buf is as new (BUF_INIT) */

/* Makes room for @n more bytes. NULL when that fails. Write to the result, then add to b->n what was used. */
char *buf_grow(Buf *b, size_t n);

static inline char *buf_reserve(Buf *b, size_t n) {
        return likely(b->cap - b->n >= n) ? b->p + b->n : buf_grow(b, n);
}

static inline void buf_put(Buf *b, const void *p, size_t n) {
        char *dst;

        if (!n) /* NULL + 0 is undefined */
                return;
        dst = buf_reserve(b, n);
        if (unlikely(!dst))
                return;
        memcpy(dst, p, n);
        b->n += n;
}

static inline void buf_putc(Buf *b, char c) {
        char *dst = buf_reserve(b, 1);

        if (unlikely(!dst))
                return;
        *dst = c;
        b->n++;
}

static inline void buf_str(Buf *b, Str s) { buf_put(b, s.p, s.n); }
static inline void buf_putz(Buf *b, const char *z) { buf_put(b, z, strlen(z)); }
#define BUF_LIT(_b, _literal) buf_put((_b), "" _literal, sizeof(_literal) - 1)

void buf_u64(Buf *b, uint64_t v);
void buf_printf(Buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(Buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* The contents with a NUL behind them; NULL when the buffer failed. Valid until the next append. */
const char *buf_z(Buf *b);
static inline Str buf_view(const Buf *b) { return (Str){ b->p, b->n }; }
static inline void buf_clear(Buf *b) { b->n = 0; }

/* Writes everything to the attached fd, waiting if it must. 0, or -errno of the first failure (EPIPE
 * included: the caller should have SIGPIPE ignored). */
int buf_flush(Buf *b);

/* Flushes when more than BUF_FLUSH bytes wait. Call it between items, never inside one that is to stay
 * whole. */
static inline int buf_maybe_flush(Buf *b) { return b->n > BUF_FLUSH ? buf_flush(b) : 0; }
