/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "alert/redact-scan.h"

#define NAME_MAX_LEN 64u /* of a longer name the end counts */
#define SHAPE_MIN    16u /* no token that is known by its shape is shorter */

void scan_mark(Scan *s, size_t start, size_t end) {
        Span span = { start, end };

        if (start < end)
                buf_put(&s->spans, &span, sizeof(span));
}

static char lower(char c) {
        if (c >= 'A' && c <= 'Z')
                return (char)(c + 32);
        return c == '_' || c == '.' ? '-' : c;
}

static bool is_name_char(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
               c == '-' || c == '.';
}

static bool holds(Str s, const char *word) { return s.n && memmem(s.p, s.n, word, strlen(word)); }

static bool holds_any(Str s, const char *const *words) {
        for (size_t i = 0; i + 5 <= s.n; i++)
                for (const char *const *word = words; *word; word++)
                        if (s.p[i] == **word && str_starts((Str){ s.p + i, s.n - i }, str_from(*word)))
                                return true;
        return false;
}

static bool ends_in(Str s, const char *const *words) {
        for (; *words; words++)
                if (str_ends(s, str_from(*words)))
                        return true;
        return false;
}

/* @pattern: the administrator's, with *. Both are short. */
static bool fits(Str pattern, Str name) {
        size_t p = 0, n = 0, star = SIZE_MAX, mark = 0;

        while (n < name.n) {
                if (p < pattern.n && pattern.p[p] == '*') {
                        star = p++;
                        mark = n;
                } else if (p < pattern.n && lower(pattern.p[p]) == name.p[n]) {
                        p++;
                        n++;
                } else if (star != SIZE_MAX) {
                        p = star + 1;
                        n = ++mark;
                } else {
                        return false;
                }
        }
        while (p < pattern.n && pattern.p[p] == '*')
                p++;
        return p == pattern.n;
}

static bool is_added(const Redact *r, Str name) {
        for (size_t i = 0; r && i < r->n_names; i++) {
                Str pattern = r->names[i];

                while (pattern.n && pattern.p[0] == '-')
                        pattern = (Str){ pattern.p + 1, pattern.n - 1 };
                if (pattern.n && fits(pattern, name))
                        return true;
        }
        return false;
}

/* @name is in small letters, with - for _ and . No word of the first two lists is shorter than five (holds_any()). */
static bool is_built_in(Str name, bool option) {
        static const char *const anywhere[] = { "password",   "passwd",        "passphrase", "passwort",
                                                "secret",     "token",         "apikey",     "api-key",
                                                "accesskey",  "access-key",    "authkey",    "auth-key",
                                                "credential", "authorization", "bearer",     "passcode",
                                                NULL };
        static const char *const keys[] = { "private-key", "privatekey", NULL };
        static const char *const at_end[] = { "pass", "pwd", "-pw", "bindpw", "rootpw", NULL };
        /* the value is where the secret is, or something about it */
        static const char *const harmless[] = {
                "file",    "path",   "prompt", "stdin",  "-env",    "-cmd",   "command", "store",    "type",
                "length",  "-len",   "-age",   "-days",  "-name",   "-url",   "-uri",    "endpoint", "-dir",
                "-policy", "expire", "tokens", "bypass", "compass", "-count", "-limit",  "-minlen",  NULL
        };

        if (!holds_any(name, anywhere) && (option || !holds_any(name, keys)) && !ends_in(name, at_end) &&
            !str_eq(name, STR("pw")))
                return false;
        return !str_starts(name, STR("no-")) && (!ends_in(name, harmless) || holds(name, "access-key"));
}

bool redact_is_secret_name(const Redact *r, Str name, bool option) {
        char text[NAME_MAX_LEN];
        Str small = { text, 0 };

        while (name.n && name.p[0] == '-')
                name = (Str){ name.p + 1, name.n - 1 };
        if (name.n > NAME_MAX_LEN)
                name = (Str){ name.p + name.n - NAME_MAX_LEN, NAME_MAX_LEN };
        for (; small.n < name.n; small.n++)
                text[small.n] = lower(name.p[small.n]);
        return small.n && (is_built_in(small, option) || is_added(r, small));
}

