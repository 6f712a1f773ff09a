/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "meaning/unescape.h"

static size_t hex_prefix(Str s) {
        size_t n = 0;

        while (n < s.n && str_hexval(s.p[n]) >= 0)
                n++;
        return n;
}

/* Bytes for @n digits; a last single digit is the upper half of a byte. */
static size_t decode(char *dst, const char *p, size_t n) {
        size_t used = str_unhex(dst, (Str){ p, n & ~1ul });

        if (n & 1)
                dst[used++] = (char)(str_hexval(p[n - 1]) << 4);
        return used;
}

static void put_hex(Buf *out, const char *p, size_t n) {
        char *dst = buf_reserve(out, n / 2 + 1);

        if (dst)
                out->n += strnlen(dst, decode(dst, p, n));
}

/* What stands between the quotes; @raw starts with one. */
static void put_quoted(Buf *out, Str raw) {
        const char *end = memchr(raw.p + 1, '"', raw.n - 1);

        if (end)
                buf_put(out, raw.p + 1, (size_t)(end - raw.p) - 1);
        else
                BUF_LIT(out, " ");
}

static void put_bracketed(Buf *out, Str raw, Str from) {
        const char *end = memchr(from.p, ')', from.n);

        buf_str(out, end ? (Str){ from.p, (size_t)(end - from.p) + 1 } : raw);
}

/* Abstract socket names start with a NUL, logged as 00. */
static Str skip_nul(Str raw) { return str_starts(raw, STR("00")) ? (Str){ raw.p + 2, raw.n - 2 } : raw; }

void unescape_text(Buf *out, Str raw) {
        Str from = skip_nul(raw);
        size_t n;

        if (raw.n && *raw.p == '"') {
                put_quoted(out, raw);
                return;
        }
        if (from.n && *from.p == '(') {
                put_bracketed(out, raw, from);
                return;
        }
        n = hex_prefix(from);
        if (n < 2)
                buf_str(out, raw);
        else
                put_hex(out, from.p, n);
}

/* A title that starts with NUL, or is followed by something else than digits: the library turns NULs into
 * blanks in its copy of the text up to half the length of the value, so bytes of the copy behind the
 * decoded ones can show. */
static void put_odd_title(Buf *out, Str raw) {
        Str from = skip_nul(raw);
        size_t n = hex_prefix(from), used, zeroed, start = out->n;
        char *copy = n < 2 ? NULL : buf_reserve(out, from.n + 1);

        if (!copy) {
                unescape_text(out, raw);
                return;
        }
        memcpy(copy, from.p, n);
        memset(copy + n, 0, from.n - n + 1);
        used = decode(copy, from.p, n);
        zeroed = from.n / 2 + 1 > used ? from.n / 2 + 1 - used : 1;
        memset(copy + used, 0, zeroed);
        for (size_t i = 0; i < raw.n / 2 && i < from.n; i++)
                if (!copy[i])
                        copy[i] = ' ';
        out->n = start + strnlen(copy, from.n + 1);
}

void unescape_proctitle(Buf *out, Str raw) {
        size_t start = out->n;
        char *dst;

        if (!str_is_hex(raw) || str_starts(raw, STR("00"))) {
                if (raw.n && (*raw.p == '"' || *raw.p == '('))
                        unescape_text(out, raw);
                else
                        put_odd_title(out, raw);
                return;
        }
        dst = buf_reserve(out, raw.n / 2);
        if (!dst)
                return;
        out->n += str_unhex(dst, raw);
        for (size_t i = start; i < out->n; i++)
                if (!out->p[i])
                        out->p[i] = ' ';
}

/* Drops empty keys in place. */
static void squeeze_keys(Buf *out, size_t start) {
        size_t w = start;

        for (size_t r = start; r < out->n; r++)
                if (out->p[r] != 1 || (w > start && out->p[w - 1] != 1))
                        out->p[w++] = out->p[r];
        while (w > start && out->p[w - 1] == 1)
                w--;
        out->n = w;
}

void unescape_keys(Buf *out, Str raw) {
        size_t start = out->n, n;

        if (raw.n && (*raw.p == '"' || *raw.p == '(')) {
                unescape_text(out, raw);
                return;
        }
        n = hex_prefix(raw);
        if (n < 2) {
                buf_str(out, raw);
                return;
        }
        put_hex(out, raw.p, n);
        squeeze_keys(out, start);
}

bool unescape_has_control(Str s) {
        unsigned char found = 0;

        for (size_t i = 0; i < s.n; i++)
                found |= (unsigned char)s.p[i] < 0x20;
        return found;
}

void unescape_show(Buf *out, Str s, char keep) {
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i];
                char octal[4] = { '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)),
                                  (char)('0' + (c & 7)) };

                if (c < 0x20 && (!keep || s.p[i] != keep))
                        buf_put(out, octal, sizeof(octal));
                else
                        buf_putc(out, s.p[i]);
        }
}
