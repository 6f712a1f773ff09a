/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* "field|modifier|…": which modifiers there are, which go together, and what they do to a value. */
#include <errno.h>
#include <stdlib.h>
#include "base/escape.h"
#include "rule/encode.h"
#include "rule/parse.h"
#include "rule/placeholder.h"

typedef enum {
        ALL,
        CONTAINS,
        STARTSWITH,
        ENDSWITH,
        EXISTS,
        CASED,
        NEQ,
        WINDASH,
        RE,
        RE_I,
        RE_M,
        RE_S,
        BASE64,
        BASE64OFFSET,
        UTF16LE,
        UTF16BE,
        UTF16,
        WIDE,
        LT,
        LTE,
        GT,
        GTE,
        MINUTE,
        HOUR,
        DAY,
        WEEK,
        MONTH,
        YEAR,
        CIDR,
        EXPAND,
        FIELDREF,
        _MODIFIER_N
} Modifier;

#define B(_m)     (UINT64_C(1) << (_m))
#define ANCHORS   (B(CONTAINS) | B(STARTSWITH) | B(ENDSWITH))
#define ENCODINGS (B(UTF16LE) | B(UTF16BE) | B(UTF16) | B(WIDE))
#define BASE64S   (B(BASE64) | B(BASE64OFFSET))
#define COMPARES  (B(LT) | B(LTE) | B(GT) | B(GTE))
#define TIMES     (B(MINUTE) | B(HOUR) | B(DAY) | B(WEEK) | B(MONTH) | B(YEAR))
#define RES       (B(RE) | B(RE_I) | B(RE_M) | B(RE_S))
#define ANYWHERE  (B(ALL) | B(NEQ))
#define TEXT_WITH (ANYWHERE | B(CASED) | B(EXPAND))
#define KEYWORD_OK                                                                                      \
        (B(ALL) | B(CONTAINS) | B(CASED) | B(WINDASH) | B(RE) | B(RE_I) | B(RE_M) | B(RE_S) | BASE64S | \
         ENCODINGS | B(EXPAND))

typedef struct {
        const char *name;
        uint64_t with;  /* what it can be combined with */
        uint64_t after; /* of these, what must stand before it */
} ModifierInfo;

static const ModifierInfo infos[_MODIFIER_N] = {
        [ALL] = { "all", ~B(EXISTS), 0 },
        [CONTAINS] = { "contains", TEXT_WITH | B(WINDASH) | B(FIELDREF) | ENCODINGS | BASE64S,
                       ENCODINGS | BASE64S },
        [STARTSWITH] = { "startswith", TEXT_WITH | B(WINDASH) | B(FIELDREF) | ENCODINGS | BASE64S,
                         ENCODINGS | BASE64S },
        [ENDSWITH] = { "endswith", TEXT_WITH | B(WINDASH) | B(FIELDREF) | ENCODINGS | BASE64S,
                       ENCODINGS | BASE64S },
        [EXISTS] = { "exists", 0, 0 },
        [CASED] = { "cased", TEXT_WITH | ANCHORS | B(WINDASH) | B(FIELDREF) | ENCODINGS | BASE64S, 0 },
        [NEQ] = { "neq", ~B(EXISTS), 0 },
        [WINDASH] = { "windash", TEXT_WITH | ANCHORS, 0 },
        [RE] = { "re", ANYWHERE | B(RE_I) | B(RE_M) | B(RE_S) | B(EXPAND), 0 },
        [RE_I] = { "i", ANYWHERE | B(RE) | B(RE_M) | B(RE_S) | B(EXPAND), B(RE) },
        [RE_M] = { "m", ANYWHERE | B(RE) | B(RE_I) | B(RE_S) | B(EXPAND), B(RE) },
        [RE_S] = { "s", ANYWHERE | B(RE) | B(RE_I) | B(RE_M) | B(EXPAND), B(RE) },
        [BASE64] = { "base64", TEXT_WITH | ANCHORS | ENCODINGS, ENCODINGS },
        [BASE64OFFSET] = { "base64offset", TEXT_WITH | ANCHORS | ENCODINGS, ENCODINGS },
        [UTF16LE] = { "utf16le", TEXT_WITH | ANCHORS | BASE64S, 0 },
        [UTF16BE] = { "utf16be", TEXT_WITH | ANCHORS | BASE64S, 0 },
        [UTF16] = { "utf16", TEXT_WITH | ANCHORS | BASE64S, 0 },
        [WIDE] = { "wide", TEXT_WITH | ANCHORS | BASE64S, 0 },
        [LT] = { "lt", ANYWHERE | TIMES, TIMES },
        [LTE] = { "lte", ANYWHERE | TIMES, TIMES },
        [GT] = { "gt", ANYWHERE | TIMES, TIMES },
        [GTE] = { "gte", ANYWHERE | TIMES, TIMES },
        [MINUTE] = { "minute", ANYWHERE | COMPARES, 0 },
        [HOUR] = { "hour", ANYWHERE | COMPARES, 0 },
        [DAY] = { "day", ANYWHERE | COMPARES, 0 },
        [WEEK] = { "week", ANYWHERE | COMPARES, 0 },
        [MONTH] = { "month", ANYWHERE | COMPARES, 0 },
        [YEAR] = { "year", ANYWHERE | COMPARES, 0 },
        [CIDR] = { "cidr", ANYWHERE, 0 },
        [EXPAND] = { "expand", TEXT_WITH | ANCHORS | B(WINDASH) | ENCODINGS | BASE64S | RES, 0 },
        [FIELDREF] = { "fieldref", ANYWHERE | ANCHORS | B(CASED), 0 },
};

