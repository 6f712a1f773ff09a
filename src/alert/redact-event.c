/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Finds the texts in records, has them redacted, and writes them back as the kernel would have. */
#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include "alert/redact.h"
#include "record/field.h"

/* A piece of an argument of EXECVE: a2="…", a2=6162, a2[0]=… . */
typedef struct {
        size_t record; /* its place among those of the event */
        Str value;     /* as it stands there, with its quotes */
        uint64_t arg;
        size_t word; /* the how-manyth argument it belongs to */
} Piece;

/* A part of the text of a record, and what comes in its place. */
typedef struct {
        size_t record;
        const char *start, *end;
        size_t at, n; /* in Work.texts */
} Edit;

typedef struct {
        const Redact *redact;
        FieldVec fields;
        Buf pieces; /* of Piece */
        Buf edits;  /* of Edit, in order of records */
        Buf texts;
        Buf raw, clean; /* one text, before and after */
        bool failed;
} Work;

static void add_edit(Work *w, size_t record, Str old, Str text) {
        Edit e = { record, old.p, old.p + old.n, w->texts.n, text.n };

        buf_str(&w->texts, text);
        buf_put(&w->edits, &e, sizeof(e));
}

/* As audit_log_untrustedstring() writes it. */
static void add_encoded(Work *w, size_t record, Str old, Str text) {
        Edit e = { .record = record, .start = old.p, .end = old.p + old.n, .at = w->texts.n };
        bool hex = false;

        for (size_t i = 0; i < text.n; i++)
                hex |= text.p[i] == '"' || (uint8_t)text.p[i] < 0x21 || (uint8_t)text.p[i] > 0x7E;
        if (!hex)
                buf_putc(&w->texts, '"');
        for (size_t i = 0; hex && i < text.n; i++) {
                buf_putc(&w->texts, "0123456789ABCDEF"[(uint8_t)text.p[i] >> 4]);
                buf_putc(&w->texts, "0123456789ABCDEF"[text.p[i] & 15]);
        }
        if (!hex) {
                buf_str(&w->texts, text);
                buf_putc(&w->texts, '"');
        }
        e.n = w->texts.n - e.at;
        buf_put(&w->edits, &e, sizeof(e));
}

/* The value with its quotes. */
static Str whole(const Record *r, const Field *f) {
        Str s = f->value;
        const char *end = r->text.p + r->text.n;

        if (!f->quoted)
                return s;
        if (s.p + s.n < end && s.p[s.n] == '"')
                s.n++;
        return (Str){ s.p - 1, s.n + 1 };
}

static bool is_encoded(const Field *f) {
        return !f->quoted && f->value.n >= 2 && f->value.n % 2 == 0 && str_is_hex(f->value);
}

static void decode(Buf *out, const Field *f) {
        char *at;

        if (!is_encoded(f)) {
                buf_str(out, f->value);
                return;
        }
        at = buf_reserve(out, f->value.n / 2);
        if (at)
                out->n += str_unhex(at, f->value);
}

/* a12 and a12[3], not a12_len. */
static bool is_argument(Str name, uint64_t *ret) {
        const char *bracket = memchr(name.p, '[', name.n);
        size_t n = bracket ? (size_t)(bracket - name.p) : name.n;

        return n >= 2 && name.p[0] == 'a' && (!bracket || name.p[name.n - 1] == ']') &&
               str_u64((Str){ name.p + 1, n - 1 }, 10, ret);
}

static void take_argument(Work *w, const Record *r, size_t record, const Field *f) {
        const Piece *last = w->pieces.n ? (const Piece *)(const void *)(w->pieces.p + w->pieces.n) - 1 : NULL;
        Piece piece = { .record = record, .value = whole(r, f) };
        size_t start;

        if (f->part == FIELD_ENRICHED || !is_argument(f->name, &piece.arg))
                return;
        if (last)
                piece.word = last->word + (piece.arg != last->arg);
        if (last && piece.arg != last->arg)
                buf_putc(&w->raw, 0);
        start = w->raw.n;
        decode(&w->raw, f);
        for (size_t i = start; i < w->raw.n; i++)
                if (!w->raw.p[i])
                        w->raw.p[i] = ' '; /* no argument holds a NUL: it ends them */
        buf_put(&w->pieces, &piece, sizeof(piece));
}

static Str next_word(Str *rest) {
        const char *nul = rest->n ? memchr(rest->p, 0, rest->n) : NULL;
        Str word = { rest->p, nul ? (size_t)(nul - rest->p) : rest->n };

        *rest = nul ? (Str){ nul + 1, rest->n - word.n - 1 } : STR("");
        return word;
}

/* The first piece of a changed argument gets all of it, the others nothing. */
static void write_arguments(Work *w) {
        const Piece *v = (const Piece *)(const void *)w->pieces.p;
        size_t n = w->pieces.n / sizeof(*v), i = 0;
        Str before = buf_view(&w->raw), after = buf_view(&w->clean);

        while (i < n) {
                Str old = next_word(&before), new = next_word(&after);
                size_t word = v[i].word;

                for (bool first = true; i < n && v[i].word == word; first = false, i++)
                        if (!str_eq(old, new))
                                add_encoded(w, v[i].record, v[i].value, first ? new : STR(""));
        }
}

static bool split(Work *w, const Record *r) {
        if (field_split(&w->fields, r) == 0)
                return true;
        w->failed = true;
        return false;
}

