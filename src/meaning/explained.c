/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "meaning/explained.h"
#include "meaning/json-string.h"
#include "meaning/unescape.h"

#define N_TYPES   256u
#define MAX_ITEMS 32u

struct Explained {
        ExplainedSet sets[EXPLAINED_SETS]; /* by hash, two places each; id 0: free */
        ExplainedSet *last[N_TYPES];       /* by type of record: most often the same again */
        const ExplainedSet *marked;        /* whose words are marked */
        uint64_t ids;
        FieldVec fields;
        Buf line, lower, text, memory;
};

int explained_new(Explained **ret) {
        Explained *e = calloc(1, sizeof(*e));

        if (!e)
                return -ENOMEM;
        e->line = e->lower = e->text = e->memory = BUF_INIT;
        *ret = e;
        return 0;
}

static void drop(Explained *e, ExplainedSet *s) {
        for (size_t i = 0; i < N_TYPES; i++)
                if (e->last[i] == s)
                        e->last[i] = NULL;
        if (e->marked == s)
                e->marked = NULL;
        free(s->memory);
        free(s->items);
        free(s->words);
        *s = (ExplainedSet){ 0 };
}

void explained_forget(Explained *e) {
        for (size_t i = 0; i < EXPLAINED_SETS; i++)
                if (e->sets[i].id)
                        drop(e, &e->sets[i]);
}

Explained *explained_free(Explained *e) {
        if (!e)
                return NULL;
        explained_forget(e);
        field_vec_done(&e->fields);
        buf_done(&e->line);
        buf_done(&e->lower);
        buf_done(&e->text);
        buf_done(&e->memory);
        free(e);
        return NULL;
}

/* ---- making a set ---- */

/* The fields of a record that consists of @bytes only. */
static bool split(Explained *e, Str bytes) {
        Record r = { .body = 1, .type = 0 };

        buf_clear(&e->line);
        BUF_LIT(&e->line, " \x1D");
        buf_str(&e->line, bytes);
        if (!buf_reserve(&e->line, RECORD_SLACK))
                return false;
        memset(e->line.p + e->line.n, 0, RECORD_SLACK);
        r.text = buf_view(&e->line);
        if (field_split(&e->fields, &r))
                return false;
        return e->fields.n == e->fields.n_enriched && e->fields.n <= MAX_ITEMS && !e->fields.has_words;
}

static bool is_printable(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < 0x20 || s.p[i] == 0x7F)
                        return false;
        return true;
}

/* The word for the field that a name in capitals explains. */
static Word *word_of(Explained *e, Vocabulary *words, Str name) {
        buf_clear(&e->lower);
        for (size_t i = 0; i < name.n; i++)
                buf_putc(&e->lower,
                         (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]));
        return e->lower.failed ? NULL : vocabulary_find(words, buf_view(&e->lower));
}

static bool has_word(Word *const *words, size_t n, const Word *word) {
        for (size_t i = 0; i < n; i++)
                if (words[i] == word)
                        return true;
        return false;
}

static Str raw_value(const Field *f) {
        return f->quoted ? (Str){ f->value.p - 1, f->value.n + 2 } : f->value;
}

static bool is_usual(const Field *f) {
        return !f->braced && f->name.n && !str_eq(f->name, STR("SADDR")) &&
               !str_starts(f->value, STR("unknown-")) &&
               (f->quoted ? !memchr(f->value.p, ' ', f->value.n) : !memchr(f->value.p, '"', f->value.n));
}

typedef struct {
        size_t text, text_end, entry, entry_end;
} Place; /* of an Explanation, in e->memory while it may still move */

static bool add_item(Explained *e, const Field *f, const Word *word, Place *ret) {
        Str raw = raw_value(f);

        ret->text = e->memory.n;
        if (word->kind == KIND_USER || word->kind == KIND_GROUP)
                unescape_text(&e->memory, raw);
        else if (f->quoted)
                return false;
        else
                buf_str(&e->memory, raw);
        ret->text_end = ret->entry = e->memory.n;
        buf_clear(&e->text);
        buf_put(&e->text, e->memory.p + ret->text, ret->text_end - ret->text);
        buf_put(&e->memory, word->opening, word->n_opening);
        if (e->memory.failed || e->text.failed || !is_printable(buf_view(&e->text)))
                return false;
        if (json_string(&e->memory, buf_view(&e->text)) == JSON_STRING_REPLACED)
                return false;
        BUF_LIT(&e->memory, "\",");
        ret->entry_end = e->memory.n;
        return true;
}

