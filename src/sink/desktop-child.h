/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A short-lived process that becomes one user and says one thing to that user's notification service.
 *
 * The sink starts it by executing its own program anew, so that nothing of the parent is in its memory,
 * with a socket on stdin: one message with the request comes in, one with the answer goes out. It gives up
 * every right before it reads anything that an outsider may have chosen, and the bus it talks to may be
 * hostile: its time, memory and files are limited, and whatever becomes of it, the parent ends it. */
#include <sys/types.h>
#include "base/buf.h"

#define DESKTOP_MESSAGE_MAX 16384u

typedef struct {
        uint8_t urgency;     /* 0 low, 1 normal, 2 critical (Desktop Notifications Specification) */
        uint32_t timeout_ms; /* until the notification goes away by itself; 0: never */
        Str icon, summary, body;
} DesktopRequest;

/* Exit statuses, and the first byte of the answer; the rest of it says in words what happened. */
enum { DESKTOP_SHOWN = 0, DESKTOP_REFUSED = 1, DESKTOP_FAILED = 2, DESKTOP_LATE = 3 /* no answer in time */ };

void desktop_request_write(Buf *out, const DesktopRequest *q);
/* False when the bytes are no request. Texts borrow from @s. */
bool desktop_request_read(Str s, DesktopRequest *ret);

/* The whole life of the child. Returns its exit status. @run_dir: DESKTOP_RUN_DIR, or that of a test. */
int desktop_child(uid_t uid, const char *run_dir);
