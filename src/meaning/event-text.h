/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An event for people: a header line, then a line a record, names instead of numbers, everything inert for
 * a terminal.
 *
 *   2026-11-22 10:11:12.345 #116539 host.example (late, ended by timeout)
 *     SYSCALL arch=x86_64 syscall=openat success=yes exit=3 … comm=cat exe=/usr/bin/cat key=etc
 *
 * Times are UTC. Text with blanks in it stands in quotes. What ended the event is said unless it was its
 * last record or the end of the input. */
#include "meaning/meaning.h"

/* 0 or -ENOMEM. Flushed like event_json(). */
int event_text(Buf *out, Meaning *m, const Event *event);
