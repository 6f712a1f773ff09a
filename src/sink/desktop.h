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

/* For tests: another place than DESKTOP_RUN_DIR for the next sinks that are opened with @run_dir (lent).
 * The child is this program with --role notify UID RUN_DIR. */
int desktop_open_at(Sink *sink, const SinkConf *conf, const char *run_dir);
extern const SinkOps sink_desktop;
