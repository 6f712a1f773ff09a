/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* An event as one line of JSON.
 *
 * Keys: id, time (RFC 3339, UTC, milliseconds; null outside of the years 0 to 9999), node (only if there
 * is one), serial, ended, late (only if true), records. A record: type (as logged), fields (as logged, in
 * order, quotes removed; a name that comes again makes an array), enriched (what auditd appended behind
 * 0x1D, likewise), text (interpreted, only names where it differs from fields: an array where fields has
 * one or where a key holds several); these four are always there. raw (the body as logged) only when it
 * holds more than the others show. base64: see below. */
#include "meaning/meaning.h"

/* Appends one line, newline included. 0 or -ENOMEM. Output is flushed through buf_maybe_flush() inside
 * long events when @out has an fd.
 *
 * A string that was not UTF-8 has U+FFFD in it, and its exact bytes stand in an object "base64" of the
 * same record (node, id: of the event), under the same key; in an array there, null stands for strings
 * that are exact. Where a name has two such strings, base64 has the first (fields before enriched before
 * text), and the record has "raw", also exact; likewise for names that are not UTF-8, which fall together
 * when they look the same, and for a field called raw. */
int event_json(Buf *out, Meaning *m, const Event *event);
