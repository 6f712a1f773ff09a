/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Lets records gather while many arrive, so that one wake-up takes several.
 *
 * auditd writes record by record, and waking up costs several times what a record costs. After GATHER_QUICK
 * reads in quick succession a read waits GATHER_NS first, for as long as reads then find GATHER_LINES
 * lines. A record that comes alone never waits. Limit: auditd's socket holds some 160 records, three
 * hundred thousand a second then; auditd does not write a third of it. */
#include <stdbool.h>
#include <stdint.h>

#define GATHER_NS       500000u
#define GATHER_QUICK_NS 250000u /* reads that are closer are in quick succession */
#define GATHER_QUICK    32u
#define GATHER_LINES    4u

typedef struct {
        uint64_t last_ns; /* CLOCK_MONOTONIC */
        unsigned n_quick;
        bool busy; /* wait before the next read */
} Gather;

/* A read has given @n_lines at @now_ns. */
static inline void gather_note(Gather *g, uint64_t now_ns, uint64_t n_lines) {
        bool quick = now_ns - g->last_ns < GATHER_QUICK_NS;

        g->last_ns = now_ns;
        g->n_quick = quick && !g->busy ? g->n_quick + 1 : 0;
        g->busy = g->busy ? n_lines >= GATHER_LINES : g->n_quick >= GATHER_QUICK;
}
