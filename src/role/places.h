/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where the program's own files are. */
#include "base/buf.h"

/* Our rules: those of the build tree that the program runs from, else the installed ones. NULL when memory
 * runs out, else the buffer's text. */
const char *places_rules(Buf *path);

/* Where alerts wait: spool.db in $STATE_DIRECTORY, or in /var/lib/aulert for root. NULL: nowhere, or no memory. */
const char *places_spool(Buf *path);
/* The socket of `aulert status`, as places_spool(): status in $RUNTIME_DIRECTORY, or in /run/aulert for root and for who
 * asks (@asks). */
const char *places_status(Buf *path, bool asks);
const char *places_config(void); /* the configuration that is read when none is named */
