/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The modifier `expand`: %name% in a value stands for what the placeholder file says, one value or any of a list. */
#include "rule/parse.h"

#define PLACEHOLDER_MAX 1000u /* patterns that one value may become */

int placeholder_expand(Parse *p, const YamlNode *value, Pattern ret[static PLACEHOLDER_MAX], size_t *ret_n);
