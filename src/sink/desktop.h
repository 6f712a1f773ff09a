/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The desktop sink: a notification on the desktop of every target user, through a child that has become
 * that user.
 *
 * At most DESKTOP_CHILDREN at once and DESKTOP_CHILDREN_USER for one user; each is ended after
 * DESKTOP_CHILD_MS. A user whose bus let DESKTOP_PATIENCE of them pass without an answer is left alone for
 * DESKTOP_REST_MS, so that a hung session costs the others nothing. The loop needs SIGCHLD blocked. */
#include "sink/desktop-users.h"
#include "sink/sink.h"

#define DESKTOP_CHILDREN      8u
#define DESKTOP_CHILDREN_USER 2u
#define DESKTOP_CHILD_MS      2000u
#define DESKTOP_JOBS          512u /* waiting, of all users */
#define DESKTOP_JOBS_USER     64u
#define DESKTOP_PATIENCE      3u
#define DESKTOP_REST_MS       10000u

/* Starts the child (desktop-child.h) for @uid, whose standard input is @fd, which stays the caller's. 0 or -errno; it is
 * the caller's to wait for. */
int desktop_spawn(const char *run_dir, uid_t uid, int fd, pid_t *ret);

/* A process without the right to become another user has a child started by one that has it: @fn is called in the place of
 * desktop_spawn(), and whoever starts the child waits for it, and ends it after DESKTOP_CHILD_MS. For all sinks of the process. */
typedef int (*DesktopStartFn)(void *userdata, uid_t uid, int fd);
void desktop_start_by(DesktopStartFn fn, void *userdata);

/* For tests: another place than DESKTOP_RUN_DIR for the next sinks that are opened with @run_dir (lent).
 * The child is this program with --role notify UID RUN_DIR. */
int desktop_open_at(Sink *sink, const SinkConf *conf, const char *run_dir);
extern const SinkOps sink_desktop;
