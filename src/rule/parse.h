/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* From the YAML of one rule to expressions of the Ast.
 *
 * Each function reports what is wrong through the Parse, with the place and what to write instead, and then returns PARSE_E_BAD: its
 * caller gives the rule up. Warnings do not stop anything. -ENOMEM is passed through unreported. */
#include "rule/ast.h"
#include "rule/nearest.h"
#include "rule/rule.h"
#include "rule/yaml-tree.h"

enum { _PARSE_E_SUCCESS, PARSE_E_BAD };

typedef struct {
        Ast *ast;
        const YamlNode *placeholders; /* a map, or NULL */
        RuleDiagFn diag;
        void *userdata;
        const char *file;
        Str rule;                       /* what to call the rule in messages, or "" */
        unsigned n_nearest, n_warnings; /* so far */
        const RuleInfo *filter;         /* while one is read */
        size_t most;                    /* bytes of @ast at which the rule that is read is too large */
        ViewKind view;                  /* what the rule looks at; of a filter: _VIEW_N, anything */
} Parse;

/* For printf("%.*s") in a message: the start of a text of the rule's. */
#define PARSE_ARG(_s) (int)((_s).n > 60 ? 60 : (_s).n), (_s).p

/* Reports an error at @at and returns PARSE_E_BAD. */
int parse_error(Parse *p, const YamlNode *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int parse_error_at(Parse *p, const YamlNode *at, size_t offset, const char *fmt, ...)
        __attribute__((format(printf, 4, 5)));

/* An expression that was made, or NULL because it is too large: then says so. */
int parse_expr(Parse *p, const YamlNode *at, const Expr *e, const Expr **ret);

#define PARSE_MAX_BYTES ((size_t)128 << 20) /* that a rule may take */

/* An error when the rule has become too large. */
int parse_room(Parse *p, const YamlNode *at);

#define PARSE_MAX_WARNINGS 10000u /* of a load; what is more is not said */
void parse_warn(Parse *p, const YamlNode *at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* nearest_begin(), for a few times in a load: a hostile file has a million words that are nearly right. */
#define PARSE_MAX_NEAREST 2000u
Nearest parse_nearest(Parse *p, Str word);

/* "field|modifier|…: value(s)". */
int modifier_item(Parse *p, const YamlNode *key, const YamlNode *value, const Expr **ret);

/* A keyword search: one scalar or a list of them, any of which is to stand in the text. */
int modifier_keywords(Parse *p, const YamlNode *value, const Expr **ret);

/* What a condition may name. */
typedef struct {
        const YamlNode *node; /* its key */
        Str name;
        const Expr *expr;
        bool used;
} SearchName;

typedef struct {
        SearchName *v;
        size_t n;
} SearchNames;

/* Reads a condition: one text, or a list of them, any of which will do. Marks the names that it uses. */
int condition_parse(Parse *p, const YamlNode *condition, SearchNames *names, const Expr **ret);

/* Says what is legal and surely a mistake. @condition: its YAML; @e: what came of it. An error when it can never hold. */
int advice_condition(Parse *p, const YamlNode *condition, const SearchNames *names, const Expr *e);
void advice_fields(Parse *p, const YamlNode *search);

/* The same for the values of the item @at of a map. */
void advice_value(Parse *p, const YamlNode *map, size_t at);

/* Reads a map of search identifiers and a condition ("detection", "filter"); keys in @not_names are left to the caller. */
int detection_parse(Parse *p, const YamlNode *map, const char *const *not_names, const Expr **ret);
