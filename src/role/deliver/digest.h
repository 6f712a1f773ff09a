/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What was not told one by one, put together: how many alerts of which kind, in what time.
 *
 * A digest becomes an alert of the rule `aulert-digest` that every sink can show. It takes a fixed amount of
 * memory, however many alerts it stands for: DIGEST_KINDS kinds of alerts (rule and user) are told apart, the others
 * are counted. There are at most DIGESTS_MAX of them; who wants another one shares. */
#include <sys/queue.h>
#include "alert/alert.h"

#define DIGEST_KINDS 12u
#define DIGESTS_MAX  1024u
#define DIGEST_RULE  STR("aulert-digest")

typedef struct {
        uint32_t n;
        char title[80], user[40]; /* NUL-terminated, cut */
        char sentence[200];       /* of the last */
} DigestKind;

typedef enum { DIGEST_ONCE, DIGEST_QUIET, DIGEST_RATE } DigestReason;

typedef struct Digest Digest;
struct Digest {
        LIST_ENTRY(Digest) others;
        uint64_t id;    /* for the store */
        uint64_t sinks; /* bit i: of the configuration's sink i */
        bool gated;     /* it is of one sink: its hours and rates are heeded */
        size_t route;   /* whose quiet hours count, or SIZE_MAX */
        bool dirty;     /* not kept in the store as it is */
        Digest **owner; /* where it is found to add more; NULL: nothing is added any more */
        int64_t due;    /* CLOCK_REALTIME, ms */
        DigestReason reason;
        RuleLevel level;     /* the highest */
        int64_t first, last; /* when alerts came; ms */
        uint32_t n, n_kinds, n_other;
        DigestKind kinds[DIGEST_KINDS];
};

LIST_HEAD(Digests, Digest);

/* An alert more. A digest counts as what it stands for. */
void digest_add(Digest *d, const Alert *alert, int64_t now);
/* As bytes, for the spool, without sinks; what is read is checked. True: it is one. */
void digest_pack(Buf *out, const Digest *d);
bool digest_unpack(Digest *ret, Str *bytes); /* takes them from @bytes */
/* 0 or -ENOMEM. One reference. */
int digest_alert(Alert **ret, const Digest *d, int64_t now);
