/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where the supervisor gives account: `aulert status`, metrics, and an alert when losses have grown.
 *
 * It asks all processes (account.h) and passes on what they say; nothing of it can stop the supervisor or the others. */
#include "role/account/account.h"
#include "role/config/config.h"

typedef struct Desk Desk;

typedef struct {
        sd_event *loop;
        Account *account;
        const Child *const *children; /* ACCOUNT_CHILDREN */
        /* Losses have grown. @sentence: at most LOSSES_TEXT bytes. */
        void (*lost)(void *userdata, const char *sentence);
        /* Metrics for deliver to give out: a sealed memfd (ipc.h), lent. */
        void (*publish)(void *userdata, int fd);
        void *userdata;
} DeskOptions;

/* All lent for its life. 0 or -errno. */
int desk_new(Desk **ret, const DeskOptions *options);
Desk *desk_free(Desk *d); /* after account_free(). Takes NULL, returns NULL */

/* The first configuration, or another one. It is lent until the next. What cannot be opened is logged; all else works. */
void desk_use(Desk *d, const Config *config);
/* Counters that are the desk's, for the supervisor's part of the account. */
void desk_print_counters(const Desk *d, Buf *out, bool only_loss);
void desk_note_rules(Desk *d, uint64_t n);
/* "done", or "refused"; lent for ever. */
void desk_note_reload(Desk *d, const char *how);
