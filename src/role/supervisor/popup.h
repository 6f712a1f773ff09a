/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Starts the short-lived child that shows a desktop notification (desktop-child.h), waits for it, and ends it when it takes
 * too long. */
#include <sys/types.h>
#include <systemd/sd-event.h>

#define POPUP_MAX 16u /* at once; more are refused: their socket is closed */

/* @fd is lent. */
void popup_start(sd_event *loop, uid_t uid, int fd);
