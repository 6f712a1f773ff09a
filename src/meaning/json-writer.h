/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the two ways of writing a record as JSON have in common: event-json.c writes any record,
 * json-fast.c the usual ones. */
#include "meaning/event-state.h"
#include "meaning/json-string.h"
#include "meaning/meaning.h"

/* One record while it is written. Texts and exact bytes come after the fields in the output: they wait in
 * buffers of the state. */
typedef struct {
        Buf *out, *text, *exact;
        Meaning *m;
        EventState *state;
        const Record *record;
        Vocabulary *words;
        Word **guesses;      /* for the type of the record */
        bool exceptions;     /* kinds depend on the type of the record */
        bool needs_raw;      /* a name was not UTF-8, or "base64" has no place for all that was not */
        bool in_enriched;    /* which of its two objects is written */
        uint64_t numbers[2]; /* of those, unlike any other's: whose strings "base64" has */
} JsonWriter;

static inline void json_opening(Buf *b, const Word *w) {
        char *d = buf_reserve(b, w->n_opening + 32);

        if (unlikely(!d))
                return;
        memcpy(d, w->opening, 32);
        if (unlikely(w->n_opening > 32))
                memcpy(d, w->opening, w->n_opening);
        b->n += w->n_opening;
}

/* The name and its colon, for what is no string. */
static inline void json_name(Buf *b, const Word *w) { buf_put(b, w->opening, w->n_opening - 1); }

static inline void json_closing(Buf *b) {
        char *d = buf_reserve(b, 2);

        if (unlikely(!d))
                return;
        memcpy(d, "\",", 2);
        b->n += 2;
}

/* Of a buffer in which every item ends with a comma: the last one becomes @end. */
static inline void json_close_list(Buf *b, size_t start, char end) {
        if (b->n > start && b->p[b->n - 1] == ',')
                b->n--;
        buf_putc(b, end);
}

/* Appends the entry of "text" for a field that stands alone under its name, if it has one, and what
 * belongs into "base64". @exact: the value itself was UTF-8. */
void json_text(JsonWriter *w, Word *word, const Field *f, bool exact);

/* Appends type, fields, enriched and text of a record, without the brackets around them, to w->out. False:
 * it is an unusual record, and what was written is to be forgotten. Sets up the state's fields for the
 * caller. */
bool json_fast(JsonWriter *w);
