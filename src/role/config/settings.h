/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the engine is told of the configuration: nothing about sinks, whose secrets it must not know. */
#include "role/config/config.h"
#include "role/engine/echo.h"
#include "rule/files.h"

#define SETTINGS_MAX (256u << 20)

typedef struct {
        size_t max_line;
        EventLimits limits;
        const RuleFile *files; /* the rules, read by the supervisor: the engine may open nothing */
        size_t n_files;
        bool catch_up; /* from the log of the configuration, after a start (catch-up.h) */
        bool intake;   /* stdin comes from one, with its marks (progress.h) */
        Redact redact;
        EchoSelf self;
        const EventRoute *events;
        size_t n_events;
        Arena arena; /* of these */
        Str bytes;   /* what all this lies in */
} Settings;

/* Reads the rule files. A sealed memfd (ipc.h), or -errno; -EFBIG: they are larger than SETTINGS_MAX. */
int settings_make(const Config *config, const EchoSelf *self);
/* Takes the descriptor. 0 or -errno; -EBADMSG: not made by settings_make(). */
int settings_read(Settings *ret, int fd);
void settings_done(Settings *s);
