/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the categories are made from: the facts of a SYSCALL record, arguments, and the view of a category. */
#include "meaning/decode.h"
#include "rule/category.h"
#include "rule/types.h"
#include "rule/view-parts.h"

static int64_t number(Str s) {
        int64_t n = 0;

        if (!s.n || s.n > 10)
                return -1;
        for (size_t i = 0; i < s.n; i++) {
                if (s.p[i] < '0' || s.p[i] > '9')
                        return -1;
                n = n * 10 + (s.p[i] - '0');
        }
        return n <= INT32_MAX ? n : -1;
}

static void take_fact(Facts *f, const Field *x) {
        const char *p = x->name.p;

        switch (x->name.n) {
        case 3:
                if (!memcmp(p, "pid", 3))
                        f->pid = number(x->value);
                else if (!memcmp(p, "uid", 3))
                        f->uid = x->value;
                else if (!memcmp(p, "UID", 3))
                        f->user = x->value;
                else if (!memcmp(p, "ses", 3))
                        f->ses = x->value;
                break;
        case 4:
                if (!memcmp(p, "ppid", 4))
                        f->ppid = number(x->value);
                else if (!memcmp(p, "exit", 4))
                        f->exit = x->value;
                break;
        case 7:
                if (!memcmp(p, "success", 7))
                        f->success = str_eq(x->value, STR("yes"));
                break;
        default: break;
        }
}

void viewer_fact_names(FieldNames *ret, bool all) {
        static const char *const names[] = { "pid",     "ppid", "success", "exe", "arch", "syscall",
                                             "SYSCALL", "uid",  "UID",     "ses", "exit" };

        for (size_t i = 0; i < (all ? ARRAY_SIZE(names) : 7); i++)
                field_names_add(ret, str_from(names[i]));
}

static void read_facts(Viewer *x, const Record *r, const FieldVec *fields) {
        const Field *arch = NULL, *call = NULL, *name = NULL;
        Facts *f = &x->facts;
        FieldKind kind;
        uint64_t n;

        *f = (Facts){ .known = true, .pid = -1, .ppid = -1, .name = STR("") };
        for (size_t i = 0; i < fields->n; i++) {
                const Field *s = &fields->v[i];

                take_fact(f, s);
                if (str_eq(s->name, STR("exe")) && !view_is_null(s))
                        f->exe = view_text(x, r->type, s, NO_FIELD, &kind);
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
        f->kind = view_call_kind(f->name);
}

/* From what is remembered of the record, without reading it as a whole. */
static void read_usual_facts(Viewer *x, const Call *c) {
        const Tail *t = c->tail;

        x->facts = (Facts){ .known = true,
                            .success = c->front->success,
                            .name = c->front->name,
                            .kind = c->front->kind,
                            .exit = c->head[HEAD_EXIT],
                            .exe = view_tail_exe(x),
                            .uid = view_tail_part(x, &t->uid),
                            .user = view_tail_part(x, &t->user),
                            .ses = view_tail_part(x, &t->ses),
                            .pid = number(c->head[HEAD_PID]),
                            .ppid = number(c->head[HEAD_PPID]) };
        if (!x->facts.name.n && t->call.known) {
                x->facts.name = view_tail_part(x, &t->call);
                x->facts.kind = view_call_kind(x->facts.name);
        }
        x->all_facts_read = true;
}

const Facts *viewer_facts(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];
        const Call *call;

        if (x->facts_read)
                return &x->facts;
        x->facts_read = true;
        x->facts = (Facts){ .known = false, .pid = -1, .ppid = -1, .name = STR("") };
        call = viewer_call(x);
        if (call)
                read_usual_facts(x, call);
        else if (r)
                read_facts(x, r, view_named(x, r));
        return &x->facts;
}

const Facts *viewer_all_facts(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_SYSCALL];

        if (!x->fact_names || !r)
                x->all_facts_read = true; /* nothing is left out */
        if (x->all_facts_read || (viewer_facts(x), x->all_facts_read))
                return viewer_facts(x);
        x->facts_read = x->all_facts_read = true;
        if (field_split_named(&x->named, r, x->fact_names) < 0)
                x->failed = true;
        read_facts(x, r, &x->named);
        return &x->facts;
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
        if (!x->args_known)
                view_read_execve(x, NULL, r, false);
        return x->args.n ? buf_view(&x->args) : STR("");
}

Str viewer_proctitle(Viewer *x) {
        const Record *r = x->context_records[CONTEXT_PROCTITLE];
        const Field *f;
        FieldKind kind;

        if (!r)
                return STR_NULL;
        f = field_find(viewer_split(x, r), STR("proctitle"));
        return f && !view_is_null(f) ? view_text(x, r->type, f, NO_FIELD, &kind) : STR_NULL;
}

static void category_field(Viewer *x, CategoryField f, Str text) {
        if (!text.p)
                return;
        if (x->id_category[f] != NO_FIELD)
                view_add(x, &x->own, x->id_category[f], text, false);
        if (x->category_keywords)
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
