/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* From files to a RuleSet: what load.c, document.c and correlation.c share while they read. */
#include "rule/parse.h"
#include "rule/set.h"

/* A filter, until all rules are known. */
typedef struct {
        Str file;
        const YamlNode *node;
        const YamlNode *rules; /* a list of names, or NULL for any */
        const Expr *expr;
        Str product, service, category;
} LoadFilter;

/* A correlation, until all rules are known. */
typedef struct {
        Str file;
        const YamlNode *doc;
        RuleInfo info;
        bool refused, skipped, placed;
        uint32_t index; /* in the set, once placed */
        bool visiting;
} LoadCorrelation;

/* Rules by id and by name. */
typedef struct {
        struct {
                Str name;
                uint32_t rule;
        } * slots;
        size_t n_slots, n;
} LoadNames;

typedef struct {
        RuleSet *set;
        Parse parse;
        Arena arena;    /* YAML of everything read so far */
        uint64_t bytes; /* of its text */
        LoadFilter *filters;
        size_t n_filters, cap_filters;
        LoadCorrelation *correlations;
        size_t n_correlations, cap_correlations;
        LoadNames names;
        unsigned depth; /* of correlations that refer to correlations, while they are read */
        Str *skipped;   /* ids and names of rules for others */
        size_t n_skipped, cap_skipped;
        Str *refused;
        size_t n_refused, cap_refused;
} Load;

#define LOAD_MAX_RULES 100000u               /* of a set; the rest is refused */
#define LOAD_MAX_BYTES (UINT64_C(128) << 20) /* of text of all files */

/* Makes room for one more item in an array. 0 or -ENOMEM. */
int load_grow(void *array, size_t size, size_t n, size_t *cap);

/* One document of a file. 0 or -errno; what is wrong with it has been reported and counted. */
int document_load(Load *l, Str file, const YamlNode *doc);

/* After all documents: filters are applied, correlations resolved. */
int document_finish(Load *l);

/* Reads title, id, level and so on. PARSE_E_BAD when the document cannot be a rule. */
int document_info(Load *l, Str file, const YamlNode *doc, RuleInfo *ret);

void load_refuse(Load *l, Str what);

/* The rule of that id or name; false when there is none. */
bool load_find_rule(const Load *l, Str name, uint32_t *ret);
int load_name_rule(Load *l, Str name, uint32_t rule);
bool load_listed(const Str *v, size_t n, Str name);

/* correlation.c: resolves and checks all correlations. 0 or -errno. */
int correlation_finish(Load *l);
