/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "meaning/decode.h"
#include "record/scan.h"
#include "rule/category.h"
#include "rule/types.h"
#include "rule/view-parts.h"

bool view_type_is_end(int type) { return type == TYPE_EOE; }

static int view_init(View *v, size_t n_fields) {
        v->heads = calloc(n_fields, sizeof(*v->heads));
        v->tails = calloc(n_fields, sizeof(*v->tails));
        v->fields = calloc(n_fields, sizeof(*v->fields));
        return v->heads && v->tails && v->fields ? 0 : -ENOMEM;
}

static void view_done(View *v) {
        free(v->heads);
        free(v->tails);
        free(v->fields);
        free(v->values);
        *v = (View){ 0 };
}

void view_reset(View *v) {
        for (size_t i = 0; i < v->n_fields; i++)
                v->heads[v->fields[i]] = 0;
        v->n = v->n_fields = 0;
}

void view_add(Viewer *x, View *v, uint32_t field, Str text, bool null) {
        if (unlikely(v->n == v->cap)) {
                size_t cap = v->cap ? v->cap * 2 : 64;
                Value *more = reallocarray(v->values, cap, sizeof(*more));

                if (!more) {
                        x->failed = true;
                        return;
                }
                v->values = more;
                v->cap = cap;
        }
        v->values[v->n++] = (Value){ text.p ? text : STR(""), null, 0 };
        if (!v->heads[field]) {
                v->heads[field] = (uint32_t)v->n;
                v->fields[v->n_fields++] = field;
        } else
                v->values[v->tails[field] - 1].next = (uint32_t)v->n;
        v->tails[field] = (uint32_t)v->n;
}

Str view_keep(Viewer *x, Str s) {
        Str kept = arena_str(&x->text, s);

        if (!kept.p) {
                x->failed = true;
                return STR("");
        }
        return kept;
}

int viewer_init(Viewer *x, const RuleSet *set) {
        const Ast *a = &set->ast;
        int r = 0;

        *x = (Viewer){ .set = set, .decoded = BUF_INIT, .pairs = BUF_INIT, .args = BUF_INIT };
        r = view_names_init(x);
        x->tails = calloc(TAILS, sizeof(*x->tails));
        x->fronts = calloc(FRONTS, sizeof(*x->fronts));
        r = r ? r : x->tails && x->fronts ? 0 : -ENOMEM;
        for (size_t i = 0; i < _CONTEXT_N && !r; i++)
                r = view_init(&x->context[i], a->n_fields) || view_init(&x->glance[i], a->n_fields) ? -ENOMEM
                                                                                                    : 0;
        r = r ? r : view_init(&x->own, a->n_fields);
        if (r) {
                viewer_done(x);
                return -ENOMEM;
        }
        for (size_t i = 0; i < set->n_rules; i++) {
                x->keywords |= set->rules[i].asks_keywords;
                x->category_keywords |= set->rules[i].asks_keywords && set->rules[i].view != VIEW_AUDIT;
        }
        return 0;
}

void viewer_done(Viewer *x) {
        for (size_t i = 0; i < _CONTEXT_N; i++) {
                view_done(&x->context[i]);
                view_done(&x->glance[i]);
        }
        view_names_done(x);
        view_done(&x->own);
        field_vec_done(&x->split);
        field_vec_done(&x->syscall_split);
        field_vec_done(&x->named);
        free(x->tails);
        free(x->fronts);
        field_vec_done(&x->syscall_named);
        arena_done(&x->text);
        buf_done(&x->decoded);
        buf_done(&x->pairs);
        buf_done(&x->args);
        *x = (Viewer){ 0 };
}

static ContextKind context_of(int type) {
        switch (type) {
        case TYPE_SYSCALL:
        case TYPE_URINGOP: return CONTEXT_SYSCALL;
        case TYPE_CWD: return CONTEXT_CWD;
        case TYPE_PROCTITLE: return CONTEXT_PROCTITLE;
        default: return _CONTEXT_N;
        }
}

