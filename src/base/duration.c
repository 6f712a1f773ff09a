/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/duration.h"

bool duration_parse(Str text, uint64_t *ret_ms) {
        static const struct {
                const char *unit;
                uint64_t ms;
        } units[] = { { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
                      { "h", 3600000 }, { "d", 86400000 }, { "", 1000 } };
        const uint64_t longest = 3650ull * 86400000;
        size_t digits = 0;
        uint64_t n;

        while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
                digits++;
        if (!str_u64((Str){ text.p, digits }, 10, &n))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
                if (!str_eqz((Str){ text.p + digits, text.n - digits }, units[i].unit))
                        continue;
                if (n > longest / units[i].ms)
                        return false;
                *ret_ms = n * units[i].ms;
                return true;
        }
        return false;
}
