/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The socket where `aulert status` asks, in the supervisor.
 *
 * Who connects is told and disconnected. Nothing is read from him: root parses nothing here. At most STATUS_CLIENTS at a time,
 * the others wait in the kernel's queue; who does not take what he is told within STATUS_MS is cut off. What was put together less than
 * STATUS_FRESH_MS ago is told again, so that asking in a loop costs little.
 *
 * Lines of "ROLE TAB WHAT", where WHAT is of that process: a counter as "name value", or a word and its values with tabs
 * between. The last line is STATUS_END. */
#include "role/account/account.h"
#include "role/config/config.h"

#define STATUS_CLIENTS  8u
#define STATUS_MS       5000u
#define STATUS_FRESH_MS 100u
#define STATUS_END      "supervisor\tend\n"

typedef struct StatusServer StatusServer;

typedef struct {
        sd_event *loop;
        Account *account;
        void (*question)(void *userdata);           /* somebody asks: describe() follows */
        void (*describe)(void *userdata, Buf *out); /* lines of the supervisor that are no counters */
        void *userdata;
} StatusOptions;

/* The socket is root's and the group's (0660). One that nobody listens on is replaced; -EADDRINUSE: somebody does. 0 or -errno. */
int status_open(StatusServer **ret, const ConfigStatus *config, const StatusOptions *options);
/* Removes the socket, if it is still ours. After account_free(). Takes NULL, returns NULL. */
StatusServer *status_close(StatusServer *s);
