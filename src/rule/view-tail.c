/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SYSCALL records differ in what the call was given; who called, from auid= on, is the same again and again. */
#include <stdlib.h>
#include "base/hash.h"
#include "rule/types.h"
#include "rule/view-parts.h"

#define HEAD_MAX 256u /* of the text before auid= */

/* Where the part that repeats starts: " auid=", in a kernel's record behind numbers only. 0: it is not such a record. */
static uint32_t tail_of(const Record *r) {
        Str body = record_body(r);
        const char *at = body.n > HEAD_MAX + 6 ? memmem(body.p, HEAD_MAX, " auid=", 6)
                                               : memmem(body.p, body.n, " auid=", 6);
        size_t n = at ? (size_t)(at - body.p) : 0;

        if (!at || (size_t)(r->text.p + r->text.n - at) > TAIL_TEXT || memchr(body.p, '"', n) ||
            memchr(body.p, '\'', n) || memchr(body.p, 0x1D, n))
                return 0;
        return (uint32_t)(at - r->text.p);
}

static uint64_t hash_text(const char *p, size_t n) {
        uint64_t h = hash_secret[0] ^ n, w[2];

        for (size_t i = 0; i < n; i += sizeof(w)) {
                memcpy(w, p + (i + sizeof(w) <= n ? i : n - sizeof(w)), sizeof(w));
                h = hash_mix(h ^ w[0], hash_secret[1] ^ w[1]);
        }
        return h;
}

/* @name: its first byte can be read, as behind every name in a record. */
static bool is_any(Str name, const char *const *names, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (*name.p == *names[i] && str_eqz(name, names[i]))
                        return true;
        return false;
}

static Part part_of(const Field *f, const char *start) {
        return (Part){ true, f->quoted, (uint16_t)(f->value.p - start), (uint16_t)f->value.n };
}

/* Facts that are expected before auid= and stand behind it make the record an unusual one. */
static void fill(Viewer *x, Tail *t, const Record *r, uint32_t at) {
        static const char *const early[] = { "pid", "ppid", "success", "arch", "syscall", "exit" };
        Record rest = *r;

        *t = (Tail){ .n = (uint16_t)(r->text.n - at), .usual = true };
        memcpy(t->text, r->text.p + at, t->n);
        rest.body = at;
        if (field_split_named(&x->named, &rest, x->context_names) < 0) {
                x->failed = true;
                t->n = 0;
        }
        for (size_t i = 0; i < x->named.n; i++) {
                const Field *f = &x->named.v[i];

                t->usual &= !is_any(f->name, early, ARRAY_SIZE(early));
                if (str_eq(f->name, STR("exe")) && !view_is_null(f))
                        t->exe = part_of(f, r->text.p + at);
                else if (str_eq(f->name, STR("uid")))
                        t->uid = part_of(f, r->text.p + at);
                else if (str_eq(f->name, STR("UID")))
                        t->user = part_of(f, r->text.p + at);
                else if (str_eq(f->name, STR("ses")))
                        t->ses = part_of(f, r->text.p + at);
                else if (str_eq(f->name, STR("SYSCALL"))) {
                        t->call = part_of(f, r->text.p + at);
                        t->enriched |= f->part == FIELD_ENRICHED;
                }
        }
}

/* The fields before auid=; false: some are expected behind it. */
static bool split_head(Viewer *x, const Record *r, uint32_t at) {
        static const char *const late[] = { "exe", "SYSCALL", "uid", "UID", "ses" };
        Record head = *r;

        head.text.n = at;
        if (field_split_named(&x->head, &head, x->context_names) < 0)
                x->failed = true;
        for (size_t i = 0; i < x->head.n; i++)
                if (is_any(x->head.v[i].name, late, ARRAY_SIZE(late)))
                        return false;
        return true;
}

static Tail *find(Viewer *x, const Record *r, uint32_t at) {
        const char *text = r->text.p + at;
        size_t n = r->text.n - at;
        Tail *t = &x->tails[hash_text(text, n) % TAILS];

        if (t->n != n || memcmp(t->text, text, n) != 0)
                fill(x, t, r, at);
        return t;
}

Tail *viewer_tail(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];
        uint32_t at;

        if (x->tail_known)
                return x->tail;
        x->tail_known = true;
        x->tail = NULL;
        if (!r || r->type != TYPE_SYSCALL || !x->context_names || !x->tails)
                return NULL;
        at = tail_of(r);
        if (!at)
                return NULL;
        x->tail = find(x, r, at);
        x->tail_at = at;
        if (!x->tail->usual || !split_head(x, r, at))
                x->tail = NULL;
        return x->tail;
}

const View *viewer_glance_head(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];

        view_reset(&x->own);
        x->wanted = x->context_wanted;
        view_take_fields(x, &x->own, r, &x->head, x->tail->enriched);
        x->wanted = NULL;
        return &x->own;
}

Str view_tail_exe(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];
        const Part *p = &x->tail->exe;
        Field f = { STR("exe"), { r->text.p + x->tail_at + p->at, p->n }, FIELD_KERNEL, p->quoted, false };
        FieldKind kind;

        return p->known ? view_text(x, r->type, &f, NO_FIELD, &kind) : STR_NULL;
}

Str view_tail_part(const Viewer *x, const Part *p) {
        return p->known ? (Str){ x->context_records[CONTEXT_SYSCALL]->text.p + x->tail_at + p->at, p->n }
                        : STR_NULL;
}
