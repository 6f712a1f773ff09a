/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>
#include "base/hash.h"
#include "rule/yaml-tree.h"

#define MAX_ANCHORS 256

typedef struct {
        const char *name; /* in the arena */
        YamlNode *node;
} Anchor;

typedef struct {
        yaml_parser_t parser;
        Arena *arena;
        Str text;       /* from the document on where reading began */
        unsigned lines; /* before it */
        size_t doc, at; /* characters before the document that is read, and before what was read last */
        size_t bytes;   /* before what is no text */
        size_t given;   /* bytes, to the parser */
        YamlError *error;
        Anchor anchors[MAX_ANCHORS];
        size_t n_anchors;
        unsigned depth;
        size_t nodes; /* of this document, made so far */
        size_t all;   /* of the file */
} Reader;

/* Children while a collection is being read; the final arrays go to the arena. */
typedef struct {
        YamlNode **keys, **v;
        size_t n, cap;
} Kids;

static int bad(Reader *r, const yaml_mark_t *at, const char *what) {
        r->error->line = r->lines + (unsigned)at->line + 1;
        r->error->column = (unsigned)at->column + 1;
        snprintf(r->error->text, sizeof(r->error->text), "%s", what);
        return YAML_E_BAD;
}

/* What to write instead, for what authors of rules get wrong in YAML. */
static const char *advice(const char *problem, const char *context) {
        static const struct {
                const char *problem, *context, *advice;
        } known[] = {
                { "cannot start any token", "",
                  "put a value that begins with % @ or ` in quotes, and indent with blanks, not tabs" },
                { "tab character", "", "indent with blanks, not tabs" },
                { "mapping values are not allowed", "",
                  "put a value that has \": \" in it in quotes, and align keys" },
                { "mapping keys are not allowed", "", "put a value that begins with \"? \" in quotes" },
                { "sequence entries are not allowed", "",
                  "begin a list on the line after its key, and put a value that begins with \"- \" in "
                  "quotes" },
                { "<document start>", "",
                  "write \"---\" before another document, and put a value that goes on after its closing "
                  "quote "
                  "in quotes as a whole" },
                { "unknown escape", "",
                  "write the value in single quotes, where \\ is itself, or each \\ as \\\\" },
                { "end of stream", "quoted", "close the quotes" },
                { "document indicator", "quoted", "close the quotes" },
                { "node content", "flow",
                  "close what \"[\" or \"{\" opened, and put values that have , [ ] { } in them in quotes" },
                { "',' or", "",
                  "close what \"[\" or \"{\" opened, and put values that have , [ ] { } in them in quotes" },
                { "expected key", "",
                  "align this with the keys above, and put a value that goes on after its closing quote in "
                  "quotes as a whole" },
                { "'-' indicator", "", "align the \"-\" of a list" },
                { "expected ':'", "", "write \": \" behind the key, or \"- \" before an entry of a list" },
                { "", "directive", "put what begins with % in quotes" },
                { "", "alias", "put a value that begins with * in quotes" },
                { "", "anchor", "put a value that begins with & in quotes" },
                { "", "tag", "put a value that begins with ! in quotes" },
                { "", "block scalar", "put a value that begins with | or > in quotes" },
                { "UTF-8", "", "save the file as UTF-8" },
                { "control characters", "", "write them as \\xNN in double quotes" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(known); i++)
                if (strstr(problem, known[i].problem) && strstr(context, known[i].context))
                        return known[i].advice;
        return "write it as YAML 1.2 asks";
}

/* libyaml reads ahead, and knows only the offset of what is no text; of a character that is broken off, where its rest should be. */
static yaml_mark_t place_of(Str text, size_t offset, bool broken) {
        yaml_mark_t at = { 0 };

        for (bool back = broken; back && offset && offset <= text.n;)
                back = (text.p[--offset] & 0xC0) == 0x80;

        for (size_t i = 0; i < offset && i < text.n; i++) {
                at.column += (text.p[i] & 0xC0) != 0x80;
                if (text.p[i] == '\n') {
                        at.line++;
                        at.column = 0;
                }
        }
        return at;
}

/* Quotes that are never closed are wrong where they open. */
static yaml_mark_t place(const Reader *r, const char *problem, const char *context) {
        const yaml_parser_t *p = &r->parser;

        if (p->error == YAML_READER_ERROR)
                return place_of(r->text, p->problem_offset, strstr(problem, "trailing"));
        return strstr(problem, "unexpected") && strstr(context, "quoted") ? p->context_mark : p->problem_mark;
}

static int next_event(Reader *r, yaml_event_t *ret) {
        const yaml_parser_t *p = &r->parser;
        const char *problem, *context;
        yaml_mark_t at;

        if (yaml_parser_parse(&r->parser, ret)) {
                r->at = ret->start_mark.index;
                return 0;
        }
        if (p->error == YAML_MEMORY_ERROR)
                return -ENOMEM;
        r->at = p->problem_mark.index > r->at ? p->problem_mark.index : r->at;
        r->bytes = p->error == YAML_READER_ERROR ? p->problem_offset : 0;
        problem = p->problem ? p->problem : "unreadable";
        context = p->context ? p->context : "";
        at = place(r, problem, context);
        bad(r, &at, "");
        snprintf(r->error->text, sizeof(r->error->text), "not valid YAML: %s%s%s; %s", problem,
                 *context ? " " : "", context, advice(problem, context));
        return YAML_E_BAD;
}

static bool all_in(Str s, const char *set) {
        for (size_t i = 0; i < s.n; i++)
                if (!s.p[i] || !strchr(set, s.p[i]))
                        return false;
        return s.n > 0;
}

static Str rest(Str s, size_t from) { return (Str){ s.p + from, s.n - from }; }

static bool is_int(Str s) {
        if (str_starts(s, STR("0o")))
                return all_in(rest(s, 2), "01234567");
        if (str_starts(s, STR("0x")))
                return all_in(rest(s, 2), "0123456789abcdefABCDEF");
        if (s.n && (*s.p == '-' || *s.p == '+'))
                s = rest(s, 1);
        return all_in(s, "0123456789");
}

static bool is_float(Str s) {
        size_t digits = 0, i = 0;

        if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
                i++;
        for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
                digits++;
        if (i < s.n && s.p[i] == '.')
                for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++)
                        digits++;
        if (!digits)
                return false;
        if (i < s.n && (s.p[i] == 'e' || s.p[i] == 'E')) {
                i++;
                if (i < s.n && (s.p[i] == '-' || s.p[i] == '+'))
                        i++;
                return all_in(rest(s, i), "0123456789");
        }
        return i == s.n;
}