typedef struct {
        Parse *p;
        const YamlNode *key;
        uint32_t field;
        uint64_t set; /* modifiers given */
        Modifier order[_MODIFIER_N];
        size_t n;
} Item;

static bool has(const Item *it, uint64_t bits) { return (it->set & bits) != 0; }

static Modifier lookup(Str name) {
        for (Modifier m = 0; m < _MODIFIER_N; m++)
                if (str_eqz(name, infos[m].name))
                        return m;
        return _MODIFIER_N;
}

/* What somebody meant who wrote this; a list of all when nobody knows. */
static Str advice(Item *it, Str name) {
        static const struct {
                const char *wrong, *right;
        } known[] = {
                { "regex", "re" }, { "regexp", "re" },      { "ignorecase", "re|i" },
                { "not", "neq" },  { "eq", "no modifier" }, { "any", "a list, which means any" },
                { "min", "gte" },  { "max", "lte" },
        };
        Nearest n = parse_nearest(it->p, name);

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (str_ieq(name, str_from(known[i].wrong)))
                        return str_from(known[i].right);
        for (Modifier m = 0; m < _MODIFIER_N; m++)
                nearest_try(&n, str_from(infos[m].name));
        return n.best.n ? n.best
                        : STR("one of all contains startswith endswith exists cased neq re windash base64 "
                              "base64offset utf16le utf16be utf16 wide lt lte gt gte minute hour day week "
                              "month year cidr expand fieldref");
}

static int check_modifier(Item *it, Modifier m, size_t offset) {
        const ModifierInfo *info = &infos[m];

        if (it->set & B(m))
                return parse_error_at(it->p, it->key, offset,
                                      "the modifier \"%s\" stands twice; write it once", info->name);
        if (m == RE && it->n)
                return parse_error_at(it->p, it->key, offset,
                                      "\"re\" must be the first modifier; write field|re|…");
        if ((m == RE_I || m == RE_M || m == RE_S) && !has(it, B(RE)))
                return parse_error_at(it->p, it->key, offset, "\"%s\" is a flag of \"re\"; write field|re|%s",
                                      info->name, info->name);
        for (size_t i = 0; i < it->n; i++) {
                const ModifierInfo *other = &infos[it->order[i]];

                if (!(info->with & B(it->order[i])) || !(other->with & B(m)))
                        return parse_error_at(it->p, it->key, offset,
                                              "\"%s\" and \"%s\" make no sense together; keep one of them",
                                              other->name, info->name);
                if (other->after & B(m))
                        return parse_error_at(it->p, it->key, offset,
                                              "\"%s\" works on the result of \"%s\"; write %s|%s",
                                              other->name, info->name, info->name, other->name);
        }
        return 0;
}

