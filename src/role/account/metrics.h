/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The counters as Prometheus reads them (text format 0.0.4), and the file from which node_exporter's textfile collector
 * takes them.
 *
 * Names come from our own tables (counters.h), numbers are numbers, and labels are escaped: nothing that a child says can
 * make a line of its own. */
#include "role/account/account.h"
#include "role/account/counters.h"

#define METRICS_MAX (1u << 20) /* bytes of a text */

typedef struct {
        const AccountPart *parts; /* ACCOUNT_PARTS */
        StrList sinks;            /* names of all */
        uint64_t n_rules;
        bool reloaded, reload_done;   /* there was a reload, and the last one was done */
        uint64_t up_s[ACCOUNT_PARTS]; /* of the processes, in the order of the parts; 0: not known */
        bool runs[ACCOUNT_PARTS];
        int64_t now_s; /* CLOCK_REALTIME */
} Metrics;

void metrics_print(Buf *out, const Metrics *m);

/* Puts another file in the place of @path, so that nobody sees half of one. Everybody may read it. 0 or -errno. */
int metrics_write(const char *path, Str text);
