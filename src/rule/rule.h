/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Sigma rules over audit events: load, compile, match.
 *
 * A RuleSet is loaded from YAML files, compiled once, and then asked about each event. What a rule looks
 * at, and every decision where the specification is silent, is in the manual page aulert-rules(7). */
#include "base/pack.h"
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

/* Problems found while loading, one call each. @text: one plain sentence that ends with what to write
 * instead. */
typedef void (*RuleDiagFn)(void *userdata, RuleDiagKind kind, const char *file, unsigned line,
                           unsigned column, const char *text);

typedef struct RuleSet RuleSet;

typedef struct {
        uint64_t loaded, refused, skipped; /* rules: compiled; with errors; for another product or service */
} RuleSetStats;

/* How rules look at events; all zero is right for everything but experiments. */
typedef enum {
        RULE_SCOPE_CONTEXT, /* a record, with what its event's SYSCALL, CWD and PROCTITLE records add */
        RULE_SCOPE_RECORD,  /* a record alone */
        RULE_SCOPE_EVENT,   /* each search identifier may be satisfied by another record */
} RuleScope;

typedef struct {
        const char *placeholders; /* file with values for the modifier "expand", or NULL */
        RuleScope scope;
        bool plain; /* every rule is asked about every record, without the index: slow, to compare with */
        bool correlation_edge; /* a correlation hits only where its condition did not hold before */
        /* Every rule that was refused (by its id) or file that cannot be read as YAML (by its name); may be
         * NULL. */
        void (*refused)(void *userdata, Str what);
        /* Asked before each file; true: loading ends with -ECANCELED. May be NULL. */
        bool (*stop)(void *userdata);
} RuleOptions;

/* Loads every .yml/.yaml file at or below each path (symbolic links below it are not followed). A rule that
 * cannot be run is reported and left out, the others run. @options may be NULL. 0; -errno only for what
 * makes the whole set useless (ENOMEM). A path that cannot be read is reported as an error. Nothing is shared with other loads: a thread of
 * its own may do it, and hand the set over. */
int rule_set_load(RuleSet **ret, const char *const *paths, size_t n_paths, const RuleOptions *options,
                  RuleDiagFn diag, void *userdata);

/* A rule file as somebody has read it, who may be another process. */
typedef struct {
        const char *path; /* for messages; it is not opened */
        Str text;
        int error; /* errno: it could not be read */
} RuleFile;

/* The same from files that were read already (rule/files.h), in the order in which they are to be taken. Nothing of them is needed
 * afterwards; only the placeholders' file is opened. */
int rule_set_load_files(RuleSet **ret, const RuleFile *files, size_t n_files, const RuleOptions *options,
                        RuleDiagFn diag, void *userdata);

RuleSet *rule_set_ref(RuleSet *set);
RuleSet *rule_set_unref(RuleSet *set); /* returns NULL */
const RuleSetStats *rule_set_stats(const RuleSet *set);

/* Every rule that can hit, correlations too. */
const RuleInfo *rule_set_info(const RuleSet *set, size_t i); /* NULL: no more */

typedef struct {
        uint64_t regex_limited;   /* regular expressions given up, counted as no match: too many steps */
        uint64_t groups_dropped;  /* correlation groups forgotten early because there were too many */
        uint64_t members_dropped; /* occurrences forgotten early because one group had too many */
        uint64_t queue_forced;    /* decisions taken early: too much waited, or new processes were too many */
        uint64_t processes_dropped; /* processes forgotten because there were too many */
        uint64_t no_memory;         /* decisions not taken because memory could not be had */
        uint64_t groups_unsaved;    /* correlation groups left out by rule_state_save() */
} RuleCounters;

extern const CounterDesc rule_counter_descs[];
extern const size_t rule_n_counter_descs;

/* The state that matching keeps between events (process table, correlation windows): one a stream. It holds
 * a reference to its set. */
typedef struct RuleState RuleState;
int rule_state_new(RuleState **ret, RuleSet *set); /* 0 or -ENOMEM */
RuleState *rule_state_free(RuleState *state);      /* returns NULL */
const RuleCounters *rule_counters(RuleState *state);

typedef struct {
        const RuleInfo *rule;
        const Event *event;   /* lent until the function returns */
        const Record *record; /* the first that made the rule true; NULL: the rule is about the whole event */
        bool live_parent; /* only because /proc told the parent's program: the log alone would not have hit */
} RuleHit;

/* On a live stream: where the log does not show the parent of a process that runs a program, /proc is asked (meaning/proc.h), as soon as
 * the event completes and if it happened now and here: without node, or with @node, and at most RULE_LIVE_MS ago. What rules hit only for
 * that is marked live_parent and not counted by correlations, so that all other hits are those that a replay of the log gives.
 * @proc: borrowed, NULL: no more. */
#define RULE_LIVE_MS 10000
struct Proc;
void rule_state_use_proc(RuleState *state, struct Proc *proc, Str node);

typedef void (*RuleHitFn)(void *userdata, const RuleHit *hit);

/* After a reload: goes on with @set. Processes are kept, and so are the windows of correlations that are the same in both sets; what waits,
 * waits on. 0, or -ENOMEM and nothing has changed. */
int rule_state_adopt(RuleState *state, RuleSet *set);

/* Calls @fn for every rule that the event hits, each once. No rule costs anything when the types of records
 * it asks for are not there. Correlations whose hits nothing can take back (at least so many, all of these rules) hit at once,
 * this event or one behind it that completed earlier. What else needs events in order (other correlations, parents of
 * processes) is decided, for this event or earlier ones, when the time stamps have gone on by RULE_SETTLE_MS. 0 or -ENOMEM; then
 * some rules may not have been asked. */
#define RULE_SETTLE_MS 2000
int rule_state_match(RuleState *state, const Event *event, RuleHitFn fn, void *userdata);

/* Decides everything that still waits: at the end of the input, or when nothing came for RULE_SETTLE_MS. */
int rule_state_flush(RuleState *state, RuleHitFn fn, void *userdata);

/* True while something waits: flush when the input stays silent. */
bool rule_state_pending(const RuleState *state);
/* How many events back the earliest is about which something is undecided; 0: nothing is; 1: the last one. */
uint64_t rule_state_undecided(const RuleState *state);
/* Decides everything about events that came before the last @n: with several machines in one stream the clock of one may
 * stand still, or be ahead. */
void rule_state_decide(RuleState *state, uint64_t n, RuleHitFn fn, void *userdata);

/* Windows, what waits for its turn, and processes, as a part (base/pack.h): what a successor of this process needs to hit what this one
 * would have hit. Windows take at most RULE_SAVE_WINDOWS_MAX together (groups heard from least recently are left out, and counted), the
 * rest at most about PENDING_MAX_BYTES and PROCESS_BYTES_DEFAULT. It holds secrets of hash tables: not for everybody's eyes. 0 or
 * -ENOMEM; then nothing of @out is of use. */
#define RULE_SAVE_WINDOWS_MAX (32u << 20)
int rule_state_save(RuleState *state, Buf *out);

/* Takes such a part off @in; it replaces what @state held. Its set may be another one: correlations that are the same in both go on, as
 * after rule_state_adopt(); others begin anew. What waits, waits on. PACK_E_BAD (the bytes are foreign, damaged, or of another version),
 * -ENOMEM: @state is as it was. Linear in the bytes, whatever they hold. */
int rule_state_restore(RuleState *state, Unpack *in);
