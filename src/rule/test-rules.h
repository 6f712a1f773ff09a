/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* For unit tests: rules from a text. */
#include "base/test-support.h"
#include "rule/rule.h"

static inline void test_no_error(void *userdata, RuleDiagKind kind, const char *file, unsigned line,
                                 unsigned column, const char *text) {
        if (kind == RULE_DIAG_ERROR)
                fail_msg("%u:%u: %s", line, column, text);
}

/* A state of the rules in @yaml, which has no error. */
static inline RuleState *test_rules(const char *yaml) {
        char path[] = "/tmp/aulert-test-rules-XXXXXX";
        const char *paths[] = { path };
        int fd = mkstemp(path);
        RuleState *state;
        RuleSet *set;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, yaml, strlen(yaml)), (ssize_t)strlen(yaml));
        close(fd);
        assert_int_equal(rule_set_load(&set, paths, 1, NULL, test_no_error, NULL), 0);
        unlink(path);
        assert_int_equal(rule_state_new(&state, set), 0);
        rule_set_unref(set);
        return state;
}
