/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/deliver/route.h"

static bool any(StrList wanted, Str have) {
        for (size_t i = 0; i < wanted.n; i++)
                if (str_eq(wanted.v[i], have))
                        return true;
        return false;
}

static bool any_of(StrList wanted, const Str *have, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (any(wanted, have[i]))
                        return true;
        return !wanted.n;
}

static bool any_tag(StrList wanted, const Alert *a) {
        const Str own = STR("aulert.");

        for (size_t i = 0; i < a->n_tags; i++)
                if (any(wanted, a->tags[i]) ||
                    (str_starts(a->tags[i], own) &&
                     any(wanted, (Str){ a->tags[i].p + own.n, a->tags[i].n - own.n })))
                        return true;
        return !wanted.n;
}

static bool any_group(const ConfigMatch *m, Str node) {
        for (size_t i = 0; i < m->n_groups; i++)
                if (any(m->groups[i], node))
                        return true;
        return !m->n_groups;
}

static bool matches(const ConfigMatch *m, const Alert *a) {
        return (!m->levels || m->levels & 1u << a->level) &&
               (!m->rules.n || any(m->rules, a->rule_id) || any(m->rules, a->rule_title)) &&
               any_tag(m->tags, a) && any_of(m->keys, a->keys, a->n_keys) && any_of(m->users, &a->user, 1) &&
               any_of(m->nodes, &a->node, 1) && any_group(m, a->node);
}

bool route_matches(const ConfigMatch *m, const Alert *a) {
        if (!matches(m, a))
                return false;
        for (size_t i = 0; i < m->n_not; i++)
                if (matches(&m->not [i], a))
                        return false;
        return true;
}
