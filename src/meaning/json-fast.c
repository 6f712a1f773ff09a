/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "meaning/explained.h"
#include "meaning/json-writer.h"
#include "meaning/memo.h"
#include "record/scan.h"

#define MARK 0x1D

static inline void put_entry(Buf *b, const char *p, size_t n) {
        char *d = buf_reserve(b, n + 32);

        if (unlikely(!d))
                return;
        memcpy(d, p, 32);
        if (unlikely(n > 32))
                memcpy(d + 32, p + 32, n - 32);
        b->n += n;
}

static void put_explained(JsonWriter *w, const ExplainedSet *set, const Word *word, const Field *f) {
        const Explanation *x = &set->items[word->explained_as];

        if (unlikely(!f->value.n && !f->quoted)) /* libauparse has no such field */
                return;
        if (likely(!str_eq(x->text, f->value)))
                put_entry(w->text, x->entry.p, x->entry.n);
}

/* Names that nobody was asked for because too many were asked may be known the next time. */
static bool may_change(const JsonWriter *w, const Word *word, size_t start) {
        Str entry = { w->text->p + start, w->text->n - start };

        return (word->kind == KIND_USER || word->kind == KIND_GROUP) && entry.n > word->n_opening + 8 &&
               !memcmp(entry.p + word->n_opening, "unknown(", 8);
}

static void put_remembered(JsonWriter *w, Word *word, const Field *f) {
        uint64_t generation = meaning_generation(w->m);
        Memo *memo = memo_at(w->words, word, f->value);
        size_t start = w->text->n;

        if (likely(memo && memo_holds(memo, generation, w->record->type, f))) {
                if (memo->n_entry)
                        put_entry(w->text, memo->entry, memo->n_entry);
                return;
        }
        json_text(w, word, f, true);
        if (memo && !w->text->failed && !w->exact->n)
                memo_store(memo, generation, w->record->type, f,
                           (Str){ w->text->p + start, w->text->n - start });
}

static bool is_last_id(const JsonWriter *w, const LastId *id, const Field *f) {
        return id->n_value == f->value.n && !memcmp(id->value, f->value.p, f->value.n) && !f->quoted &&
               (id->generation == meaning_generation(w->m) || id->generation == meaning_second(w->m));
}

static void remember_id(JsonWriter *w, LastId *id, const Word *word, const Field *f, size_t start) {
        Str entry = { w->text->p + start, w->text->n - start };

        if (f->quoted || f->value.n > sizeof(id->value) || entry.n <= word->n_opening ||
            entry.n - word->n_opening > sizeof(id->tail))
                return;
        id->generation = may_change(w, word, start) ? meaning_second(w->m) : meaning_generation(w->m);
        id->n_value = (uint8_t)f->value.n;
        id->n_tail = (uint8_t)(entry.n - word->n_opening);
        memcpy(id->value, f->value.p, f->value.n);
        memcpy(id->tail, entry.p + word->n_opening, id->n_tail);
}

static void put_id(JsonWriter *w, Word *word, const Field *f) {
        LastId *id = &w->state->ids[word->kind == KIND_GROUP];
        size_t start = w->text->n;

        if (likely(f->value.n && is_last_id(w, id, f))) {
                json_opening(w->text, word);
                buf_put(w->text, id->tail, id->n_tail);
                return;
        }
        json_text(w, word, f, true);
        remember_id(w, id, word, f, start);
}

static void put_hex(JsonWriter *w, const Word *word, const Field *f) {
        json_opening(w->text, word);
        BUF_LIT(w->text, "0x");
        json_string_slack(w->text, f->value);
        json_closing(w->text);
}

static bool is_small_number(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < '0' || s.p[i] > '9')
                        return false;
        return s.n && s.n < 19;
}

/* The value is printable ASCII without quotes and backslashes. */
static void put_meaning(JsonWriter *w, Word *word, const Field *f) {
        switch (word->kind) {
        case KIND_PLAIN: return;
        case KIND_TEXT:
        case KIND_TEXT_MAYBE:
        case KIND_KEY:
        case KIND_PROCTITLE:
                if (f->quoted && w->record->type != AUDIT_CWD)
                        return;
                if (f->quoted && str_starts(f->value, STR("/")) && !memmem(f->value.p, f->value.n, "..", 2))
                        return;
                put_remembered(w, word, f);
                return;
        case KIND_EXIT:
                if (!f->quoted && is_small_number(f->value))
                        return;
                put_remembered(w, word, f);
                return;
        case KIND_A0:
        case KIND_A1:
        case KIND_A2:
        case KIND_A3:
                if (!f->quoted && f->value.n && meaning_argument_is_hex(w->m, word->kind - KIND_A0))
                        put_hex(w, word, f);
                else
                        json_text(w, word, f, true);
                return;
        case KIND_USER:
        case KIND_GROUP: put_id(w, word, f); return;
        case KIND_SYSCALL:
        case KIND_SADDR: json_text(w, word, f, true); return;
        default: put_remembered(w, word, f); return;
        }
}