/* YAML 1.2.2, section 10.3.2: tag resolution of the core schema. */
static YamlKind resolve(Str s, bool *ret_truth) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL" };
        static const char *const bools[] = { "true", "True", "TRUE", "false", "False", "FALSE" };

        for (size_t i = 0; i < ARRAY_SIZE(nulls); i++)
                if (str_eqz(s, nulls[i]))
                        return YAML_NULL;
        for (size_t i = 0; i < ARRAY_SIZE(bools); i++)
                if (str_eqz(s, bools[i])) {
                        *ret_truth = i < 3;
                        return YAML_BOOL;
                }
        return is_int(s) ? YAML_INT : is_float(s) ? YAML_FLOAT : YAML_TEXT;
}

static int new_node(Reader *r, YamlNode **ret, const yaml_event_t *e, YamlKind kind) {
        YamlNode *n;

        if (++r->nodes > YAML_MAX_NODES || ++r->all > YAML_MAX_ALL_NODES)
                return bad(r, &e->start_mark,
                           "this document has too many entries; split it into several files");
        n = arena_alloc(r->arena, sizeof(*n));
        if (!n)
                return -ENOMEM;
        *n = (YamlNode){ .kind = kind,
                         .line = r->lines + (unsigned)e->start_mark.line + 1,
                         .column = (unsigned)e->start_mark.column + 1,
                         .weight = 1 };
        *ret = n;
        return 0;
}

static int add_anchor(Reader *r, const yaml_event_t *e, const yaml_char_t *name, YamlNode *node) {
        if (!name)
                return 0;
        if (r->n_anchors == MAX_ANCHORS)
                return bad(r, &e->start_mark, "too many anchors; write the values out");
        r->anchors[r->n_anchors++] = (Anchor){ arena_strdup(r->arena, (const char *)name), node };
        return r->anchors[r->n_anchors - 1].name ? 0 : -ENOMEM;
}

