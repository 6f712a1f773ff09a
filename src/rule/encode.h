/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The encodings of Sigma's value modifiers. Each appends to @out. */
#include "base/buf.h"

/* UTF-8 to UTF-16; bytes that are not UTF-8 become U+FFFD. */
void encode_utf16(Buf *out, Str s, bool big_endian);

/* RFC 4648 base64 of @s as it stands inside a longer text: behind @shift (0..2) bytes of something else, only the characters that do
 * not depend on what is around it. */
void encode_base64_inside(Buf *out, Str s, unsigned shift);
