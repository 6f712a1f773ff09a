/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/counter.h"

static uint64_t value(const void *counters, const CounterDesc *desc) {
        uint64_t v;

        memcpy(&v, (const char *)counters + desc->offset, sizeof(v));
        return v;
}

void counter_sum(void *into, const CounterDesc *descs, size_t n, const void *before, const void *now) {
        for (size_t i = 0; i < n; i++) {
                uint64_t sum = value(before, &descs[i]) + value(now, &descs[i]);

                memcpy((char *)into + descs[i].offset, &sum, sizeof(sum));
        }
}

void counter_print(Buf *out, const CounterDesc *descs, size_t n, const void *counters, bool only_loss) {
        for (size_t i = 0; i < n; i++) {
                uint64_t v = value(counters, &descs[i]);

                if (only_loss && (!v || !descs[i].loss))
                        continue;
                buf_putz(out, descs[i].name);
                buf_putc(out, ' ');
                buf_u64(out, v);
                buf_putc(out, '\n');
        }
}
