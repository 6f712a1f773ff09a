/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "base/escape.h"
#include "meaning/event-json.h"
#include "meaning/explained.h"
#include "meaning/json-writer.h"

/* There is one place for a name in "base64"; the first comes in, and the whole line is shown for the
 * others. "raw" is kept free for that. */
static bool claim_exact(JsonWriter *w, Word *word) {
        if (word->exact_in == w->numbers[0] || word->exact_in == w->numbers[1] ||
            str_eq(word->name, STR("raw"))) {
                w->needs_raw = true;
                return false;
        }
        word->exact_in = w->numbers[w->in_enriched];
        return true;
}

static void put_exact(JsonWriter *w, Word *word, Str bytes) {
        if (!claim_exact(w, word))
                return;
        json_opening(w->exact, word);
        escape_base64(w->exact, bytes);
        json_closing(w->exact);
}

static FieldKind kind_of(const JsonWriter *w, const Word *word, const Field *f) {
        return unlikely(w->exceptions) ? decode_kind(w->record->type, f->name) : word->kind;
}

/* Several keys in one value. */
static void put_keys(Buf *b, Str text) {
        const char *p = text.p, *end = text.p + text.n, *stop;

        buf_putc(b, '[');
        for (; p < end; p = stop + 1) {
                stop = memchr(p, 1, (size_t)(end - p));
                if (!stop)
                        stop = end;
                buf_putc(b, '"');
                escape_json(b, (Str){ p, (size_t)(stop - p) });
                json_closing(b);
        }
        json_close_list(b, 0, ']');
}

static bool holds_keys(FieldKind kind, Str text) { return kind == KIND_KEY && memchr(text.p, 1, text.n); }

void json_text(JsonWriter *w, Word *word, const Field *f, bool exact) {
        FieldKind kind = kind_of(w, word, f);
        bool replaced;
        Str text;

        if (!meaning_text_of(w->m, kind, f, &text))
                return;
        if (unlikely(holds_keys(kind, text))) {
                json_name(w->text, word);
                put_keys(w->text, text);
                buf_putc(w->text, ',');
                replaced = !escape_is_utf8(text);
        } else {
                json_opening(w->text, word);
                replaced = json_string(w->text, text) == JSON_STRING_REPLACED;
                json_closing(w->text);
        }
        if (unlikely(replaced) && exact)
                put_exact(w, word, text);
}

/* All fields in one go, while no name comes twice. False: one did, and what was written is to be
 * forgotten. */
static bool put_once(JsonWriter *w, const Field *v, size_t n, size_t place, bool enriched) {
        uint64_t object = vocabulary_next_object(w->words);

        for (size_t i = 0; i < n; i++) {
                const Field *f = &v[i];
                Word *word = vocabulary_word(w->words, w->guesses, place + i, f->name);
                JsonString form;

                if (unlikely(!word || word->seen_in == object))
                        return false;
                word->seen_in = object;
                json_opening(w->out, word);
                form = json_string_slack(w->out,
                                         f->braced ? (Str){ f->value.p - 1, f->value.n + 2 } : f->value);
                json_closing(w->out);
                if (unlikely(form == JSON_STRING_REPLACED))
                        put_exact(w, word, f->value);
                w->needs_raw = w->needs_raw || !word->exact;
                if (!enriched)
                        json_text(w, word, f, form != JSON_STRING_REPLACED);
        }
        return true;
}

/* ---- names that come again ---- */

/* Chains the fields of each name: next[i] is the following one of the same name, heads are marked. 0 or
 * -ENOMEM. */
static int chain(JsonWriter *w, const Field *v, size_t n) {
        uint64_t object = vocabulary_next_object(w->words);
        FieldChain *c = event_state_chains(w->state, n);

        if (!c)
                return -ENOMEM;
        for (uint32_t i = 0; i < n; i++) {
                Word *word = vocabulary_find(w->words, v[i].name);

                if (!word)
                        return -ENOMEM;
                w->needs_raw = w->needs_raw || !word->exact;
                c[i] = (FieldChain){ .word = word, .head = word->seen_in != object };
                if (!c[i].head)
                        c[word->last].next = i;
                word->seen_in = object;
                word->last = i;
        }
        return 0;
}

static Str shown_value(const Field *f) {
        return f->braced ? (Str){ f->value.p - 1, f->value.n + 2 } : f->value;
}

/* Text or value of one element; true: it is other than the value. */
static bool put_element(JsonWriter *w, Buf *b, const Word *word, const Field *f, Str *ret, bool *ret_exact) {
        FieldKind kind = kind_of(w, word, f);
        bool differs = meaning_text_of(w->m, kind, f, ret);

        if (!differs)
                *ret = f->value;
        if (differs && holds_keys(kind, *ret)) {
                put_keys(b, *ret);
                buf_putc(b, ',');
                *ret_exact = escape_is_utf8(*ret);
                return true;
        }
        buf_putc(b, '"');
        *ret_exact = json_string(b, *ret) != JSON_STRING_REPLACED;
        json_closing(b);
        return differs;
}

