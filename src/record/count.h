/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Counts the fields of a record exactly as libauparse 3.0.9 would.
 *
 * The library splits on blanks alone and has rules of its own for keys, messages and AVC records (its
 * parse_up_record()); `aulert records` promises the same numbers. field.h is the split that everything
 * else uses. */
#include "record/record.h"

/* Fields of a record whose header was strict (header_parse()): node, type and those of the body. *ret_bad:
 * the library gives up in the middle (permissions of an AVC or USER_AVC record beyond 256 bytes); the
 * number found until then is returned. */
uint32_t count_fields(const Record *record, bool *ret_bad);

/* The same for any text, the type being found on the way: it is the value of the first field (second with
 * a node) if that is "type". *ret_bad also when there is no word at all before 0x1D. */
uint32_t count_fields_of_text(Str text, int *ret_type, bool *ret_bad);