static bool is_blank(char c) { return (uint8_t)c <= ' ' || c == 0x7F; }

/* Between two words: NUL, and in a command line any blank. */
static bool parts_words(const Scan *s, char c) { return s->words ? !c : is_blank(c); }

static size_t skip_blanks(const Scan *s, size_t at) {
        while (at < s->text.n && s->text.p[at] && is_blank(s->text.p[at]))
                at++;
        return at;
}

static size_t end_of_word(const Scan *s, size_t at) {
        while (at < s->text.n && !parts_words(s, s->text.p[at]))
                at++;
        return at;
}

/* The quote that ends what the one at @at began, or SIZE_MAX. Both may have a backslash before them. */
static size_t end_of_quote(const Scan *s, size_t at) {
        char quote = s->text.p[at];
        bool escaped = at && s->text.p[at - 1] == '\\';

        for (size_t i = at + 1; i < s->text.n && s->text.p[i]; i++)
                if (s->text.p[i] == quote && (s->text.p[i - 1] == '\\') == escaped)
                        return i;
        return SIZE_MAX;
}

/* Within a longer word: query strings, lists of options, JSON. */
static size_t end_of_part(const Scan *s, size_t at) {
        while (at < s->text.n && !is_blank(s->text.p[at]) && !strchr("&;,\"'})|<>`", s->text.p[at]))
                at++;
        return at;
}

static bool is_scheme(Str word) {
        static const Str schemes[] = { STR_INIT("bearer"), STR_INIT("basic"),     STR_INIT("token"),
                                       STR_INIT("digest"), STR_INIT("negotiate"), STR_INIT("apikey") };

        for (size_t i = 0; i < ARRAY_SIZE(schemes); i++)
                if (str_ieq(word, schemes[i]))
                        return true;
        return false;
}

/* Behind "Authorization:": the scheme stays. Where the value ends, as the others. */
static size_t mark_header(Scan *s, size_t at) {
        size_t start = skip_blanks(s, at), end = end_of_part(s, start);

        if (is_scheme((Str){ s->text.p + start, end - start })) {
                start = skip_blanks(s, end);
                end = end_of_part(s, start);
        }
        while (end < s->text.n && s->text.p[end] && !strchr("\"'\n", s->text.p[end]) &&
               (s->words || !is_blank(s->text.p[end])))
                end++;
        scan_mark(s, start, end);
        return end;
}

/* The word that begins at @start follows a "-c" or "-lc": a command line of its own. */
static bool is_line(const Scan *s, size_t start) {
        size_t end = start ? start - 1 : 0, at = end;

        while (at && end - at < 6 && !parts_words(s, s->text.p[at - 1]))
                at--;
        return end - at >= 2 && s->text.p[at] == '-' && s->text.p[end - 1] == 'c';
}

static size_t end_of_first(const Scan *s, size_t name, size_t at) {
        size_t end = at;

        if (!is_line(s, name))
                return end_of_word(s, at);
        while (end < s->text.n && !is_blank(s->text.p[end]))
                end++;
        return end;
}

/* The value that begins at @at, of the name that begins at @name. @first: that begins a word. */
static size_t mark_value(Scan *s, size_t name, size_t at, bool first) {
        Str t = s->text;
        size_t quote = at, end;

        if (quote + 1 < t.n && t.p[quote] == '\\')
                quote++;
        if (quote < t.n && (t.p[quote] == '"' || t.p[quote] == '\'')) {
                end = end_of_quote(s, quote);
                if (end != SIZE_MAX) {
                        scan_mark(s, quote + 1, end);
                        return end;
                }
        }
        end = first ? end_of_first(s, name, at) : end_of_part(s, at);
        scan_mark(s, at, end);
        return end;
}

