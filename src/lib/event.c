/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <aulert/version.h>
#include "lib/feed.h"
#include "meaning/event-json.h"
#include "meaning/event-text.h"
#include "record/count.h"

static const Record *inner(const AulertRecord *r) { return (const Record *)r; }

void lib_event_done(AulertEvent *e) {
        field_vec_done(&e->fields);
        meaning_free(e->meaning);
        buf_done(&e->out);
        buf_done(&e->shown);
        buf_done(&e->sentence);
        arena_done(&e->arena);
}

void lib_event_set(AulertEvent *e, const Event *event) {
        e->event = event;
        e->split = NULL;
        e->begun = false;
        e->error = 0;
        buf_clear(&e->sentence);
        if (e->gathered)
                arena_reset(&e->arena);
        e->gathered = false;
}

PUBLIC const char *aulert_version(void) { return AULERT_VERSION; }
PUBLIC int64_t aulert_event_seconds(const AulertEvent *e) { return e->event->id.sec; }
PUBLIC uint32_t aulert_event_milliseconds(const AulertEvent *e) { return e->event->id.ms; }
PUBLIC uint64_t aulert_event_serial(const AulertEvent *e) { return e->event->id.serial; }
PUBLIC AulertText aulert_event_node(const AulertEvent *e) { return lib_text(e->event->id.node); }
PUBLIC int aulert_event_late(const AulertEvent *e) { return e->event->late; }
PUBLIC AulertEnded aulert_event_ended(const AulertEvent *e) { return (AulertEnded)e->event->ended; }
PUBLIC int aulert_event_error(const AulertEvent *e) { return e->error; }

PUBLIC const AulertRecord *aulert_event_first(const AulertEvent *e) {
        return (const AulertRecord *)e->event->records;
}

PUBLIC const AulertRecord *aulert_record_next(const AulertRecord *r) {
        return (const AulertRecord *)inner(r)->next;
}

PUBLIC int aulert_record_type(const AulertRecord *r) { return inner(r)->type; }
PUBLIC AulertText aulert_record_type_name(const AulertRecord *r) {
        return lib_text(record_type_name(inner(r)));
}
PUBLIC AulertText aulert_record_text(const AulertRecord *r) { return lib_text(inner(r)->text); }
PUBLIC const char *aulert_type_name(int type) { return record_type_to_name(type); }

PUBLIC uint32_t aulert_record_count_fields(const AulertRecord *record) {
        const Record *r = inner(record);
        bool bad;

        return r->n_fields >= 0 ? (uint32_t)r->n_fields : count_fields(r, &bad);
}

static bool split(AulertEvent *e, const Record *r) {
        if (e->split == r)
                return true;
        e->split = NULL;
        e->begun = false;
        e->error = field_split(&e->fields, r);
        if (e->error)
                return false;
        e->split = r;
        return true;
}

PUBLIC const AulertField *aulert_event_field(AulertEvent *e, const AulertRecord *record, size_t index) {
        if (!split(e, inner(record)) || index >= e->fields.n)
                return NULL;
        return (const AulertField *)&e->fields.v[index];
}

PUBLIC const AulertField *aulert_event_find(AulertEvent *e, const AulertRecord *record, const char *name) {
        if (!split(e, inner(record)))
                return NULL;
        return (const AulertField *)field_find(&e->fields, str_from(name));
}

PUBLIC AulertText aulert_field_name(const AulertField *f) {
        return lib_text(f ? ((const Field *)f)->name : STR_NULL);
}
PUBLIC AulertText aulert_field_raw(const AulertField *f) {
        return lib_text(f ? ((const Field *)f)->value : STR_NULL);
}

int lib_event_meaning(AulertEvent *e) {
        int r = e->meaning ? 0 : meaning_new(&e->meaning);

        if (r)
                e->error = r;
        return r;
}

PUBLIC int aulert_event_interpret(AulertEvent *e, const AulertField *field, AulertText *ret) {
        const Field *f = (const Field *)field;
        Str found;
        int r = lib_event_meaning(e);

        if (r)
                return r;
        if (!f) {
                *ret = lib_text(STR_NULL);
                return 0;
        }
        if (!e->begun)
                meaning_begin(e->meaning, e->split, &e->fields);
        e->begun = true;
        *ret = lib_text(meaning_text(e->meaning, f, &found) && f->part != FIELD_ENRICHED ? found : f->value);
        return 0;
}

static int write_whole(AulertEvent *e, int (*write)(Buf *, Meaning *, const Event *), AulertText *ret) {
        int r = lib_event_meaning(e);

        if (r)
                return r;
        buf_clear(&e->out);
        e->begun = false;
        r = write(&e->out, e->meaning, e->event);
        if (r || !buf_z(&e->out)) {
                buf_done(&e->out);
                return e->error = -ENOMEM;
        }
        *ret = lib_text(buf_view(&e->out));
        return 0;
}

PUBLIC int aulert_event_json(AulertEvent *e, AulertText *ret) { return write_whole(e, event_json, ret); }
PUBLIC int aulert_event_text(AulertEvent *e, AulertText *ret) { return write_whole(e, event_text, ret); }
