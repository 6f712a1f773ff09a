/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Rules after the first: loaded beside the stream, by a thread (loader.h), one set after the other.
 *
 * What comes while some are being loaded is taken after that; of several only the newest. The supervisor is told how each
 * ended (IPC_CHANGED). */
#include <systemd/sd-event.h>
#include "role/engine/engine.h"
#include "role/engine/events-out.h"

typedef struct {
        Engine *engine;
        EventsOut **events;
        sd_event *loop;
        sd_event_source *loading;
        int next; /* settings that wait, a descriptor; -1: none */
} Reload;

/* Takes the descriptor of settings.h. */
void reload_take(Reload *r, int fd);
void reload_done(Reload *r);

/* LoaderJob.load with Settings as its job. */
int reload_job(void *job, RuleSet **ret, const RuleOptions *options, RuleDiagFn diag, void *userdata);
