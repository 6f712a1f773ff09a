/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/counter.h"

void counter_print(Buf *out, const CounterDesc *descs, size_t n, const void *counters, bool only_loss) {
        for (size_t i = 0; i < n; i++) {
                uint64_t v;

                memcpy(&v, (const char *)counters + descs[i].offset, sizeof(v));
                if (only_loss && (!v || !descs[i].loss))
                        continue;
                buf_putz(out, descs[i].name);
                buf_putc(out, ' ');
                buf_u64(out, v);
                buf_putc(out, '\n');
        }
}
