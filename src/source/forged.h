/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Lines of a log that are no records although they may look like some.
 *
 * auditd (3.0.9, format_enrich()) replaces newlines in what the kernel sent, but not in what it adds: with
 * log_format=ENRICHED it writes the path of a unix socket as it is, so that anybody who may call connect() or bind()
 * with such a path writes lines of his own into the log, when these calls are audited:
 *
 *   type=SOCKADDR msg=audit(…): saddr=01002F780A74…<0x1D>SADDR={ saddr_fam=local path=/x
 *   type=USER_LOGIN msg=audit(…): …
 *    }
 *
 * The kernel's own saddr= cannot be forged: it says, byte for byte, what is to follow. A line is taken for forged only
 * when it is exactly that, so that braces, quotes, any number of lines and records of any type in the path change
 * nothing, and no path makes a true record disappear. Other additions need no such care: call signs (AX.25) and X.25
 * addresses are too short for a header, names of users come from the name service and cannot be told from their text.
 *
 * Where auditd writes to a plugin the newline is a blank, and only the attempt is left to be seen. */
#include "base/str.h"

#define FORGED_MAX 192u /* bytes: more than an address has (the kernel: struct sockaddr_storage, 128) */

typedef struct {
        char text[FORGED_MAX]; /* what is still to come of the path, and one byte more */
        unsigned n;            /* its length; 0: nothing is to come */
        bool tried; /* a line of the path poses as a record; else it is only a path with a newline */
} Forged;

/* Looks at a SOCKADDR record; @body: offset of "saddr=". Returns true when a path in it has a newline with what could
 * be the start of a record behind it. What the next lines have to be is kept in @f where the line breaks there. */
bool forged_begin(Forged *f, Str line, size_t body);

/* The next line: true when it is a part of that path and no record. */
bool forged_take(Forged *f, Str line);
