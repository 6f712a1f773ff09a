/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the engine is told of the configuration: nothing about sinks, whose secrets it must not know. */
#include "role/config.h"

#define SETTINGS_MAX (256u << 20)

typedef struct {
        size_t max_line;
        EventLimits limits;
        const char **rules; /* paths */
        size_t n_rules;
        Redact redact;
        Str bytes; /* what all this lies in */
} Settings;

/* A sealed memfd (ipc.h), or -errno. */
int settings_make(const Config *config);
/* Takes the descriptor. 0 or -errno; -EBADMSG: not made by settings_make(). */
int settings_read(Settings *ret, int fd);
void settings_done(Settings *s);
