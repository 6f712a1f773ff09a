/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SYSCALL records differ in what the call was given; which call it was, and who called, is the same again and again. */
#include <stdlib.h>
#include "base/hash.h"
#include "record/scan.h"
#include "rule/types.h"
#include "rule/view-parts.h"

/* Before exit=, which values follow, and what stands before each of them. */
#define FRONT_NUMBER 22u /* behind "arch=c000003e syscall=" */

static const Str before[_HEAD_N] = {
        [HEAD_EXIT] = STR_INIT(" exit="), [HEAD_A0] = STR_INIT(" a0="),   [HEAD_A1] = STR_INIT(" a1="),
        [HEAD_A2] = STR_INIT(" a2="),     [HEAD_A3] = STR_INIT(" a3="),   [HEAD_ITEMS] = STR_INIT(" items="),
        [HEAD_PPID] = STR_INIT(" ppid="), [HEAD_PID] = STR_INIT(" pid="),
};

/* How long "arch=c000003e syscall=59 success=yes" is at the start of @body; 0: it starts otherwise. */
static size_t front_of(Str body) {
        size_t i = FRONT_NUMBER;

        if (body.n < FRONT_NUMBER + 16 || memcmp(body.p, "arch=", 5) != 0 ||
            memcmp(body.p + 13, " syscall=", 9) != 0)
                return 0;
        while (i < FRONT_NUMBER + 9 && body.p[i] >= '0' && body.p[i] <= '9')
                i++;
        if (i == FRONT_NUMBER || memcmp(body.p + i, " success=", 9) != 0)
                return 0;
        i += 9;
        return !memcmp(body.p + i, "yes ", 4) ? i + 3 : !memcmp(body.p + i, "no ", 3) ? i + 2 : 0;
}

/* Numbers, each of which the kernel writes; everything else has to be read as a whole. */
static const char *head_value(const char *p, const char *end, Str *ret) {
        const char *stop = scan_blank(p, end), *last = stop - 1;

        if (stop == p || stop == end || (uint8_t)(*p - '-') > 'z' - '-' || *last < '0')
                return NULL;
        *ret = (Str){ p, (size_t)(stop - p) };
        return stop;
}

/* Where " auid=" stands behind all values of the head, or NULL. */
static const char *read_head(Str head[_HEAD_N], const char *p, const char *end) {
#pragma GCC unroll 8
        for (HeadField f = 0; f < _HEAD_N; f++) {
                if (memcmp(p, before[f].p, before[f].n) != 0)
                        return NULL;
                p = head_value(p + before[f].n, end, &head[f]);
                if (!p)
                        return NULL;
        }
        return memcmp(p, " auid=", 6) ? NULL : p;
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

static bool is_tail(const Tail *t, const char *text, size_t n) {
        return t->n == n && !memcmp(t->text, text, n);
}

/* Two places for each hash: two callers, or calls, that come in turn would put each other out of one. */
static Tail *find_tail(Viewer *x, const Record *r, uint32_t at) {
        const char *text = r->text.p + at;
        size_t n = r->text.n - at;
        Tail *t = &x->tails[hash_blocks(text, n) % (TAILS / 2) * 2];

        if (is_tail(t, text, n))
                return t;
        if (is_tail(t + 1, text, n))
                return t + 1;
        t += x->turn++ & 1;
        fill(x, t, r, at);
        return t;
}

CallKind view_call_kind(Str name) {
        if (str_eq(name, STR("execve")) || str_eq(name, STR("execveat")))
                return CALL_EXEC;
        if (str_eq(name, STR("connect")) || str_eq(name, STR("accept")) || str_eq(name, STR("accept4")))
                return CALL_NETWORK;
        return name.n ? CALL_OTHER : CALL_UNKNOWN;
}

/* False: arch= is no number. */
static bool fill_front(Front *f, Str text) {
        Str arch = { text.p + 5, 8 }, number = { text.p + FRONT_NUMBER, 0 };
        uint64_t n;

        if (!str_is_hex(arch))
                return false;
        while (number.p[number.n] != ' ')
                number.n++;
        *f = (Front){ .n = (uint8_t)text.n, .success = text.p[text.n - 1] == 's' };
        memcpy(f->text, text.p, text.n);
        str_u64(number, 10, &n); /* at most nine digits */
        f->name = str_from(decode_syscall_name(decode_machine(arch), (uint32_t)n));
        if (!f->name.p)
                f->name = STR("");
        f->kind = view_call_kind(f->name);
        return true;
}

static bool is_front(const Front *f, Str text) { return f->n == text.n && !memcmp(f->text, text.p, text.n); }

/* @text: what front_of() found. NULL: it is no number there. */
static Front *find_front(Viewer *x, Str text) {
        uint64_t arch, rest;
        Front *f;

        memcpy(&arch, text.p + 5, sizeof(arch));
        memcpy(&rest, text.p + FRONT_NUMBER, sizeof(rest));
        f = &x->fronts[hash_mix(arch ^ hash_secret[0], rest ^ hash_secret[1]) % (FRONTS / 2) * 2];
        if (is_front(f, text))
                return f;
        if (is_front(f + 1, text))
                return f + 1;
        f += x->turn++ & 1;
        if (!fill_front(f, text))
                return NULL;
        f->id = ++x->last_front;
        return f;
}

static bool read_call(Viewer *x, const Record *r) {
        Str body = record_body(r);
        const char *end = body.p + body.n, *at;
        size_t front = front_of(body);

        if (!front)
                return false;
        at = read_head(x->call.head, body.p + front, end);
        if (!at || (size_t)(end - at) > TAIL_TEXT)
                return false;
        x->call.front = find_front(x, (Str){ body.p, front });
        if (!x->call.front)
                return false;
        x->call.tail_at = (uint32_t)(at - r->text.p);
        x->call.tail = find_tail(x, r, x->call.tail_at);
        return x->call.tail->usual;
}

Call *viewer_call(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];

        if (!x->call_known) {
                x->call_known = true;
                x->call_usual = r && r->type == TYPE_SYSCALL && x->context_names && read_call(x, r);
        }
        return x->call_usual ? &x->call : NULL;
}

Str view_tail_exe(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];
        const Part *p = &x->call.tail->exe;
        Field f = {
                STR("exe"), { r->text.p + x->call.tail_at + p->at, p->n }, FIELD_KERNEL, p->quoted, false
        };
        FieldKind kind;

        return p->known ? view_text(x, r->type, &f, NO_FIELD, &kind) : STR_NULL;
}

Str view_tail_part(const Viewer *x, const Part *p) {
        return p->known ? (Str){ x->context_records[CONTEXT_SYSCALL]->text.p + x->call.tail_at + p->at, p->n }
                        : STR_NULL;
}
