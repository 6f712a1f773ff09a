/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>
#include "role/account/kernel-state.h"

const CounterDesc kernel_counter_descs[] = {
        { "kernel_lost", "records that the kernel has dropped since aulert started",
          offsetof(KernelCounters, lost), true },
};
const size_t kernel_n_counter_descs = ARRAY_SIZE(kernel_counter_descs);

static void take(KernelState *k, const KernelAudit *now) {
        if (k->heard)
                k->counters.lost += kernel_audit_lost_between(k->last.lost, now->lost);
        k->last = *now;
        k->known = k->heard = true;
}

static int on_answer(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        KernelState *k = userdata;
        KernelAudit now;
        int r = kernel_audit_read(fd, &now);

        if (r > 0)
                take(k, &now);
        if (r < 0) { /* the next answer may be another */
                k->known = false;
                k->error = -r;
        }
        return 0;
}

void kernel_state_open(KernelState *k, sd_event *loop) {
        int r = k->fd = kernel_audit_open();

        if (r >= 0)
                r = sd_event_add_io(loop, &k->io, k->fd, EPOLLIN, on_answer, k);
        if (r >= 0) {
                kernel_state_ask(k);
                return;
        }
        kernel_state_close(k);
        k->error = -r;
}

void kernel_state_close(KernelState *k) {
        k->io = sd_event_source_disable_unref(k->io);
        if (k->fd >= 0)
                close(k->fd);
        k->fd = -1;
}

void kernel_state_ask(KernelState *k) {
        int r = k->fd < 0 ? 0 : kernel_audit_ask(k->fd);

        if (r < 0) {
                k->known = false;
                k->error = -r;
        }
}

void kernel_state_print_counters(const KernelState *k, Buf *out, bool only_loss) {
        if (k->known)
                counter_print(out, kernel_counter_descs, kernel_n_counter_descs, &k->counters, only_loss);
}

void kernel_state_print(const KernelState *k, Buf *out) {
        if (k->known)
                buf_printf(out, "kernel\t%u\t%u\t%u\n", k->last.lost, k->last.backlog, k->last.backlog_limit);
        else
                buf_printf(out, "kernel\tunknown\t%s\n", k->error ? strerror(k->error) : "no answer yet");
}
