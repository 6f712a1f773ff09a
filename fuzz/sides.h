/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The two sides that are compared: libauparse's feed, a line at a time, and our assembler in compatibility
 * mode. */
#include "fuzz/case.h"

typedef struct {
        bool first; /* of its event */
        int type;
        uint32_t n_fields;
} Entry;

typedef struct {
        Entry *v; /* a record each, in order of delivery */
        size_t n, cap;
        bool failed; /* no memory, or no file descriptor */
} Listing;

void sides_library(const Case *c, Listing *ret);
void sides_ours(const Case *c, Listing *ret);
bool sides_same(const Listing *a, const Listing *b);
void sides_show(const Listing *library, const Listing *ours, Buf *out);
void listing_done(Listing *l);
