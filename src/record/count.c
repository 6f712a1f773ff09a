/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include <stdlib.h>
#include "record/count.h"
#include "record/scan.h"

#define PERMS_MAX 256u /* libauparse's buffer for the permissions of an AVC record, its NUL included */

typedef struct {
        uint32_t n;    /* fields so far */
        uint32_t node; /* 1 once the first field was named node: later positions shift by it */
        int type;
        bool bad;
} Count;

/* A key that is not in quotes is hex text: the pieces between 0x01 bytes of what its digits decode to, up
 * to a NUL, are one field each. */
static uint32_t key_pieces(Str v) {
        uint32_t n = 0;
        size_t digits = 0;
        bool inside = false;

        while (digits < v.n && str_hexval(v.p[digits]) >= 0)
                digits++;
        if (digits < 2)
                return 1; /* stored once, without a value */
        for (size_t i = 0; i < digits; i += 2) {
                int c = str_hexval(v.p[i]) << 4 | (i + 1 < digits ? str_hexval(v.p[i + 1]) : 0);

                if (!c)
                        break;
                if (c != 1 && !inside)
                        n++;
                inside = c != 1;
        }
        return n;
}

static Str trim_tail(Str v) {
        static const char trimmed[] = { ':', ',', '\'' };

        for (size_t i = 0; i < sizeof(trimmed); i++)
                if (v.n && v.p[v.n - 1] == trimmed[i])
                        v.n--;
        if (v.n && v.p[v.n - 1] == ')' && !str_eq(v, STR("(none)")) && !str_eq(v, STR("(null)")))
                v.n--;
        return v;
}

/* audit_name_to_msg_type() says the same of a shorter name: of UNKNOWN[…] it reads seven bytes, of a
 * number all digits. */
static int type_from_name(Str name) {
        bool unknown = str_starts(name, STR("UNKNOWN["));
        char z[64];

        if (unlikely(name.n > sizeof(z) - 2)) {
                if (unknown && !memchr(name.p, ']', name.n))
                        return -1;
                for (; name.n > sizeof(z) - 2 && *name.p == '0' && name.p[1] >= '0' && name.p[1] <= '9';
                     name.n--)
                        name.p++;
                name.n = name.n > sizeof(z) - 2 ? sizeof(z) - 2 : name.n;
                z[name.n] = unknown ? ']' : 0;
                z[name.n + 1] = 0;
        } else {
                z[name.n] = 0;
        }
        memcpy(z, name.p, name.n);
        return audit_name_to_msg_type(z);
}

static void note_position(Count *c, Str name, Str value) {
        if (c->n == 1 && str_eq(name, STR("node")))
                c->node = 1;
        else if (c->n == 1 + c->node && str_eq(name, STR("type")))
                c->type = type_from_name(value);
}

/* A word that holds @eq, its first '='. */
static void count_pair(Count *c, Str word, const char *eq) {
        const char *end = word.p + word.n;
        Str name, value;

        if (str_starts(word, STR("msg="))) {
                if (word.n > 4 && word.p[4] == 'a')
                        return;
                if (word.n > 4 && word.p[4] == '\'') {
                        word.p += 5;
                        eq = memchr(word.p, '=', (size_t)(end - word.p));
                        if (!eq)
                                return;
                }
        }
        name = (Str){ word.p, (size_t)(eq - word.p) };
        value = (Str){ eq + 1, (size_t)(end - eq - 1) };
        if (name.n && *name.p == '(')
                name = (Str){ name.p + 1, name.n - 1 };
        if (!value.n)
                return;
        value = trim_tail(value);
        if (str_eq(name, STR("key")) && !(value.n && *value.p == '(')) {
                c->n += value.n && *value.p == '"' ? 1 : key_pieces(value);
                return;
        }
        c->n++;
        note_position(c, name, value);
}

static bool next_word(const char **p, const char *end, Str *ret) {
        const char *start = *p, *stop;

        while (start < end && *start == ' ')
                start++;
        if (start == end)
                return false;
        stop = memchr(start, ' ', (size_t)(end - start));
        *p = stop ? stop : end;
        *ret = (Str){ start, (size_t)(*p - start) };
        return true;
}

/* "{ read write }": one field, even when it is empty or never closed; too long for the library's buffer is
 * an error. */
static void count_permissions(Count *c, const char **p, const char *end) {
        size_t total = 0;
        Str word;

        while (next_word(p, end, &word) && *word.p != '}') {
                if (word.n + 1 >= PERMS_MAX - total) {
                        c->bad = true;
                        return;
                }
                total += word.n + (total > 0);
        }
        c->n++;
}

