/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the engine and deliver have in common: a child of the supervisor at its post.
 *
 * Signals that the terminal or systemd sends to all processes of the service are the supervisor's business: a child ignores
 * them, and ends when told to, when the supervisor is gone, or with it (PR_SET_PDEATHSIG). */
#include <systemd/sd-event.h>
#include "role/ipc.h"
#include "role/sandbox.h"

typedef struct {
        sd_event *loop;
        sd_event_source *control;
        IpcRoom room;
        void (*message)(void *userdata,
                        IpcMessage *m); /* of the supervisor; m->fd is the callee's when it sets it to -1 */
        void *userdata;
} Station;

/* Signals, messages of the log, the socket to the supervisor; becomes @uid, @gid ("-": stays who it is). 0 or -errno. */
int station_open(Station *s, const char *uid, const char *gid);
void station_close(Station *s);

/* Becomes @uid, @gid ("-": stays who it is). 0 or -errno. */
int station_become(const char *uid, const char *gid);

/* For who had to open something as root, and is at its post with "-": becomes @uid, @gid, and can only read. 0 or -errno. */
int station_become_reader(const char *uid, const char *gid, SandboxReader what);

/* To the supervisor, best effort. */
void station_tell(IpcType type, uint64_t a, uint64_t b, Str payload);
