/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/index.h"
#include "rule/plain.h"

struct Index {
        const RuleSet *set;
};

struct Matcher {
        const Index *index;
};

int index_new(Index **ret, const RuleSet *set) {
        Index *x = calloc(1, sizeof(*x));

        if (!x)
                return -ENOMEM;
        x->set = set;
        *ret = x;
        return 0;
}

Index *index_free(Index *x) {
        free(x);
        return NULL;
}

int matcher_new(Matcher **ret, const Index *index, Viewer *viewer, Eval *eval) {
        Matcher *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->index = index;
        *ret = m;
        return 0;
}

Matcher *matcher_free(Matcher *m) {
        free(m);
        return NULL;
}

void matcher_event(Matcher *m, RuleState *s) { plain_event(s); }
void matcher_parents(Matcher *m, RuleState *s) { plain_parents(s); }
