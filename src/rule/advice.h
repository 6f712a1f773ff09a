/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What advice on fields and advice on values ask of a value. */
#include "rule/parse.h"

/* It is compared as it is: with no modifier, no wildcard. */
static inline bool advice_is_literal(const YamlNode *n) {
        return yaml_is_scalar(n) && n->text.n && !memchr(n->text.p, '*', n->text.n) &&
               !memchr(n->text.p, '?', n->text.n);
}

static inline bool advice_is_number(Str s) {
        uint64_t n;

        return str_u64(s, 10, &n);
}
