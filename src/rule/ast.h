/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What rules mean: boolean expressions over tests of fields.
 *
 * Everything that a rule set says is made of Tests, each kept once however many rules ask it. A Test holds when any value of its
 * field passes; lists, maps, modifiers and conditions become and/or/not around Tests. The Ast owns all of it in one arena and
 * lives as long as its RuleSet. Nothing here looks at events: eval.c and index.c do. */
#include "base/arena.h"
#include "base/buf.h"
#include "rule/net.h"
#include "rule/pattern.h"
#include "rule/regex.h"
#include "rule/rule.h"

typedef enum {
        VIEW_AUDIT,   /* one record of an event */
        VIEW_PROCESS, /* process_creation */
        VIEW_NETWORK, /* network_connection */
        VIEW_FILE,    /* file_event */
        _VIEW_N
} ViewKind;

#define FIELD_KEYWORDS 0u /* the pseudo field that keyword searches look at */
#define FIELD_TYPE     1u

typedef enum {
        TEST_PATTERN,
        TEST_REGEX,
        TEST_CIDR,
        TEST_NUMBER, /* decimal number, compared */
        TEST_TIME,   /* a part of a time, compared */
        TEST_FIELD,  /* against another field of the same view */
        TEST_NULL,   /* absent, or only (null) */
        TEST_EXISTS,
} TestKind;

typedef enum { COMPARE_EQ, COMPARE_NEQ, COMPARE_LT, COMPARE_LTE, COMPARE_GT, COMPARE_GTE } Compare;
typedef enum { TIME_MINUTE, TIME_HOUR, TIME_DAY, TIME_WEEK, TIME_MONTH, TIME_YEAR } TimePart;

typedef struct {
        TestKind kind;
        uint32_t field;
        bool cased;
        Pattern pattern; /* TEST_PATTERN; in lower case unless cased. Keywords: with a star at both ends */
        Regex *regex;
        Str regex_text;
        unsigned regex_flags;
        Net net;
        Compare compare; /* TEST_NUMBER, TEST_TIME */
        long double number;
        TimePart part;
        uint32_t other; /* TEST_FIELD: @field is, starts with, ends with or contains the value of @other */
        bool star_before, star_after;
        Str key; /* equal for equal tests */
} Test;

typedef enum { EXPR_TEST, EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_NAME } ExprKind;

typedef struct Expr Expr;
struct Expr {
        ExprKind kind;
        uint32_t test;          /* EXPR_TEST */
        uint32_t size;          /* nodes below and including this one, shared ones counted each time */
        Str name;               /* EXPR_NAME: a search identifier, one child */
        const RuleInfo *filter; /* EXPR_NAME: of the filter that it stands in; NULL: it is the rule's own */
        const Expr **v;
        size_t n; /* EXPR_AND of nothing is true, EXPR_OR of nothing is false */
};

#define EXPR_MAX_SIZE 200000u

typedef struct {
        Str name;
        bool inherited; /* a record that lacks it sees that of its event's SYSCALL, CWD and PROCTITLE records */
} FieldInfo;

typedef struct {
        uint32_t *slots; /* index + 1 */
        size_t n_slots;
} AstIndex;

typedef struct {
        Arena arena;
        FieldInfo *fields;
        size_t n_fields, cap_fields;
        Test *tests;
        size_t n_tests, cap_tests;
        AstIndex field_index, test_index;
        size_t regex_bytes; /* of compiled regular expressions */
} Ast;

/* Bytes that it takes. */
size_t ast_bytes(const Ast *a);

int ast_init(Ast *a);
void ast_done(Ast *a);

/* The number of a field name, new ones included. 0 or -ENOMEM. */
int ast_field(Ast *a, Str name, uint32_t *ret);

/* The number of a name that is in use, or false. */
bool ast_find_field(const Ast *a, Str name, uint32_t *ret);

/* The number of a test, new ones included. Takes @test->regex, also on failure. 0 or -ENOMEM. */
int ast_test(Ast *a, const Test *test, uint32_t *ret);

/* Expressions; NULL on ENOMEM or above EXPR_MAX_SIZE. One child is handed back as it is, except for EXPR_NOT and EXPR_NAME. */
const Expr *expr_test(Ast *a, uint32_t test);
const Expr *expr_list(Ast *a, ExprKind kind, const Expr *const *v, size_t n);
const Expr *expr_not(Ast *a, const Expr *e);
const Expr *expr_name(Ast *a, Str name, const RuleInfo *filter, const Expr *e);
