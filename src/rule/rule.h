/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Sigma rules over audit events: load, compile, match.
 *
 * A RuleSet is loaded from YAML files, compiled once, and then asked about each event. What a rule looks at, and every decision
 * where the specification is silent, is in the manual page aulert-rules(7). */
#include "meaning/meaning.h"

typedef enum { RULE_INFORMATIONAL, RULE_LOW, RULE_MEDIUM, RULE_HIGH, RULE_CRITICAL, _RULE_LEVEL_N } RuleLevel;

/* What a rule says about itself; lives as long as its RuleSet. */
typedef struct {
        Str id; /* the rule's id, else its name, else its title: what output calls it */
        Str name, title, description;
        RuleLevel level; /* medium where the rule gives none */
        const Str *tags;
        size_t n_tags;
        const Str *references;
        size_t n_references;
        Str file; /* where it was read, and the line it starts on */
        unsigned line;
} RuleInfo;

typedef enum { RULE_DIAG_ERROR, RULE_DIAG_WARNING } RuleDiagKind;

/* Problems found while loading, one call each. @text: one plain sentence that ends with what to write instead. */
typedef void (*RuleDiagFn)(void *userdata, RuleDiagKind kind, const char *file, unsigned line,
                           unsigned column, const char *text);

typedef struct RuleSet RuleSet;

typedef struct {
        uint64_t loaded, refused, skipped; /* rules: compiled; with errors; for another product or service */
} RuleSetStats;

/* Loads every .yml/.yaml file at or below each path (symlinks are not followed out of it). A rule that cannot be run is reported and left
 * out, the others run. 0; -errno only for what makes the whole set useless (ENOMEM). A path that cannot be read is reported as an error. */
int rule_set_load(RuleSet **ret, const char *const *paths, size_t n_paths, RuleDiagFn diag, void *userdata);
RuleSet *rule_set_ref(RuleSet *set);
RuleSet *rule_set_unref(RuleSet *set); /* returns NULL */
const RuleSetStats *rule_set_stats(const RuleSet *set);

/* The state that matching keeps between events (process table, correlation windows): one a stream. Survives a reload. */
typedef struct RuleState RuleState;
int rule_state_new(RuleState **ret, Meaning *m);
RuleState *rule_state_free(RuleState *state);

typedef struct {
        const RuleInfo *rule;
        const Event *event;
        const Record *
                record; /* the first record that made the rule true, or NULL for a rule about the event as a whole */
} RuleHit;

typedef void (*RuleHitFn)(void *userdata, const RuleHit *hit);

/* Calls @fn for every rule that the event hits, each once. No rule costs anything when the types of records it asks for are not there. */
int rule_set_match(RuleSet *set, RuleState *state, const Event *event, RuleHitFn fn, void *userdata);
