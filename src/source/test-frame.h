/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* For tests: a frame of auditd's binary format. */
#include <stdint.h>
#include <string.h>

/* Returns its length. @padded: 0, or how long text and padding are together. */
static inline size_t frame(char *to, uint32_t ver, uint32_t type, const char *text, size_t padded) {
        uint32_t n = (uint32_t)strlen(text), head[4] = { ver, 16, type, n };

        memcpy(to, head, 16);
        if (padded)
                memset(to + 16, 'x', padded);
        memcpy(to + 16, text, n);
        return 16 + (padded ? padded : n);
}