static void open_array(Buf *b, const Word *word) {
        json_name(b, word);
        buf_putc(b, '[');
}

static void put_element_exact(JsonWriter *w, Str bytes, bool exact) {
        if (exact) {
                BUF_LIT(w->exact, "null,");
                return;
        }
        buf_putc(w->exact, '"');
        escape_base64(w->exact, bytes);
        json_closing(w->exact);
}

/* One array of the values. True: base64 was needed. */
static bool put_values(JsonWriter *w, const Field *v, const FieldChain *c, uint32_t head) {
        size_t exact_start = w->exact->n, start;
        bool all_exact = true;

        open_array(w->exact, c[head].word);
        open_array(w->out, c[head].word);
        start = w->out->n;
        for (uint32_t i = head;; i = c[i].next) {
                bool exact;

                buf_putc(w->out, '"');
                exact = json_string(w->out, shown_value(&v[i])) != JSON_STRING_REPLACED;
                json_closing(w->out);
                put_element_exact(w, v[i].value, exact);
                all_exact = all_exact && exact;
                if (!c[i].next)
                        break;
        }
        json_close_list(w->out, start, ']');
        buf_putc(w->out, ',');
        json_close_list(w->exact, exact_start, ']');
        buf_putc(w->exact, ',');
        if (all_exact || !claim_exact(w, c[head].word))
                w->exact->n = exact_start;
        return !all_exact;
}

/* The array of the texts, unless all are the values. @exact: base64 of the name is still free. */
static void put_texts(JsonWriter *w, const Field *v, const FieldChain *c, uint32_t head, bool free_exact) {
        size_t text_start = w->text->n, exact_start = w->exact->n, start;
        bool any = false, all_exact = true;

        open_array(w->text, c[head].word);
        open_array(w->exact, c[head].word);
        start = w->text->n;
        for (uint32_t i = head;; i = c[i].next) {
                bool exact;
                Str text;

                any = put_element(w, w->text, c[i].word, &v[i], &text, &exact) || any;
                put_element_exact(w, text, exact);
                all_exact = all_exact && exact;
                if (!c[i].next)
                        break;
        }
        json_close_list(w->text, start, ']');
        buf_putc(w->text, ',');
        json_close_list(w->exact, exact_start, ']');
        buf_putc(w->exact, ',');
        if (!any)
                w->text->n = text_start;
        if (!any || all_exact || !free_exact || !claim_exact(w, c[head].word))
                w->exact->n = exact_start;
}

static void put_single(JsonWriter *w, const Field *f, Word *word, bool enriched) {
        JsonString form;

        json_opening(w->out, word);
        form = json_string(w->out, shown_value(f));
        json_closing(w->out);
        if (form == JSON_STRING_REPLACED)
                put_exact(w, word, f->value);
        if (!enriched)
                json_text(w, word, f, form != JSON_STRING_REPLACED);
}

static int put_repeated(JsonWriter *w, const Field *v, size_t n, bool enriched) {
        const FieldChain *c;
        int r = chain(w, v, n);

        if (r)
                return r;
        c = event_state_chains(w->state, n);
        for (uint32_t i = 0; i < n; i++) {
                bool used;

                if (!c[i].head)
                        continue;
                if (!c[i].next) {
                        put_single(w, &v[i], c[i].word, enriched);
                        continue;
                }
                used = put_values(w, v, c, i);
                if (!enriched)
                        put_texts(w, v, c, i, !used);
        }
        return 0;
}

static int put_object(JsonWriter *w, const Field *v, size_t n, size_t place, bool enriched) {
        size_t start = w->out->n, text = w->text->n, exact = w->exact->n;
        int r = 0;

        w->in_enriched = enriched;
        if (unlikely(!put_once(w, v, n, place, enriched))) {
                w->out->n = start;
                w->text->n = text;
                w->exact->n = exact;
                w->numbers[enriched] =
                        vocabulary_next_object(w->words); /* its places in "base64" are free again */
                r = put_repeated(w, v, n, enriched);
        }
        json_close_list(w->out, start, '}');
        return r;
}

/* ---- records ---- */

static void put_type(Buf *out, Str type) {
        BUF_LIT(out, "{\"type\":\"");
        json_string(out, type);
        BUF_LIT(out, "\",\"fields\":{");
}

static void put_raw(JsonWriter *w) {
        Str body = record_body(w->record);

        BUF_LIT(w->out, ",\"raw\":\"");
        if (json_string(w->out, body) == JSON_STRING_REPLACED) {
                BUF_LIT(w->exact, "\"raw\":\"");
                escape_base64(w->exact, body);
                json_closing(w->exact);
        }
        buf_putc(w->out, '"');
}

static void put_buffer(Buf *out, const char *key, Buf *list) {
        buf_putz(out, key);
        buf_put(out, list->p, list->n);
        json_close_list(out, 0, '}');
}

