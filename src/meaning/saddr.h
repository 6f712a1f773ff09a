/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Socket addresses as libauparse 3.0.9 shows them: "{ saddr_fam=inet laddr=127.0.0.1 lport=22 }".
 *
 * Our own code, because addresses repeat too seldom for a cache. Two differences: a blob that is shorter
 * than its family's structure is zero behind its end, where the library shows what its memory holds; and a
 * scope is always a number, where the library looks for the name of an interface of this machine. */
#include "base/buf.h"

/* False, and nothing appended: ask the library. The value does not start with a family, or with one of
 * which only the library knows whether it understands it. */
bool saddr_text(Buf *out, Str hex);
