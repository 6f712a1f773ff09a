/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/pattern.h"

static bool is_continuation(uint8_t c) { return (c & 0xC0) == 0x80; }

/* RFC 3629, section 4: no overlong forms, no surrogates, nothing above U+10FFFF. */
size_t pattern_char(Str s) {
        const uint8_t *p = (const uint8_t *)s.p;

        if (p[0] < 0xC2 || p[0] > 0xF4)
                return 1;
        if (p[0] < 0xE0)
                return s.n >= 2 && is_continuation(p[1]) ? 2 : 1;
        if (p[0] < 0xF0) {
                if (s.n < 3 || !is_continuation(p[1]) || !is_continuation(p[2]))
                        return 1;
                return (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ? 1 : 3;
        }
        if (s.n < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) || !is_continuation(p[3]))
                return 1;
        return (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F) ? 1 : 4;
}

/* Tokens while a pattern is built: literals gather in a buffer until a wildcard comes. */
typedef struct {
        Arena *arena;
        PatternToken *v;
        size_t n, cap;
        Buf literal;
        bool failed;
} Build;

static void push(Build *b, PatternToken t) {
        if (b->n == b->cap) {
                size_t cap = b->cap ? b->cap * 2 : 8;
                PatternToken *v = reallocarray(b->v, cap, sizeof(*v));

                if (!v) {
                        b->failed = true;
                        return;
                }
                b->v = v;
                b->cap = cap;
        }
        b->v[b->n++] = t;
}

static void end_literal(Build *b) {
        PatternToken t = { .kind = PATTERN_LITERAL };

        if (b->literal.failed)
                b->failed = true;
        if (!b->literal.n)
                return;
        t.text = arena_str(b->arena, buf_view(&b->literal));
        buf_clear(&b->literal);
        if (!t.text.p)
                b->failed = true;
        push(b, t);
}

static void add_token(Build *b, PatternToken t) {
        if (t.kind == PATTERN_LITERAL) {
                buf_str(&b->literal, t.text);
                return;
        }
        end_literal(b);
        if (t.kind == PATTERN_ANY && b->n && b->v[b->n - 1].kind == PATTERN_ANY)
                return;
        push(b, t);
}

static int build_end(Build *b, Pattern *ret) {
        PatternToken *v;
        int r = 0;

        end_literal(b);
        v = b->failed ? NULL : arena_alloc(b->arena, b->n * sizeof(*v) + 1);
        if (!v)
                r = -ENOMEM;
        else {
                if (b->n)
                        memcpy(v, b->v, b->n * sizeof(*v));
                *ret = (Pattern){ v, b->n };
        }
        free(b->v);
        buf_done(&b->literal);
        return r;
}

int pattern_parse(Pattern *ret, Arena *arena, Str s) {
        Build b = { .arena = arena, .literal = BUF_INIT };

        for (size_t i = 0; i < s.n; i++) {
                char c = s.p[i];

                if (c == '*' || c == '?')
                        add_token(&b, (PatternToken){ .kind = c == '*' ? PATTERN_ANY : PATTERN_ONE });
                else {
                        if (c == '\\' && i + 1 < s.n && strchr("*?\\", s.p[i + 1]) && s.p[i + 1])
                                c = s.p[++i];
                        buf_putc(&b.literal, c);
                }
        }
        return build_end(&b, ret);
}

int pattern_literal(Pattern *ret, Arena *arena, Str text) {
        Build b = { .arena = arena, .literal = BUF_INIT };

        buf_str(&b.literal, text);
        return build_end(&b, ret);
}

int pattern_join(Pattern *ret, Arena *arena, const Pattern *parts, size_t n) {
        Build b = { .arena = arena, .literal = BUF_INIT };

        for (size_t i = 0; i < n; i++)
                for (size_t k = 0; k < parts[i].n; k++)
                        add_token(&b, parts[i].v[k]);
        return build_end(&b, ret);
}

int pattern_anchor(Pattern *ret, Arena *arena, const Pattern *p, bool star_before, bool star_after) {
        static const PatternToken any = { .kind = PATTERN_ANY };
        const Pattern star = { &any, 1 }, none = { &any, 0 };
        const Pattern parts[] = { star_before ? star : none, *p, star_after ? star : none };

        return pattern_join(ret, arena, parts, 3);
}

/* The dashes of windash, U+2013 U+2014 U+2015 among them; the length in bytes, or 0. */
static size_t dash_at(Str s) {
        if (s.n && (*s.p == '-' || *s.p == '/'))
                return 1;
        if (s.n >= 3 && !memcmp(s.p, "\xE2\x80", 2) && (uint8_t)s.p[2] >= 0x93 && (uint8_t)s.p[2] <= 0x95)
                return 3;
        return 0;
}

static bool is_word(uint8_t c) {
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
               c >= 0x80;
}

static Str from(Str s, size_t i) { return (Str){ s.p + i, s.n - i }; }

static void windash_literal(Build *b, Str s) {
        bool word_before = false;
        size_t n;

        for (size_t i = 0; i < s.n; i += n) {
                size_t dash = dash_at(from(s, i));
                bool word_after =
                        i + dash < s.n && is_word((uint8_t)s.p[i + dash]) && !dash_at(from(s, i + dash));

                n = dash ? dash : 1;
                if (dash && !word_before && word_after)
                        add_token(b, (PatternToken){ .kind = PATTERN_DASH });
                else
                        buf_put(&b->literal, s.p + i, n);
                word_before = !dash && is_word((uint8_t)s.p[i]);
        }
}

