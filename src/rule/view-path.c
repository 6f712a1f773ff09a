/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* PATH records differ in the name and the inode; the rest is the same again and again. */
#include "record/scan.h"
#include "rule/types.h"
#include "rule/view-parts.h"

static bool is_bare(Str s) {
        if (str_eq(s, STR("(null)")))
                return true;
        for (size_t i = 0; i < s.n; i++)
                if (str_hexval(s.p[i]) < 0)
                        return false;
        return s.n > 0;
}

/* The value at @p, up to a blank. NULL: it is no number. */
static const char *number(const char *p, const char *end, Str *ret) {
        const char *start = p;

        while (p < end && *p >= '0' && *p <= '9')
                p++;
        *ret = (Str){ start, (size_t)(p - start) };
        return p > start ? p : NULL;
}

static const char *name(const char *p, const char *end, Path *ret) {
        const char *close;

        ret->quoted = p < end && *p == '"';
        if (!ret->quoted) {
                close = scan_blank(p, end);
                ret->head[PATH_NAME] = (Str){ p, (size_t)(close - p) };
                return is_bare(ret->head[PATH_NAME]) ? close : NULL;
        }
        close = scan_quote(p + 1, end);
        if (close == end || *close != '"')
                return NULL;
        ret->head[PATH_NAME] = (Str){ p + 1, (size_t)(close - p - 1) };
        return close + 1;
}

static bool starts(const char *p, const char *end, Str what) {
        return (size_t)(end - p) >= what.n && !memcmp(p, what.p, what.n);
}

bool viewer_path(const Record *r, Path *ret) {
        Str body = record_body(r);
        const char *p = body.p, *end = p + body.n;

        if (!starts(p, end, STR("item=")) || !(p = number(p + 5, end, &ret->head[PATH_ITEM])) ||
            !starts(p, end, STR(" name=")) || !(p = name(p + 6, end, ret)) ||
            !starts(p, end, STR(" inode=")) || !(p = number(p + 7, end, &ret->head[PATH_INODE])) ||
            !starts(p, end, STR(" dev=")))
                return false;
        ret->tail = (Str){ p, (size_t)(end - p) };
        return true;
}

Str viewer_path_name(Viewer *x, const Path *p) {
        Field f = { STR("name"), p->head[PATH_NAME], FIELD_KERNEL, p->quoted, false };
        FieldKind kind;

        return view_text(x, TYPE_PATH, &f, x->id_path[PATH_NAME], &kind);
}
