/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include "record/field.h"
#include "record/scan.h"

#define MARK 0x1D /* auditd puts it before the fields it adds (AUDIT_INTERP_SEPARATOR of libaudit.h) */

typedef struct {
        FieldVec *vec;
        FieldPart part;
        int type;
        bool no_brace; /* no '}' ahead: do not look for one again */
        bool have_result, have_perms;
        const FieldNames *names; /* NULL: all */
        size_t n_left_out;
} Split;

static bool grow(FieldVec *vec) {
        size_t cap = vec->cap ? vec->cap * 2 : 64;
        Field *v = realloc(vec->v, cap * sizeof(*v));

        if (!v)
                return false;
        vec->v = v;
        vec->cap = cap;
        return true;
}

/* Inline: a quarter of the time of splitting would go into calls. */
static inline __attribute__((always_inline)) int add(Split *s, Str name, Str value, bool quoted,
                                                     bool braced) {
        FieldVec *vec = s->vec;

        if (unlikely(vec->n + s->n_left_out >= FIELD_MAX)) {
                vec->n_cut++;
                return 0;
        }
        if (unlikely(vec->n == vec->cap) && !grow(vec))
                return -ENOMEM;
        vec->v[vec->n++] =
                (Field){ .name = name, .value = value, .part = s->part, .quoted = quoted, .braced = braced };
        vec->n_enriched += s->part == FIELD_ENRICHED;
        return 0;
}

/* "failed)" closes a parenthesis that stood before a name; "(null)" is a value. */
static Str trim_bare(Str v) {
        if (v.n && v.p[v.n - 1] == ',')
                v.n--;
        if (v.n && v.p[v.n - 1] == ')' && !memchr(v.p, '(', v.n))
                v.n--;
        return v;
}

/* Bytes behind a closing quote belong to nothing, but for the punctuation of old messages. */
static const char *skip_tail(Split *s, const char *p, const char *end) {
        const char *stop = scan_blank(p, end);

        for (; p < stop; p++)
                if (*p != ',' && *p != ')' && *p != '\'')
                        s->vec->has_words = true;
        return stop;
}

static int split(Split *s, const char *p, const char *end);

/* msg='…': up to the last apostrophe. */
static int split_message(Split *s, const char **pp, const char *end) {
        const char *open = *pp, *close = memrchr(open + 1, '\'', (size_t)(end - open - 1));
        FieldPart outer = s->part;
        int r;

        if (!close)
                close = end;
        s->vec->msg = (Str){ open + 1, (size_t)(close - open - 1) };
        s->part = FIELD_USER;
        r = split(s, open + 1, close);
        s->part = outer;
        *pp = close < end ? close + 1 : end;
        return r;
}

static int split_value(Split *s, Str name, const char **pp, const char *end) {
        const char *p = *pp, *close;

        if (p < end && *p == '"') {
                close = memchr(p + 1, '"', (size_t)(end - p - 1));
                if (close) {
                        *pp = close + 1 < end && close[1] != ' ' ? skip_tail(s, close + 1, end) : close + 1;
                        return add(s, name, (Str){ p + 1, (size_t)(close - p - 1) }, true, false);
                }
        } else if (p < end && *p == '\'' && s->part == FIELD_KERNEL && str_eq(name, STR("msg"))) {
                return split_message(s, pp, end);
        } else if (p < end && *p == '{' && s->part == FIELD_ENRICHED && !s->no_brace) {
                close = memrchr(p, '}', (size_t)(end - p));
                if (close) {
                        *pp = close + 1;
                        return add(s, name, (Str){ p + 1, (size_t)(close - p - 1) }, false, true);
                }
                s->no_brace = true;
        }
        *pp = scan_blank(p, end);
        return add(s, name, trim_bare((Str){ p, (size_t)(*pp - p) }), false, false);
}

/* "{ read write }" of an AVC record: the permissions, as logged. */
static int take_permissions(Split *s, const char **pp, const char *end) {
        const char *p = *pp, *close = memchr(p, '}', (size_t)(end - p));

        s->have_perms = true;
        if (!close) {
                s->vec->has_words = true;
                return 0;
        }
        *pp = close + 1;
        while (p < close && *p == ' ')
                p++;
        while (close > p && close[-1] == ' ')
                close--;
        return add(s, STR("seperms"), (Str){ p, (size_t)(close - p) }, false, false);
}

/* "avc:  denied  { read } for": two facts that have no name of their own. */
static int take_word(Split *s, Str word, const char **pp, const char *end) {
        if (s->type != AUDIT_AVC && s->type != AUDIT_USER_AVC) {
                s->vec->has_words = true;
        } else if (!s->have_result && !str_starts(word, STR("avc"))) {
                s->have_result = true;
                return add(s, STR("seresult"), word, false, false);
        } else if (s->have_result && !s->have_perms && str_eq(word, STR("{"))) {
                return take_permissions(s, pp, end);
        } else if (!str_starts(word, STR("avc")) && !str_eq(word, STR("for"))) {
                s->vec->has_words = true;
        }
        return 0;
}

