/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Runs a plugin through what auditd demands of one, and says for each demand whether it keeps it and why. */
#include "audisp/plugin.h"

typedef struct {
        const char *conf;
        const Version *version;
        PluginOptions plugin;
        char *const *files; /* captures to feed it */
        size_t n_files;
        bool tap;
} JudgeOptions;

/* Prints a line a demand and a summary to stdout. 0: all are kept, 1: not all, 2: the plugin cannot be started as auditd
 * would, 3: no capture could be read. */
int judge_run(const JudgeOptions *options);
