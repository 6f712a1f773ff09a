/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Makes a case smaller while it still does what is asked: lines go first, then bytes. At most SHRINK_TRIES
 * attempts. */
#include "fuzz/case.h"

#define SHRINK_TRIES 20000u

typedef bool (*ShrinkTest)(void *userdata, const Case *c);

/* @c: test(c) is true, and stays true. 0 or -ENOMEM. */
int shrink(Case *c, ShrinkTest test, void *userdata);
