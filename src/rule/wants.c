/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What rules owe to the correlations that count them: silence, and the values of fields. */
#include <errno.h>
#include <stdlib.h>
#include "rule/load.h"

int load_mark_silent(RuleSet *s) {
        bool *loud = calloc(s->n_rules + s->n_correlations + 1, sizeof(*loud));

        if (!loud)
                return -ENOMEM;

        for (size_t i = 0; i < s->n_correlations; i++)
                for (size_t k = 0; k < s->correlations[i].n_refs; k++) {
                        const CorrelationRef *ref = &s->correlations[i].refs[k];
                        size_t at = ref->correlation ? s->n_rules + ref->index : ref->index;

                        if (ref->correlation)
                                s->correlations[ref->index].silent = true;
                        else
                                s->rules[ref->index].referred = s->rules[ref->index].silent = true;
                        loud[at] |= s->correlations[i].generate;
                }
        for (size_t i = 0; i < s->n_rules; i++)
                s->rules[i].silent &= !loud[i];
        for (size_t i = 0; i < s->n_correlations; i++)
                s->correlations[i].silent &= !loud[s->n_rules + i];
        free(loud);
        return 0;
}

/* *v with the fields of @more that it lacks. */
static int merge(Arena *arena, const uint32_t **v, size_t *n, const uint32_t *more, size_t n_more) {
        uint32_t *all = arena_alloc(arena, (*n + n_more) * sizeof(*all) + 1);
        size_t used = *n;

        if (!all)
                return -ENOMEM;
        if (*n)
                memcpy(all, *v, *n * sizeof(*all));
        for (size_t i = 0; i < n_more; i++) {
                bool known = false;

                for (size_t k = 0; k < used; k++)
                        known |= all[k] == more[i];
                if (!known)
                        all[used++] = more[i];
        }
        *v = all;
        *n = used;
        return 0;
}

static int pass_wants(RuleSet *s, const Correlation *c, const CorrelationRef *ref) {
        uint32_t own[2 * LOAD_MAX_FIELDS];
        size_t n = 0;
        const uint32_t **v;
        size_t *n_v;
        int r;

        for (size_t i = 0; i < c->n_group; i++)
                own[n++] = ref->group[i].field;
        for (size_t i = 0; i < c->n_values; i++)
                own[n++] = ref->values[i].field;
        v = ref->correlation ? &s->correlations[ref->index].wants : &s->rules[ref->index].wants;
        n_v = ref->correlation ? &s->correlations[ref->index].n_wants : &s->rules[ref->index].n_wants;
        r = merge(&s->ast.arena, v, n_v, own, n);
        return r ? r : merge(&s->ast.arena, v, n_v, c->wants, c->n_wants);
}

int load_pass_wants(RuleSet *s) {
        int r = 0;

        for (size_t i = s->n_correlations; i-- > 0 && !r;)
                for (size_t k = 0; k < s->correlations[i].n_refs && !r; k++)
                        r = pass_wants(s, &s->correlations[i], &s->correlations[i].refs[k]);
        return r;
}
