/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* All EXECVE records of an event are one: arguments that the kernel cut into pieces are put together, and all are joined. */
#include "rule/types.h"
#include "rule/view-parts.h"

typedef struct {
        Viewer *x;
        View *v;
        int64_t arg;  /* the one that is being put together, or -1 */
        size_t start; /* of it, in x->args */
        bool null, keywords;
} Args;

static uint32_t arg_id(const Args *a, Str name) {
        uint32_t id;

        if (a->arg >= (int64_t)ARRAY_SIZE(a->x->id_arg))
                return view_find_wanted(a->x, name);
        id = a->x->id_arg[a->arg];
        return view_is_wanted(a->x, id) ? id : NO_FIELD;
}

/* The argument is complete: it becomes a value, if somebody asks for it. */
static void end_arg(Args *a) {
        char name[24 + 8] = { 'a' };
        Str text, whole = { name, 1 };
        uint32_t id;

        if (a->arg < 0 || !a->v)
                return;
        text = (Str){ a->x->args.p + a->start, a->x->args.n - a->start };
        if (a->keywords || a->arg >= (int64_t)ARRAY_SIZE(a->x->id_arg))
                whole.n += view_number(name + 1, (uint64_t)a->arg);
        id = arg_id(a, whole);
        if (id != NO_FIELD)
                view_add(a->x, a->v, id, text, a->null);
        if (a->keywords)
                view_add_pair(a->x, whole, text);
        a->arg = -1;
}

static void add_arg(Args *a, const Field *f, uint32_t arg, int64_t piece) {
        Buf *out = &a->x->args;

        if (piece <= 0 || a->arg != arg) {
                end_arg(a);
                if (a->start != SIZE_MAX)
                        buf_putc(out, ' ');
                a->start = out->n;
                a->arg = arg;
        }
        a->null = view_is_null(f);
        decode_text(out, KIND_TEXT, f);
}

/* Room for all arguments, so that none of them moves: values point to them. */
static void begin_args(Viewer *x, const Record *first) {
        size_t n = 0;

        for (const Record *r = first; r; r = r->next)
                if (r->type == TYPE_EXECVE)
                        n += r->text.n;
        buf_clear(&x->args);
        buf_reserve(&x->args, n);
}

/* @v may be NULL: only the joined arguments are wanted. */
void view_read_execve(Viewer *x, View *v, const Record *first, bool keywords) {
        Args a = { .x = x, .v = v, .arg = -1, .start = SIZE_MAX, .keywords = keywords };
        const Record *begins = NULL;

        begin_args(x, first);
        for (const Record *r = first; r; r = r->next) {
                const FieldVec *fields;

                if (r->type != TYPE_EXECVE)
                        continue;
                if (!begins)
                        begins = r;
                else if (str_eq(r->text, begins->text))
                        break; /* the event again, as where logs overlap: its arguments do not stand twice */
                fields = viewer_split(x, r);
                for (size_t i = 0; i < fields->n; i++) {
                        const Field *f = &fields->v[i];
                        uint32_t arg;
                        int64_t piece;

                        if (f->part == FIELD_KERNEL && decode_execve_arg(f->name, &arg, &piece))
                                add_arg(&a, f, arg, piece);
                        else if (v)
                                view_add_field(x, v, r, f, keywords);
                }
        }
        end_arg(&a);
        x->failed |= x->args.failed;
        x->args_known = !x->args.failed;
}
