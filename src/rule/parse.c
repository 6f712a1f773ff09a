/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdarg.h>
#include <stdio.h>
#include "rule/parse.h"

#define WHOLE SIZE_MAX /* no place inside the node */

/* Columns count characters. */
static unsigned inside(const YamlNode *at, size_t offset) {
        return at->lead + (unsigned)str_chars((Str){ at->text.p, offset < at->text.n ? offset : at->text.n });
}

static void tell(Parse *p, RuleDiagKind kind, const YamlNode *at, size_t offset, const char *fmt,
                 va_list ap) {
        char text[1024];
        int n = 0;

        if (!p->diag)
                return;
        if (p->rule.n)
                n = snprintf(text, sizeof(text), "rule %.*s: ", (int)(p->rule.n > 100 ? 100 : p->rule.n),
                             p->rule.p);
        vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
        p->diag(p->userdata, kind, p->file, at ? at->line : 1,
                at ? at->column + (at->exact && offset != WHOLE ? inside(at, offset) : 0) : 1, text);
}

int parse_error(Parse *p, const YamlNode *at, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        tell(p, RULE_DIAG_ERROR, at, WHOLE, fmt, ap);
        va_end(ap);
        return PARSE_E_BAD;
}

int parse_error_at(Parse *p, const YamlNode *at, size_t offset, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        tell(p, RULE_DIAG_ERROR, at, offset, fmt, ap);
        va_end(ap);
        return PARSE_E_BAD;
}

int parse_expr(Parse *p, const YamlNode *at, const Expr *e, const Expr **ret) {
        *ret = e;
        return e ? 0 : parse_error(p, at, "this is too large; split it into several rules");
}

int parse_room(Parse *p, const YamlNode *at) {
        if (ast_bytes(p->ast) <= p->most)
                return 0;
        return parse_error(p, at,
                           "from here on this rule takes more than %zu MiB; split it into several rules",
                           PARSE_MAX_BYTES >> 20);
}

void parse_warn(Parse *p, const YamlNode *at, const char *fmt, ...) {
        va_list ap;

        if (p->n_warnings++ >= PARSE_MAX_WARNINGS)
                return;
        va_start(ap, fmt);
        tell(p, RULE_DIAG_WARNING, at, WHOLE, fmt, ap);
        va_end(ap);
}

Nearest parse_nearest(Parse *p, Str word) {
        return nearest_begin(p->n_nearest++ < PARSE_MAX_NEAREST ? word : STR(""));
}