/* Where the next byte goes. A buffer is not written to while a cursor stands in it: stores through a
 * cursor cannot be taken for changes of the buffer's own members, which a store to buf->p[i] could be. */
typedef struct {
        char *p, *end;
} Cursor;

static inline Cursor cursor_at(Buf *b) { return (Cursor){ b->p + b->n, b->p + b->cap }; }

static bool make_room(Buf *b, Cursor *c, size_t n) {
        b->n = (size_t)(c->p - b->p);
        if (!buf_reserve(b, n))
                return false;
        *c = cursor_at(b);
        return true;
}

static inline Word *word_at(const JsonWriter *w, size_t place, Str name) {
        Word **guess = &w->guesses[place % VOCABULARY_PLACES];

        if (likely(*guess && (*guess)->name.n == name.n && name.n <= 32 &&
                   scan_same32((*guess)->name.p, name.p, (unsigned)name.n)))
                return *guess;
        return vocabulary_word(w->words, w->guesses, place, name);
}

/* Copies @n bytes, sixteen at a time: as many more may be read and written. False: not all of them go into
 * JSON as they are. */
static inline bool copy_plain(char *d, const char *p, size_t n) {
        bool plain = true;

        for (size_t i = 0; i < n; i += 16) {
                memcpy(d + i, p + i, 16);
                plain = plain && json_plain16(p + i, n - i);
        }
        return plain;
}

static inline void put_what_it_means(JsonWriter *w, const ExplainedSet *set, Word *word, const Field *f) {
        if (set && word->explained_by == set->id)
                put_explained(w, set, word, f);
        else if (word->kind != KIND_PLAIN)
                put_meaning(w, word, f);
}

/* The rare value that needs escapes. False: it is not UTF-8. */
static bool put_escaped(JsonWriter *w, const ExplainedSet *set, Word *word, const Field *f, Cursor *c) {
        bool exact;

        if (set && *f->value.p == '"') /* a quote that may end behind the 0x1D */
                return false;
        w->out->n = (size_t)(c->p - w->out->p);
        exact = escape_json(w->out, f->value);
        if (!buf_reserve(w->out, 64) || !exact)
                return false;
        *c = cursor_at(w->out);
        if (set && word->explained_by == set->id)
                put_explained(w, set, word, f);
        else
                json_text(w, word, f, true);
        return true;
}

static bool put_fields(JsonWriter *w, const FieldVec *fields, const ExplainedSet *set) {
        uint64_t object = vocabulary_next_object(w->words);
        Cursor c = cursor_at(w->out);

        for (size_t i = 0; i < fields->n; i++) {
                const Field *f = &fields->v[i];
                Word *word = word_at(w, i, f->name);

                if (unlikely(!word || word->seen_in == object || !word->exact))
                        return false;
                word->seen_in = object;
                if (unlikely((size_t)(c.end - c.p) < word->n_opening + f->value.n + 64) &&
                    !make_room(w->out, &c, word->n_opening + f->value.n + 64))
                        return false;
                memcpy(c.p, word->opening, 32);
                if (unlikely(word->n_opening > 32))
                        memcpy(c.p, word->opening, word->n_opening);
                c.p += word->n_opening;
                if (likely(copy_plain(c.p, f->value.p, f->value.n))) {
                        c.p += f->value.n;
                        put_what_it_means(w, set, word, f);
                } else if (!put_escaped(w, set, word, f, &c)) {
                        return false;
                }
                memcpy(c.p, "\",", 2);
                c.p += 2;
        }
        w->out->n = (size_t)(c.p - w->out->p);
        return true;
}

bool json_fast(JsonWriter *w) {
        FieldVec *fields = &w->state->fields;
        Record body = *w->record;
        Str whole = record_body(w->record);
        const char *mark = memchr(whole.p, MARK, whole.n);
        const ExplainedSet *set = NULL;
        size_t start;

        if (w->exceptions || w->state->is_avc || w->state->thorough)
                return false;
        if (mark) {
                body.text.n = (size_t)(mark - body.text.p);
                set = explained_find(w->state->explained, w->words, body.type,
                                     (Str){ mark + 1, whole.n - (size_t)(mark + 1 - whole.p) });
                if (!set)
                        return false;
        }
        if (field_split(fields, &body))
                return false;
        meaning_begin(w->m, w->record, fields);
        start = w->out->n;
        if (!put_fields(w, fields, set) || w->exact->n)
                return false;
        json_close_list(w->out, start, '}');
        BUF_LIT(w->out, ",\"enriched\":{");
        start = w->out->n;
        if (set)
                buf_str(w->out, set->json);
        json_close_list(w->out, start, '}');
        return true;
}
