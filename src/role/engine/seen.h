/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which records were taken lately, so that whoever reads the same stream elsewhere knows what is new there.
 *
 * The last SEEN_MAX records, in order of arrival (who reads a log again adds them again, so that the order is the log's): a keyed hash of what the kernel wrote (without what auditd adds behind the 0x1D, which
 * another way of reading may not have) and its time. What is told apart are records, not events: one may have been read half.
 * A look costs nothing that grows; the index for it is there only while somebody looks. */
#include "base/pack.h"

#define SEEN_MAX 131072u
#define SEEN_SAVE_MAX \
        65536u /* of what is kept for later: so many; the rest is room for what is added before these are met again, */
#define SEEN_SAVE_MS 60000 /* and that much before the newest */

typedef struct Seen Seen;

typedef struct {
        uint64_t hash;
        int64_t ms; /* since the epoch */
} SeenRecord;

/* False: it is no record. */
bool seen_read(Str line, SeenRecord *ret);

Seen *seen_new(void);       /* NULL: no memory */
Seen *seen_free(Seen *s);   /* takes NULL, returns NULL */
int seen_index(Seen *s);    /* seen_has() can be asked from now on. 0 or -ENOMEM */
void seen_unindex(Seen *s); /* it is asked no more */

void seen_add(Seen *s, const SeenRecord *record);
bool seen_has(const Seen *s, const SeenRecord *record);
/* No record of this time or an older one counts as new where none is known: for a start without any. */
void seen_begin(Seen *s, int64_t ms);
bool seen_is_empty(const Seen *s); /* nothing is known but, maybe, a time */
bool seen_is_full(const Seen *s);  /* some are not remembered any more */
/* Times of what is known; INT64_MIN: nothing is. */
int64_t seen_oldest_ms(const Seen *s); /* of the one that has been known longest */
int64_t seen_newest_ms(const Seen *s); /* the highest */

void seen_save(const Seen *s, Buf *out);
bool seen_restore(Seen *s, Unpack *from); /* false: it is bad, and *s is empty */
