/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "meaning/decode.h"
#include "rule/category.h"
#include "rule/types.h"
#include "rule/view.h"

#define NO_FIELD UINT32_MAX

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

static void view_reset(View *v) {
        for (size_t i = 0; i < v->n_fields; i++)
                v->heads[v->fields[i]] = 0;
        v->n = v->n_fields = 0;
}

static void view_add(Viewer *x, View *v, uint32_t field, Str text, bool null) {
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

static size_t filter_bit(Str name) {
        return (name.n & 15) << 12 | ((uint8_t)name.p[0] & 63u) << 6 | ((uint8_t)name.p[name.n - 1] & 63u);
}

static uint32_t find_field(const Viewer *x, Str name) {
        uint32_t id;

        if (!name.n || !(x->name_filter[filter_bit(name) / 64] >> filter_bit(name) % 64 & 1) ||
            !ast_find_field(&x->set->ast, name, &id))
                return NO_FIELD;
        return id;
}

static void find_fields(Viewer *x) {
        static const char *const saddr[] = { "saddr_fam", "laddr", "lport", "path" };

        x->id_msg = find_field(x, STR("msg"));
        x->id_timestamp = find_field(x, STR("timestamp"));
        x->id_serial = find_field(x, STR("serial"));
        x->id_node = find_field(x, STR("node"));
        x->id_syscall = find_field(x, STR("syscall"));
        x->id_SYSCALL = find_field(x, STR("SYSCALL"));
        x->id_ARCH = find_field(x, STR("ARCH"));
        for (size_t i = 0; i < 4; i++)
                x->id_saddr[i] = find_field(x, str_from(saddr[i]));
        for (size_t i = 0; i < _CATEGORY_N; i++)
                x->id_category[i] = find_field(x, str_from(category_names[i]));
}

int viewer_init(Viewer *x, const RuleSet *set) {
        const Ast *a = &set->ast;
        int r = 0;

        *x = (Viewer){ .set = set, .line = BUF_INIT, .pairs = BUF_INIT, .args = BUF_INIT };
        x->name_filter = calloc(65536 / 64, sizeof(*x->name_filter));
        for (size_t i = 0; i < _CONTEXT_N && !r; i++)
                r = view_init(&x->context[i], a->n_fields);
        r = r ? r : view_init(&x->own, a->n_fields);
        if (r || !x->name_filter) {
                viewer_done(x);
                return -ENOMEM;
        }
        for (size_t i = 0; i < a->n_fields; i++)
                if (a->fields[i].name.n)
                        x->name_filter[filter_bit(a->fields[i].name) / 64] |=
                                UINT64_C(1) << filter_bit(a->fields[i].name) % 64;
        for (size_t i = 0; i < a->n_tests; i++)
                x->keywords |= a->tests[i].field == FIELD_KEYWORDS;
        find_fields(x);
        return 0;
}

void viewer_done(Viewer *x) {
        for (size_t i = 0; i < _CONTEXT_N; i++)
                view_done(&x->context[i]);
        view_done(&x->own);
        field_vec_done(&x->split);
        arena_done(&x->text);
        buf_done(&x->line);
        buf_done(&x->pairs);
        buf_done(&x->args);
        free(x->name_filter);
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
        x->facts_read = false;
        arena_reset(&x->text);
        for (size_t i = 0; i < _CONTEXT_N; i++) {
                x->context_records[i] = NULL;
                x->context_read[i] = false;
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

/* The bytes of a field that is text, decoded where it is logged in hexadecimal. */
static Str text_of(Viewer *x, int type, const Field *f, FieldKind *ret_kind) {
        FieldKind kind = decode_kind(type, f->name);
        Buf b = BUF_INIT;
        Str s = f->value;

        *ret_kind = kind;
        if (!decode_is_hex_text(kind, f))
                return s;
        decode_text(&b, kind, f);
        if (b.failed)
                x->failed = true;
        else
                s = view_keep(x, buf_view(&b));
        buf_done(&b);
        return s;
}

static bool is_null(const Field *f) { return !f->quoted && str_eq(f->value, STR("(null)")); }

/* A big-endian machine writes the family the other way round: 0002. */
Str view_socket_order(Viewer *x, Str hex) {
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

static void add_socket(Viewer *x, View *v, Str hex) {
        SocketAddress a;
        char text[128];

        hex = view_socket_order(x, hex);
        if (decode_saddr(hex, &a))
                return;
        if (x->id_saddr[0] != NO_FIELD && a.family_name)
                view_add(x, v, x->id_saddr[0], str_from(a.family_name), false);
        if (a.form == SADDR_INET && x->id_saddr[1] != NO_FIELD)
                view_add(x, v, x->id_saddr[1], view_keep(x, str_from(a.address)), false);
        if (a.form == SADDR_INET && x->id_saddr[2] != NO_FIELD) {
                snprintf(text, sizeof(text), "%u", a.port);
                view_add(x, v, x->id_saddr[2], view_keep(x, str_from(text)), false);
        }
        if (a.form == SADDR_UNIX && x->id_saddr[3] != NO_FIELD) {
                snprintf(text, sizeof(text), "%s%s", a.is_abstract ? "@" : "", a.path);
                view_add(x, v, x->id_saddr[3], view_keep(x, str_from(text)), false);
        }
}

/* SYSCALL= and ARCH= as auditd would have added them, and the name as a second value of syscall=. */
static void add_syscall(Viewer *x, View *v, const Field *arch, const Field *number, bool enriched) {
        int machine = decode_machine(arch->value);
        uint64_t n;
        const char *name = NULL, *machine_name = decode_machine_name(machine);

        if (str_u64(number->value, 10, &n) && n <= UINT32_MAX)
                name = decode_syscall_name(machine, (uint32_t)n);
        if (name && x->id_syscall != NO_FIELD)
                view_add(x, v, x->id_syscall, str_from(name), false);
        if (name && !enriched && x->id_SYSCALL != NO_FIELD)
                view_add(x, v, x->id_SYSCALL, str_from(name), false);
        if (machine_name && !enriched && x->id_ARCH != NO_FIELD)
                view_add(x, v, x->id_ARCH, str_from(machine_name), false);
}

static void add_header(Viewer *x, View *v, const Record *r) {
        const RecordId *id = &x->event->id;
        char text[64];

        view_add(x, v, FIELD_TYPE, record_type_name(r), false);
        if (x->id_timestamp != NO_FIELD) {
                snprintf(text, sizeof(text), "%lld.%03u", (long long)id->sec, id->ms);
                view_add(x, v, x->id_timestamp, view_keep(x, str_from(text)), false);
        }
        if (x->id_serial != NO_FIELD) {
                snprintf(text, sizeof(text), "%llu", (unsigned long long)id->serial);
                view_add(x, v, x->id_serial, view_keep(x, str_from(text)), false);
        }
        if (x->id_node != NO_FIELD && id->node.n)
                view_add(x, v, x->id_node, id->node, false);
}

static void add_pair(Viewer *x, Str name, Str text) {
        if (x->pairs.n)
                buf_putc(&x->pairs, ' ');
        buf_str(&x->pairs, name);
        buf_putc(&x->pairs, '=');
        buf_str(&x->pairs, text);
}

static void add_field(Viewer *x, View *v, const Record *r, const Field *f, bool keywords) {
        uint32_t id = find_field(x, f->name);
        FieldKind kind;
        Str text;

        if (id != NO_FIELD || keywords) {
                text = text_of(x, r->type, f, &kind);
                if (keywords)
                        add_pair(x, f->name, text);
                if (id != NO_FIELD && kind == KIND_KEY)
                        add_keys(x, v, id, text);
                else if (id != NO_FIELD)
                        view_add(x, v, id, text, is_null(f));
                if (id != NO_FIELD && kind == KIND_KEY && is_null(f))
                        v->values[v->n - 1].null = true;
        }
        if (f->name.n == 5 && !memcmp(f->name.p, "saddr", 5) && f->part == FIELD_KERNEL)
                add_socket(x, v, f->value);
}

static void split_record(Viewer *x, View *v, const Record *r, bool keywords) {
        const Field *arch = NULL, *number = NULL;
        bool enriched = false;

        if (field_split(&x->split, r) < 0)
                x->failed = true;
        for (size_t i = 0; i < x->split.n; i++) {
                const Field *f = &x->split.v[i];

                add_field(x, v, r, f, keywords);
                if (f->part == FIELD_KERNEL && str_eq(f->name, STR("arch")))
                        arch = f;
                else if (f->part == FIELD_KERNEL && str_eq(f->name, STR("syscall")))
                        number = f;
                else if (f->part == FIELD_ENRICHED)
                        enriched |= str_eq(f->name, STR("SYSCALL"));
        }
        if (arch && number)
                add_syscall(x, v, arch, number, enriched);
        if (x->id_msg != NO_FIELD && x->split.msg.p)
                view_add(x, v, x->id_msg, x->split.msg, false);
}

/* ---- EXECVE: all records of an event are one ---- */

typedef struct {
        Viewer *x;
        View *v;
        int64_t arg;  /* the one that is being put together, or -1 */
        size_t start; /* of it, in x->args */
        bool null, keywords;
} Args;

/* The argument is complete: it becomes a value, if somebody asks for it. */
static void end_arg(Args *a) {
        char name[24];
        uint32_t id;
        Str text;

        if (a->arg < 0 || !a->v)
                return;
        text = (Str){ a->x->args.p + a->start, a->x->args.n - a->start };
        snprintf(name, sizeof(name), "a%lld", (long long)a->arg);
        id = find_field(a->x, str_from(name));
        if (id != NO_FIELD)
                view_add(a->x, a->v, id, view_keep(a->x, text), a->null);
        if (a->keywords)
                add_pair(a->x, str_from(name), text);
        a->arg = -1;
}

static void add_arg(Args *a, const Record *r, const Field *f, uint32_t arg, int64_t piece) {
        Buf *out = &a->x->args;

        if (piece <= 0 || a->arg != arg) {
                end_arg(a);
                if (a->start != SIZE_MAX)
                        buf_putc(out, ' ');
                a->start = out->n;
                a->arg = arg;
        }
        a->null = is_null(f);
        decode_text(out, decode_kind(r->type, f->name), f);
}

/* @v may be NULL: only the joined arguments are wanted. */
static void read_execve(Viewer *x, View *v, const Record *first, bool keywords) {
        Args a = { .x = x, .v = v, .arg = -1, .start = SIZE_MAX, .keywords = keywords };

        buf_clear(&x->args);
        for (const Record *r = first; r; r = r->next) {
                if (r->type != TYPE_EXECVE)
                        continue;
                if (field_split(&x->split, r) < 0)
                        x->failed = true;
                for (size_t i = 0; i < x->split.n; i++) {
                        const Field *f = &x->split.v[i];
                        uint32_t arg;
                        int64_t piece;

                        if (f->part == FIELD_KERNEL && decode_execve_arg(f->name, &arg, &piece))
                                add_arg(&a, r, f, arg, piece);
                        else if (v)
                                add_field(x, v, r, f, keywords);
                }
        }
        end_arg(&a);
        x->failed |= x->args.failed;
}

/* ---- keywords ---- */

static void add_line(Viewer *x, View *v, const Record *r) {
        Str line = view_keep(x, r->text);
        char *mark = line.n ? memchr(line.p, 0x1D, line.n) : NULL;

        if (mark)
                *mark = ' ';
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
                read_execve(x, v, r, keywords);
        else
                split_record(x, v, r, keywords);
        if (keywords)
                add_keywords(x, v, r);
        x->failed |= x->pairs.failed;
}

const View *viewer_context(Viewer *x, ContextKind k) {
        if (!x->context_records[k])
                return NULL;
        if (!x->context_read[k]) {
                x->context_read[k] = true;
                read_view(x, &x->context[k], x->context_records[k], x->keywords);
        }
        return &x->context[k];
}

void viewer_record(Viewer *x, const Record *r, bool keywords) {
        ContextKind k = context_of(r->type);

        if (k < _CONTEXT_N && x->context_records[k] == r) {
                x->current = viewer_context(x, k);
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

/* ---- what the categories are made from ---- */

static int64_t number(Str s) {
        uint64_t n;

        return str_u64(s, 10, &n) && n <= INT32_MAX ? (int64_t)n : -1;
}

static void take_fact(Facts *f, const Field *x) {
        const struct {
                const char *name;
                Str *to;
        } texts[] = { { "exit", &f->exit }, { "uid", &f->uid }, { "UID", &f->user }, { "ses", &f->ses } };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (str_eqz(x->name, texts[i].name)) {
                        *texts[i].to = x->value;
                        return;
                }
        if (str_eq(x->name, STR("pid")))
                f->pid = number(x->value);
        else if (str_eq(x->name, STR("ppid")))
                f->ppid = number(x->value);
        else if (str_eq(x->name, STR("success")))
                f->success = str_eq(x->value, STR("yes"));
}

const Facts *viewer_facts(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];
        Facts *f = &x->facts;
        const Field *arch = NULL, *call = NULL, *name = NULL;
        FieldKind kind;
        uint64_t n;

        if (x->facts_read)
                return f;
        x->facts_read = true;
        *f = (Facts){ .known = r != NULL, .pid = -1, .ppid = -1, .name = STR("") };
        if (!r)
                return f;
        if (field_split(&x->split, r) < 0)
                x->failed = true;
        for (size_t i = 0; i < x->split.n; i++) {
                const Field *s = &x->split.v[i];

                take_fact(f, s);
                if (str_eq(s->name, STR("exe")) && !is_null(s))
                        f->exe = text_of(x, r->type, s, &kind);
                else if (str_eq(s->name, STR("arch")))
                        arch = s;
                else if (str_eq(s->name, STR("syscall")))
                        call = s;
                else if (str_eq(s->name, STR("SYSCALL")))
                        name = s;
        }
        if (arch && call && str_u64(call->value, 10, &n) && n <= UINT32_MAX)
                f->name = str_from(decode_syscall_name(decode_machine(arch->value), (uint32_t)n));
        if (!f->name.n && name)
                f->name = name->value;
        return f;
}

static const Record *find_record(const Event *e, int type) {
        const Record *r = e->records;

        while (r && r->type != type)
                r = r->next;
        return r;
}

Str viewer_command_line(Viewer *x) {
        const Record *r = find_record(x->event, TYPE_EXECVE);

        if (!r)
                return STR_NULL;
        read_execve(x, NULL, r, false);
        return x->args.n ? buf_view(&x->args) : STR("");
}

Str viewer_proctitle(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_PROCTITLE];
        const Field *f;
        FieldKind kind;

        if (!r)
                return STR_NULL;
        if (field_split(&x->split, r) < 0)
                x->failed = true;
        f = field_find(&x->split, STR("proctitle"));
        return f && !is_null(f) ? text_of(x, r->type, f, &kind) : STR_NULL;
}

static void category_field(Viewer *x, CategoryField f, Str text) {
        if (!text.p)
                return;
        if (x->id_category[f] != NO_FIELD)
                view_add(x, &x->own, x->id_category[f], text, false);
        if (x->keywords)
                view_add(x, &x->own, FIELD_KEYWORDS, text, false);
}

void viewer_parent(Viewer *x, Str image, Str command_line) {
        category_field(x, CATEGORY_PARENT_IMAGE, image);
        category_field(x, CATEGORY_PARENT_COMMAND_LINE, command_line);
}

bool viewer_category(Viewer *x, ViewKind kind, const Record *r) {
        CategoryValues values = { 0 };

        if (!category_read(x, kind, r, &values))
                return false;
        view_reset(&x->own);
        for (CategoryField f = 0; f < _CATEGORY_N; f++)
                category_field(x, f, values.v[f]);
        x->current = &x->own;
        x->current_context = _CONTEXT_N;
        return true;
}
