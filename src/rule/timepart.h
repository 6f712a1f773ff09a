/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Minute, hour, day of the month, ISO week, month or year, in UTC, of a time in seconds since the epoch or in ISO 8601. */
#include "rule/ast.h"

bool timepart_read(Str text, TimePart part, int *ret);