static bool add_json(Explained *e, Vocabulary *words, const Field *f) {
        Word *word = vocabulary_find(words, f->name);

        if (!word || !word->exact)
                return false;
        buf_put(&e->memory, word->opening, word->n_opening);
        if (json_string(&e->memory, f->value) == JSON_STRING_REPLACED)
                return false;
        BUF_LIT(&e->memory, "\",");
        return true;
}

static bool add_all(Explained *e, Vocabulary *words, Word **ret_words, Place *places) {
        for (size_t i = 0; i < e->fields.n; i++) {
                const Field *f = &e->fields.v[i];
                Word *word = word_of(e, words, f->name);

                if (!word || has_word(ret_words, i, word) || !is_usual(f) || !is_printable(f->name))
                        return false;
                ret_words[i] = word;
                if (!add_item(e, f, word, &places[i]))
                        return false;
        }
        return true;
}

static bool make(Explained *e, Vocabulary *words, ExplainedSet *s, uint64_t hash, Str bytes) {
        Word *found[MAX_ITEMS];
        Place places[MAX_ITEMS];
        size_t json;

        buf_clear(&e->memory);
        buf_str(&e->memory, bytes);
        if (!is_printable(bytes) || !split(e, bytes) || !add_all(e, words, found, places))
                return false;
        json = e->memory.n;
        for (size_t i = 0; i < e->fields.n; i++)
                if (!add_json(e, words, &e->fields.v[i]))
                        return false;
        *s = (ExplainedSet){ .id = ++e->ids, .hash = hash, .n = e->fields.n };
        s->memory = malloc(e->memory.n + RECORD_SLACK);
        s->items = calloc(s->n + 1, sizeof(*s->items));
        s->words = calloc(s->n + 1, sizeof(Word *));
        if (e->memory.failed || !s->memory || !s->items || !s->words) {
                drop(e, s);
                return false;
        }
        memcpy(s->memory, e->memory.p, e->memory.n);
        memset(s->memory + e->memory.n, 0, RECORD_SLACK);
        memcpy(s->words, found, s->n * sizeof(Word *));
        s->bytes = (Str){ s->memory, bytes.n };
        s->json = (Str){ s->memory + json, e->memory.n - json };
        for (size_t i = 0; i < s->n; i++)
                s->items[i] = (Explanation){
                        { s->memory + places[i].text, places[i].text_end - places[i].text },
                        { s->memory + places[i].entry, places[i].entry_end - places[i].entry },
                };
        return true;
}

/* ---- finding one ---- */

static ExplainedSet *look_up(Explained *e, Vocabulary *words, Str bytes) {
        uint64_t hash = hash_str(bytes) | 1;
        ExplainedSet *pair = &e->sets[(hash >> 8) % EXPLAINED_SETS & ~1ul];

        for (size_t i = 0; i < 2; i++)
                if (pair[i].id && pair[i].hash == hash && str_eq(pair[i].bytes, bytes))
                        return &pair[i];
        if (bytes.n > EXPLAINED_MAX)
                return NULL;
        if (pair[0].id) { /* the newer one stays a while */
                if (pair[1].id)
                        drop(e, &pair[1]);
                for (size_t i = 0; i < N_TYPES; i++)
                        if (e->last[i] == &pair[0])
                                e->last[i] = &pair[1];
                e->marked = e->marked == &pair[0] ? &pair[1] : e->marked;
                pair[1] = pair[0];
                pair[0] = (ExplainedSet){ 0 };
        }
        return make(e, words, &pair[0], hash, bytes) ? &pair[0] : NULL;
}

static void mark(Explained *e, const ExplainedSet *s) {
        if (e->marked == s)
                return;
        for (size_t i = 0; i < s->n; i++) {
                s->words[i]->explained_by = s->id;
                s->words[i]->explained_as = (uint32_t)i;
        }
        e->marked = s;
}

const ExplainedSet *explained_find(Explained *e, Vocabulary *words, int type, Str bytes) {
        ExplainedSet **last = &e->last[(unsigned)type % N_TYPES];

        if (unlikely(!*last || !str_eq((*last)->bytes, bytes))) {
                ExplainedSet *s = look_up(e, words, bytes);

                if (!s)
                        return NULL;
                *last = s;
        }
        mark(e, *last);
        return *last;
}
