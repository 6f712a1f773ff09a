/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which fields there are, where that is certain: in records that the kernel writes with a fixed format, and in what categories are made
 * of. For warnings only: where nothing is certain (records of programs, types that are not listed), any field may be there.
 *
 * Source: the format strings of the kernel (kernel/auditsc.c, kernel/audit.c, net/netfilter, drivers/tty) and what auditd appends
 * (auditd.conf(5), log_format); test-known.c holds the table against recorded logs. */
#include "rule/ast.h"

/* What a type of record, named as in the log, is known to hold. */
typedef struct {
        const char *type;
        const char *fields; /* with blanks between and around; "a#" is a0, a1 and so on */
} KnownType;

/* Whether @field stands in a list of names with blanks between. */
bool known_list_holds(const char *list, Str field);

/* NULL: not known. */
const KnownType *known_type(Str name);

/* Whether a rule can see @field in a record of that type, what records inherit included. */
bool known_in_type(const KnownType *type, Str field);

/* The n-th type, of those in the table, that holds @field itself; NULL: no more. */
const KnownType *known_type_with(Str field, size_t n);

/* The field that @field is, else one that differs from it in letter case; STR_NULL: none of those that are certain. */
Str known_field(Str field);

/* Whether a rule can see @field in a view of a category (not VIEW_AUDIT). */
bool known_in_category(ViewKind view, Str field);

/* The n-th name of the fields of a category; STR_NULL: no more. */
Str known_category_field(ViewKind view, size_t n);
