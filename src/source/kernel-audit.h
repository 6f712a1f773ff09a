/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the kernel says of its own auditing: above all how many records it has dropped.
 *
 * AUDIT_GET of linux/audit.h, for who has CAP_AUDIT_CONTROL outside of containers; others get an error, and know nothing. A question
 * goes out, and the answer comes on the same descriptor soon after. */
#include "base/str.h"

typedef struct {
        uint32_t lost;    /* records dropped since boot, or since somebody has set it to 0 */
        uint32_t backlog; /* records that wait for auditd */
        uint32_t backlog_limit;
} KernelAudit;

/* A descriptor to wait on, or -errno. */
int kernel_audit_open(void);
int kernel_audit_ask(int fd); /* 0 or -errno */
/* 1: *ret is the answer; 0: this was none, or there is no more; -errno: what the kernel says instead. */
int kernel_audit_read(int fd, KernelAudit *ret);

/* How many more it has dropped between two answers. */
static inline uint32_t kernel_audit_lost_between(uint32_t before, uint32_t now) {
        return now >= before ? now - before : now;
}