static int unknown(Item *it, size_t offset, Str name) {
        Str right = advice(it, name);

        return parse_error_at(it->p, it->key, offset, "unknown modifier \"%.*s\"; write %.*s",
                              (int)(name.n > 40 ? 40 : name.n), name.p, STR_ARG(right));
}

/* Splits the key at its bars. */
static int read_key(Item *it) {
        Str s = it->key->text;
        const char *bar = s.n ? memchr(s.p, '|', s.n) : NULL;
        size_t at = bar ? (size_t)(bar - s.p) : s.n;
        int r = ast_field(it->p->ast, (Str){ s.p, at }, &it->field);

        if (!r && !s.n)
                r = parse_error(it->p, it->key,
                                "an empty field name; write the name of a field, or '|all' for keywords");
        for (size_t i = 0; !r && i < at; i++)
                if (s.p[i] == ' ') {
                        parse_warn(it->p, it->key,
                                   "no field has a blank in its name, so that it is always absent; write the "
                                   "name without");
                        break;
                }
        while (!r && at < s.n) {
                size_t start = at + 1;
                const char *next = memchr(s.p + start, '|', s.n - start);
                Str name = { s.p + start, (next ? (size_t)(next - s.p) : s.n) - start };
                Modifier m = lookup(name);

                at = start + name.n;
                if (m == _MODIFIER_N)
                        return unknown(it, start, name);
                r = check_modifier(it, m, start);
                it->set |= B(m);
                it->order[it->n++] = m;
        }
        if (!r && it->field == FIELD_KEYWORDS && (it->set & ~KEYWORD_OK))
                return parse_error(it->p, it->key,
                                   "this modifier needs a field; write field%.*s, or '|all' for keywords",
                                   PARSE_ARG(s));
        return r;
}

static int add(Item *it, const Test *t, const Expr **ret) {
        uint32_t id;
        int r = ast_test(it->p->ast, t, &id);

        if (r)
                return r;
        *ret = expr_test(it->p->ast, id);
        return *ret ? 0 : -ENOMEM;
}

/* ---- text ---- */

#define MAX_VARIANTS PLACEHOLDER_MAX

typedef struct {
        Pattern v[MAX_VARIANTS];
        size_t n;
} Variants;

/* Only the first @n are ever looked at. */
static Variants *variants_new(void) {
        Variants *vs = malloc(sizeof(*vs));

        if (vs)
                vs->n = 0;
        return vs;
}

static int utf16(Arena *arena, Pattern *p, Modifier m) {
        PatternToken *v = arena_alloc(arena, (p->n + 1) * sizeof(*v));
        size_t n = 0;

        if (!v)
                return -ENOMEM;
        if (m == UTF16)
                v[n++] = (PatternToken){ PATTERN_LITERAL, STR("\xFF\xFE") };
        for (size_t i = 0; i < p->n; i++, n++) {
                Buf b = BUF_INIT;

                v[n] = p->v[i];
                if (v[n].kind != PATTERN_LITERAL)
                        continue;
                encode_utf16(&b, p->v[i].text, m == UTF16BE);
                v[n].text = b.failed ? STR_NULL : arena_str(arena, buf_view(&b));
                buf_done(&b);
                if (!v[n].text.p)
                        return -ENOMEM;
        }
        return pattern_join(p, arena, &(Pattern){ v, n }, 1);
}

static int base64(Item *it, const YamlNode *value, Variants *vs, bool inside) {
        Variants *out = variants_new();
        int r = out ? 0 : -ENOMEM;

        for (size_t i = 0; i < vs->n && !r; i++) {
                Str plain;

                if (!pattern_plain(&vs->v[i], &plain))
                        r = parse_error(it->p, value,
                                        "a value for base64 cannot have wildcards; write \\* for a star");
                else if (inside && plain.n < 2)
                        r = parse_error(
                                it->p, value,
                                "one byte leaves no trace of its own in base64, so that anything would "
                                "match; write a longer value");
                if (r)
                        break;
                for (unsigned shift = 0; shift < (inside ? 3u : 1u) && !r; shift++) {
                        Buf b = BUF_INIT;

                        if (out->n == MAX_VARIANTS)
                                r = parse_error(it->p, value,
                                                "too many placeholder values; make the list shorter");
                        else if (inside)
                                encode_base64_inside(&b, plain, shift);
                        else
                                escape_base64(&b, plain);
                        if (!r)
                                r = b.failed ? -ENOMEM
                                             : pattern_literal(&out->v[out->n++], &it->p->ast->arena,
                                                               buf_view(&b));
                        buf_done(&b);
                }
        }
        if (!r)
                *vs = *out;
        free(out);
        return r;
}