static int read_scalar(Reader *r, YamlNode **ret, const yaml_event_t *e) {
        Str s = { (const char *)e->data.scalar.value, e->data.scalar.length };
        bool plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !e->data.scalar.tag;
        YamlNode *n;
        int k = new_node(r, &n, e, YAML_TEXT);

        if (k)
                return k;
        if (plain)
                n->kind = resolve(s, &n->truth);
        n->text = arena_str(r->arena, s);
        if (!n->text.p)
                return -ENOMEM;
        n->lead = e->data.scalar.style == YAML_SINGLE_QUOTED_SCALAR_STYLE ||
                  e->data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE;
        n->exact = e->start_mark.line == e->end_mark.line &&
                   e->end_mark.column - e->start_mark.column == str_chars(s) + 2u * n->lead;
        *ret = n;
        return add_anchor(r, e, e->data.scalar.anchor, n);
}

static int read_alias(Reader *r, YamlNode **ret, const yaml_event_t *e) {
        for (size_t i = r->n_anchors; i-- > 0;)
                if (!strcmp(r->anchors[i].name, (const char *)e->data.alias.anchor)) {
                        *ret = r->anchors[i].node;
                        return 0;
                }
        return bad(r, &e->start_mark,
                   "this alias (*name) names nothing that is complete here; put a value that begins with * "
                   "in quotes, "
                   "or write out what the alias stands for");
}

static int kids_add(Kids *k, YamlNode *key, YamlNode *value) {
        if (k->n == k->cap) {
                size_t cap = k->cap ? k->cap * 2 : 8;
                YamlNode **v = reallocarray(k->v, cap, sizeof(*v)), **keys;

                if (!v)
                        return -ENOMEM;
                k->v = v;
                keys = reallocarray(k->keys, cap, sizeof(*keys));
                if (!keys)
                        return -ENOMEM;
                k->keys = keys;
                k->cap = cap;
        }
        k->keys[k->n] = key;
        k->v[k->n++] = value;
        return 0;
}

static int kids_done(Reader *r, const yaml_event_t *e, Kids *k, YamlNode *node) {
        size_t bytes = k->n * sizeof(*k->v);

        node->n = k->n;
        node->v = arena_alloc(r->arena, bytes + sizeof(*k->v));
        node->keys = arena_alloc(r->arena, bytes + sizeof(*k->v));
        if (!node->v || !node->keys)
                return -ENOMEM;
        if (k->n) {
                memcpy(node->v, k->v, bytes);
                memcpy(node->keys, k->keys, bytes);
        }
        for (size_t i = 0; i < k->n; i++) {
                node->weight += k->v[i]->weight;
                if (node->weight > YAML_MAX_NODES)
                        return bad(r, &e->start_mark,
                                   "its aliases (*name) make this value too large; write it out shorter");
        }
        return 0;
}

static int read_node(Reader *r, YamlNode **ret, yaml_event_t *e);

static int read_list(Reader *r, YamlNode *list, const yaml_event_t *start, Kids *kids) {
        for (;;) {
                yaml_event_t e;
                YamlNode *n = NULL;
                int k = next_event(r, &e);

                if (k)
                        return k;
                if (e.type == YAML_SEQUENCE_END_EVENT) {
                        yaml_event_delete(&e);
                        return kids_done(r, start, kids, list);
                }
                k = read_node(r, &n, &e);
                yaml_event_delete(&e);
                k = k ? k : kids_add(kids, NULL, n);
                if (k)
                        return k;
        }
}

static int duplicate(Reader *r, const YamlNode *key) {
        r->error->line = key->line;
        r->error->column = key->column;
        snprintf(r->error->text, sizeof(r->error->text),
                 "the key \"%.*s\" stands twice in this map; keep one, or put both values into one list",
                 (int)(key->text.n > 60 ? 60 : key->text.n), key->text.p);
        return YAML_E_BAD;
}

/* Quadratic would do for a person's file; a hostile one has 100,000 keys. */
static int check_duplicates(Reader *r, const Kids *k) {
        size_t size = 16;
        uint32_t *slots;
        int ret = 0;

        while (size < k->n * 2)
                size *= 2;
        slots = calloc(size, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < k->n && !ret; i++) {
                size_t at = hash_str(k->keys[i]->text) & (size - 1);

                for (; slots[at] && !ret; at = (at + 1) & (size - 1))
                        if (str_eq(k->keys[slots[at] - 1]->text, k->keys[i]->text))
                                ret = duplicate(r, k->keys[i]);
                slots[at] = (uint32_t)i + 1;
        }
        free(slots);
        return ret;
}

