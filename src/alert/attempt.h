/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Makes one alert of one login, or of one attempt at it.
 *
 * sshd writes up to three failed USER_LOGIN for one attempt, seconds apart, some before the USER_AUTH that
 * alone holds the name that was tried (test/captures: ssh-unknown-user.log), and a login with a terminal
 * has both USER_START and USER_LOGIN (ssh-tty-ok.log). What belongs together has the same node and pid. A
 * failure and a later success of one process are two alerts; an alert of a higher level than what was told
 * is told too. A failure without a name waits up to ATTEMPT_WAIT_MS for one, in the time of its node or on
 * the monotonic clock, whichever is first. A pid seen again after ATTEMPT_WINDOW_MS is another process.
 * Bounded: ATTEMPT_ENTRIES processes (the one heard from least recently goes), ATTEMPT_HELD waiting alerts
 * (the oldest is told). */
#include "alert/alert.h"
#include "base/pack.h"

#define ATTEMPT_WAIT_MS   1000
#define ATTEMPT_WINDOW_MS 120000 /* sshd's LoginGraceTime: so long may one attempt last */
#define ATTEMPT_ENTRIES   4096u
#define ATTEMPT_HELD      64u

typedef struct {
        uint64_t folded;    /* alerts not told, because their login or attempt was told already */
        uint64_t waited;    /* alerts that waited for a name */
        uint64_t nameless;  /* of them, told without one */
        uint64_t forgotten; /* processes forgotten because the table was full */
} AttemptCounters;

extern const CounterDesc attempt_counter_descs[];
extern const size_t attempt_n_counter_descs;

typedef struct Attempts Attempts;

/* The alert is lent: take a reference to keep it. */
typedef void (*AlertFn)(void *userdata, Alert *alert);

/* @m is lent for the life of it. 0 or -ENOMEM. */
int attempts_new(Attempts **ret, Meaning *m, AlertFn fn, void *userdata);
Attempts *attempts_free(Attempts *t); /* drops what waits: flush first. Returns NULL */

/* Every event is shown before its alerts are added: it may hold a name that is waited for, and it moves the
 * clock. */
void attempts_see(Attempts *t, const Event *event);

/* Takes an alert of a rule about logins (ALERT_TAG_LOGIN); tells it, now or later, or folds it. */
void attempts_add(Attempts *t, Alert *alert);

/* Tells what has waited long enough. @now_ns: CLOCK_MONOTONIC. */
void attempts_age(Attempts *t, uint64_t now_ns);
uint64_t attempts_deadline(const Attempts *t); /* of attempts_age(); UINT64_MAX: nothing waits */
void attempts_flush(Attempts *t);

const AttemptCounters *attempts_counters(const Attempts *t);

/* All that is known and all that waits, as a part (base/pack.h), for a successor. 0 or -ENOMEM. */
int attempts_save(const Attempts *t, Buf *out);

/* Takes such a part off @in; it replaces what @t held. What waits for a name waits for ATTEMPT_WAIT_MS from now on the monotonic clock.
 * PACK_E_BAD, -ENOMEM: @t is as it was. */
int attempts_restore(Attempts *t, Unpack *in);
