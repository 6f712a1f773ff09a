/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Repeats a capture with fresh times and serials, so that every pass is made of new events. */
#include "base/buf.h"

/* Lines of @text, from its start again when it is over, until there are @n_lines. 0, or -errno of @out. */
int replay_capture(Buf *out, Str text, uint64_t n_lines);
