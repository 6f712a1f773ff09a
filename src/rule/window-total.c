/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "rule/window-inside.h"

/* And with the last group what else the window holds. */
static void forget_oldest(Window *w) {
        if (w->oldest) {
                window_forget(w, w->oldest);
                w->counters.groups_dropped++;
        }
        if (w->oldest)
                return;
        window_account(w, -(ptrdiff_t)(w->n_buckets * sizeof(*w->buckets)));
        w->total->n_used--;
        free(w->buckets);
        w->buckets = NULL;
        w->n_buckets = 0;
}

void window_bound(WindowTotal *total, Window **windows, size_t n, size_t max_bytes) {
        size_t enough = max_bytes - max_bytes / 16;

        if (total->bytes <= max_bytes)
                return;
        /* while there is too much, one of them has more than its share */
        while (total->bytes > enough) {
                Window *w = windows[total->hand % n];

                if (w->bytes > enough / total->n_used)
                        forget_oldest(w);
                else
                        total->hand = (total->hand + 1) % n;
        }
}
