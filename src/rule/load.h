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
        const RuleInfo *info;
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

/* Numbers by name; a name may have several. */
typedef struct {
        struct {
                Str name;
                uint32_t first, last; /* entries, counted from 1 */
        } * slots;
        struct {
                uint32_t value, next; /* the entry after it with this name, counted from 1; 0: none */
        } * entries;
        size_t n_slots, n_names, n_entries, cap_entries;
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
        LoadNames names;             /* rules of the set, by id and name */
        LoadNames correlation_names; /* the same for correlations */
        LoadNames skipped, refused;  /* ids and names; all have number 0 */
        unsigned depth;              /* of correlations that refer to correlations, while they are read */
} Load;

#define LOAD_MAX_FIELDS   32u                   /* of each list in a correlation */
#define LOAD_MAX_RULES    100000u               /* of a set; the rest is refused */
#define LOAD_MAX_FILTERED 1000000u              /* filters times the rules that each is for */
#define LOAD_MAX_MEMORY   ((size_t)1 << 30)     /* what may be taken before the last rule is read */
#define LOAD_MAX_BYTES    (UINT64_C(128) << 20) /* of text of all files */

/* Makes room for one more item in an array. 0 or -ENOMEM. */
int load_grow(void *array, size_t size, size_t n, size_t *cap);

/* One document of a file. 0 or -errno; what is wrong with it has been reported and counted. */
int document_load(Load *l, Str file, const YamlNode *doc);

/* After all documents: filters are applied, correlations resolved. */
int document_finish(Load *l);

/* Reads title, id, level and so on. PARSE_E_BAD when the document cannot be a rule. */
int document_info(Load *l, Str file, const YamlNode *doc, RuleInfo *ret);

void load_refuse(Load *l, Str what);

/* Adds a number to a name, which must live as long. 0 or -ENOMEM. */
int load_name(LoadNames *x, Str name, uint32_t value);

/* The first entry of a name, counted from 1; 0: none. */
uint32_t load_named(const LoadNames *x, Str name);

/* The rule of that id or name; false when there is none. */
bool load_find_rule(const Load *l, Str name, uint32_t *ret);

/* filter.c: makes filters part of their rules. 0 or -errno. */
int load_apply_filters(Load *l);

/* correlation.c: resolves and checks all correlations. 0 or -errno. */
int correlation_finish(Load *l);

/* wants.c: rules that are counted by a correlation give no hits of their own, but for "generate". 0 or -ENOMEM. */
int load_mark_silent(RuleSet *s);

/* Tells each rule and correlation which fields are wanted of it, also by correlations further up. 0 or -ENOMEM. */
int load_pass_wants(RuleSet *s);
