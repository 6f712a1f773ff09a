/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* For unit tests: what loading says of a text of rules. */
#include "base/test-support.h"
#include "rule/rule.h"

typedef struct {
        unsigned line, column, errors, warnings;
        char text[1200];
} Said;

static inline void hear(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                        const char *text) {
        Said *s = userdata;

        s->warnings += kind == RULE_DIAG_WARNING;
        s->errors += kind == RULE_DIAG_ERROR;
        if (s->errors + s->warnings == 1) {
                s->line = line;
                s->column = column;
                snprintf(s->text, sizeof(s->text), "%s", text);
        }
}

static inline RuleSet *load(const char *yaml, Said *said) {
        char path[] = "/tmp/aulert-test-load-XXXXXX";
        const char *paths[] = { path };
        int fd = mkstemp(path);
        RuleSet *set = NULL;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
        close(fd);
        *said = (Said){ 0 };
        assert_int_equal(rule_set_load(&set, paths, 1, NULL, hear, said), 0);
        unlink(path);
        return set;
}

#define HEAD "title: t\nid: x\nlogsource: {product: linux, service: auditd}\ndetection:\n" /* 4 lines */

typedef struct {
        const char *yaml;
        unsigned line, column;
        const char *says; /* "": nothing */
} Row;