void viewer_event(Viewer *x, const Event *event) {
        x->event = event;
        x->failed = false;
        x->facts_read = x->all_facts_read = false;
        x->split_of = NULL;
        x->call_known = x->args_known = false;
        x->syscall_is_split = x->syscall_is_named = false;
        x->wanted = NULL;
        x->taken = NULL;
        arena_reset(&x->text);
        for (size_t i = 0; i < _CONTEXT_N; i++) {
                x->context_records[i] = NULL;
                x->context_read[i] = x->context_keywords[i] = x->glance_read[i] = false;
                x->context_alone[i] = 0;
        }
        for (const Record *r = event->records; r; r = r->next) {
                ContextKind k = context_of(r->type);

                if (k < _CONTEXT_N && !x->context_records[k])
                        x->context_records[k] = r;
        }
}

/* ---- the fields of a record ---- */

/* Keys have byte 1 between them. */
static void add_keys(Viewer *x, View *v, uint32_t id, Str text) {
        for (;;) {
                const char *end = text.n ? memchr(text.p, 1, text.n) : NULL;
                size_t n = end ? (size_t)(end - text.p) : text.n;

                view_add(x, v, id, (Str){ text.p, n }, false);
                if (!end)
                        return;
                text = (Str){ end + 1, text.n - n - 1 };
        }
}

/* The bytes of a field, decoded where it is text that is logged in hexadecimal. */
Str view_text(Viewer *x, int type, const Field *f, uint32_t id, FieldKind *ret_kind) {
        FieldKind kind = *ret_kind = KIND_PLAIN;
        Buf *b = &x->decoded;
        Str s = f->value;

        if (f->quoted)
                return s;
        kind = *ret_kind = view_kind(x, type, f->name, id);
        if (kind == KIND_PLAIN || !decode_is_hex_text(kind, f))
                return s;
        buf_clear(b);
        decode_text(b, kind, f);
        if (!b->failed)
                return view_keep(x, buf_view(b));
        x->failed = true;
        buf_done(b); /* the next value may find memory again */
        *b = BUF_INIT;
        return s;
}

Str viewer_text(Viewer *x, int type, const Field *f) {
        FieldKind kind;

        return view_text(x, type, f, NO_FIELD, &kind);
}

const FieldVec *viewer_split(Viewer *x, const Record *r) {
        bool syscall = r == x->context_records[CONTEXT_SYSCALL];
        FieldVec *vec = syscall ? &x->syscall_split : &x->split;

        if (syscall ? x->syscall_is_split : x->split_of == r)
                return vec;
        if (field_split(vec, r) < 0)
                x->failed = true;
        if (syscall)
                x->syscall_is_split = true;
        else
                x->split_of = r;
        return vec;
}

const FieldVec *view_named(Viewer *x, const Record *r) {
        bool syscall = r == x->context_records[CONTEXT_SYSCALL];
        const FieldNames *names = syscall ? x->context_names : x->taken;
        FieldVec *vec = syscall ? &x->syscall_named : &x->named;

        if (!names || (syscall ? x->syscall_is_split : x->split_of == r))
                return viewer_split(x, r);
        if (syscall && x->syscall_is_named)
                return vec;
        if (field_split_named(vec, r, names) < 0)
                x->failed = true;
        x->syscall_is_named |= syscall;
        return vec;
}

bool view_is_null(const Field *f) {
        return f->value.n == 6 && !f->quoted && !memcmp(f->value.p, "(null)", 6);
}

/* A big-endian machine writes the family the other way round: 0002. */
static Str view_socket_order(Viewer *x, Str hex) {
        Str swapped;

        if (hex.n < 4 || memcmp(hex.p, "00", 2) != 0)
                return hex;
        swapped = view_keep(x, hex);
        if (swapped.n >= 4) {
                memcpy((char *)swapped.p, hex.p + 2, 2);
                memcpy((char *)swapped.p + 2, hex.p, 2);
        }
        return swapped;
}

