/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the value of a field means to a person: uid 0 is root, syscall 257 is openat, 2F746D70 is /tmp.
 *
 * The result equals what auparse_interpret_field() of the installed libauparse returns for the same record, in its
 * default escape mode (control characters as \ooo octal), except that names of users and groups come from our own snapshot, and
 * that an interpretation that is the value in double quotes counts as the value. Enriched fields of the record are used before anything is
 * looked up, as libauparse does.
 *
 * One Meaning belongs to one thread. Its caches are bounded. It never waits: a user or group that the snapshot lacks is looked up within a
 * small budget, with a negative cache, and is unknown(N) otherwise; counted. */
#include "event/event.h"
#include "record/field.h"

typedef struct Meaning Meaning;

typedef struct {
        uint64_t lookups;         /* of names that the snapshot lacks, done */
        uint64_t lookups_skipped; /* not done because the budget was used up: shown as unknown(N) */
        uint64_t cache_hits, cache_misses;
} MeaningCounters;

extern const CounterDesc meaning_counter_descs[];
extern const size_t meaning_n_counter_descs;

int meaning_new(Meaning **ret);
Meaning *meaning_free(Meaning *m); /* returns NULL */

/* Re-reads passwd and group when they changed on disk. For timers and reloads, not for each event. */
void meaning_refresh(Meaning *m);

/* Says which record the following calls of meaning_text() are about. @fields as field_split() gave them. */
void meaning_begin(Meaning *m, const Record *record, const FieldVec *fields);

/* True: *ret is the text, lent until the next call for this Meaning. False: the text is the value itself. */
bool meaning_text(Meaning *m, const Field *field, Str *ret);

/* The name for a numeric id, or unknown(N) / unset as libauparse says; lent likewise. */
Str meaning_user(Meaning *m, uint32_t uid);
Str meaning_group(Meaning *m, uint32_t gid);

/* An account of that name exists here, as far as the snapshot of passwd knows: no name service is asked. */
bool meaning_knows_user(Meaning *m, Str name);

const MeaningCounters *meaning_counters(const Meaning *m);