static int transform(Item *it, const YamlNode *value, Variants *vs) {
        Arena *arena = &it->p->ast->arena;
        int r = 0;

        for (size_t k = 0; k < it->n && !r; k++) {
                Modifier m = it->order[k];

                if (B(m) & BASE64S)
                        r = base64(it, value, vs, m == BASE64OFFSET);
                for (size_t i = 0; i < vs->n && !r; i++) {
                        if (B(m) & ENCODINGS)
                                r = utf16(arena, &vs->v[i], m);
                        else if (m == WINDASH)
                                r = pattern_windash(&vs->v[i], arena, &vs->v[i]);
                }
        }
        return r;
}

static int finish_text(Item *it, Pattern *p, const Expr **ret) {
        Arena *arena = &it->p->ast->arena;
        bool keyword = it->field == FIELD_KEYWORDS;
        int r = pattern_anchor(p, arena, p, keyword || has(it, B(CONTAINS) | B(ENDSWITH)),
                               keyword || has(it, B(CONTAINS) | B(STARTSWITH)));

        if (!r && !has(it, B(CASED)))
                r = pattern_lower(p, arena, p);
        if (r)
                return r;
        return add(
                it,
                &(Test){
                        .kind = TEST_PATTERN, .field = it->field, .cased = has(it, B(CASED)), .pattern = *p },
                ret);
}

#define MAX_WILDCARDS 10000u

static bool too_wild(Str s) {
        size_t n = 0;

        for (size_t i = 0; i < s.n; i++)
                n += s.p[i] == '*' || s.p[i] == '?';
        return n > MAX_WILDCARDS;
}

static int text_value(Item *it, const YamlNode *value, const Expr **ret) {
        Variants *vs = variants_new();
        const Expr **v = NULL;
        int r = vs ? 0 : -ENOMEM;

        if (!r && too_wild(value->text))
                r = parse_error(it->p, value, "more than %u wildcards; write a shorter value, or several",
                                MAX_WILDCARDS);
        if (!r && it->field == FIELD_KEYWORDS && !value->text.n)
                r = parse_error(it->p, value,
                                "an empty keyword stands in every text; write what to look for");
        if (!r && has(it, B(EXPAND)))
                r = placeholder_expand(it->p, value, vs->v, &vs->n);
        else if (!r) {
                r = pattern_parse(&vs->v[0], &it->p->ast->arena, value->text);
                vs->n = 1;
        }
        r = r ? r : transform(it, value, vs);
        if (!r) {
                v = calloc(vs->n + 1, sizeof(*v));
                r = v ? 0 : -ENOMEM;
        }
        for (size_t i = 0; !r && i < vs->n; i++) {
                r = finish_text(it, &vs->v[i], &v[i]);
                r = r ? r : parse_room(it->p, value);
        }
        if (!r)
                r = parse_expr(it->p, value, expr_list(it->p->ast, EXPR_OR, v, vs->n), ret);
        free(v);
        free(vs);
        return r;
}

/* ---- other kinds of values ---- */

static int null_value(Item *it, const YamlNode *value, const Expr **ret) {
        if (it->field == FIELD_KEYWORDS)
                return parse_error(it->p, value, "null is no keyword; write a text");
        if (it->n)
                return parse_error(
                        it->p, value,
                        "null goes with no modifier; write \"field: null\" for a field that is absent");
        return add(it, &(Test){ .kind = TEST_NULL, .field = it->field }, ret);
}

