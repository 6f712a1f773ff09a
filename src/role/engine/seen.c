/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "role/engine/seen.h"

#define SLOTS       (2 * SEEN_MAX) /* a power of two */
#define HEADER_MOST 400u           /* "msg=audit(" stands within: a node has at most 255 bytes */
#define SEC_MOST    (INT64_C(1) << 40)

struct Seen {
        uint64_t n;      /* ever */
        bool cut;        /* what it was restored from had forgotten some */
        int64_t begun;   /* what counts for the time while nothing is known */
        uint32_t *slots; /* place in @records, from 1; 0: none. NULL: nobody looks */
        SeenRecord records[SEEN_MAX];
};

static const char *number(const char *p, const char *end, int64_t *ret) {
        int64_t n = 0;

        for (; p < end && *p >= '0' && *p <= '9' && n < SEC_MOST; p++)
                n = n * 10 + (*p - '0');
        *ret = n;
        return p;
}

bool seen_read(Str line, SeenRecord *ret) {
        static const char mark[] = "msg=audit(";
        const char *added = line.n ? memchr(line.p, 0x1d, line.n) : NULL, *end, *p;
        size_t n = added ? (size_t)(added - line.p) : line.n;
        int64_t sec, ms;

        p = n ? memmem(line.p, n < HEADER_MOST ? n : HEADER_MOST, mark, sizeof(mark) - 1) : NULL;
        if (!p)
                return false;
        end = line.p + n;
        p = number(p + sizeof(mark) - 1, end, &sec);
        if (p == end || *p != '.' || sec >= SEC_MOST)
                return false;
        number(p + 1, end, &ms);
        while (n && line.p[n - 1] == ' ')
                n--;
        ret->hash = hash_bytes(line.p, n, 0);
        ret->ms = sec * 1000 + ms % 1000;
        return true;
}

Seen *seen_new(void) {
        Seen *s = calloc(1, sizeof(*s));

        if (s)
                s->begun = INT64_MIN;
        return s;
}

Seen *seen_free(Seen *s) {
        if (s)
                free(s->slots);
        free(s);
        return NULL;
}

/* ---- the index: open addressing, where what is taken out leaves no gap ---- */

static size_t home(uint64_t hash) { return hash & (SLOTS - 1); }
static size_t next(size_t i) { return (i + 1) & (SLOTS - 1); }

static void put(Seen *s, uint32_t place) {
        size_t i = home(s->records[place].hash);

        while (s->slots[i])
                i = next(i);
        s->slots[i] = place + 1;
}

static void take_out(Seen *s, uint32_t place) {
        size_t hole = home(s->records[place].hash), i;

        while (s->slots[hole] != place + 1)
                hole = next(hole);
        for (i = next(hole); s->slots[i]; i = next(i)) {
                size_t at = home(s->records[s->slots[i] - 1].hash);

                if (((i - at) & (SLOTS - 1)) >= ((i - hole) & (SLOTS - 1))) {
                        s->slots[hole] = s->slots[i];
                        hole = i;
                }
        }
        s->slots[hole] = 0;
}

int seen_index(Seen *s) {
        if (s->slots)
                return 0;
        s->slots = calloc(SLOTS, sizeof(*s->slots));
        if (!s->slots)
                return -ENOMEM;
        for (uint32_t i = 0; i < SEEN_MAX && i < s->n; i++)
                put(s, i);
        return 0;
}

void seen_unindex(Seen *s) {
        free(s->slots);
        s->slots = NULL;
}

void seen_add(Seen *s, const SeenRecord *record) {
        uint32_t place = s->n % SEEN_MAX;

        if (s->slots && s->n >= SEEN_MAX)
                take_out(s, place);
        s->records[place] = *record;
        s->n++;
        if (s->slots)
                put(s, place);
}

bool seen_has(const Seen *s, const SeenRecord *record) {
        for (size_t i = home(record->hash); s->slots && s->slots[i]; i = next(i))
                if (s->records[s->slots[i] - 1].hash == record->hash)
                        return true;
        return false;
}

void seen_begin(Seen *s, int64_t ms) { s->begun = ms; }

/* The @i-th before the last. */
static const SeenRecord *back(const Seen *s, uint64_t i) { return &s->records[(s->n - 1 - i) % SEEN_MAX]; }
static uint64_t n_known(const Seen *s) { return s->n < SEEN_MAX ? s->n : SEEN_MAX; }

bool seen_is_empty(const Seen *s) { return !s->n; }
bool seen_is_full(const Seen *s) { return s->cut || s->n >= SEEN_MAX; }

int64_t seen_oldest_ms(const Seen *s) { return s->n ? back(s, n_known(s) - 1)->ms : s->begun; }

/* Of the last @n. */
static int64_t newest(const Seen *s, uint64_t n) {
        int64_t ms = n ? INT64_MIN : s->begun;

        for (uint64_t i = 0; i < n; i++)
                if (back(s, i)->ms > ms)
                        ms = back(s, i)->ms;
        return ms;
}

int64_t seen_newest_ms(const Seen *s) { return newest(s, n_known(s)); }

/* How many of the last are of the time of the very last: where the clock was set, none from beyond that. */
static uint64_t n_to_save(const Seen *s) {
        uint64_t most = n_known(s), n = 0;

        if (most > SEEN_SAVE_MAX)
                most = SEEN_SAVE_MAX;
        while (n < most && back(s, n)->ms >= back(s, 0)->ms - SEEN_SAVE_MS &&
               back(s, n)->ms <= back(s, 0)->ms + SEEN_SAVE_MS)
                n++;
        return n;
}

void seen_save(const Seen *s, Buf *out) {
        uint64_t n = n_to_save(s);

        pack_i64(out, newest(s, n));
        pack_u32(out, (uint32_t)n);
        for (uint64_t i = n; i-- > 0;) {
                pack_u64(out, back(s, i)->hash);
                pack_i64(out, back(s, i)->ms);
        }
}

bool seen_restore(Seen *s, Unpack *from) {
        int64_t begun = unpack_time_or_never(from);
        uint32_t n = unpack_count(from, 16);

        seen_unindex(s);
        s->n = 0;
        s->begun = INT64_MIN;
        for (uint32_t i = 0; i < n && n <= SEEN_SAVE_MAX; i++) {
                SeenRecord record = { .hash = unpack_u64(from) };

                record.ms = unpack_time(from);
                seen_add(s, &record);
        }
        s->begun = begun;
        s->cut = n == SEEN_SAVE_MAX;
        if (!from->bad && n <= SEEN_SAVE_MAX)
                return true;
        s->cut = false;
        s->n = 0;
        s->begun = INT64_MIN;
        return false;
}
