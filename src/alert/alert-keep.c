/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "alert/alert-keep.h"
#include "base/sha256.h"

#define PER_TEXT 4u /* quotes and a comma, or a length */

int alert_begin(Alert **ret, AlertKind kind) {
        Alert *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->n_refs = 1;
        a->kind = kind;
        a->room = ALERT_ROOM;
        *ret = a;
        return 0;
}

bool alert_keep(Alert *a, Str s, size_t max, Str *ret) {
        size_t room = a->room > PER_TEXT ? a->room - PER_TEXT : 0, cost = 0, n = 0;

        for (; n < s.n && n < max; n++) {
                size_t c = alert_cost((uint8_t)s.p[n]);

                if (cost + c > room)
                        break;
                cost += c;
        }
        a->truncated |= n < s.n;
        a->room = room - cost;
        *ret = arena_str(&a->arena, facts_clip(s, n));
        return ret->p;
}

bool alert_keep_list(Alert *a, const Str *list, size_t n, const Str **ret, size_t *ret_n) {
        Str *copy;

        a->truncated |= n > ALERT_LIST_MAX;
        if (n > ALERT_LIST_MAX)
                n = ALERT_LIST_MAX;
        copy = arena_alloc(&a->arena, sizeof(Str) * (n + 1));
        for (size_t i = 0; copy && i < n; i++)
                if (!alert_keep(a, list[i], ALERT_TEXT_MAX, &copy[i]))
                        return false;
        *ret = copy;
        *ret_n = n;
        return copy;
}

bool alert_make_id(Alert *a, Str rule_id, Str what) {
        uint8_t digest[32];
        char hex[32];
        Sha256 sum;

        sha256_init(&sum);
        sha256_add(&sum, rule_id);
        sha256_add(&sum, (Str){ "", 1 });
        sha256_add(&sum, what);
        sha256_finish(&sum, digest);
        for (int i = 0; i < 16; i++) {
                hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
                hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
        }
        return alert_keep(a, (Str){ hex, 32 }, 32, &a->id);
}
