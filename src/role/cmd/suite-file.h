/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A file of rule tests, NAME.test.yml: which rules, which captures, which hits.
 *
 * Paths in it are relative to the file. What is wrong with it is said on stderr, as "file:line:column: error: …". Everything lives
 * in the file's arena. Its form is described in aulert-test(1). */
#include "rule/rule.h"
#include "rule/yaml-tree.h"

typedef struct {
        Str rule;           /* its id, as output calls it; STR_NULL: the only one there is */
        Str event;          /* "[node/]sec.ms:serial"; STR_NULL: none, the rule is only named */
        const YamlNode *at; /* where it says so */
} SuiteHit;

typedef struct {
        Str name;
        const YamlNode *at;
        char **captures;
        size_t n_captures;
        SuiteHit *hits;
        size_t n_hits;
        bool by_rule; /* hits name their rules */
} SuiteTest;

typedef struct {
        const char *path;
        Arena arena;
        const char **rules; /* paths */
        size_t n_rules;
        RuleOptions options;
        SuiteTest *tests;
        size_t n_tests;
} SuiteFile;

enum { _SUITE_E_SUCCESS, SUITE_E_BAD };

/* 0; SUITE_E_BAD: what is wrong was said; -errno. @path is borrowed. suite_file_done() in any case. */
int suite_file_read(SuiteFile *ret, const char *path);
void suite_file_done(SuiteFile *f);

/* Says what is wrong at a place of the file (NULL: the file as a whole). Returns SUITE_E_BAD. */
int suite_file_error(const SuiteFile *f, const YamlNode *at, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));
