/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Writes a capture whose mix follows a recorded one: 115,852 events in 477,960 records, a kernel 6.18
 * at work, 105 MB as auditd logs them ENRICHED.
 *
 * Nearly all are opened files (SYSCALL CWD PATH PROCTITLE); among 115,852 events there are 5,520
 * programs started, 3,700 calls with two paths, 1,600 socket calls, two dozen logins. 4,787 pairs of
 * events run into each other, so that 7.4 % are not contiguous. There are as many distinct values as
 * were counted there. The same seed gives the same bytes. */
#include "base/buf.h"

typedef struct {
        uint64_t random; /* the seed, and the generator's state afterwards */
        uint64_t serial; /* of the last event */
        int64_t ms;      /* its time, since the epoch */
        uint64_t n_records;
        bool raw;          /* as the kernel says it, without what auditd adds */
        bool eoe;          /* an EOE record ends an event, as plugins see it and logs do not */
        bool exec_only;    /* every event starts a program */
        unsigned pid;      /* the latest */
        unsigned pids[16]; /* of each program */
} Mix;

#define MIX_INIT ((Mix){ .random = 1, .serial = 116000, .ms = 1795336266664, .pid = 30777 })

/* Whole events until there are at least @n_records. 0, or -errno of @out. */
int mix_generate(Mix *w, Buf *out, uint64_t n_records);
