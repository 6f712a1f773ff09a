/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#define PCRE2_CODE_UNIT_WIDTH 32
#include <pcre2.h>
#include "rule/regex.h"

#define MATCH_LIMIT  250000
#define HEAP_LIMIT_K 2048
#define MAX_PATTERN  8192
#define KEEP_SUBJECT (64u << 10) /* characters; a larger buffer is given back after use */

struct Regex {
        pcre2_code *code;
};

struct RegexScratch {
        pcre2_match_context *limits;
        pcre2_match_data *data;
        uint32_t *subject;
        size_t cap;
        uint64_t limited;
};

static uint32_t decode(Str s, size_t n) {
        const uint8_t *p = (const uint8_t *)s.p;

        switch (n) {
        case 2: return (p[0] & 0x1Fu) << 6 | (p[1] & 0x3Fu);
        case 3: return (p[0] & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
        case 4: return (p[0] & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
        default: return p[0] < 0x80 ? p[0] : 0xDC00u + p[0]; /* no character of UTF-8 has this number */
        }
}

static size_t to_chars(uint32_t *dst, Str s) {
        size_t n = 0;

        for (size_t i = 0; i < s.n;) {
                size_t k = (uint8_t)s.p[i] < 0x80 ? 1 : pattern_char((Str){ s.p + i, s.n - i });

                dst[n++] = decode((Str){ s.p + i, k }, k);
                i += k;
        }
        return n;
}

static size_t byte_offset(Str s, size_t chars) {
        size_t i = 0;

        while (chars-- && i < s.n)
                i += pattern_char((Str){ s.p + i, s.n - i });
        return i;
}

static int describe(RegexError *e, Str pattern, int code, size_t at) {
        uint32_t text[ARRAY_SIZE(e->text)];
        int n = pcre2_get_error_message(code, text, ARRAY_SIZE(text));

        for (int i = 0; i < n; i++)
                e->text[i] = (char)text[i];
        e->text[n > 0 ? n : 0] = '\0';
        e->offset = byte_offset(pattern, at);
        return REGEX_E_BAD;
}

static uint32_t options(unsigned flags) {
        return PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C |
               (flags & REGEX_CASELESS ? PCRE2_CASELESS : 0) |
               (flags & REGEX_MULTILINE ? PCRE2_MULTILINE : 0) | (flags & REGEX_DOTALL ? PCRE2_DOTALL : 0);
}

/* (((a{9}){9}){9}) is short, and as long as what its repetitions stand for once it is compiled. */
static void *allocate(size_t n, void *userdata) { return n > REGEX_MAX_BYTES ? NULL : malloc(n); }

static void release(void *p, void *userdata) { free(p); }

static pcre2_code *compile(const uint32_t *chars, size_t n, unsigned flags, int *ret_code,
                           PCRE2_SIZE *ret_at) {
        pcre2_general_context *general = pcre2_general_context_create(allocate, release, NULL);
        pcre2_compile_context *context = pcre2_compile_context_create(general);
        pcre2_code *code = NULL;

        *ret_code = PCRE2_ERROR_HEAP_FAILED;
        if (general && context)
                code = pcre2_compile(chars, n, options(flags), ret_code, ret_at, context);
        pcre2_compile_context_free(context);
        pcre2_general_context_free(general);
        return code;
}

size_t regex_bytes(const Regex *r) {
        size_t n = 0;

        pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &n);
        return n;
}

int regex_new(Regex **ret, Str pattern, unsigned flags, RegexError *ret_error) {
        uint32_t *chars;
        Regex *r;
        PCRE2_SIZE at = 0;
        int code = 0;
        size_t n;

        if (pattern.n > MAX_PATTERN) {
                *ret_error = (RegexError){ MAX_PATTERN, "longer than 8192 bytes" };
                return REGEX_E_BAD;
        }
        r = calloc(1, sizeof(*r));
        chars = calloc(pattern.n + 1, sizeof(*chars));
        if (!r || !chars) {
                free(r);
                free(chars);
                return -ENOMEM;
        }
        n = to_chars(chars, pattern);
        r->code = compile(chars, n, flags, &code, &at);
        free(chars);
        if (!r->code) {
                free(r);
                if (code != PCRE2_ERROR_HEAP_FAILED)
                        return describe(ret_error, pattern, code, at);
                *ret_error = (RegexError){ 0, "too large when its repetitions, {n}, are written out" };
                return REGEX_E_BAD;
        }
        *ret = r;
        return 0;
}

Regex *regex_free(Regex *r) {
        if (r)
                pcre2_code_free(r->code);
        free(r);
        return NULL;
}

int regex_scratch_new(RegexScratch **ret) {
        RegexScratch *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->limits = pcre2_match_context_create(NULL);
        s->data = pcre2_match_data_create(1, NULL);
        if (!s->limits || !s->data) {
                regex_scratch_free(s);
                return -ENOMEM;
        }
        pcre2_set_match_limit(s->limits, MATCH_LIMIT);
        pcre2_set_heap_limit(s->limits, HEAP_LIMIT_K);
        *ret = s;
        return 0;
}

RegexScratch *regex_scratch_free(RegexScratch *s) {
        if (!s)
                return NULL;
        pcre2_match_context_free(s->limits);
        pcre2_match_data_free(s->data);
        free(s->subject);
        free(s);
        return NULL;
}

uint64_t regex_scratch_limited(const RegexScratch *s) { return s->limited; }

static bool make_room(RegexScratch *s, size_t n) {
        uint32_t *p;

        if (n <= s->cap)
                return true;
        p = reallocarray(NULL, n, sizeof(*p));
        if (!p)
                return false;
        free(s->subject);
        s->subject = p;
        s->cap = n;
        return true;
}

bool regex_search(const Regex *r, RegexScratch *s, Str value) {
        size_t n;
        int k;

        if (!make_room(s, value.n + 64)) {
                s->limited++;
                return false;
        }
        n = to_chars(s->subject, value);
        k = pcre2_match(r->code, s->subject, n, 0, 0, s->data, s->limits);
        if (k < 0 && k != PCRE2_ERROR_NOMATCH)
                s->limited++;
        if (s->cap > KEEP_SUBJECT) {
                free(s->subject);
                s->subject = NULL;
                s->cap = 0;
        }
        return k >= 0;
}

/* ---- literals that every match holds ---- */

typedef struct {
        Str v[REGEX_MAX_LITERALS];
        size_t n; /* 0: nothing is known */
} Literals;

typedef struct {
        Str s;
        size_t at;
        unsigned depth;
        bool lost; /* syntax that this reader does not follow: nothing can be said */
        Arena *arena;
} Scan;

static Literals alternatives(Scan *c);

static size_t shortest(const Literals *l) {
        size_t n = l->n ? SIZE_MAX : 0;

        for (size_t i = 0; i < l->n; i++)
                n = l->v[i].n < n ? l->v[i].n : n;
        return n;
}

static void better(Literals *best, const Literals *l) {
        size_t a = shortest(best), b = shortest(l);

        if (b > a || (b == a && l->n < best->n))
                *best = *l;
}

static void end_run(Scan *c, Literals *best, Buf *run) {
        Literals l = { .n = 1 };

        if (run->n) {
                l.v[0] = arena_str(c->arena, buf_view(run));
                if (l.v[0].p)
                        better(best, &l);
        }
        buf_clear(run);
}

static bool peek(const Scan *c, char x) { return c->at < c->s.n && c->s.p[c->at] == x; }

/* How often the item before may be left out or come again. */
typedef enum { TIMES_ONCE, TIMES_MAYBE_NONE, TIMES_MORE } Times;

static Times quantifier(Scan *c) {
        Times t = TIMES_ONCE;

        if (peek(c, '*') || peek(c, '?'))
                t = TIMES_MAYBE_NONE;
        else if (peek(c, '+'))
                t = TIMES_MORE;
        else if (peek(c, '{')) {
                size_t digit = c->at + 1;
                bool none = digit < c->s.n && (c->s.p[digit] < '1' || c->s.p[digit] > '9');

                t = none ? TIMES_MAYBE_NONE : TIMES_MORE;
                while (c->at < c->s.n && c->s.p[c->at] != '}')
                        c->at++;
        }
        if (t == TIMES_ONCE)
                return t;
        c->at++;
        if (peek(c, '?') || peek(c, '+'))
                c->at++;
        return t;
}

static void skip_class(Scan *c) {
        c->at++;
        if (peek(c, '^'))
                c->at++;
        if (peek(c, ']'))
                c->at++;
        while (c->at < c->s.n && !peek(c, ']')) {
                if (peek(c, '\\'))
                        c->at++;
                else if (peek(c, '[') && c->at + 1 < c->s.n && strchr(":.=", c->s.p[c->at + 1])) {
                        const char *end = memmem(c->s.p + c->at + 2, c->s.n - c->at - 2, ":]", 2);

                        if (!end) {
                                c->lost = true;
                                return;
                        }
                        c->at = (size_t)(end - c->s.p) + 1;
                }
                c->at++;
        }
        c->at++;
}

/* After "(": what kind of group, and past its head. True: what is inside must match, in place. */
static bool group_head(Scan *c) {
        size_t i;

        if (peek(c, '*'))
                c->lost = true;
        if (!peek(c, '?'))
                return true;
        i = c->at + 1;
        if (i < c->s.n && (c->s.p[i] == ':' || c->s.p[i] == '>')) {
                c->at = i + 1;
                return true;
        }
        while (i < c->s.n && strchr("imsU", c->s.p[i]))
                i++;
        if (i > c->at + 1 && i < c->s.n && (c->s.p[i] == ')' || c->s.p[i] == ':')) {
                c->at = i + (c->s.p[i] == ':');
                return true;
        }
        if (i + 1 < c->s.n &&
            (c->s.p[i] == '=' || c->s.p[i] == '!' || (c->s.p[i] == '<' && strchr("=!", c->s.p[i + 1])))) {
                c->at = i + 1 + (c->s.p[i] == '<');
                return false;
        }
        c->lost = true;
        return false;
}

static Literals group(Scan *c) {
        Literals inside, none = { .n = 0 };
        bool counts;

        c->at++;
        counts = group_head(c);
        if (c->lost || ++c->depth > 50) {
                c->lost = true;
                return none;
        }
        inside = alternatives(c);
        c->depth--;
        if (!peek(c, ')'))
                c->lost = true;
        c->at++;
        return quantifier(c) != TIMES_MAYBE_NONE && counts ? inside : none;
}

/* A character after a backslash: literal, a class or assertion that ends the run, or more than is followed here. */
static bool escaped(Scan *c, char *ret) {
        char x;

        if (c->at + 1 >= c->s.n) {
                c->lost = true;
                return false;
        }
        x = c->s.p[c->at + 1];
        c->at += 2;
        if ((x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || (x >= '0' && x <= '9')) {
                c->lost |= !strchr("dDwWsSbBAZzhHvVntrfaeR", x);
                return false;
        }
        *ret = x;
        return true;
}

static void one_char(Scan *c, Literals *best, Buf *run, char x) {
        size_t n = run->n;
        Times t;

        buf_putc(run, x >= 'A' && x <= 'Z' ? (char)(x | 0x20) : x);
        t = quantifier(c);
        if (t == TIMES_ONCE)
                return;
        if (t == TIMES_MAYBE_NONE)
                run->n = n;
        end_run(c, best, run);
}

/* A character that is more than one byte: a quantifier after it is about all of them. */
static void wide_char(Scan *c, Literals *best, Buf *run) {
        size_t k = pattern_char((Str){ c->s.p + c->at, c->s.n - c->at }), n = run->n;
        Times t;

        buf_put(run, c->s.p + c->at, k);
        c->at += k;
        t = quantifier(c);
        if (t == TIMES_ONCE)
                return;
        if (t == TIMES_MAYBE_NONE)
                run->n = n;
        end_run(c, best, run);
}

static void item(Scan *c, Literals *best, Buf *run) {
        char x = c->s.p[c->at];
        bool literal;

        if ((uint8_t)x >= 0x80) {
                wide_char(c, best, run);
                return;
        }
        if (x == '\\')
                literal = escaped(c, &x);
        else {
                literal = !strchr(".^$", x) && x;
                c->at++;
        }
        if (literal) {
                one_char(c, best, run, x);
                return;
        }
        end_run(c, best, run);
        quantifier(c);
}

static Literals concatenation(Scan *c) {
        Literals best = { .n = 0 };
        Buf run = BUF_INIT;

        while (c->at < c->s.n && !c->lost && !peek(c, '|') && !peek(c, ')')) {
                if (peek(c, '(')) {
                        Literals l;

                        end_run(c, &best, &run);
                        l = group(c);
                        better(&best, &l);
                } else if (peek(c, '[')) {
                        end_run(c, &best, &run);
                        skip_class(c);
                        quantifier(c);
                } else
                        item(c, &best, &run);
        }
        end_run(c, &best, &run);
        buf_done(&run);
        return best;
}

static Literals alternatives(Scan *c) {
        Literals all = { .n = 0 };
        bool known = true;

        for (;;) {
                Literals l = concatenation(c);

                known = known && l.n && all.n + l.n <= REGEX_MAX_LITERALS;
                for (size_t i = 0; known && i < l.n; i++)
                        all.v[all.n++] = l.v[i];
                if (c->lost || !peek(c, '|'))
                        break;
                c->at++;
        }
        if (!known)
                all.n = 0;
        return all;
}

bool regex_literals(Str pattern, Arena *arena, Str ret[static REGEX_MAX_LITERALS], size_t *ret_n) {
        Scan c = { .s = pattern, .arena = arena };
        Literals l = alternatives(&c);

        if (c.lost || c.at < pattern.n || !l.n)
                return false;
        memcpy(ret, l.v, l.n * sizeof(*ret));
        *ret_n = l.n;
        return true;
}
