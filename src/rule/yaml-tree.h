/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Reads YAML into a tree that knows where everything stood.
 *
 * YAML 1.2 core schema: only true/false are booleans, only ~, null or nothing is null; numbers keep the text they were written as.
 * A key that comes twice in a map is an error, as the language says. Bounded: YAML_MAX_BYTES of text, YAML_MAX_DEPTH levels, and
 * YAML_MAX_NODES nodes of a document after aliases are followed. Everything lives in the document's arena. */
#include "base/arena.h"

#define YAML_MAX_BYTES (32u << 20)
#define YAML_MAX_DEPTH 32u
#define YAML_MAX_NODES 200000u

typedef enum { YAML_NULL, YAML_BOOL, YAML_INT, YAML_FLOAT, YAML_TEXT, YAML_LIST, YAML_MAP } YamlKind;

typedef struct YamlNode YamlNode;
struct YamlNode {
        YamlKind kind;
        unsigned line, column; /* from 1 */
        bool truth;            /* YAML_BOOL */
        bool exact; /* one line, and text starts @lead columns after @column: columns inside it can be told */
        uint8_t lead;
        Str text;        /* of a scalar; numbers and booleans as written */
        YamlNode **v;    /* entries of a list; values of a map */
        YamlNode **keys; /* of a map; always scalars */
        size_t n;
        size_t weight; /* nodes below and including this one, aliases followed */
};

/* Where and why reading stopped. */
typedef struct {
        unsigned line, column;
        char text[200];
} YamlError;

typedef struct {
        YamlNode **docs; /* top nodes, one a document; empty documents are left out */
        size_t n_docs;
} YamlFile;

enum { _YAML_E_SUCCESS, YAML_E_BAD };

/* 0; YAML_E_BAD and *ret_error filled in; -ENOMEM. @arena owns everything in *ret. */
int yaml_read(YamlFile *ret, Arena *arena, Str text, YamlError *ret_error);

/* The value of a key of a map, or NULL (also when @map is NULL or no map). */
const YamlNode *yaml_get(const YamlNode *map, const char *key);

static inline bool yaml_is_scalar(const YamlNode *n) { return n->kind < YAML_LIST; }
static inline bool yaml_is_number(const YamlNode *n) { return n->kind == YAML_INT || n->kind == YAML_FLOAT; }
