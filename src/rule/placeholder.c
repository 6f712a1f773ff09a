/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/placeholder.h"

typedef struct {
        Parse *p;
        const YamlNode *value;
        Pattern *out;
        size_t n;
} Expansion;

static bool is_name(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
}

/* The name of the placeholder that starts with the % at @at; empty: this is just a %. */
static Str name_at(Str s, size_t at) {
        size_t end = at + 1;

        while (end < s.n && is_name(s.p[end]))
                end++;
        return end < s.n && s.p[end] == '%' ? (Str){ s.p + at + 1, end - at - 1 } : (Str){ s.p, 0 };
}

bool placeholder_is(Str s) { return s.n > 2 && *s.p == '%' && name_at(s, 0).n == s.n - 2; }

/* Makes each pattern so far longer by one of @tails: all combinations. */
static int append(Expansion *x, const Pattern *tails, size_t n_tails) {
        size_t n = x->n * n_tails;
        Pattern *next;
        int r = 0;

        if (n > PLACEHOLDER_MAX)
                return parse_error(x->p, x->value,
                                   "this expands to more than %u values; make the lists shorter",
                                   PLACEHOLDER_MAX);
        next = calloc(n + 1, sizeof(*next));
        if (!next)
                return -ENOMEM;
        for (size_t i = 0; i < n && !r; i++) {
                r = pattern_join(&next[i], &x->p->ast->arena,
                                 (const Pattern[]){ x->out[i / n_tails], tails[i % n_tails] }, 2);
                r = r ? r : parse_room(x->p, x->value);
        }
        if (!r) {
                memcpy(x->out, next, n * sizeof(*next));
                x->n = n;
        }
        free(next);
        return r;
}

static int append_text(Expansion *x, const Buf *text) {
        Pattern p;
        int r = text->failed ? -ENOMEM : pattern_parse(&p, &x->p->ast->arena, buf_view(text));

        return r ? r : append(x, &p, 1);
}

/* What the placeholder file has for the name: one text or a list of them. */
static int find_values(const Expansion *x, Str name, const YamlNode **ret) {
        char key[128] = { 0 };
        const YamlNode *found;

        if (name.n < sizeof(key))
                memcpy(key, name.p, name.n);
        found = yaml_get(x->p->placeholders, key);
        if (!found || found->kind == YAML_MAP || found->kind == YAML_NULL ||
            (found->kind == YAML_LIST && !found->n))
                return parse_error(x->p, x->value,
                                   "the placeholder %%%s%% has no value; give it one in the placeholder "
                                   "file, or write the "
                                   "value here without \"expand\"",
                                   key);
        if (yaml_count(found) > PLACEHOLDER_MAX)
                return parse_error(x->p, x->value,
                                   "the placeholder %%%s%% has more than %u values; make the list shorter",
                                   key, PLACEHOLDER_MAX);
        for (size_t i = 0; i < yaml_count(found); i++)
                if (!yaml_is_scalar(yaml_item(found, i)) || yaml_item(found, i)->kind == YAML_NULL)
                        return parse_error(
                                x->p, x->value,
                                "the values of the placeholder %%%s%% must be texts; write them so", key);
        *ret = found;
        return 0;
}

static int append_values(Expansion *x, Str name) {
        const YamlNode *values;
        Pattern *tails;
        size_t n;
        int r = find_values(x, name, &values);

        if (r)
                return r;
        n = yaml_count(values);
        tails = calloc(n, sizeof(*tails));
        if (!tails)
                return -ENOMEM;
        for (size_t i = 0; i < n && !r; i++)
                r = pattern_parse(&tails[i], &x->p->ast->arena, yaml_item(values, i)->text);
        r = r ? r : append(x, tails, n);
        free(tails);
        return r;
}

int placeholder_expand(Parse *p, const YamlNode *value, Pattern ret[static PLACEHOLDER_MAX], size_t *ret_n) {
        Expansion x = { .p = p, .value = value, .out = ret, .n = 1 };
        Buf text = BUF_INIT;
        Str s = value->text;
        int r = 0;

        ret[0] = (Pattern){ 0 };
        for (size_t i = 0; i < s.n && !r; i++) {
                Str name = s.p[i] == '%' ? name_at(s, i) : (Str){ s.p, 0 };

                if (name.n) {
                        r = append_text(&x, &text);
                        buf_clear(&text);
                        r = r ? r : append_values(&x, name);
                        i += name.n + 1;
                } else if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '%') {
                        buf_putc(&text, s.p[++i]);
                } else {
                        buf_putc(&text, s.p[i]);
                        if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '\\')
                                buf_putc(&text, s.p[++i]);
                }
        }
        r = r ? r : append_text(&x, &text);
        buf_done(&text);
        if (!r)
                *ret_n = x.n;
        return r;
}

/* ---- in regular expressions: text, not patterns ---- */

static int append_texts(Expansion *x, Str *out, const YamlNode *values) {
        Arena *arena = &x->p->ast->arena;
        size_t n = yaml_count(values);
        Str *next;

        if (x->n * n > PLACEHOLDER_MAX)
                return parse_error(x->p, x->value,
                                   "this expands to more than %u values; make the lists shorter",
                                   PLACEHOLDER_MAX);
        next = calloc(x->n * n + 1, sizeof(*next));
        if (!next)
                return -ENOMEM;
        for (size_t i = 0; i < x->n * n; i++) {
                Str head = out[i / n], tail = yaml_item(values, i % n)->text;
                char *to = arena_alloc(arena, head.n + tail.n + 1);

                if (!to) {
                        free(next);
                        return -ENOMEM;
                }
                next[i] = (Str){ to, head.n + tail.n };
                (void)str_put(&to, head);
                (void)str_put(&to, tail);
                if (parse_room(x->p, x->value)) {
                        free(next);
                        return PARSE_E_BAD;
                }
        }
        x->n *= n;
        memcpy(out, next, x->n * sizeof(*next));
        free(next);
        return 0;
}

int placeholder_expand_regex(Parse *p, const YamlNode *value, Str ret[static PLACEHOLDER_MAX],
                             size_t *ret_n) {
        Expansion x = { .p = p, .value = value, .n = 1 };
        Str s = value->text;
        size_t start = 0;
        int r = 0;

        ret[0] = STR("");
        for (size_t i = 0; i <= s.n && !r; i++) {
                Str name = i < s.n && s.p[i] == '%' ? name_at(s, i) : (Str){ s.p, 0 };
                YamlNode text = { .text = { s.p + start, i - start } };
                const YamlNode *values;

                if (i < s.n && s.p[i] == '\\' && i + 1 < s.n) {
                        i++;
                        continue;
                }
                if (i < s.n && !name.n)
                        continue;
                r = append_texts(&x, ret, &text);
                if (r || i == s.n)
                        break;
                r = find_values(&x, name, &values);
                r = r ? r : append_texts(&x, ret, values);
                i += name.n + 1;
                start = i + 1;
        }
        if (!r)
                *ret_n = x.n;
        return r;
}
