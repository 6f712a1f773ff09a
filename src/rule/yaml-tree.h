/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Reads YAML into a tree that knows where everything stood.
 *
 * YAML 1.2 core schema: only true/false are booleans, only ~, null or nothing is null; numbers keep the text they were written as.
 * A key that comes twice in a map is an error, as the language says. Bounded: YAML_MAX_BYTES of text, YAML_MAX_DEPTH levels, and
 * YAML_MAX_NODES nodes of a document after aliases are followed. Everything lives in the document's arena. */
#include "base/arena.h"

#define YAML_MAX_BYTES     (32u << 20)
#define YAML_MAX_DEPTH     32u
#define YAML_MAX_NODES     200000u
#define YAML_MAX_ALL_NODES 2000000u /* of a file */
#define YAML_MAX_BAD       100u

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
        char text[256];
} YamlError;

typedef struct {
        YamlNode **docs; /* top nodes, one a document; empty documents are left out */
        size_t n_docs;
} YamlFile;

enum { _YAML_E_SUCCESS, YAML_E_BAD };

/* 0; YAML_E_BAD and *ret_error filled in; -ENOMEM. @arena owns everything in *ret. */
int yaml_read(YamlFile *ret, Arena *arena, Str text, YamlError *ret_error);

typedef void (*YamlBadFn)(void *userdata, const YamlError *error);

/* The same, but a document that is wrong is told to @wrong, and reading goes on at the next line that begins with "---": 0, or -ENOMEM.
 * After YAML_MAX_BAD of them the rest is left unread, which @wrong is told too. */
int yaml_read_good(YamlFile *ret, Arena *arena, Str text, YamlBadFn wrong, void *userdata);

/* A list, or another node as a list of one. */
static inline size_t yaml_count(const YamlNode *n) { return n->kind == YAML_LIST ? n->n : 1; }
static inline const YamlNode *yaml_item(const YamlNode *n, size_t i) {
        return n->kind == YAML_LIST ? n->v[i] : n;
}

/* The value of a key of a map, or NULL (also when @map is NULL or no map). */
const YamlNode *yaml_get(const YamlNode *map, const char *key);

static inline bool yaml_is_scalar(const YamlNode *n) { return n->kind < YAML_LIST; }

/* What a number is worth; false: it is none, or one of more than 60 characters. */
bool yaml_number(const YamlNode *n, long double *ret);
