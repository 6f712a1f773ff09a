/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Text fields as libauparse shows them.
 *
 * decode.h says what the bytes of a well-formed value are. These functions say what
 * auparse_interpret_field() of 3.0.9 prints for any value: it decodes as many leading digits as there are,
 * drops what follows, ends at a NUL, skips a leading 00 (an abstract socket), keeps "(null)", and shows
 * one blank for a quote without end. All append to @out and are linear. */
#include "base/buf.h"

/* @raw: the value as in the record, quotes included. */
void unescape_text(Buf *out, Str raw);

/* NUL bytes between arguments become blanks. */
void unescape_proctitle(Buf *out, Str raw);

/* Several keys have byte 1 between them, empty ones are dropped. */
void unescape_keys(Buf *out, Str raw);

/* True: @s holds bytes below 0x20. */
bool unescape_has_control(Str s);

/* Appends @s with bytes below 0x20, except @keep, as backslash and three octal digits. @keep: 0 for none. */
void unescape_show(Buf *out, Str s, char keep);
