/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>
#include "base/escape.h"
#include "role/rules.h"

typedef struct {
        Buf out;
        bool quiet;
        RulesReport report;
} Printer;

static void print(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                  const char *text) {
        Printer *p = userdata;

        p->report.errors += kind == RULE_DIAG_ERROR;
        p->report.warnings += kind == RULE_DIAG_WARNING;
        if (p->quiet && kind == RULE_DIAG_WARNING)
                return;
        escape_terminal(&p->out, str_from(file));
        buf_printf(&p->out, ":%u:%u: %s: ", line, column, kind == RULE_DIAG_ERROR ? "error" : "warning");
        escape_terminal(&p->out, str_from(text));
        buf_putc(&p->out, '\n');
        buf_flush(&p->out);
}

int rules_load(RuleSet **ret, const char *const *paths, size_t n_paths, const RuleOptions *options,
               bool quiet, RulesReport *ret_report) {
        Printer p = { .out = BUF_INIT, .quiet = quiet };
        int r;

        buf_attach(&p.out, STDERR_FILENO);
        r = rule_set_load(ret, paths, n_paths, options, print, &p);
        *ret_report = p.report;
        buf_done(&p.out);
        return r;
}

bool rules_scope(Str name, RuleScope *ret) {
        static const struct {
                const char *name;
                RuleScope scope;
        } scopes[] = { { "context", RULE_SCOPE_CONTEXT },
                       { "record", RULE_SCOPE_RECORD },
                       { "event", RULE_SCOPE_EVENT } };

        for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
                if (str_eqz(name, scopes[i].name)) {
                        *ret = scopes[i].scope;
                        return true;
                }
        return false;
}
