/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Says of one event, for every rule of a set, whether it matched and why.
 *
 * The events before it (by time and serial) are matched as usual, so that processes and correlations are known as they were; then the event
 * is judged straight from the definition of each rule. An event that was delivered in parts is explained part by part. Memory: the
 * RuleState's, and EXPLAIN_MAX_PARTS copies of events. */
#include "rule/category.h"
#include "rule/explain-tree.h"

#define EXPLAIN_MAX_PARTS 64u

typedef enum {
        EXPLAIN_HIT,
        EXPLAIN_NO_HIT,
        EXPLAIN_OTHER_TYPE,     /* the rule asks for types of records that the event lacks */
        EXPLAIN_OTHER_CATEGORY, /* the event is nothing of the rule's category */
} ExplainVerdict;

/* A search identifier. */
typedef struct {
        Str name;
        const RuleInfo
                *filter; /* that it belongs to, as filters are part of a condition; NULL: the rule's own */
        const Record *record; /* what it was judged by; NULL: a category, of the event as a whole */
        size_t number;        /* of the record in the event, from 1 */
        const ExplainNode *node;
} ExplainName;

/* A correlation that counts a rule. */
typedef struct {
        const RuleInfo *correlation;
        bool fired;       /* its condition held at this event */
        const Str *group; /* names of the group-by fields, */
        const Str *value; /* and what this event has for them; one STR_NULL: it is left out */
        size_t n;
} ExplainCount;

/* A rule that a correlation counts. */
typedef struct {
        const RuleInfo *rule;
        bool hit;
} ExplainPart;

/* All of it is lent until the function that got it returns. */
typedef struct {
        const RuleInfo *rule;
        ExplainVerdict verdict;
        ViewKind view;
        bool silent; /* it gives no hits of its own, as correlations count it */
        /* a rule that was judged (EXPLAIN_HIT, EXPLAIN_NO_HIT): */
        const Record *record; /* the one that made it true, or came closest; NULL: the event as a whole */
        size_t number;
        Str condition;
        const ExplainName *names; /* each once, in the order of the condition */
        size_t n_names;
        const ExplainName *failed;      /* EXPLAIN_NO_HIT: the first that is not as the condition wants it */
        const ExplainNode *failed_item; /* the first test of it that failed; NULL: it holds, and must not */
        const ExplainCount *counts;
        size_t n_counts;
        /* a correlation: */
        bool correlation;
        const ExplainPart *parts;
        size_t n_parts;
} Explanation;

/* What rules of a category look at. */
typedef struct {
        ViewKind view;
        const Record *record; /* VIEW_FILE: the PATH record */
        size_t number;
        CategoryValues values;
        bool parents; /* VIEW_PROCESS: ParentImage and ParentCommandLine were asked for; absent: the log does not show the parent */
} ExplainView;

typedef struct {
        void (*event)(void *userdata, const Event *event); /* comes first, for each part */
        void (*view)(void *userdata, const ExplainView *view);
        void (*rule)(void *userdata, const Explanation *e); /* hits first, correlations last */
        void *userdata;
} ExplainOutput;

typedef struct Explain Explain;

/* @target: its node "" stands for any node; it is copied. Holds a reference to @set. */
int explain_new(Explain **ret, RuleSet *set, const RecordId *target);
Explain *explain_free(Explain *x); /* returns NULL */

/* An event of the stream, in the order in which they complete. 0 or -ENOMEM. */
int explain_add(Explain *x, const Event *event);

/* After the last event. *ret_parts: events of that id; 0: it is not there. *ret_more: parts beyond EXPLAIN_MAX_PARTS, not explained. 0 or
 * -ENOMEM. To be called once. */
int explain_finish(Explain *x, const ExplainOutput *out, size_t *ret_parts, size_t *ret_more);

const char *explain_view_name(ViewKind view); /* "process_creation"; "" for audit records */
