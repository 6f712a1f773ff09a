/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The modifier `expand`: %name% in a value stands for what the placeholder file says, one value or any of a list. */
#include "rule/parse.h"

#define PLACEHOLDER_MAX 1000u /* patterns that one value may become */

/* Whether @s is %name%, and nothing else. */
bool placeholder_is(Str s);

int placeholder_expand(Parse *p, const YamlNode *value, Pattern ret[static PLACEHOLDER_MAX], size_t *ret_n);

/* The same for a value that is a regular expression: texts, of which what the file says is a part as it stands there. In @p's arena. */
int placeholder_expand_regex(Parse *p, const YamlNode *value, Str ret[static PLACEHOLDER_MAX], size_t *ret_n);
