/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Redaction of any bytes: as words, as a command line and as records. Words stay as many, records are the
 * records of the same event, and split into as many fields.
 *
 * Byte 0: whether names are added. The rest: text, and lines. */
#include "alert/redact.h"
#include "event/event.h"
#include "fuzz/target.h"
#include "record/field.h"
#include "record/header.h"

static const Str names[] = { STR_INIT("acme*"), STR_INIT("*"), STR_INIT("acmecli -z"), STR_INIT(" -"),
                             STR_INIT("") };

static size_t count(Str s, char c) {
        size_t n = 0;

        for (size_t i = 0; i < s.n; i++)
                n += s.p[i] == c;
        return n;
}

static void check_text(const Redact *r, Str text) {
        Buf out = BUF_INIT;

        if (redact_words(r, text, &out))
                CHECK(count(text, 0) == count(buf_view(&out), 0));
        CHECK(out.n <= (text.n + 1) * sizeof(REDACTED));
        buf_clear(&out);
        redact_line(r, text, &out);
        CHECK(out.n <= (text.n + 1) * sizeof(REDACTED));
        buf_done(&out);
}

static void check_record(const Event *event, const Record *r, const Record *old) {
        HeaderCache cache = { 0 };
        Record again = { 0 };
        RecordId id;

        CHECK(r->type == old->type && r->body == old->body && r->text.n >= r->body);
        CHECK(header_parse(&cache, r->text, &again, &id) == 0);
        CHECK(id.serial == event->id.serial && again.type == r->type);
        CHECK(!memchr(r->text.p, '\n', r->text.n) && !memchr(r->text.p, 0, r->text.n));
}

static void on_event(void *userdata, const Event *event) {
        Arena arena = ARENA_INIT;
        const Record *hit, *old = event->records;
        Event clean;

        CHECK(redact_event(userdata, &arena, event, old, &clean, &hit) == 0);
        CHECK(hit == clean.records && clean.n_records == event->n_records);
        for (const Record *r = clean.records; r; r = r->next, old = old->next)
                check_record(event, r, old);
        CHECK(!old);
        arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        Redact redact = { .names = names, .n_names = n && data[0] & 1 ? ARRAY_SIZE(names) : 0 };
        Str text = { (const char *)data + !!n, n - !!n }, rest, line;
        EventAssembler *a;
        char *copy;

        check_text(&redact, text);
        copy = target_copy(text, 'x');
        rest = (Str){ copy, text.n };
        CHECK(event_assembler_new(&a, EVENT_DEFAULT, NULL, on_event, &redact) == 0);
        while (target_line(&rest, &line))
                event_add(a, line);
        event_flush(a);
        event_assembler_free(a);
        free(copy);
        return 0;
}
