/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/escape.h"

/* Length of the well-formed sequence at @p, at most @n bytes away from the end; 0 when ill-formed, and then *ret_skip is
 * the length of the maximal ill-formed part. */
static size_t sequence(const char *text, size_t n, uint32_t *ret_char, size_t *ret_skip) {
        const uint8_t *p = (const uint8_t *)text;
        uint8_t lo = 0x80, hi = 0xBF;
        size_t len;
        uint32_t c;

        *ret_skip = 1;
        if (p[0] < 0x80) {
                *ret_char = p[0];
                return 1;
        }
        if (p[0] < 0xC2 || p[0] > 0xF4)
                return 0;
        len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
        c = p[0] & (0xFFu >> (len + 1));
        if (p[0] == 0xE0)
                lo = 0xA0;
        else if (p[0] == 0xED)
                hi = 0x9F;
        else if (p[0] == 0xF0)
                lo = 0x90;
        else if (p[0] == 0xF4)
                hi = 0x8F;
        for (size_t i = 1; i < len; i++) {
                *ret_skip = i;
                if (i >= n || p[i] < lo || p[i] > hi)
                        return 0;
                lo = 0x80;
                hi = 0xBF;
                c = c << 6 | (p[i] & 0x3F);
        }
        *ret_char = c;
        return len;
}

bool escape_is_utf8(Str s) {
        size_t skip;
        uint32_t c;

        for (size_t i = 0, len; i < s.n; i += len) {
                len = sequence(s.p + i, s.n - i, &c, &skip);
                if (!len)
                        return false;
        }
        return true;
}

static const char hexdigit[] = "0123456789abcdef";
#define REPLACEMENT "\xEF\xBF\xBD"

static void json_control(Buf *out, uint32_t c) {
        char *d = buf_reserve(out, 6);

        if (!d)
                return;
        memcpy(d, "\\u", 2);
        for (int i = 0; i < 4; i++)
                d[2 + i] = hexdigit[c >> (12 - 4 * i) & 15];
        out->n += 6;
}

static void json_special(Buf *out, uint32_t c) {
        switch (c) {
        case '"': BUF_LIT(out, "\\\""); break;
        case '\\': BUF_LIT(out, "\\\\"); break;
        case '\n': BUF_LIT(out, "\\n"); break;
        case '\r': BUF_LIT(out, "\\r"); break;
        case '\t': BUF_LIT(out, "\\t"); break;
        default: json_control(out, c);
        }
}

static inline bool json_plain(uint8_t c) { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

static bool json_wide(uint32_t c) { return c == 0x2028 || c == 0x2029 || (c >= 0x7F && c < 0xA0); }

bool escape_json(Buf *out, Str s) {
        bool exact = true;

        for (size_t i = 0, start; i < s.n;) {
                uint32_t c = 0;
                size_t len, skip;

                for (start = i; i < s.n && json_plain((uint8_t)s.p[i]); i++)
                        ;
                buf_put(out, s.p + start, i - start);
                if (i == s.n)
                        break;
                len = sequence(s.p + i, s.n - i, &c, &skip);
                if (!len) {
                        BUF_LIT(out, REPLACEMENT);
                        exact = false;
                        len = skip;
                } else if (len == 1) {
                        json_special(out, c);
                } else if (json_wide(c)) {
                        json_control(out, c);
                } else {
                        buf_put(out, s.p + i, len);
                }
                i += len;
        }
        return exact;
}

/* Characters that would change how the text around them is shown, or not be seen at all. */
static bool misleads(uint32_t c) {
        return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E || c == 0xFEFF ||
               (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) ||
               (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE0FFF);
}

static void show(Buf *out, Str s, void (*plain)(Buf *out, Str ch)) {
        for (size_t i = 0, len; i < s.n; i += len) {
                uint32_t c = 0;
                size_t skip;

                len = sequence(s.p + i, s.n - i, &c, &skip);
                if (!len) {
                        BUF_LIT(out, REPLACEMENT);
                        len = skip;
                } else if (!misleads(c)) {
                        plain(out, (Str){ s.p + i, len });
                } else if (c < 0x100) {
                        buf_printf(out, "\\x%02x", c);
                } else {
                        buf_printf(out, "\\u{%x}", c);
                }
        }
}

void escape_terminal(Buf *out, Str s) { show(out, s, buf_str); }

static void markup_char(Buf *out, Str ch) {
        switch (*ch.p) {
        case '&': BUF_LIT(out, "&amp;"); break;
        case '<': BUF_LIT(out, "&lt;"); break;
        case '>': BUF_LIT(out, "&gt;"); break;
        case '"': BUF_LIT(out, "&quot;"); break;
        case '\'': BUF_LIT(out, "&#39;"); break;
        default: buf_str(out, ch);
        }
}

void escape_markup(Buf *out, Str s) { show(out, s, markup_char); }

void escape_base64(Buf *out, Str s) {
        static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

        for (size_t i = 0; i < s.n; i += 3) {
                size_t n = s.n - i < 3 ? s.n - i : 3;
                uint32_t v = 0;

                for (size_t k = 0; k < 3; k++)
                        v = v << 8 | (k < n ? (uint8_t)s.p[i + k] : 0);
                for (size_t k = 0; k < 4; k++)
                        buf_putc(out, k <= n ? set[v >> (18 - 6 * k) & 63] : '=');
        }
}
