/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where alerts wait for their sinks: the spool's file, and memory while that cannot be written.
 *
 * An alert that cannot be put into the file (no space, read-only, somebody else has it) waits in memory, up to
 * STORE_MEMORY_ALERTS and STORE_MEMORY_BYTES, in the same form and with the same order of worth: better told than
 * lost. The file is tried again, and what is in memory moves there. A file that is corrupt is set aside and another
 * one begun. All of that is said once, when it begins and when it ends.
 *
 * A claim is a delivery that somebody has in his hands; it is given to nobody else until he says what came of
 * it and that was written. Times are CLOCK_REALTIME in milliseconds. */
#include <sys/queue.h>
#include "role/deliver/spool.h"

#define STORE_MEMORY_ALERTS 4096u
#define STORE_MEMORY_BYTES  (16u << 20)
#define STORE_CLAIMS_MAX    4096u /* of one sink; more: nothing is handed out until they could be written */

typedef struct Store Store;
typedef struct Claim Claim;
typedef struct StoreSink StoreSink;

typedef struct {
        uint64_t repeats;    /* alerts whose id was known */
        uint64_t in_memory;  /* alerts that could not be put into the file at once */
        uint64_t moved;      /* of those, later */
        uint64_t unspooled;  /* alerts for which there was no memory either */
        uint64_t failures;   /* of the file */
        uint64_t corrupt;    /* files that were set aside */
        uint64_t unreadable; /* alerts that could not be read back */
} StoreCounters;

extern const CounterDesc store_counter_descs[];
extern const size_t store_n_counter_descs;

/* Takes what it needs of @path (NULL: memory only). A file that cannot be used is no failure. 0 or -ENOMEM. */
int store_new(Store **ret, const char *path, const SpoolLimits *limits, int64_t now);
Store *store_ref(Store *s);
Store *store_unref(Store *s); /* takes NULL, returns NULL; claims must be gone */

bool store_knows(Store *s, Str id); /* counts the repeat */

/* An entry for the sink of that name, for the life of the store. NULL: no memory. */
StoreSink *store_sink(Store *s, Str name);
/* No other sinks than these exist: what waits for others is dead. */
/* 0 or -ENOMEM. */
int store_set_sinks(Store *s, StoreSink *const *sinks, size_t n, int64_t now);

typedef struct {
        Alert *alert;
        uint64_t sinks; /* bit i: sink i is to have it */
        int64_t seq;    /* out: 0: it could not be kept, or is a repeat (@known) */
        bool in_memory, known;
} StoreItem;

/* Writes more into the transaction; it may run again, when the first file failed. */
typedef struct {
        void (*write)(void *userdata, Spool *spool);
        void *userdata;
} StoreMore;

/* Writes the alerts, all that has been said about claims, and @more (NULL: no more) where it will last. True: all alerts so far are in the file, or there
 * is none by configuration. */
bool store_commit(Store *s, StoreItem *items, size_t n, StoreSink *const *sinks, int64_t now,
                  const StoreMore *more);
void store_each_held(Store *s, void (*fn)(void *userdata, uint64_t id, Str data), void *userdata);
/* When store_commit() should be called again even if there is nothing new; INT64_MAX: never. */
int64_t store_next_try(const Store *s);
bool store_has_news(const Store *s);    /* something was said about claims and is not written */
const char *store_path(const Store *s); /* NULL: memory only */
bool store_is_durable(const Store *s);  /* there is a file, and it works */

struct Claim {
        LIST_ENTRY(Claim) others;
        StoreSink *sink;
        int64_t seq, at; /* @at: when the alert came */
        int64_t moved;   /* the store's */
        bool in_memory;
        uint32_t tries;
        SpoolOutcome outcome;
        char why[SPOOL_WHY];
};

/* NULL: no memory. @seq 0: an alert that is kept nowhere. */
Claim *store_claim(StoreSink *sink, int64_t seq, bool in_memory, uint32_t tries, int64_t at);
/* These end the claim. @outcome: its text is copied. */
void store_settle(Store *s, Claim *claim, const SpoolOutcome *outcome);
void store_release(Claim *claim); /* as if it had not been claimed */

/* Unclaimed deliveries that are due, in order of time, until the callback returns false; it may claim, settle and
 * release. True: that was all that is due. */
typedef bool (*StoreDueFn)(void *userdata, bool in_memory, const SpoolDue *due);
bool store_each_due(Store *s, StoreSink *sink, int64_t now, StoreDueFn fn, void *userdata);
/* When something may be due that store_each_due() has not shown; 0: now; INT64_MAX: never. */
int64_t store_next_due(const StoreSink *sink);
void store_expect(StoreSink *sink, int64_t at); /* something is due then */

typedef struct {
        uint64_t n[_SPOOL_STATE_N];
} StoreCounts;

StoreCounts store_count(Store *s, const StoreSink *sink);      /* NULL: of all. Reads them all: for people */
StoreCounts store_count_open(Store *s, const StoreSink *sink); /* without what was delivered, and soon done */
void store_print_counters(Store *s, Buf *out, bool only_loss);
/* Dead letters, newest first, at most @max of the file and of memory: lines of "dead ID TRIES SINK WHY", with
 * tabs between, the id in hexadecimal, WHY in bytes as they came but for newlines. */
void store_print_dead(Store *s, Buf *out, size_t max);
void store_note_unreadable(Store *s);
