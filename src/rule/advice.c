/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is legal and surely a mistake: conditions that cannot hold or cannot fail, filters that let through, fields that are not there. */
#include "rule/logic.h"
#include "rule/parse.h"

#define MAX_LENGTH 60 /* of a name in a message */

static int short_length(Str s) { return (int)(s.n > MAX_LENGTH ? MAX_LENGTH : s.n); }

static int judge(Parse *p, const YamlNode *condition, const Expr *e) {
        switch (logic_judge(p->ast, p->view, e)) {
        case LOGIC_NEVER:
                return parse_error(p, condition,
                                   "this condition can never hold, whatever an event says: its parts "
                                   "contradict each other; remove one of them, or write \"or\" between them");
        case LOGIC_ALWAYS:
                parse_warn(p, condition,
                           "this condition always holds, whatever an event says; write one that can fail");
                return 0;
        case LOGIC_TYPES:
                parse_warn(p, condition,
                           "this condition asks for a record of two types, and no record has two; write two "
                           "rules and a temporal correlation of them, or \"or\"");
                return 0;
        case LOGIC_VALUES:
                parse_warn(p, condition,
                           "this condition asks for two values of a field that has only one; write \"or\" "
                           "between them");
                return 0;
        default: return 0;
        }
}

/* ---- filters ---- */

static bool is_filter(Str name) { return name.n >= 6 && str_ieq((Str){ name.p, 6 }, STR("filter")); }

/* A name of a filter that must hold for the condition to hold, or NULL. */
static const Expr *wanted_filter(const Expr *e, bool wanted) {
        if (e->kind == EXPR_NAME)
                return wanted && is_filter(e->name) ? e : NULL;
        if (e->kind == EXPR_NOT)
                wanted = !wanted;
        for (size_t i = 0; i < e->n; i++) {
                const Expr *found = wanted_filter(e->v[i], wanted);

                if (found)
                        return found;
        }
        return NULL;
}

int advice_condition(Parse *p, const YamlNode *condition, const SearchNames *names, const Expr *e) {
        const Expr *filter = wanted_filter(e, true);

        for (size_t i = 0; filter && i < names->n; i++)
                if (names->v[i].expr == filter)
                        parse_warn(
                                p, names->v[i].node,
                                "\"%.*s\" is called a filter, but events must match it; write \"not %.*s\", "
                                "or give it another name",
                                short_length(filter->name), filter->name.p, short_length(filter->name),
                                filter->name.p);
        return judge(p, condition, e);
}
