/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the supervisor knows of the kernel's auditing (kernel-audit.h), as it was told last.
 *
 * What cannot be asked (no right to, a container) is not known: it is said to be unknown, and never 0. */
#include <systemd/sd-event.h>
#include "base/counter.h"
#include "source/kernel-audit.h"

typedef struct {
        uint64_t lost; /* since we know it */
} KernelCounters;

extern const CounterDesc kernel_counter_descs[];
extern const size_t kernel_n_counter_descs;

typedef struct {
        int fd; /* -1: there is no asking */
        sd_event_source *io;
        bool known; /* the last answer was one */
        bool heard; /* there was one ever */
        int error;  /* why it is not known */
        KernelAudit last;
        KernelCounters counters;
} KernelState;

#define KERNEL_STATE_INIT ((KernelState){ .fd = -1 })

void kernel_state_open(KernelState *k, sd_event *loop); /* it stays where it is as long as it is open */
void kernel_state_close(KernelState *k);
/* For who will print soon. */
void kernel_state_ask(KernelState *k);
/* "kernel_lost N"; nothing when it is not known. */
void kernel_state_print_counters(const KernelState *k, Buf *out, bool only_loss);
/* A line "kernel LOST BACKLOG LIMIT", or "kernel unknown WHY", with tabs between. */
void kernel_state_print(const KernelState *k, Buf *out);