static int read_pair(Reader *r, yaml_event_t *key_event, Kids *kids) {
        YamlNode *key = NULL, *value = NULL;
        yaml_event_t e;
        int k = read_node(r, &key, key_event);

        if (k)
                return k;
        if (!yaml_is_scalar(key))
                return bad(r, &key_event->start_mark, "a key must be a plain text; write a name");
        k = next_event(r, &e);
        if (k)
                return k;
        k = read_node(r, &value, &e);
        yaml_event_delete(&e);
        return k ? k : kids_add(kids, key, value);
}

static int read_map(Reader *r, YamlNode *map, const yaml_event_t *start, Kids *kids) {
        for (;;) {
                yaml_event_t e;
                int k = next_event(r, &e);

                if (k)
                        return k;
                if (e.type == YAML_MAPPING_END_EVENT) {
                        yaml_event_delete(&e);
                        k = check_duplicates(r, kids);
                        return k ? k : kids_done(r, start, kids, map);
                }
                k = read_pair(r, &e, kids);
                yaml_event_delete(&e);
                if (k)
                        return k;
        }
}

static int read_collection(Reader *r, YamlNode **ret, const yaml_event_t *e) {
        bool map = e->type == YAML_MAPPING_START_EVENT;
        Kids kids = { 0 };
        YamlNode *n;
        int k = new_node(r, &n, e, map ? YAML_MAP : YAML_LIST);

        if (k)
                return k;
        if (++r->depth > YAML_MAX_DEPTH)
                return bad(r, &e->start_mark, "nested too deeply; a rule needs no more than a few levels");
        k = map ? read_map(r, n, e, &kids) : read_list(r, n, e, &kids);
        r->depth--;
        free(kids.v);
        free(kids.keys);
        if (k)
                return k;
        *ret = n;
        return add_anchor(r, e, map ? e->data.mapping_start.anchor : e->data.sequence_start.anchor, n);
}

static int read_node(Reader *r, YamlNode **ret, yaml_event_t *e) {
        switch (e->type) {
        case YAML_SCALAR_EVENT: return read_scalar(r, ret, e);
        case YAML_ALIAS_EVENT: return read_alias(r, ret, e);
        case YAML_MAPPING_START_EVENT:
        case YAML_SEQUENCE_START_EVENT: return read_collection(r, ret, e);
        default: return bad(r, &e->start_mark, "a value is missing here; write one, or null");
        }
}

static int read_docs(Reader *r, Kids *docs) {
        for (;;) {
                yaml_event_t e;
                yaml_event_type_t type;
                YamlNode *n = NULL;
                int k = next_event(r, &e);

                if (k)
                        return k;
                type = e.type;
                if (type == YAML_STREAM_START_EVENT || type == YAML_DOCUMENT_START_EVENT ||
                    type == YAML_DOCUMENT_END_EVENT || type == YAML_STREAM_END_EVENT) {
                        yaml_event_delete(&e);
                        if (type == YAML_STREAM_END_EVENT)
                                return 0;
                        if (type == YAML_DOCUMENT_START_EVENT) {
                                r->n_anchors = r->nodes = r->depth = 0;
                                r->doc = r->at;
                        }
                        continue;
                }
                k = read_node(r, &n, &e);
                yaml_event_delete(&e);
                if (!k && n->kind != YAML_NULL)
                        k = kids_add(docs, NULL, n);
                if (k)
                        return k;
        }
}

/* A document, then the "---" behind it, then the next one: at the first bytes that are no text the parser gives up, and forgets what
 * it was given before them. */
static int give(void *userdata, unsigned char *buffer, size_t size, size_t *ret_n) {
        Reader *r = userdata;
        Str left = rest(r->text, r->given);
        size_t n = left.n < size ? left.n : size;
        const char *next;

        if (n > 4 && str_starts(left, STR("---")))
                n = 4;
        next = n ? memmem(left.p, n, "\n---", 4) : NULL;
        *ret_n = next ? (size_t)(next - left.p) + 1 : n;
        if (n)
                memcpy(buffer, left.p, *ret_n);
        r->given += *ret_n;
        return 1;
}

/* As far as it can be read: YAML_E_BAD says that there may be more behind. */
static int read_text(Reader *r, Kids *docs) {
        int k;

        r->doc = r->at = r->bytes = r->given = 0;
        if (!yaml_parser_initialize(&r->parser))
                return -ENOMEM;
        yaml_parser_set_input(&r->parser, give, r);
        k = read_docs(r, docs);
        yaml_parser_delete(&r->parser);
        return k;
}