/* @text: the value, or what became of it; then a place in it is none in the file. */
static int regex_text(Item *it, const YamlNode *value, Str text, const Expr **ret) {
        unsigned flags = (has(it, B(RE_I)) ? REGEX_CASELESS : 0u) |
                         (has(it, B(RE_M)) ? REGEX_MULTILINE : 0u) | (has(it, B(RE_S)) ? REGEX_DOTALL : 0u);
        Test t = { .kind = TEST_REGEX, .field = it->field, .regex_flags = flags };
        RegexError e;
        int r = regex_new(&t.regex, text, flags, &e);

        if (r == REGEX_E_BAD)
                return parse_error_at(it->p, value, has(it, B(EXPAND)) ? 0 : e.offset,
                                      "bad regular expression%s, at its character %zu: %s; write it in PCRE "
                                      "syntax, with \\ "
                                      "before . * ? ( [ { that are meant as themselves",
                                      has(it, B(EXPAND)) ? " with its placeholders' values" : "",
                                      str_chars((Str){ text.p, e.offset }) + 1, e.text);
        if (r)
                return r;
        t.regex_text = arena_str(&it->p->ast->arena, text);
        if (!t.regex_text.p) {
                regex_free(t.regex);
                return -ENOMEM;
        }
        return add(it, &t, ret);
}

static int regex_value(Item *it, const YamlNode *value, const Expr **ret) {
        const Expr **v;
        Str *texts;
        size_t n = 0;
        int r;

        if (!has(it, B(EXPAND)))
                return regex_text(it, value, value->text, ret);
        texts = calloc(PLACEHOLDER_MAX, sizeof(*texts));
        v = calloc(PLACEHOLDER_MAX, sizeof(*v));
        r = texts && v ? placeholder_expand_regex(it->p, value, texts, &n) : -ENOMEM;
        for (size_t i = 0; i < n && !r; i++) {
                r = regex_text(it, value, texts[i], &v[i]);
                r = r ? r : parse_room(it->p, value);
        }
        if (!r)
                r = parse_expr(it->p, value, expr_list(it->p->ast, EXPR_OR, v, n), ret);
        free(texts);
        free(v);
        return r;
}

static int cidr_value(Item *it, const YamlNode *value, const Expr **ret) {
        Test t = { .kind = TEST_CIDR, .field = it->field };
        char first[NET_TEXT_SIZE];

        switch (net_parse(&t.net, value->text)) {
        case NET_OK: return add(it, &t, ret);
        case NET_BAD_ADDRESS:
                return parse_error(it->p, value,
                                   "this is no network; write an address and a length, as 10.0.0.0/8");
        case NET_BAD_LENGTH:
                return parse_error(
                        it->p, value,
                        "bad network length; write 0 to 32 after an IPv4 address, 0 to 128 after IPv6");
        default:
                net_text(&t.net, first);
                return parse_error(it->p, value,
                                   "this network has bits set beyond its length; write its first address: %s",
                                   first);
        }
}

static Compare compare_of(const Item *it) {
        return has(it, B(LT))    ? COMPARE_LT
               : has(it, B(LTE)) ? COMPARE_LTE
               : has(it, B(GT))  ? COMPARE_GT
               : has(it, B(GTE)) ? COMPARE_GTE
                                 : COMPARE_EQ;
}

/* Legal, and surely a mistake. */
static void check_part(Item *it, const YamlNode *value, Modifier m, long double number) {
        static const struct {
                int least, most;
        } parts[] = { { 0, 59 }, { 0, 23 }, { 1, 31 }, { 1, 53 }, { 1, 12 } };

        if (m != YEAR && (number < parts[m - MINUTE].least || number > parts[m - MINUTE].most))
                parse_warn(it->p, value, "no time has this %s; write a number from %d to %d", infos[m].name,
                           parts[m - MINUTE].least, parts[m - MINUTE].most);
}

static int number_value(Item *it, const YamlNode *value, const Expr **ret) {
        Test t = { .kind = has(it, TIMES) ? TEST_TIME : TEST_NUMBER,
                   .field = it->field,
                   .compare = compare_of(it) };

        if (!yaml_number(value, &t.number))
                return parse_error(it->p, value, "\"%s\" compares numbers; write a number without quotes",
                                   infos[it->order[it->n - 1]].name);
        for (Modifier m = MINUTE; m <= YEAR; m++)
                if (has(it, B(m))) {
                        t.part = (TimePart)(m - MINUTE);
                        check_part(it, value, m, t.number);
                }
        return add(it, &t, ret);
}