/* The name that ends before @at, and whether it begins a word. */
static Str name_before(const Scan *s, size_t at, bool *ret_quoted, bool *ret_first) {
        const char *p = s->text.p;
        size_t end = at, start;

        *ret_quoted = end && (p[end - 1] == '"' || p[end - 1] == '\'');
        if (*ret_quoted)
                end--;
        if (*ret_quoted && end && p[end - 1] == '\\')
                end--;
        for (start = end; start && end - start < 2 * NAME_MAX_LEN && is_name_char(p[start - 1]);)
                start--;
        *ret_first =
                !start || parts_words(s, p[start - 1]) || (!s->words && strchr(";|&(`\"'", p[start - 1]));
        return (Str){ p + start, end - start };
}

static bool is_header(Str name) {
        static const Str headers[] = { STR_INIT("authorization"), STR_INIT("proxy-authorization"),
                                       STR_INIT("cookie"),        STR_INIT("set-cookie"),
                                       STR_INIT("x-api-key"),     STR_INIT("private-token"),
                                       STR_INIT("x-auth-token"),  STR_INIT("x-vault-token") };

        for (size_t i = 0; i < ARRAY_SIZE(headers); i++)
                if (str_ieq(name, headers[i]))
                        return true;
        return false;
}

/* What stands at @at, = or :, begins a value that is to go. */
static bool begins_secret(const Scan *s, Str name, size_t at, bool quoted, bool first) {
        char next = at + 1 < s->text.n ? s->text.p[at + 1] : 0;

        if (!redact_is_secret_name(s->redact, name, name.p[0] == '-'))
                return false;
        /* PWD=/home/alice is no password */
        if (first && next == '/' && str_ends(name, STR("PWD")))
                return false;
        return s->text.p[at] == '=' || quoted || (next && is_blank(next));
}

/* NAME=value, --name=value, "name": value, Name: value. Goes on behind what it has marked: linear. */
static void scan_values(Scan *s) {
        Str t = s->text;

        for (size_t i = 0; i < t.n; i++) {
                bool quoted, first, colon = t.p[i] == ':';
                size_t end = i, value = i + 1;
                Str name;

                if (!colon && t.p[i] != '=')
                        continue;
                name = name_before(s, i, &quoted, &first);
                if (!name.n)
                        continue;
                if (colon && is_header(name)) {
                        end = mark_header(s, value);
                } else if (begins_secret(s, name, i, quoted, first)) {
                        if (colon)
                                value = skip_blanks(s, value);
                        end = mark_value(s, (size_t)(name.p - t.p), value, first && !colon);
                }
                if (end > i)
                        i = end - 1;
        }
}

/* scheme://user:secret@host */
static void scan_urls(Scan *s) {
        Str t = s->text;

        for (size_t at = 0; at < t.n;) {
                const char *sep = memmem(t.p + at, t.n - at, "://", 3);
                size_t i, colon = SIZE_MAX, last = SIZE_MAX;

                if (!sep)
                        return;
                for (i = (size_t)(sep - t.p) + 3; i < t.n && !is_blank(t.p[i]) && !strchr("/\"'<>?#", t.p[i]);
                     i++) {
                        if (t.p[i] == ':' && colon == SIZE_MAX)
                                colon = i;
                        if (t.p[i] == '@')
                                last = i;
                }
                if (last != SIZE_MAX && colon != SIZE_MAX && colon < last)
                        scan_mark(s, colon + 1, last);
                at = i;
        }
}

static bool is_token_char(char c) { return is_name_char(c) || c == '/' || c == '+' || c == '='; }