/* A command line may go on from one EXECVE record to the next (kernel/auditsc.c: audit_log_execve_info()). */
static void redact_arguments(Work *w, const Event *event) {
        size_t record = 0;

        buf_clear(&w->raw);
        buf_clear(&w->clean);
        for (const Record *r = event->records; r && !w->failed; r = r->next, record++) {
                if (r->type != AUDIT_EXECVE || !split(w, r))
                        continue;
                for (size_t i = 0; i < w->fields.n; i++)
                        take_argument(w, r, record, &w->fields.v[i]);
        }
        if (w->pieces.n && redact_words(w->redact, buf_view(&w->raw), &w->clean) && !w->clean.failed)
                write_arguments(w);
}

static void redact_field(Work *w, const Record *r, size_t record, const Field *f) {
        bool found;

        if (f->value.n && redact_is_secret_name(w->redact, f->name, false)) {
                add_edit(w, record, f->value, STR(REDACTED));
                return;
        }
        buf_clear(&w->raw);
        buf_clear(&w->clean);
        decode(&w->raw, f);
        if (w->raw.n && memchr(w->raw.p, 0, w->raw.n))
                found = redact_words(w->redact, buf_view(&w->raw), &w->clean);
        else
                found = redact_line(w->redact, buf_view(&w->raw), &w->clean);
        if (!found)
                return;
        if (f->quoted || is_encoded(f))
                add_encoded(w, record, whole(r, f), buf_view(&w->clean));
        else
                add_edit(w, record, f->value, buf_view(&w->clean));
}

/* Programs that write what they like: the words between the fields count too. */
static bool is_prose(const Record *r) {
        return r->type == AUDIT_USER || r->type == AUDIT_TRUSTED_APP || r->type == AUDIT_USER_ERR;
}

static void redact_record(Work *w, const Record *r, size_t record) {
        if (!split(w, r))
                return;
        if (is_prose(r) && w->fields.msg.n) {
                buf_clear(&w->clean);
                if (redact_line(w->redact, w->fields.msg, &w->clean))
                        add_edit(w, record, w->fields.msg, buf_view(&w->clean));
                return;
        }
        for (size_t i = 0; i < w->fields.n; i++)
                if (w->fields.v[i].part != FIELD_ENRICHED)
                        redact_field(w, r, record, &w->fields.v[i]);
}

static Str edited(Work *w, Arena *arena, const Record *r, const Edit *v, size_t n) {
        const char *at = r->text.p, *end = r->text.p + r->text.n;
        Buf text = BUF_INIT;
        Str copy = STR_NULL;

        for (size_t i = 0; i < n; i++) {
                buf_put(&text, at, (size_t)(v[i].start - at));
                buf_put(&text, w->texts.p + v[i].at, v[i].n);
                at = v[i].end;
        }
        buf_put(&text, at, (size_t)(end - at));
        if (!text.failed) {
                char *p = arena_alloc(arena, text.n + RECORD_SLACK);

                if (p)
                        copy = (Str){ memcpy(p, text.p, text.n), text.n };
        }
        buf_done(&text);
        return copy;
}

static int copy_records(Work *w, Arena *arena, const Event *event, const Record *hit, Event *ret,
                        const Record **ret_hit) {
        const Edit *v = (const Edit *)(const void *)w->edits.p;
        size_t n = w->edits.n / sizeof(*v), i = 0, record = 0;
        Record **next = &ret->records;

        *ret = *event;
        for (const Record *r = event->records; r; r = r->next, record++) {
                Record *copy = arena_alloc(arena, sizeof(*copy));
                size_t first = i;

                if (!copy)
                        return -ENOMEM;
                *copy = *r;
                while (i < n && v[i].record == record)
                        i++;
                if (i > first)
                        copy->text = edited(w, arena, r, v + first, i - first);
                if (!copy->text.p)
                        return -ENOMEM;
                if (r == hit)
                        *ret_hit = copy;
                *next = copy;
                next = &copy->next;
        }
        *next = NULL;
        return 0;
}

static int by_record(const void *a, const void *b) {
        const Edit *x = a, *y = b;

        return x->record != y->record ? (x->record > y->record) - (x->record < y->record)
                                      : (x->start > y->start) - (x->start < y->start);
}

int redact_event(const Redact *r, Arena *arena, const Event *event, const Record *hit, Event *ret,
                 const Record **ret_hit) {
        Work w = { .redact = r,
                   .fields = FIELD_VEC_INIT,
                   .pieces = BUF_INIT,
                   .edits = BUF_INIT,
                   .texts = BUF_INIT,
                   .raw = BUF_INIT,
                   .clean = BUF_INIT };
        size_t record = 0;
        int result = 0;

        *ret = *event;
        *ret_hit = hit;
        if (r && r->off)
                return 0;
        redact_arguments(&w, event);
        for (const Record *i = event->records; i && !w.failed; i = i->next, record++)
                if (i->type != AUDIT_EXECVE)
                        redact_record(&w, i, record);
        if (w.failed || w.pieces.failed || w.edits.failed || w.texts.failed || w.raw.failed || w.clean.failed)
                result = -ENOMEM;
        if (result == 0 && w.edits.n) {
                qsort(w.edits.p, w.edits.n / sizeof(Edit), sizeof(Edit), by_record);
                result = copy_records(&w, arena, event, hit, ret, ret_hit);
        }
        field_vec_done(&w.fields);
        buf_done(&w.pieces);
        buf_done(&w.edits);
        buf_done(&w.texts);
        buf_done(&w.raw);
        buf_done(&w.clean);
        return result;
}
