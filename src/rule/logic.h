/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Finds conditions that cannot hold, or cannot fail, whatever a log says.
 *
 * A table of truth over the tests of an expression, or over its search identifiers where there are too many tests. Only what an
 * expression wants both ways (x, and elsewhere not x) has columns in it; the rest is taken as it suits best. What tests of one field have
 * to do with each other is known as far as it is certain: a field may have several values, but a record has one type, and what a
 * category is made of comes once. Beyond the limits the answer is LOGIC_OPEN. */
#include "rule/ast.h"

#define LOGIC_LEAVES  4096u      /* of an expression */
#define LOGIC_COLUMNS 16u        /* of the table */
#define LOGIC_RELATED 24u        /* tests that are held against each other */
#define LOGIC_WORK    (1u << 19) /* lines of the table by nodes of the expression, 64 lines at a time */

typedef enum {
        LOGIC_OPEN,   /* it depends, or was not looked at */
        LOGIC_NEVER,  /* contradicts itself */
        LOGIC_ALWAYS, /* the fields do not matter */
        LOGIC_TYPES,  /* needs one record to have two types */
        LOGIC_VALUES, /* needs a field to have two values that has one */
} Logic;

/* @view: _VIEW_N: not known. */
Logic logic_judge(const Ast *a, ViewKind view, const Expr *e);
