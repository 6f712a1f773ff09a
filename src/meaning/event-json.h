/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An event as one line of JSON, and as text for people.
 *
 * Keys: id, time (RFC 3339, UTC, milliseconds), node (only if there is one), serial, ended, late (only if true), records. A record: type
 * (as logged), fields (as logged, in order, quotes removed; a name that comes again makes an array), enriched (what auditd appended behind
 * 0x1D), text (interpreted, only what differs from fields), raw (the body as logged, only when it holds words that are in no field). A
 * string that was not UTF-8 has U+FFFD in it; its exact bytes stand in base64 in an object "base64" of the same record, under the
 * same key (an array there too). */
#include "meaning/meaning.h"

/* Appends one line, newline included. 0 or -ENOMEM. Output is flushed through buf_maybe_flush() inside long events when @out has an fd. */
int event_json(Buf *out, Meaning *m, const Event *event);

/* A header line, then a line a record; names instead of numbers; everything inert for a terminal. 0 or -ENOMEM. */
int event_text(Buf *out, Meaning *m, const Event *event);