/* Without the scope of a link-local address, which is a number of this boot and no part of the address. */
bool view_read_socket(Viewer *x, Str hex, SocketAddress *ret) {
        if (decode_saddr(view_socket_order(x, hex), ret))
                return false;
        ret->address[strcspn(ret->address, "%")] = '\0';
        return true;
}

static void add_socket(Viewer *x, View *v, Str hex) {
        SocketAddress a;
        char text[128];

        if (!view_read_socket(x, hex, &a))
                return;
        if (view_is_wanted(x, x->id_saddr[0]) && a.family_name)
                view_add(x, v, x->id_saddr[0], str_from(a.family_name), false);
        if (a.form == SADDR_INET && view_is_wanted(x, x->id_saddr[1]))
                view_add(x, v, x->id_saddr[1], view_keep(x, str_from(a.address)), false);
        if (a.form == SADDR_INET && view_is_wanted(x, x->id_saddr[2])) {
                snprintf(text, sizeof(text), "%u", a.port);
                view_add(x, v, x->id_saddr[2], view_keep(x, str_from(text)), false);
        }
        if ((a.form == SADDR_UNIX || a.n_path) && view_is_wanted(x, x->id_saddr[3])) {
                snprintf(text, sizeof(text), "%s%s", a.is_abstract ? "@" : "", a.path);
                view_add(x, v, x->id_saddr[3], view_keep(x, str_from(text)), false);
        }
}

/* SYSCALL= and ARCH= as auditd would have added them, and the name as a second value of syscall=. @enriched: what auditd added, which
 * knows machines that our tables do not have; STR_NULL: nothing. */
static void add_syscall(Viewer *x, View *v, const Field *arch, const Field *number, Str enriched) {
        int machine = decode_machine(arch->value);
        uint64_t n;
        const char *name = NULL, *machine_name = decode_machine_name(machine);

        if (str_u64(number->value, 10, &n) && n <= UINT32_MAX)
                name = decode_syscall_name(machine, (uint32_t)n);
        if ((name || enriched.n) && view_is_wanted(x, x->id_syscall))
                view_add(x, v, x->id_syscall, name ? str_from(name) : enriched, false);
        if (name && !enriched.p && view_is_wanted(x, x->id_SYSCALL))
                view_add(x, v, x->id_SYSCALL, str_from(name), false);
        if (machine_name && !enriched.p && view_is_wanted(x, x->id_ARCH))
                view_add(x, v, x->id_ARCH, str_from(machine_name), false);
}

static void add_header(Viewer *x, View *v, const Record *r) {
        const RecordId *id = &x->event->id;
        char text[64];

        if (view_is_wanted(x, FIELD_TYPE))
                view_add(x, v, FIELD_TYPE, record_type_name(r), false);
        if (view_is_wanted(x, x->id_timestamp)) {
                snprintf(text, sizeof(text), "%lld.%03u", (long long)id->sec, id->ms);
                view_add(x, v, x->id_timestamp, view_keep(x, str_from(text)), false);
        }
        if (view_is_wanted(x, x->id_serial)) {
                snprintf(text, sizeof(text), "%llu", (unsigned long long)id->serial);
                view_add(x, v, x->id_serial, view_keep(x, str_from(text)), false);
        }
        if (view_is_wanted(x, x->id_node) && id->node.n)
                view_add(x, v, x->id_node, id->node, false);
}

void view_add_pair(Viewer *x, Str name, Str text) {
        if (x->pairs.n)
                buf_putc(&x->pairs, ' ');
        buf_str(&x->pairs, name);
        buf_putc(&x->pairs, '=');
        buf_str(&x->pairs, text);
}

