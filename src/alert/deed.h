/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a system call did, as a verb: a table (deed.c). A new one is one row.
 *
 * Only calls whose records say to what they did it have a deed: a verb without its object tells nobody anything. */
#include "alert/facts.h"

typedef struct {
        const char *syscalls; /* names, a blank between two */
        bool (*when)(const Facts *f);
        const char *did;        /* "created" */
        const char *infinitive; /* "create", after "failed to" */
        const char *what;       /* the rest, a template of sentence.c */
} Deed;

/* NULL: nobody knows a verb for it. */
const Deed *deed_find(const Facts *f);

/* The mode that chmod and its like were asked to set, as text; "" for other calls. */
Str deed_mode(const Facts *f);

/* Whom chown and its like were asked to make the owner; "" for other calls, and where it stays. */
Str deed_owner(const Facts *f);
