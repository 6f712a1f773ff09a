/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The binary format of auditd's dispatcher: four native uint32 (ver, hlen, type, size), then text.
 *
 * ver 0: the kernel's text, without type; ver 1: a formatted line without its newline (audispd.c:
 * write_to_plugin()). Through auditd 4.1.0 every text is followed by padding up to 8970 bytes, whatever size
 * says; from 4.1.1 on by nothing. Which it is shows at the second frame: a header stands directly behind the
 * first text, or behind its padding. A record is given out as soon as its text is there, before that is known. What
 * the padding holds says nothing: auditd allocates a record and does not clear it (auditd-dispatch.c:
 * dispatch_event()). But a header must follow it: where none does it was no padding, and is lost. */
#include <errno.h>
#include <stdlib.h>
#include "source/source-ops.h"

#define HEADER   BINARY_HEADER
#define TEXT_MAX 8970u /* MAX_AUDIT_MESSAGE_LENGTH of libaudit.h */
#define SPACE    (128u << 10)

typedef enum { PADDING_UNKNOWN, PADDING_NONE, PADDING_FULL } Padding;

struct Binary {
        SourceCounters *counters;
        Padding padding;
        size_t start, end;
        size_t skip;      /* bytes of padding still to come */
        size_t last_size; /* of the text given out last, while padding is unknown and skip is not decided */
        size_t guessed;   /* bytes taken for the first padding, until the header behind it is seen */
        bool undecided;
        bool lost; /* between a bad header and the next good one */
        char buf[SPACE];
};

int binary_new(Binary **ret, SourceCounters *counters) {
        Binary *b = calloc(1, sizeof(*b));

        if (!b)
                return -ENOMEM;
        b->counters = counters;
        *ret = b;
        return 0;
}

Binary *binary_free(Binary *b) {
        free(b);
        return NULL;
}

char *binary_space(Binary *b, size_t *ret_room) {
        if (b->start) {
                memmove(b->buf, b->buf + b->start, b->end - b->start);
                b->end -= b->start;
                b->start = 0;
        }
        *ret_room = SPACE - b->end;
        return b->buf + b->end;
}

void binary_add(Binary *b, size_t n) { b->end += n; }

typedef struct {
        uint32_t ver, hlen, type, size;
} Header;

static bool is_header(const char *p, Header *ret) {
        Header h;

        memcpy(&h, p, sizeof(h));
        if (h.ver > 1 || h.hlen != HEADER || h.size > TEXT_MAX || h.type < 1000 || h.type > 9999)
                return false;
        *ret = h;
        return true;
}

static bool header_at(const Binary *b, size_t at, Header *ret) { return is_header(b->buf + at, ret); }

bool binary_starts(const char *p) {
        Header h;

        return is_header(p, &h);
}

/* A header without text becomes no more than three times as long as a line; source_format() wants some room to spare. */
size_t binary_most(const Binary *b, size_t room) {
        size_t held = b->end - b->start, most = (room - 128) / 3, frame = HEADER;
        Header h;

        if (held < most)
                return most - held < SPACE - held ? most - held : SPACE - held;
        if (held >= HEADER && header_at(b, b->start, &h))
                frame += h.size;
        return held < frame ? frame - held : 1;
}

void binary_restart(Binary *b) {
        b->start = b->end = b->skip = b->guessed = 0;
        b->padding = PADDING_UNKNOWN;
        b->undecided = b->lost = false;
}

/* The bytes behind the first text tell whether texts are padded. False: too few of them yet. */
static bool decide(Binary *b) {
        size_t rest = TEXT_MAX - b->last_size;
        Header h;

        if (b->end - b->start < HEADER)
                return false;
        if (header_at(b, b->start, &h) || !rest) {
                b->padding = PADDING_NONE;
        } else {
                b->padding = PADDING_FULL;
                b->skip = b->guessed = rest;
        }
        b->undecided = false;
        return true;
}

static bool skip(Binary *b) {
        size_t n = b->end - b->start < b->skip ? b->end - b->start : b->skip;

        b->start += n;
        b->skip -= n;
        return !b->skip;
}

/* No header here: on, a byte at a time, to where one stands. */
static void resync(Binary *b) {
        b->counters->bad_frames += !b->lost;
        b->lost = true;
        b->counters->skipped_bytes++;
        b->start++;
}

/* The first place behind what was taken for padding. */
static void check_guess(Binary *b) {
        Header h;

        if (b->guessed && !header_at(b, b->start, &h)) {
                b->padding = PADDING_UNKNOWN;
                b->counters->bad_frames++;
                b->counters->skipped_bytes += b->guessed;
                b->lost = true;
        }
        b->guessed = 0;
}

static void behind(Binary *b, size_t size) {
        b->start += HEADER + size;
        if (b->padding == PADDING_FULL)
                b->skip = TEXT_MAX - size;
        b->undecided = b->padding == PADDING_UNKNOWN;
        b->last_size = size;
}

size_t binary_lines(Binary *b, char *into, size_t room) {
        size_t used = 0;
        Header h;

        for (;;) {
                size_t n;

                if (b->undecided && !decide(b))
                        return used;
                if (!skip(b) || b->end - b->start < HEADER)
                        return used;
                check_guess(b);
                if (!header_at(b, b->start, &h)) {
                        resync(b);
                        continue;
                }
                if (b->end - b->start < HEADER + h.size)
                        return used;
                n = source_format(into + used, room - used, h.type, b->buf + b->start + HEADER, h.size,
                                  h.ver == 0);
                if (!n)
                        return used;
                used += n;
                b->lost = false;
                behind(b, h.size);
        }
}

int64_t binary_held(const Binary *b) {
        return b->undecided ? INT64_MAX : (int64_t)(b->end - b->start) - (int64_t)b->skip;
}
