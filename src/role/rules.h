/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Loads rules for a command: what is wrong with them goes to stderr, one "file:line:column: error: …" a
 * line. */
#include "rule/rule.h"

typedef struct {
        uint64_t errors, warnings;
} RulesReport;

/* 0 or -errno; *ret_report also when rules were refused. @quiet: warnings are counted, not shown. */
int rules_load(RuleSet **ret, const char *const *paths, size_t n_paths, const RuleOptions *options,
               bool quiet, RulesReport *ret_report);

/* "context", "record" or "event"; false, and *ret untouched, for anything else. */
bool rules_scope(Str name, RuleScope *ret);
