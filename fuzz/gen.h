/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Makes hostile audit text from a seed: records of a grammar, real ones, prose, and all of them damaged.
 *
 * Each case leans towards a few oddities, so that they meet each other. Cases have 1 to CASE_LINES lines
 * of at most GEN_LINE_MAX bytes; identities come from a small pool that moves through time, so that
 * records interleave, tie and time out. */
#include "fuzz/case.h"

#define GEN_LINE_MAX (128u << 10)

/* Case number @number of the sequence that @seed starts. Replaces what @c holds. */
void gen_case(Case *c, uint64_t seed, uint64_t number);

/* Real records, one of most types, without a newline. */
extern const char *const gen_seeds[];
extern const size_t gen_n_seeds;