/* Any record: enriched or not, with repeated names, with bytes that are not UTF-8. */
static int put_any(JsonWriter *w) {
        FieldVec *fields = &w->state->fields;
        size_t n;
        int r = field_split(fields, w->record);

        if (r)
                return r;
        n = fields->n - fields->n_enriched;
        meaning_begin(w->m, w->record, fields);
        r = put_object(w, fields->v, n, 0, false);
        BUF_LIT(w->out, ",\"enriched\":{");
        return r ? r : put_object(w, fields->v + n, fields->n_enriched, n, true);
}

/* As if nothing had been written of the record yet. */
static void start_over(JsonWriter *w, size_t out_start) {
        w->out->n = out_start;
        w->needs_raw = false;
        w->in_enriched = false;
        w->numbers[0] = vocabulary_next_object(w->words);
        w->numbers[1] = vocabulary_next_object(w->words);
        buf_clear(w->text);
        buf_clear(w->exact);
}

static int begin_record(JsonWriter *w, const Record *record) {
        w->record = record;
        w->exceptions = decode_has_exceptions(record->type);
        w->guesses = vocabulary_guesses(w->words, record->type);
        if (unlikely(!w->state->explained) && explained_new(&w->state->explained))
                return -ENOMEM;
        if (vocabulary_begin(w->words))
                explained_forget(w->state->explained);
        event_state_begin(w->state, record);
        return 0;
}

static int write_record(JsonWriter *w, const Record *record) {
        uint64_t cut = w->state->fields.n_cut;
        size_t start;
        int r = begin_record(w, record);

        if (r)
                return r;
        put_type(w->out, record_type_name(record));
        start = w->out->n;
        start_over(w, start);
        if (unlikely(!json_fast(w))) {
                start_over(w, start);
                r = put_any(w);
        }
        put_buffer(w->out, ",\"text\":{", w->text);
        if (unlikely(w->state->fields.has_words || w->needs_raw || w->state->fields.n_cut != cut))
                put_raw(w);
        if (unlikely(w->exact->n))
                put_buffer(w->out, ",\"base64\":{", w->exact);
        buf_putc(w->out, '}');
        return r ? r : w->text->failed || w->exact->failed ? -ENOMEM : 0;
}

static int put_record(JsonWriter *w, const Record *record) {
        RecordMemo *memo = w->state->thorough ? NULL : record_memo_at(&w->state->memos, record);
        uint64_t generation = meaning_generation(w->m);
        size_t start = w->out->n;
        int r;

        if (memo && record_memo_holds(memo, generation, record)) {
                buf_put(w->out, memo->json, memo->n_json);
                return 0;
        }
        r = write_record(w, record);
        if (memo && !r && !w->out->failed)
                record_memo_store(memo, generation, record, (Str){ w->out->p + start, w->out->n - start });
        return r;
}

static void put_time(Buf *out, EventState *state, const RecordId *id) {
        Str time = event_state_time(state, id, 'T');

        if (!time.n) {
                BUF_LIT(out, ",\"time\":null");
                return;
        }
        BUF_LIT(out, ",\"time\":\"");
        buf_str(out, time);
        BUF_LIT(out, "Z\"");
}

static void put_node(Buf *out, EventState *state, Str node) {
        if (!node.n)
                return;
        BUF_LIT(out, ",\"node\":\"");
        if (json_string(out, node) ==
            JSON_STRING_REPLACED) { /* the id holds it as well, and waits in state->text */
                BUF_LIT(out, "\",\"base64\":{\"id\":\"");
                escape_base64(out, buf_view(&state->text));
                BUF_LIT(out, "\",\"node\":\"");
                escape_base64(out, node);
                BUF_LIT(out, "\"}");
                return;
        }
        buf_putc(out, '"');
}

static void put_head(Buf *out, EventState *state, const Event *event) {
        buf_clear(&state->text);
        event_id_format(&state->text, &event->id);
        BUF_LIT(out, "{\"id\":\"");
        json_string(out, buf_view(&state->text));
        buf_putc(out, '"');
        put_time(out, state, &event->id);
        put_node(out, state, event->id.node);
        BUF_LIT(out, ",\"serial\":");
        buf_u64(out, event->id.serial);
        BUF_LIT(out, ",\"ended\":\"");
        buf_putz(out, event_end_name(event->ended));
        buf_putc(out, '"');
        if (event->late)
                BUF_LIT(out, ",\"late\":true");
        BUF_LIT(out, ",\"records\":[");
}

int event_json(Buf *out, Meaning *m, const Event *event) {
        EventState *state = meaning_event_state(m);
        JsonWriter w = { .out = out,
                         .text = &state->text,
                         .exact = &state->exact,
                         .m = m,
                         .state = state,
                         .words = meaning_vocabulary(m) };

        meaning_tick(m);
        put_head(out, state, event);
        for (const Record *r = event->records; r; r = r->next) {
                int error = put_record(&w, r);

                if (error)
                        return error;
                if (r->next)
                        buf_putc(out, ',');
                if (out->fd >= 0)
                        buf_maybe_flush(out);
        }
        BUF_LIT(out, "]}\n");
        return out->failed && out->error == ENOMEM ? -ENOMEM : 0;
}
