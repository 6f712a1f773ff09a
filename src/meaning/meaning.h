/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the value of a field means to a person: uid 0 is root, syscall 257 is openat, 2F746D70 is /tmp.
 *
 * The result equals what auparse_interpret_field() of the installed libauparse returns for the same
 * record, in its default escape mode (control characters as \ooo octal), except that names of users and
 * groups come from our own snapshot, and that an interpretation that is the value in double quotes counts
 * as the value. Enriched fields of the record are used before anything is looked up, as libauparse does. A
 * quoted value runs to the next quote, blanks included (field.h), where libauparse cuts it.
 *
 * One Meaning belongs to one thread. Its caches are bounded. It never waits: a user or group that the
 * snapshot lacks is looked up within a small budget, with a negative cache, and is unknown(N) otherwise;
 * counted. */
#include "event/event.h"
#include "meaning/decode.h"
#include "record/field.h"

typedef struct Meaning Meaning;

typedef struct {
        uint64_t lookups;         /* of names that the snapshot lacks, done */
        uint64_t lookups_skipped; /* not done because the budget was used up: shown as unknown(N) */
        uint64_t cache_hits, cache_misses;
} MeaningCounters;

extern const CounterDesc meaning_counter_descs[];
extern const size_t meaning_n_counter_descs;

int meaning_new(Meaning **ret);    /* reads passwd and group. 0 or -ENOMEM */
Meaning *meaning_free(Meaning *m); /* returns NULL */

/* Re-reads passwd and group when they changed on disk. For timers and reloads, not for each event. */
void meaning_refresh(Meaning *m);

/* Asks no name service any more, whatever the budget: for a process that has given up files and sockets. */
void meaning_only_snapshot(Meaning *m);

/* Says which record the following calls of meaning_text() are about. @fields as field_split() gave them. */
void meaning_begin(Meaning *m, const Record *record, const FieldVec *fields);

/* True: *ret is the text, lent until the next call for this Meaning. False: the text is the value itself.
 * A key that holds several has byte 1 between them, and is one field here (libauparse makes one field of
 * each). Enriched fields have no other meaning. */
bool meaning_text(Meaning *m, const Field *field, Str *ret);

/* The same for a caller who knows decode_kind() of the field. */
bool meaning_text_of(Meaning *m, FieldKind kind, const Field *field, Str *ret);

/* True: argument @n (0..3) of the system call in the record is shown as 0x and the value. */
bool meaning_argument_is_hex(Meaning *m, unsigned n);

/* Another number whenever names may have changed: what was remembered of them is to be forgotten. Never 0. */
uint64_t meaning_generation(const Meaning *m);

/* The like for names that were not found: they may be known a second later. The second is that of the last
 * meaning_tick(). */
void meaning_tick(Meaning *m);
uint64_t meaning_second(const Meaning *m);

/* The name for a numeric id, or unknown(N) / unset as libauparse says; lent likewise. */
Str meaning_user(Meaning *m, uint32_t uid);
Str meaning_group(Meaning *m, uint32_t gid);

/* An account of that name exists here, as far as the snapshot of passwd knows: no name service is asked. */
bool meaning_knows_user(Meaning *m, Str name);

/* Field names that were met, with what is to be known about each, and buffers. For event-json.c and
 * event-text.c. */
typedef struct Vocabulary Vocabulary;
Vocabulary *meaning_vocabulary(Meaning *m);
struct EventState *meaning_event_state(Meaning *m);

const MeaningCounters *meaning_counters(const Meaning *m);
