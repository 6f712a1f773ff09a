/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How far a rule is from being true: how many of its tests would have to come out otherwise. Linear in the size of the rule. */
#include "rule/eval.h"

/* What it would take for an expression to be true, and to be false, in tests that come out otherwise. One of the two is 0. */
typedef struct {
        uint64_t yes, no;
} Cost;

#define COST_TYPE (UINT64_C(1) << 32) /* of a test of the record's type: more than all others of a rule */
#define COST_MAX  (UINT64_C(1) << 62) /* cannot be */

typedef struct {
        const Expr *expr;
        Cost cost;
} Judged;

/* The names of a rule's condition; found by their expressions. */
typedef struct {
        Judged *judged; /* in the order of the condition */
        size_t n;
        uint32_t *slots; /* index + 1 */
        size_t n_slots;
} Names;

/* Fills *ret with the names below @e, their costs not known yet; all of it lives in @arena. False on ENOMEM. */
bool names_init(Names *ret, Arena *arena, const Expr *e);

/* The number of a name in names->judged, or false. */
bool names_find(const Names *names, const Expr *e, size_t *ret);

/* For the Eval's current view; what is below a name of @names (or NULL) is not looked at again. @types_only: tests of anything but the
 * record's type are taken to come out as one wishes. */
Cost cost_weigh(Eval *eval, const Names *names, const Expr *e, bool types_only);