static int split_word(Split *s, const char **pp, const char *end) {
        const char *start = *pp, *p = scan_break(start, end);
        Str name = { start, (size_t)(p - start) };

        if (p == end || *p != '=') {
                *pp = p;
                return take_word(s, name, pp, end);
        }
        if (name.n && *name.p == '(')
                name = (Str){ name.p + 1, name.n - 1 };
        *pp = p + 1;
        return split_value(s, name, pp, end);
}

static int split(Split *s, const char *p, const char *end) {
        int r = 0;

        while (!r) {
                while (p < end && (*p == ' ' || *p == MARK))
                        p++;
                if (p == end)
                        break;
                r = split_word(s, &p, end);
        }
        return r;
}

/* ---- only fields of some names ---- */

/* A number below 2048. @p: 8 bytes can be read. */
static inline uint32_t name_bit(const char *p, size_t n) {
        uint64_t head;

        memcpy(&head, p, sizeof(head));
        if (n < 8) {
                if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
                        head = __builtin_bswap64(head);
                head &= (UINT64_C(1) << 8 * n) - 1;
        } else if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
                head = __builtin_bswap64(head);
        return (uint32_t)(head * UINT64_C(0x9E3779B97F4A7C15) >> 53);
}

void field_names_add(FieldNames *names, Str name) {
        char head[8] = { 0 };
        uint32_t bit;

        memcpy(head, name.p, name.n < 8 ? name.n : 8);
        bit = name_bit(head, name.n);
        names->bits[bit / 64] |= UINT64_C(1) << bit % 64;
}

static inline bool may_want(const FieldNames *names, const char *p, size_t n) {
        uint32_t bit = name_bit(p, n);

        return names->bits[bit / 64] >> bit % 64 & 1;
}

/* One name=value in its usual form; false: split_word() must see it. */
static inline __attribute__((always_inline)) bool take_plain(Split *s, ScanMarks *m, const char **pp,
                                                             const char *end, int *ret) {
        const char *p = *pp, *stop = scan_next(m, p, end, SCAN_BREAK), *value = stop + 1, *close = end, *next;
        bool wanted;

        if (value >= end || *stop != '=' || *p == '(' || *value == '\'' || *value == '{')
                return false;
        wanted = may_want(s->names, p, (size_t)(stop - p));
        if (*value == '"')
                close = scan_next(m, value + 1, end, SCAN_QUOTE);
        next = scan_next(m, close < end ? close : value, end, SCAN_BLANK);
        *pp = next < end ? next + 1 : end; /* no need to look at the blank again */
        if (!wanted)
                s->n_left_out++;
        else if (close < end)
                *ret = add(s, (Str){ p, (size_t)(stop - p) }, (Str){ value + 1, (size_t)(close - value - 1) },
                           true, false);
        else
                *ret = add(s, (Str){ p, (size_t)(stop - p) },
                           trim_bare((Str){ value, (size_t)(next - value) }), false, false);
        return true;
}

/* As split(), to which it leaves what is out of the ordinary. */
static int split_named(Split *s, const char *p, const char *end) {
        ScanMarks m;
        int r = 0;

        scan_marks(&m, p);
        while (!r) {
                while (p < end && (*p == ' ' || *p == MARK))
                        p++;
                if (p == end)
                        break;
                if (!take_plain(s, &m, &p, end, &r))
                        r = split_word(s, &p, end);
        }
        return r;
}

static int split_record(FieldVec *vec, const Record *rec, const FieldNames *names) {
        const char *body = rec->text.p + rec->body, *end = rec->text.p + rec->text.n;
        const char *mark = memchr(body, MARK, (size_t)(end - body));
        Split s = { .vec = vec, .type = rec->type, .names = names };
        int (*fn)(Split *, const char *, const char *) = names ? split_named : split;
        int r;

        vec->n = vec->n_enriched = 0;
        vec->has_words = false;
        vec->msg = STR_NULL;
        /* nothing that auditd logged reaches into what it added, whatever is not closed: records can be cut */
        r = fn(&s, body, mark ? mark : end);
        if (r || !mark)
                return r;
        s.part = FIELD_ENRICHED;
        return fn(&s, mark + 1, end);
}

int field_split(FieldVec *vec, const Record *rec) { return split_record(vec, rec, NULL); }

int field_split_named(FieldVec *vec, const Record *rec, const FieldNames *names) {
        return split_record(vec, rec, names);
}

void field_vec_done(FieldVec *vec) {
        free(vec->v);
        *vec = FIELD_VEC_INIT;
}

const Field *field_find(const FieldVec *vec, Str name) {
        for (size_t i = 0; i < vec->n; i++)
                if (str_eq(vec->v[i].name, name))
                        return &vec->v[i];
        return NULL;
}
