/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/escape.h"
#include "rule/encode.h"
#include "rule/pattern.h"

static void put16(Buf *out, uint32_t unit, bool big_endian) {
        buf_putc(out, (char)(big_endian ? unit >> 8 : unit));
        buf_putc(out, (char)(big_endian ? unit : unit >> 8));
}

static uint32_t code_point(const uint8_t *p, size_t n) {
        static const uint8_t mask[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
        uint32_t c = p[0] & mask[n];

        for (size_t i = 1; i < n; i++)
                c = c << 6 | (p[i] & 0x3Fu);
        return n == 1 && p[0] >= 0x80 ? 0xFFFD : c;
}

void encode_utf16(Buf *out, Str s, bool big_endian) {
        for (size_t i = 0; i < s.n;) {
                size_t n = pattern_char((Str){ s.p + i, s.n - i });
                uint32_t c = code_point((const uint8_t *)s.p + i, n);

                if (c >= 0x10000) {
                        put16(out, 0xD800 + ((c - 0x10000) >> 10), big_endian);
                        put16(out, 0xDC00 + ((c - 0x10000) & 0x3FF), big_endian);
                } else
                        put16(out, c, big_endian);
                i += n;
        }
}

void encode_base64_inside(Buf *out, Str s, unsigned shift) {
        static const uint8_t skip_head[] = { 0, 2, 3 }, skip_tail[] = { 0, 3, 2 };
        Buf padded = BUF_INIT, encoded = BUF_INIT;
        size_t head = skip_head[shift], tail = skip_tail[(s.n + shift) % 3];

        buf_put(&padded, "  ", shift);
        buf_str(&padded, s);
        escape_base64(&encoded, buf_view(&padded));
        if (padded.failed || encoded.failed)
                out->failed = true;
        else if (encoded.n > head + tail)
                buf_put(out, encoded.p + head, encoded.n - head - tail);
        buf_done(&padded);
        buf_done(&encoded);
}
