/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The account of loss: the counters of all processes, put together when they have answered.
 *
 * "name value" lines; the supervisor's own first, then the children's. One that runs and does not answer within ACCOUNT_MS is
 * left out, and said to be silent. What children say is theirs, and may be a lie. */
#include "base/buf.h"
#include "role/supervisor/child.h"

#define ACCOUNT_MS  500u
#define ACCOUNT_MAX 16u /* questions at once; more get what there is at once */

#define ACCOUNT_CHILDREN 3u
#define ACCOUNT_PARTS    (1 + ACCOUNT_CHILDREN)

/* What a child is asked for (IPC_COUNTERS). */
typedef enum {
        ACCOUNT_ALL,
        ACCOUNT_LOSSES, /* that are not zero */
        ACCOUNT_STATUS, /* all, and what is no counter: delivery_print_state(), event_print_gaps() */
} AccountWhat;

typedef struct {
        const char *role; /* "supervisor", or of the child */
        Str lines;        /* lent */
        bool silent;      /* it was asked, and did not answer */
        bool absent;      /* it does not run, or could not be asked */
} AccountPart;

typedef struct Account Account;
typedef void (*AccountFn)(void *userdata, const AccountPart parts[ACCOUNT_PARTS]);

int account_new(Account **ret, sd_event *loop, const Child *const children[ACCOUNT_CHILDREN],
                void (*print_own)(void *userdata, Buf *out, bool only_loss), void *userdata);
Account *account_free(Account *a); /* who has asked and was not answered is not. Returns NULL */

/* @fn is called once, now or later. */
void account_ask(Account *a, AccountWhat what, AccountFn fn, void *userdata);
/* An answer to the question of that number. */
void account_take(Account *a, const Child *child, uint64_t number, Str lines);
/* All lines, and "ROLE_silent 1" for those that were. */
void account_join(Buf *out, const AccountPart parts[ACCOUNT_PARTS]);
