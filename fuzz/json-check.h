/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A strict reader of JSON (RFC 8259) that keeps nothing: the tests' own, so that no mistake of ours is
 * shared. */
#include "base/str.h"

#define JSON_CHECK_DEPTH 32u

/* True when @text is one JSON object, with nothing around it. */
bool json_check(Str text);