/* Secrets that one knows when one sees them: how they begin, and how long they are at least. */
static void scan_shapes(Scan *s) {
        static const struct {
                Str head;
                size_t min;
        } shapes[] = {
                { STR_INIT("ghp_"), 20 },     { STR_INIT("gho_"), 20 },    { STR_INIT("ghs_"), 20 },
                { STR_INIT("ghu_"), 20 },     { STR_INIT("ghr_"), 20 },    { STR_INIT("github_pat_"), 20 },
                { STR_INIT("glpat-"), 16 },   { STR_INIT("xoxb-"), 16 },   { STR_INIT("xoxp-"), 16 },
                { STR_INIT("xoxa-"), 16 },    { STR_INIT("xoxs-"), 16 },   { STR_INIT("AKIA"), 20 },
                { STR_INIT("ASIA"), 20 },     { STR_INIT("AIza"), 35 },    { STR_INIT("sk_live_"), 20 },
                { STR_INIT("rk_live_"), 20 }, { STR_INIT("sk-"), 24 },     { STR_INIT("hvs."), 20 },
                { STR_INIT("npm_"), 30 },     { STR_INIT("dop_v1_"), 30 }, { STR_INIT("SG."), 40 },
                { STR_INIT("eyJ"), 40 },      { STR_INIT("ya29."), 30 },
        };
        Str t = s->text;

        for (size_t i = 0; i < t.n; i++) {
                Str rest = { t.p + i, t.n - i };
                size_t end = i;

                if (i && is_name_char(t.p[i - 1]))
                        continue;
                for (size_t k = 0; k < ARRAY_SIZE(shapes); k++) {
                        if (!str_starts(rest, shapes[k].head))
                                continue;
                        while (end < t.n && is_token_char(t.p[end]))
                                end++;
                        if (end - i >= shapes[k].min)
                                scan_mark(s, i, end);
                        break;
                }
                if (end > i)
                        i = end - 1;
        }
}

/* From "PRIVATE KEY-----" to the line that ends it, or to the end. */
static void scan_keys(Scan *s) {
        static const char begin[] = "PRIVATE KEY-----", over[] = "-----END";
        Str t = s->text;

        for (size_t at = 0; at < t.n;) {
                const char *key = memmem(t.p + at, t.n - at, begin, sizeof(begin) - 1), *end;
                size_t stop;

                if (!key)
                        return;
                key += sizeof(begin) - 1;
                stop = strnlen(key, (size_t)(t.p + t.n - key));
                end = memmem(key, stop, over, sizeof(over) - 1);
                if (end)
                        stop = (size_t)(end - key);
                at = (size_t)(key - t.p) + stop;
                scan_mark(s, (size_t)(key - t.p), at);
                /* "-----END PRIVATE KEY-----" begins none */
                if (end && (end = memmem(end, (size_t)(t.p + t.n - end), begin, sizeof(begin) - 1)))
                        at = (size_t)(end - t.p) + sizeof(begin) - 1;
        }
}

static int by_start(const void *a, const void *b) {
        const Span *x = a, *y = b;

        return (x->start > y->start) - (x->start < y->start);
}

/* The text with every span replaced; those that touch are one. */
static void write_out(Scan *s, Buf *out) {
        Span *v = (Span *)(void *)s->spans.p;
        size_t n = s->spans.n / sizeof(*v), at = 0;

        qsort(v, n, sizeof(*v), by_start);
        for (size_t i = 0; i < n;) {
                size_t end = v[i].end;

                buf_put(out, s->text.p + at, v[i].start - at);
                BUF_LIT(out, REDACTED);
                for (i++; i < n && v[i].start <= end; i++)
                        if (v[i].end > end)
                                end = v[i].end;
                at = end;
        }
        buf_put(out, s->text.p + at, s->text.n - at);
}

/* One word that is no value, no URL and too short for a token: most fields are. */
static bool is_harmless(Str text) {
        if (text.n >= SHAPE_MIN)
                return false;
        for (size_t i = 0; i < text.n; i++)
                if (is_blank(text.p[i]) || text.p[i] == '=' || text.p[i] == ':')
                        return false;
        return true;
}

static bool redact(const Redact *r, Str text, bool words, Buf *out) {
        Scan s = { .redact = r, .text = text, .spans = BUF_INIT, .words = words };
        bool found;

        if (!text.n || (r && r->off) || is_harmless(text))
                return false;
        scan_values(&s);
        scan_urls(&s);
        scan_shapes(&s);
        scan_keys(&s);
        if (words)
                scan_words(&s, 0, text.n);
        else
                scan_line(&s, 0, text.n, 0);
        found = s.spans.n;
        if (s.spans.failed)
                out->failed = true;
        else if (found)
                write_out(&s, out);
        buf_done(&s.spans);
        return found || out->failed;
}

bool redact_line(const Redact *r, Str text, Buf *out) { return redact(r, text, false, out); }
bool redact_words(const Redact *r, Str words, Buf *out) { return redact(r, words, true, out); }