void view_add_field(Viewer *x, View *v, const Record *r, const Field *f, bool keywords) {
        uint32_t id = view_find_wanted(x, f->name);
        FieldKind kind;
        Str text;

        if (id != NO_FIELD || keywords) {
                text = view_text(x, r->type, f, id, &kind);
                if (keywords)
                        view_add_pair(x, f->name, text);
                if (id != NO_FIELD && id == x->id_key)
                        add_keys(x, v, id, text);
                else if (id != NO_FIELD)
                        view_add(x, v, id, text, view_is_null(f));
                if (id != NO_FIELD && id == x->id_key && view_is_null(f))
                        v->values[v->n - 1].null = true;
        }
        if (f->name.n == 5 && !memcmp(f->name.p, "saddr", 5) && f->part == FIELD_KERNEL &&
            r->type == TYPE_SOCKADDR)
                add_socket(x, v, f->value);
}

/* Names that only records with arch= and syscall= have need no comparison for each field: the first letter tells most apart. */
static void note_syscall(const Field *f, const Field **arch, const Field **number, Str *enriched) {
        if (f->part == FIELD_KERNEL) {
                if (f->name.n == 4 && !memcmp(f->name.p, "arch", 4))
                        *arch = f;
                else if (f->name.n == 7 && !memcmp(f->name.p, "syscall", 7))
                        *number = f;
        } else if (f->part == FIELD_ENRICHED && f->name.n == 7 && !memcmp(f->name.p, "SYSCALL", 7))
                *enriched = f->value;
}

static void take_fields(Viewer *x, View *v, const Record *r, const FieldVec *fields, bool keywords) {
        const Field *arch = NULL, *number = NULL;
        Str enriched = STR_NULL;

        for (size_t i = 0; i < fields->n; i++) {
                view_add_field(x, v, r, &fields->v[i], keywords);
                note_syscall(&fields->v[i], &arch, &number, &enriched);
        }
        if (arch && number)
                add_syscall(x, v, arch, number, enriched);
        if (view_is_wanted(x, x->id_msg) && fields->msg.p)
                view_add(x, v, x->id_msg, fields->msg, false);
}

static void split_record(Viewer *x, View *v, const Record *r, bool keywords) {
        take_fields(x, v, r, x->taken && !keywords ? view_named(x, r) : viewer_split(x, r), keywords);
}

/* ---- keywords ---- */

static void add_line(Viewer *x, View *v, const Record *r) {
        Str line = view_keep(x, r->text);
        char *mark = (char *)line.p, *end = mark + line.n;

        while (mark < end && (mark = memchr(mark, 0x1D, (size_t)(end - mark))))
                *mark++ = ' ';
        view_add(x, v, FIELD_KEYWORDS, line, false);
}

static void add_keywords(Viewer *x, View *v, const Record *r) {
        for (const Record *e = r; e; e = r->type == TYPE_EXECVE ? e->next : NULL)
                if (e->type == r->type)
                        add_line(x, v, e);
        view_add(x, v, FIELD_KEYWORDS, view_keep(x, buf_view(&x->pairs)), false);
        if (r->type == TYPE_EXECVE)
                view_add(x, v, FIELD_KEYWORDS, view_keep(x, buf_view(&x->args)), false);
}

static void read_view(Viewer *x, View *v, const Record *r, bool keywords) {
        view_reset(v);
        buf_clear(&x->pairs);
        add_header(x, v, r);
        if (r->type == TYPE_EXECVE)
                view_read_execve(x, v, r, keywords);
        else
                split_record(x, v, r, keywords);
        if (keywords)
                add_keywords(x, v, r);
        x->failed |= x->pairs.failed;
}

static const View *read_context(Viewer *x, ContextKind k, bool keywords) {
        if (!x->context_read[k] || (keywords && !x->context_keywords[k])) {
                x->context_read[k] = true;
                x->context_keywords[k] = keywords;
                read_view(x, &x->context[k], x->context_records[k], keywords);
        }
        return &x->context[k];
}

const View *viewer_context(Viewer *x, ContextKind k) {
        return x->context_records[k] ? read_context(x, k, false) : NULL;
}

static const View *glance_context(Viewer *x, ContextKind k) {
        if (!x->glance_read[k]) {
                x->glance_read[k] = true;
                x->wanted = x->context_wanted;
                x->taken = x->context_names;
                read_view(x, &x->glance[k], x->context_records[k], false);
                x->wanted = NULL;
                x->taken = NULL;
        }
        return &x->glance[k];
}

