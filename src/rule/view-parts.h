/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the files of the Viewer share. */
#include "meaning/decode.h"
#include "rule/view.h"

#define NO_FIELD UINT32_MAX

/* view-names.c */
int view_names_init(Viewer *x);
void view_names_done(Viewer *x);

/* The field of that name, or NO_FIELD. RECORD_SLACK bytes behind the name can be read, as behind every name in a record. */
uint32_t view_find(const Viewer *x, Str name);
uint32_t view_find_wanted(const Viewer *x, Str name); /* of those that are taken now */

/* decode_kind(), remembered for names that rules use (@id not NO_FIELD). */
FieldKind view_kind(Viewer *x, int type, Str name, uint32_t id);

static inline bool view_is_wanted(const Viewer *x, uint32_t id) {
        return id != NO_FIELD && (!x->wanted || x->wanted[id / 64] >> id % 64 & 1);
}

/* The digits of @n into @to, which has room for 20. Returns how many. */
static inline size_t view_number(char *to, uint64_t n) {
        char digits[20];
        size_t i = 0, k = 0;

        do
                digits[i++] = (char)('0' + n % 10);
        while (n /= 10);
        while (i)
                to[k++] = digits[--i];
        return k;
}

/* view.c */

/* The fields of a record that have one of the names taken now, and maybe others. */
const FieldVec *view_named(Viewer *x, const Record *r);

/* view-call.c: what kind of system call that is, and values of the event's Tail. */
CallKind view_call_kind(Str name);
Str view_tail_exe(Viewer *x);                       /* decoded; STR_NULL: there is none */
Str view_tail_part(const Viewer *x, const Part *p); /* as logged; STR_NULL: there is none */

void view_reset(View *v);
void view_add(Viewer *x, View *v, uint32_t field, Str text, bool null);
bool view_is_null(const Field *f); /* (null), without quotes */

/* The bytes of a field, decoded where it is text that is logged in hexadecimal. @id: its number, or NO_FIELD. */
Str view_text(Viewer *x, int type, const Field *f, uint32_t id, FieldKind *ret_kind);

/* A field, if rules name it; with @keywords also into x->pairs. */
void view_add_field(Viewer *x, View *v, const Record *r, const Field *f, bool keywords);
void view_add_pair(Viewer *x, Str name, Str text);

/* view-execve.c: all EXECVE records from @first on: into @v, which may be NULL when only the joined arguments are wanted, in x->args. */
void view_read_execve(Viewer *x, View *v, const Record *first, bool keywords);