static void count_bare_word(Count *c, Str word, const char **p, const char *end) {
        if (c->type != AUDIT_AVC && c->type != AUDIT_USER_AVC)
                return;
        if (c->n == 1 + c->node)
                c->n += !str_starts(word, STR("avc"));
        else if (c->n == 2 + c->node && *word.p == '{')
                count_permissions(c, p, end);
}

static void count_words(Count *c, const char *p, const char *end) {
        Str word;

        while (!c->bad && next_word(&p, end, &word)) {
                const char *eq = memchr(word.p, '=', word.n);

                if (eq)
                        count_pair(c, word, eq);
                else
                        count_bare_word(c, word, &p, end);
        }
}

static const char *end_of_text(Str text) {
        const char *mark = memchr(text.p, 0x1D, text.n);

        return mark ? mark : text.p + text.n;
}

static bool is_blank(Str text) {
        const char *p = text.p;
        Str word;

        return !next_word(&p, text.p + text.n, &word);
}

uint32_t count_fields_of_text(Str text, int *ret_type, bool *ret_bad) {
        Count c = { 0 };
        const char *end = end_of_text(text);

        count_words(&c, text.p, end);
        *ret_type = c.type;
        *ret_bad = c.bad || is_blank((Str){ text.p, (size_t)(end - text.p) });
        return c.n;
}

/* Names that have rules of their own are key and msg: both are rare, so the fast loop counts every word as
 * one field and corrects for those whose name ends like one of them. Returns fields of that word less the
 * one that was counted. */
static int32_t correct_word(const char *body, const char *eq, const char *end) {
        const char *start = eq, *stop;
        Count c = { .n = 2, .type = -1 }; /* past the positions that matter */
        Str word;

        while (start > body && start[-1] != ' ')
                start--;
        word = (Str){ start, (size_t)(eq - start) };
        if (!str_eq(word, STR("key")) && !str_eq(word, STR("(key")) && !str_eq(word, STR("msg")))
                return 0;
        stop = memchr(eq, ' ', (size_t)(end - eq));
        word.n = (size_t)((stop ? stop : end) - start);
        count_pair(&c, word, eq);
        return (int32_t)c.n - 3;
}

static inline bool is_odd_name(const char *p) { return !memcmp(p, "key", 3) || !memcmp(p, "msg", 3); }

static inline unsigned popcount(uint64_t v) {
        v -= v >> 1 & 0x5555555555555555ull;
        v = (v & 0x3333333333333333ull) + (v >> 2 & 0x3333333333333333ull);
        return (unsigned)(((v + (v >> 4)) & 0x0F0F0F0F0F0F0F0Full) * 0x0101010101010101ull >> 56);
}

/* Counts words with a '=' that something follows, 64 bytes at a time.
 *
 * A bit a byte. `starts` are the first bytes of words (or bit 0 when a name goes on from the block
 * before). Adding them to `names`, the bytes that are neither blank nor '=', carries through each name to
 * the byte behind it: where that is a '=', it is the first one of its word. */
static uint32_t count_pairs(const char *body, const char *end) {
        uint64_t after_blank = 1, in_name = 0;
        int64_t n = 0;

        for (const char *p = body; p < end; p += 64) {
                uint64_t blanks = scan_eq64(p, ' '), equals = scan_eq64(p, '='),
                         tails = scan_either64(p, 'y', 'g');
                uint64_t names, starts, sum, first, odd;
                bool carry;

                if (end - p < 64) {
                        uint64_t past = ~0ull << (end - p);

                        blanks |= past;
                        equals &= ~past;
                }
                names = ~(blanks | equals);
                starts = ~blanks & (blanks << 1 | after_blank | in_name);
                carry = __builtin_add_overflow(names, starts & names, &sum);
                first = equals & ((sum & ~names) | starts);
                if (first >> 63 && (p + 64 >= end || p[64] == ' '))
                        first &= ~(1ull << 63);
                first &= ~(blanks >> 1);
                n += popcount(first);
                /* at bit 0 the byte before is in the last block: have a look */
                for (odd = first & (tails << 1 | 1); odd; odd &= odd - 1) {
                        const char *eq = p + __builtin_ctzll(odd);

                        if (eq - body >= 3 && is_odd_name(eq - 3))
                                n += correct_word(body, eq, end);
                }
                after_blank = blanks >> 63;
                in_name = carry;
        }
        return (uint32_t)n;
}

uint32_t count_fields(const Record *r, bool *ret_bad) {
        const char *body = r->text.p + r->body, *end = end_of_text((Str){ body, r->text.n - r->body });
        uint32_t node = r->flags & RECORD_NODE ? 1 : 0;
        Count c = { .n = 1 + node, .node = node, .type = r->type };

        *ret_bad = false;
        if (likely(r->type != AUDIT_AVC && r->type != AUDIT_USER_AVC))
                return c.n + count_pairs(body, end);
        count_words(&c, body, end);
        *ret_bad = c.bad;
        return c.n;
}
