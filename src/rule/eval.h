/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Says whether a test or an expression holds for the Viewer's current view.
 *
 * Plain and complete: every kind of test, straight from its definition. index.c decides which rules are worth asking. Answers are
 * remembered until eval_begin(), so that a test that many rules share is done once. */
#include "rule/view.h"

typedef struct {
        const Ast *ast;
        Viewer *viewer;
        RegexScratch *regex;
        uint64_t *known, *truth; /* a bit for each test */
        uint32_t *asked;         /* tests whose bits are set */
        size_t n_asked;
        Buf lower;         /* the value below in lower case */
        const char *low_p; /* the value that it is the lower case of */
        size_t low_n;
} Eval;

int eval_init(Eval *e, Viewer *viewer);
void eval_done(Eval *e);

void eval_begin(Eval *e); /* another view became current */

bool eval_test(Eval *e, uint32_t test);
bool eval_expr(Eval *e, const Expr *x);

/* One value against one test of kind TEST_PATTERN to TEST_TIME; remembers nothing. */
bool eval_value(Eval *e, const Test *t, Str value);

/* Tells the truth about a test that somebody else found out. */
static inline void eval_set(Eval *e, uint32_t test, bool truth) {
        uint64_t bit = UINT64_C(1) << test % 64;

        if (!(e->known[test / 64] & bit)) {
                e->known[test / 64] |= bit;
                e->asked[e->n_asked++] = test;
        }
        if (truth)
                e->truth[test / 64] |= bit;
}

bool compare_numbers(Compare c, long double a, long double b);

/* A decimal number with an optional sign and fraction; false for everything else. */
bool number_parse(Str s, long double *ret);