static bool begins_document(Str s) {
        return str_starts(s, STR("---")) && (s.n == 3 || strchr(" \t\r\n", s.p[3]));
}

/* libyaml counts characters, without a byte order mark; and 16-bit text has no lines that are looked for here. */
static size_t bytes_before(const Reader *r, size_t characters) {
        size_t i = str_starts(r->text, STR("\xEF\xBB\xBF")) ? 3 : 0;

        for (; i < r->text.n && (characters || (r->text.p[i] & 0xC0) == 0x80); i++)
                characters -= (r->text.p[i] & 0xC0) != 0x80;
        return i;
}

/* On to the next "---" behind what was wrong, which nothing in YAML can contain at the start of a line. */
static bool skip_document(Reader *r) {
        size_t from = bytes_before(r, r->at > r->doc ? r->at : r->doc + 1), i;

        for (i = from > r->bytes ? from : r->bytes; i < r->text.n; i++)
                if (i && r->text.p[i - 1] == '\n' && begins_document(rest(r->text, i)))
                        break;
        if (i >= r->text.n)
                return false;
        for (size_t k = 0; k < i; k++)
                r->lines += r->text.p[k] == '\n';
        r->text = rest(r->text, i);
        return true;
}

/* Each document that is wrong is told, and passed over. */
static int read_each(Reader *r, Kids *docs, YamlBadFn wrong, void *userdata) {
        for (unsigned n = 1;; n++) {
                int k = read_text(r, docs);

                if (k != YAML_E_BAD)
                        return k;
                wrong(userdata, r->error);
                if (!skip_document(r))
                        return 0;
                if (n == YAML_MAX_BAD) {
                        *r->error =
                                (YamlError){ r->lines + 1, 1,
                                             "not read from here on, as too many documents are wrong; put "
                                             "those above right first" };
                        wrong(userdata, r->error);
                        return 0;
                }
        }
}

static int read_file(Reader *r, YamlFile *ret, YamlBadFn wrong, void *userdata) {
        Kids docs = { 0 };
        YamlNode **v = NULL;
        int k = wrong ? read_each(r, &docs, wrong, userdata) : read_text(r, &docs);

        if (!k) {
                v = arena_alloc(r->arena, docs.n * sizeof(*docs.v) + 1);
                k = v ? 0 : -ENOMEM;
        }
        if (!k) {
                if (docs.n)
                        memcpy(v, docs.v, docs.n * sizeof(*docs.v));
                *ret = (YamlFile){ v, docs.n };
        }
        free(docs.v);
        free(docs.keys);
        return k;
}

static int read_with(YamlFile *ret, Arena *arena, Str text, YamlError *error, YamlBadFn wrong,
                     void *userdata) {
        Reader *r;
        int k;

        if (text.n > YAML_MAX_BYTES) {
                *error = (YamlError){ 1, 1, "this file is too large (32 MiB at most); split it" };
                return YAML_E_BAD;
        }
        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;
        r->arena = arena;
        r->text = text;
        r->error = error;
        k = read_file(r, ret, wrong, userdata);
        free(r);
        return k;
}

int yaml_read(YamlFile *ret, Arena *arena, Str text, YamlError *ret_error) {
        return read_with(ret, arena, text, ret_error, NULL, NULL);
}

int yaml_read_good(YamlFile *ret, Arena *arena, Str text, YamlBadFn wrong, void *userdata) {
        YamlError error = { 0 };
        int k = read_with(ret, arena, text, &error, wrong, userdata);

        if (k != YAML_E_BAD)
                return k;
        wrong(userdata, &error);
        *ret = (YamlFile){ 0 };
        return 0;
}

const YamlNode *yaml_get(const YamlNode *map, const char *key) {
        if (!map || map->kind != YAML_MAP)
                return NULL;
        for (size_t i = 0; i < map->n; i++)
                if (str_eqz(map->keys[i]->text, key))
                        return map->v[i];
        return NULL;
}

bool yaml_number(const YamlNode *n, long double *ret) {
        char z[61] = { 0 };

        if ((n->kind != YAML_INT && n->kind != YAML_FLOAT) || n->text.n >= sizeof(z))
                return false;
        memcpy(z, n->text.p, n->text.n);
        if (str_starts(n->text, STR("0o")))
                *ret = (long double)strtoull(z + 2, NULL, 8);
        else if (str_starts(n->text, STR("0x")))
                *ret = (long double)strtoull(z + 2, NULL, 16);
        else
                *ret = strtold(z, NULL);
        return true;
}
