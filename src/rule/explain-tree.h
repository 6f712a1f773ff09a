/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A search identifier as people write it, with what came of each of its tests.
 *
 * Tests of one field that belong together become one item again, as "field|modifiers: values". Texts are those of the compiled rule:
 * in lower case unless the rule says cased, encodings done, "foo*" as "startswith foo". A tree lives in the arena it was made in,
 * the values in it as long as the Viewer's. */
#include "rule/eval.h"

typedef enum {
        EXPLAIN_ITEM, /* a field and what it should be */
        EXPLAIN_ALL,  /* all of v must hold */
        EXPLAIN_ANY,  /* one of v must hold */
        EXPLAIN_NOT,  /* v[0] must not hold */
} ExplainKind;

typedef struct ExplainNode ExplainNode;
struct ExplainNode {
        ExplainKind kind;
        bool holds;
        uint64_t distance; /* how many tests would have to come out otherwise for it to hold; 0: it holds */
        const ExplainNode **v;
        size_t n;
        /* EXPLAIN_ITEM: */
        Str field;    /* "": keywords */
        Str modifier; /* "contains|all"; "" none */
        bool every;   /* all of wanted must hold, not one of them */
        bool negated; /* modifier neq, exists: false: all of this is turned round, in holds too */
        bool bare;    /* wanted are no texts: numbers, null, true, names of fields */
        const Str *wanted;
        size_t n_wanted;
        size_t decided; /* the first of wanted that holds (with every: that does not); n_wanted: there is none */
        const Str *values; /* of the field, in order; none: it is absent */
        size_t n_values;
        Str from;          /* the type of the record that the values were inherited from; "": not inherited */
        const Str *others; /* fieldref: the values of the first other field */
        size_t n_others;
};

/* What is below a name of the condition, for the Eval's current view. NULL on ENOMEM. */
const ExplainNode *explain_tree(Eval *e, Arena *arena, const Expr *x);

/* The first item that keeps a tree from holding, in the branch that came closest; NULL when it holds. */
const ExplainNode *explain_first_failed(const ExplainNode *node);

/* Appends a condition in words: "selection and not (filter_a or filter_b)"; a very long one is cut and ends in "…". */
void explain_condition(Buf *out, const Expr *x);
