/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Delivers alerts to one outside system, without ever blocking the loop.
 *
 * Taking an alert is not delivering it. A driver takes it (submit) and later settles it exactly once, when the far end has
 * answered. A driver is transport: retries, backing off and (later) the spool are the host's. */
#include <systemd/sd-event.h>
#include "alert/alert.h"

typedef struct Sink Sink;

typedef enum {
        SINK_DELIVERED, /* the far end has it */
        SINK_RETRY,     /* not now: offer it again later */
        SINK_REFUSED,   /* never: count it and say so */
} SinkVerdict;

typedef void (*SinkSettledFn)(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why);

enum { _SINK_E_SUCCESS, SINK_E_BUSY };
