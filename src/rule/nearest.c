/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "rule/nearest.h"

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

static size_t min(size_t a, size_t b) { return a < b ? a : b; }

/* Three rows of the table of optimal string alignment; row i - 2 for swapped neighbours. */
static size_t distance(Str a, Str b) {
        size_t rows[3][NEAREST_LENGTH + 1];
        size_t *before = rows[0], *above = rows[1], *row = rows[2];

        for (size_t k = 0; k <= b.n; k++)
                above[k] = k;
        for (size_t i = 1; i <= a.n; i++) {
                size_t *spare = before;
                char c = lower(a.p[i - 1]);

                row[0] = i;
                for (size_t k = 1; k <= b.n; k++) {
                        char d = lower(b.p[k - 1]);

                        row[k] = min(min(above[k], row[k - 1]) + 1, above[k - 1] + (c != d));
                        if (i > 1 && k > 1 && c == lower(b.p[k - 2]) && lower(a.p[i - 2]) == d)
                                row[k] = min(row[k], before[k - 2] + 1);
                }
                before = above;
                above = row;
                row = spare;
        }
        return above[b.n];
}

Nearest nearest_begin(Str word) {
        return (Nearest){ .word = word, .distance = word.n < 3 ? 1 : min(word.n / 3, 3) };
}

void nearest_try(Nearest *n, Str candidate) {
        Str w = n->word;
        size_t d;

        if (n->n_tried++ >= NEAREST_MAX || w.n < 2 || w.n > NEAREST_LENGTH || !candidate.n ||
            candidate.n > NEAREST_LENGTH)
                return;
        d = w.n >= 3 && candidate.n > w.n && str_ieq((Str){ candidate.p, w.n }, w) ? 1
                                                                                   : distance(w, candidate);
        if (d < n->distance || (d == n->distance && !n->best.n)) {
                n->best = candidate;
                n->distance = d;
        }
}