/* "cwd=…" or "proctitle=…" and nothing else, as the kernel writes them. */
static bool is_alone(Viewer *x, ContextKind k) {
        static const Str heads[_CONTEXT_N] = { STR_NULL, STR_INIT("cwd="), STR_INIT("proctitle=") };
        Str body;

        if (x->context_alone[k])
                return x->context_alone[k] == 2;
        body = record_body(x->context_records[k]);
        x->context_alone[k] = heads[k].n && str_starts(body, heads[k]) && body.n > heads[k].n &&
                                              body.p[heads[k].n] != '\'' && body.p[heads[k].n] != '{' &&
                                              scan_blank(body.p, body.p + body.n) == body.p + body.n
                                      ? 2
                                      : 1;
        return x->context_alone[k] == 2;
}

static uint32_t usual_field(const Viewer *x, ContextKind k) {
        return k == CONTEXT_CWD ? x->id_cwd : k == CONTEXT_PROCTITLE ? x->id_proctitle : NO_FIELD;
}

bool viewer_lacks_all(Viewer *x, const Record *r, const uint64_t *wanted) {
        ContextKind k = context_of(r->type);
        uint32_t id;

        if (k == _CONTEXT_N || x->context_records[k] != r || !is_alone(x, k))
                return false;
        id = usual_field(x, k);
        return id == NO_FIELD || !(wanted[id / 64] >> id % 64 & 1);
}

bool viewer_has_usual_context(Viewer *x, const uint64_t *wanted) {
        for (ContextKind k = CONTEXT_CWD; k <= CONTEXT_PROCTITLE; k++)
                if (x->context_records[k] && !viewer_lacks_all(x, x->context_records[k], wanted))
                        return false;
        return true;
}

const View *viewer_glance_source(Viewer *x, uint32_t field) {
        if (x->set->options.scope == RULE_SCOPE_RECORD)
                return NULL;
        for (ContextKind k = 0; k < _CONTEXT_N; k++) {
                if (k == x->current_context || !x->context_records[k] ||
                    (field != usual_field(x, k) && is_alone(x, k)))
                        continue;
                if (glance_context(x, k)->heads[field])
                        return &x->glance[k];
        }
        return NULL;
}

const View *viewer_glance(Viewer *x, const Record *r, const uint64_t *wanted, const FieldNames *names) {
        ContextKind k = context_of(r->type);

        if (k < _CONTEXT_N && x->context_records[k] == r) {
                x->current = glance_context(x, k);
                x->current_context = k;
                return x->current;
        }
        x->wanted = wanted;
        x->taken = names;
        read_view(x, &x->own, r, false);
        x->wanted = NULL;
        x->taken = NULL;
        x->current = &x->own;
        x->current_context = _CONTEXT_N;
        return x->current;
}

void viewer_record(Viewer *x, const Record *r, bool keywords) {
        ContextKind k = context_of(r->type);

        if (k < _CONTEXT_N && x->context_records[k] == r) {
                x->current = read_context(x, k, keywords && x->keywords);
                x->current_context = k;
                return;
        }
        read_view(x, &x->own, r, keywords && x->keywords);
        x->current = &x->own;
        x->current_context = _CONTEXT_N;
}

const View *viewer_source(Viewer *x, uint32_t field) {
        if (x->current->heads[field])
                return x->current;
        if (!x->set->ast.fields[field].inherited || x->set->options.scope == RULE_SCOPE_RECORD)
                return NULL;
        for (ContextKind k = 0; k < _CONTEXT_N; k++) {
                const View *v = k == x->current_context ? NULL : viewer_context(x, k);

                if (v && v->heads[field])
                        return v;
        }
        return NULL;
}

const Value *viewer_value(Viewer *x, uint32_t field) {
        const View *v = viewer_source(x, field);

        return v ? &v->values[v->heads[field] - 1] : NULL;
}
