/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "base/escape.h"
#include "meaning/event-state.h"
#include "meaning/event-text.h"

/* A closing quote that the text holds itself must not look like the end of it. */
static void put_quoted(Buf *out, Str s) {
        const char *p = s.p, *end = s.p + s.n, *quote;

        buf_putc(out, '"');
        for (; (quote = p < end ? memchr(p, '"', (size_t)(end - p)) : NULL); p = quote + 1) {
                escape_terminal(out, (Str){ p, (size_t)(quote - p) });
                BUF_LIT(out, "\\\"");
        }
        escape_terminal(out, (Str){ p, (size_t)(end - p) });
        buf_putc(out, '"');
}

static void put_value(Buf *out, Str s) {
        if (!s.n || memchr(s.p, ' ', s.n) || memchr(s.p, '"', s.n))
                put_quoted(out, s);
        else
                escape_terminal(out, s);
}

/* Several keys have byte 1 between them. */
static void put_keys(Buf *out, Str s) {
        const char *p = s.p, *end = s.p + s.n, *stop;

        for (; p < end; p = stop + 1) {
                stop = memchr(p, 1, (size_t)(end - p));
                if (!stop)
                        stop = end;
                if (p > s.p)
                        buf_putc(out, ',');
                put_value(out, (Str){ p, (size_t)(stop - p) });
        }
}

static void put_field(Buf *out, Meaning *m, const Field *f) {
        Str text = f->value;

        meaning_text(m, f, &text);
        buf_putc(out, ' ');
        escape_terminal(out, f->name);
        buf_putc(out, '=');
        if (str_eq(f->name, STR("key")) && text.n)
                put_keys(out, text);
        else
                put_value(out, text);
}

/* Words that are in no field: the message of the program, or the whole body, as it was logged. */
static void put_words(Buf *out, const Record *r, const FieldVec *fields) {
        Str body = fields->msg.n ? fields->msg : record_body(r);
        const char *mark = memchr(body.p, 0x1D, body.n);

        BUF_LIT(out, " words=");
        put_quoted(out, (Str){ body.p, mark ? (size_t)(mark - body.p) : body.n });
}

static int put_record(Buf *out, Meaning *m, EventState *state, const Record *record) {
        FieldVec *fields = &state->fields;
        int r = field_split(fields, record);

        if (r)
                return r;
        meaning_begin(m, record, fields);
        BUF_LIT(out, "  ");
        escape_terminal(out, record_type_name(record));
        for (size_t i = 0; i < fields->n - fields->n_enriched; i++)
                put_field(out, m, &fields->v[i]);
        if (fields->has_words)
                put_words(out, record, fields);
        buf_putc(out, '\n');
        return 0;
}

static void put_remarks(Buf *out, const Event *event) {
        bool early = event->ended == EVENT_END_TIMEOUT || event->ended == EVENT_END_LIMIT;

        if (!early && !event->late)
                return;
        BUF_LIT(out, " (");
        if (event->late)
                buf_putz(out, early ? "late, " : "late");
        if (early)
                buf_printf(out, "ended by %s", event_end_name(event->ended));
        BUF_LIT(out, ")");
}

static void put_head(Buf *out, EventState *state, const Event *event) {
        Str time = event_state_time(state, &event->id, ' ');

        if (time.n)
                buf_str(out, time);
        else
                buf_printf(out, "%lld.%03u", (long long)event->id.sec, event->id.ms);
        BUF_LIT(out, " #");
        buf_u64(out, event->id.serial);
        if (event->id.node.n) {
                buf_putc(out, ' ');
                put_value(out, event->id.node);
        }
        put_remarks(out, event);
        buf_putc(out, '\n');
}

int event_text(Buf *out, Meaning *m, const Event *event) {
        EventState *state = meaning_event_state(m);

        put_head(out, state, event);
        for (const Record *r = event->records; r; r = r->next) {
                int error = put_record(out, m, state, r);

                if (error)
                        return error;
                if (out->fd >= 0)
                        buf_maybe_flush(out);
        }
        return out->failed && out->error == ENOMEM ? -ENOMEM : 0;
}