int pattern_windash(Pattern *ret, Arena *arena, const Pattern *p) {
        Build b = { .arena = arena, .literal = BUF_INIT };

        for (size_t i = 0; i < p->n; i++)
                if (p->v[i].kind == PATTERN_LITERAL)
                        windash_literal(&b, p->v[i].text);
                else
                        add_token(&b, p->v[i]);
        return build_end(&b, ret);
}

int pattern_lower(Pattern *ret, Arena *arena, const Pattern *p) {
        Build b = { .arena = arena, .literal = BUF_INIT };

        for (size_t i = 0; i < p->n; i++) {
                if (p->v[i].kind != PATTERN_LITERAL) {
                        add_token(&b, p->v[i]);
                        continue;
                }
                for (size_t k = 0; k < p->v[i].text.n; k++) {
                        char c = p->v[i].text.p[k];

                        buf_putc(&b.literal, c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c);
                }
        }
        return build_end(&b, ret);
}

bool pattern_has_wildcard(const Pattern *p) {
        for (size_t i = 0; i < p->n; i++)
                if (p->v[i].kind != PATTERN_LITERAL)
                        return true;
        return false;
}

bool pattern_plain(const Pattern *p, Str *ret) {
        if (p->n > 1 || (p->n && p->v[0].kind != PATTERN_LITERAL))
                return false;
        *ret = p->n ? p->v[0].text : STR("");
        return true;
}

/* The bytes that one token takes at @s, or SIZE_MAX when it does not fit. */
static size_t token_at(const PatternToken *t, Str s) {
        size_t dash;

        switch (t->kind) {
        case PATTERN_LITERAL: return str_starts(s, t->text) ? t->text.n : SIZE_MAX;
        case PATTERN_ONE: return s.n ? pattern_char(s) : SIZE_MAX;
        default: dash = dash_at(s); return dash ? dash : SIZE_MAX;
        }
}

/* Matches tokens [i, end), none of them a star, at the head of @s; the bytes taken, or SIZE_MAX. */
static size_t run_at(const Pattern *p, size_t i, size_t end, Str s) {
        size_t taken = 0;

        for (; i < end; i++) {
                size_t n = token_at(&p->v[i], from(s, taken));

                if (n == SIZE_MAX)
                        return SIZE_MAX;
                taken += n;
        }
        return taken;
}

/* Where the run [i, end) first fits in @s: sets *ret_taken. SIZE_MAX: nowhere. A run that starts with text is looked for as text. */
static size_t find_run(const Pattern *p, size_t i, size_t end, Str s, size_t *ret_taken) {
        const PatternToken *head = &p->v[i];
        size_t at = 0;

        while (at <= s.n) {
                if (head->kind == PATTERN_LITERAL) {
                        const char *hit = memmem(s.p + at, s.n - at, head->text.p, head->text.n);

                        if (!hit)
                                return SIZE_MAX;
                        at = (size_t)(hit - s.p);
                }
                *ret_taken = run_at(p, i, end, from(s, at));
                if (*ret_taken != SIZE_MAX)
                        return at;
                at += at < s.n && head->kind != PATTERN_LITERAL ? pattern_char(from(s, at)) : 1;
        }
        return SIZE_MAX;
}

/* The last run must end where the value ends: try each start, from the earliest that is allowed. */
static bool last_run(const Pattern *p, size_t i, Str s) {
        size_t fixed = 0, n = p->n - i;
        size_t taken;

        for (size_t k = i; k < p->n; k++)
                fixed += p->v[k].kind == PATTERN_LITERAL ? p->v[k].text.n : 1;
        if (s.n < fixed)
                return false;
        if (n == 1 && p->v[i].kind == PATTERN_LITERAL)
                return str_ends(s, p->v[i].text);
        /* a character has at most 4 bytes, so the run cannot start earlier than this */
        for (size_t at = s.n - fixed > 3 * n ? s.n - fixed - 3 * n : 0; at <= s.n; at++) {
                if (at && at < s.n && is_continuation((uint8_t)s.p[at])) {
                        size_t back = at;

                        while (back && at - back < 3 && is_continuation((uint8_t)s.p[back]))
                                back--;
                        if (back + pattern_char(from(s, back)) > at)
                                continue;
                }
                taken = run_at(p, i, p->n, from(s, at));
                if (taken == s.n - at)
                        return true;
        }
        return false;
}

static size_t run_end(const Pattern *p, size_t i) {
        while (i < p->n && p->v[i].kind != PATTERN_ANY)
                i++;
        return i;
}

bool pattern_match(const Pattern *p, Str s) {
        size_t end = run_end(p, 0), i = end, taken = run_at(p, 0, end, s);

        if (taken == SIZE_MAX)
                return false;
        s = from(s, taken);
        if (end == p->n)
                return !s.n;
        for (;;) {
                size_t at;

                i++; /* the star */
                if (i == p->n)
                        return true;
                end = run_end(p, i);
                if (end == p->n)
                        return last_run(p, i, s);
                at = find_run(p, i, end, s, &taken);
                if (at == SIZE_MAX)
                        return false;
                s = from(s, at + taken);
                i = end;
        }
}

void pattern_key(Buf *out, const Pattern *p) {
        for (size_t i = 0; i < p->n; i++) {
                buf_putc(out, (char)('0' + p->v[i].kind));
                if (p->v[i].kind == PATTERN_LITERAL) {
                        buf_put(out, &p->v[i].text.n, sizeof(p->v[i].text.n));
                        buf_str(out, p->v[i].text);
                }
        }
}
