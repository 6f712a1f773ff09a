/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "event/serials.h"

#define WORDS (SERIALS_WINDOW / 64)

static uint64_t *word_of(Serials *s, uint64_t serial) { return &s->seen[serial / 64 % WORDS]; }

/* All that is not seen in [from, to), at most a window of it, is counted; the bits become @seen. */
static void settle(Serials *s, uint64_t from, uint64_t to, bool seen) {
        while (from < to) {
                uint64_t end = (from / 64 + 1) * 64, mask = ~0ull << from % 64;
                uint64_t *word = word_of(s, from);

                if (end > to) {
                        mask &= ~0ull >> (end - to);
                        end = to;
                }
                s->gaps += (uint64_t)__builtin_popcountll(~*word & mask);
                *word = seen ? *word | mask : *word & ~mask;
                from = end;
        }
}

static void begin(Serials *s, uint64_t serial) {
        memset(s->seen, 0xff, sizeof(s->seen));
        s->next = s->mark = serial + 1;
        s->far = 0;
}

static void forward(Serials *s, uint64_t serial) {
        uint64_t n = serial - s->next;

        if (n > SERIALS_WINDOW) { /* what leaves the window at once */
                s->gaps += n - SERIALS_WINDOW;
                n = SERIALS_WINDOW;
                settle(s, s->next, s->next + n, true);
                settle(s, serial - n, serial, false);
        } else {
                settle(s, s->next, serial, false);
        }
        s->next = serial;
        settle(s, serial, serial + 1, true);
        s->next++;
        s->far = 0;
}

/* Two in a row say that it goes on there. */
static void move(Serials *s, uint64_t serial) {
        uint64_t to = s->far < serial ? s->far : serial, other = s->far ^ serial ^ to;

        if (to < s->next) {
                s->left = s->next;
                begin(s, to);
        } else if (to - s->next > SERIALS_LOST_MAX || (s->left && to + SERIALS_WINDOW >= s->left &&
                                                       to - s->left + SERIALS_WINDOW < SERIALS_FAR)) {
                s->left = 0;
                begin(s, to);
        } else {
                forward(s, to);
        }
        if (other >= s->next)
                forward(s, other);
}

void serials_jump(Serials *s, uint64_t serial) {
        bool back = serial < s->next;

        if (!serial || serial > UINT32_MAX) /* it is an unsigned int of the kernel's */
                return;
        if (!s->next) {
                begin(s, serial);
                return;
        }
        if (back && s->next - serial <= SERIALS_WINDOW) {
                *word_of(s, serial) |= 1ull << serial % 64; /* late, and not missing */
                s->far = 0;
        } else if (!back && serial - s->next < SERIALS_FAR) {
                forward(s, serial);
        } else if (s->far && (s->far > serial ? s->far - serial : serial - s->far) < SERIALS_WINDOW) {
                move(s, serial);
        } else {
                s->far = serial;
        }
}

void serials_settle(Serials *s, int64_t clock_ms) {
        uint64_t from = s->next > SERIALS_WINDOW ? s->next - SERIALS_WINDOW : 0;

        if (from < s->mark)
                settle(s, from, s->mark, true);
        s->mark = s->next;
        s->since_ms = clock_ms;
}
