/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Alerts and what became of them at each sink, in one SQLite file (or in memory, in the same form).
 *
 * An alert is in here before any sink sees it. The file is in WAL mode; a transaction that brings alerts is on the
 * disk when spool_commit() returns (synchronous=FULL: it survives a power cut), one that only says what sinks did
 * survives the death of the process: what is lost of it is repeated under the same id. The file is held
 * exclusively. What is settled stays, so that a repeat of its id is recognised, until it is too old or room is
 * needed. Full: the oldest delivered goes first, then the oldest dead, then the oldest pending of the lowest level.
 *
 * The first error of a transaction sticks: what follows does nothing, and spool_commit() rolls it back and
 * returns it. Times are CLOCK_REALTIME in milliseconds, and are told by the caller. */
#include "alert/alert.h"

typedef struct Spool Spool;

typedef enum { SPOOL_PENDING, SPOOL_DELIVERED, SPOOL_DEAD, _SPOOL_STATE_N } SpoolState;

enum {
        _SPOOL_E_SUCCESS,
        SPOOL_E_KNOWN,    /* an alert of this id is there */
        SPOOL_E_UNUSABLE, /* not now: no space, no permission, an error of the disk, somebody else has it */
        SPOOL_E_CORRUPT,  /* the file is no spool (any more) */
};

typedef struct {
        uint64_t max_size;   /* bytes of the file, beside its log of at most SPOOL_LOG_MAX; 0: no limit */
        uint64_t max_alerts; /* 0: no limit */
        int64_t keep_ms;     /* what was delivered; 0: until room is needed */
        int64_t keep_dead_ms;
} SpoolLimits;

#define SPOOL_LOG_MAX   (4u << 20)
#define SPOOL_DELAY_MAX (3600 * 1000) /* a delivery that is due later was given its time by another clock */

typedef struct {
        uint64_t put;              /* alerts */
        uint64_t expired;          /* removed because of their age */
        uint64_t pruned_delivered; /* removed for room */
        uint64_t pruned_dead;
        uint64_t pruned_pending; /* some sink did not have it yet */
} SpoolCounters;

extern const CounterDesc spool_counter_descs[];
extern const size_t spool_n_counter_descs;

#define SPOOL_WHY 128

/* @path: NULL: in memory. Its folder must be there; links are not followed. @ret_why: what is wrong, in words. 0,
 * -ENOMEM, SPOOL_E_UNUSABLE, SPOOL_E_CORRUPT. */
int spool_open(Spool **ret, const char *path, const SpoolLimits *limits, char ret_why[static SPOOL_WHY]);
/* Renames a corrupt file, and what SQLite keeps beside it, to PATH.corrupt-@now; appends that name. 0 or -errno. */
int spool_set_aside(const char *path, int64_t now, Buf *ret_name);
Spool *spool_free(Spool *s);           /* takes NULL, returns NULL */
const char *spool_why(const Spool *s); /* of the last error, in words */
const SpoolCounters *spool_counters(const Spool *s);
uint64_t spool_size(Spool *s);           /* bytes in use */
uint64_t spool_n_alerts(const Spool *s); /* settled ones as well */

/* One transaction; @durable: on the disk when it is committed. */
void spool_begin(Spool *s, bool durable);
/* @pending: deliveries are added next. 0, SPOOL_E_KNOWN (no error of the transaction), or what sticks. @seq rises,
 * and is never used twice. */
int spool_put(Spool *s, const Alert *alert, bool pending, int64_t now, int64_t *ret_seq);
void spool_add(Spool *s, int64_t seq, Str sink, int64_t now); /* a pending delivery, due now */

typedef struct {
        SpoolState state;
        uint32_t tries;
        int64_t next_at; /* SPOOL_PENDING */
        Str why;
} SpoolOutcome;

/* Nothing when there is no such delivery any more. */
void spool_settle(Spool *s, int64_t seq, Str sink, const SpoolOutcome *outcome);
/* Pending deliveries to sinks that are not in @sinks become dead. Returns their number. */
uint64_t spool_bury_others(Spool *s, const Str *sinks, size_t n, Str why);
/* Deliveries that would be due in more than SPOOL_DELAY_MAX are due @now. */
void spool_fix_clock(Spool *s, int64_t now);
/* What is held back and stands in no alert yet, in a form of the caller's; no @data: it is gone. */
void spool_hold(Spool *s, uint64_t id, Str data);
/* Also removes what is too old or too much. 0, or what stuck. */
int spool_commit(Spool *s, int64_t now);

bool spool_knows(Spool *s, Str id);

typedef struct {
        int64_t seq, at; /* @at: when it was put */
        uint32_t tries;
        Str packed; /* until the callback returns */
} SpoolDue;

/* What is due for @sink at @now, in order of its time, until the callback returns false. It must not call the
 * spool. 0 or an error. */
typedef bool (*SpoolDueFn)(void *userdata, const SpoolDue *due);
int spool_each_due(Spool *s, Str sink, int64_t now, SpoolDueFn fn, void *userdata);
int64_t spool_next_at(Spool *s, Str sink, int64_t after); /* of the first due after that; INT64_MAX: none */

void spool_each_held(Spool *s, void (*fn)(void *userdata, uint64_t id, Str data), void *userdata);

typedef struct {
        int64_t seq;
        Str id, sink, why; /* @id: 16 bytes */
        SpoolState state;
        uint32_t tries;
} SpoolRow;

/* Dead letters, newest first, at most @max. */
void spool_dead(Spool *s, size_t max, void (*fn)(void *userdata, const SpoolRow *row), void *userdata);
/* Deliveries to that sink that are pending or dead; what was delivered is not read for it. */
void spool_count_open(Spool *s, Str sink, uint64_t *ret_pending, uint64_t *ret_dead);
/* Reads them all. */
void spool_count(Spool *s, void (*fn)(void *userdata, Str sink, SpoolState state, uint64_t n),
                 void *userdata);

/* Copies all alerts of @from, whatever their state, within the open transaction of @to. @moved tells the number that
 * each has there, 0 where @to knew it. spool_clear() then empties @from. */
void spool_copy(Spool *to, Spool *from, void (*moved)(void *userdata, int64_t old, int64_t new),
                void *userdata);
void spool_clear(Spool *s);
