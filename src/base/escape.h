/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Makes any bytes inert in the place where they are shown.
 *
 * Every byte of a record may be an attacker's. Each function appends to @out text that means the same to a
 * reader and nothing to the program that displays it. All are linear and accept any bytes; invalid UTF-8
 * becomes U+FFFD, one for each maximal ill-formed part (Unicode 15, section 3.9, "U+FFFD substitution of
 * maximal subparts"). */
#include "base/buf.h"

/* True when @s is well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool escape_is_utf8(Str s);

/* The inside of a JSON string, without the quotes (RFC 8259): control characters, DEL, '"' and '\' escaped,
 * U+2028 and U+2029 too. Returns false when bytes were replaced by U+FFFD, so that the caller can give the
 * exact bytes in base64 beside it. */
bool escape_json(Buf *out, Str s);

/* For a terminal or a log line: C0 and C1 controls, DEL, and characters that reorder or hide text
 * (bidirectional controls, zero-width characters, line separators, tags) appear as \xNN or \u{NNNN}. */
void escape_terminal(Buf *out, Str s);

/* For text that a notification server renders as markup (Desktop Notifications Specification, "Markup"): as
 * escape_terminal(), and & < > " ' become entities. */
void escape_markup(Buf *out, Str s);

/* RFC 4648 base64 with padding. */
void escape_base64(Buf *out, Str s);
