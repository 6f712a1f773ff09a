/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The account of loss: the counters of all processes, put together when they have answered.
 *
 * "name value" lines; the supervisor's own first, then the children's. One that does not answer within ACCOUNT_MS is left out,
 * and a line says so. */
#include "base/buf.h"
#include "role/child.h"

#define ACCOUNT_MS  500u
#define ACCOUNT_MAX 16u /* questions at once; more get what there is at once */

typedef struct Account Account;
typedef void (*AccountFn)(void *userdata, Str lines);

#define ACCOUNT_CHILDREN 3u

int account_new(Account **ret, sd_event *loop, const Child *const children[ACCOUNT_CHILDREN],
                void (*print_own)(void *userdata, Buf *out, bool only_loss), void *userdata);
Account *account_free(Account *a); /* returns NULL */

/* @fn is called once, now or later. */
void account_ask(Account *a, bool only_loss, AccountFn fn, void *userdata);
/* An answer to the question of that number. */
void account_take(Account *a, const Child *child, uint64_t number, Str lines);
