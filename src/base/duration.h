/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Durations as people write them: 500ms, 3s, 5m, 2h, 1d; a bare number is seconds. */
#include "base/str.h"

/* False, and *ret untouched, when the text is none or longer than ten years. */
bool duration_parse(Str text, uint64_t *ret_ms);