static int exists_value(Item *it, const YamlNode *value, const Expr **ret) {
        int r;

        if (value->kind != YAML_BOOL)
                return parse_error(it->p, value, "\"exists\" asks yes or no; write true or false");
        r = add(it, &(Test){ .kind = TEST_EXISTS, .field = it->field }, ret);
        if (!r && !value->truth) {
                *ret = expr_not(it->p->ast, *ret);
                r = *ret ? 0 : -ENOMEM;
        }
        return r;
}

static int field_value(Item *it, const YamlNode *value, const Expr **ret) {
        Test t = { .kind = TEST_FIELD,
                   .field = it->field,
                   .cased = has(it, B(CASED)),
                   .star_before = has(it, B(CONTAINS) | B(ENDSWITH)),
                   .star_after = has(it, B(CONTAINS) | B(STARTSWITH)) };
        int r;

        if (value->kind != YAML_TEXT || !value->text.n)
                return parse_error(it->p, value, "\"fieldref\" compares with another field; write its name");
        r = ast_field(it->p->ast, value->text, &t.other);
        return r ? r : add(it, &t, ret);
}

static int one_value(Item *it, const YamlNode *value, const Expr **ret) {
        if (!yaml_is_scalar(value))
                return parse_error(it->p, value,
                                   "a value must be a text, a number or a list of them; write it so");
        if (parse_room(it->p, value))
                return PARSE_E_BAD;
        if (!value->lead && str_ends(value->text, STR("\n")))
                parse_warn(
                        it->p, value,
                        "this text ends with a line end, as one after | or > does; write |- or >-, or all on "
                        "one line");
        if (value->kind == YAML_NULL)
                return null_value(it, value, ret);
        if (has(it, B(EXISTS)))
                return exists_value(it, value, ret);
        if (has(it, B(RE)))
                return regex_value(it, value, ret);
        if (has(it, B(CIDR)))
                return cidr_value(it, value, ret);
        if (has(it, COMPARES | TIMES))
                return number_value(it, value, ret);
        if (has(it, B(FIELDREF)))
                return field_value(it, value, ret);
        return text_value(it, value, ret);
}

static int list_values(Item *it, const YamlNode *list, const Expr **ret) {
        const Expr **v;
        int r = 0;

        if (!list->n)
                return parse_error(it->p, list, "an empty list can never match; write a value");
        v = calloc(list->n, sizeof(*v));
        if (!v)
                return -ENOMEM;
        for (size_t i = 0; i < list->n && !r; i++) {
                if (list->v[i]->kind == YAML_NULL)
                        r = parse_error(it->p, list->v[i],
                                        "null cannot stand in a list; write a search identifier of its own "
                                        "with \"field: null\"");
                else
                        r = one_value(it, list->v[i], &v[i]);
        }
        if (!r)
                r = parse_expr(it->p, list,
                               expr_list(it->p->ast, has(it, B(ALL)) ? EXPR_AND : EXPR_OR, v, list->n), ret);
        free(v);
        return r;
}

static int values(Item *it, const YamlNode *value, const Expr **ret) {
        int r = value->kind == YAML_LIST ? list_values(it, value, ret) : one_value(it, value, ret);

        return r || !has(it, B(NEQ)) ? r : parse_expr(it->p, value, expr_not(it->p->ast, *ret), ret);
}

int modifier_item(Parse *p, const YamlNode *key, const YamlNode *value, const Expr **ret) {
        Item it = { .p = p, .key = key };
        int r = str_eqz(key->text, "<<")
                        ? parse_error(p, key, "YAML 1.2 merges no maps; write their fields out")
                        : read_key(&it);

        if (!r && has(&it, B(EXISTS)) && value->kind == YAML_LIST)
                return parse_error(p, value, "\"exists\" takes one value; write true or false");
        return r ? r : values(&it, value, ret);
}

int modifier_keywords(Parse *p, const YamlNode *value, const Expr **ret) {
        Item it = { .p = p, .key = value, .field = FIELD_KEYWORDS };

        return values(&it, value, ret);
}
