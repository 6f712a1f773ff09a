/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What kind of thing happened, in fixed words for programs: tables by type of record and by system call (kind.c).
 *
 * Where libauparse's normaliser has a word, it is the same word, so that what was written for `ausearch
 * --format csv` fits; test-normaliser.c holds both against each other, and says where ours differs and why.
 * "" in a member: nothing is known. */
#include "alert/facts.h"

typedef struct {
        Str category; /* "user-login", "audit-rule", "mac-decision" */
        Str action;   /* "logged-in", "opened-file"; without success or failure, that is the result */
        Str object;   /* what it was done to: "file", "account" */
} Kind;

Kind kind_of(const Facts *f);
