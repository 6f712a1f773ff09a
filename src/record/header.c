/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libaudit.h>
#include <limits.h>
#include <stdlib.h>
#include "base/hash.h"
#include "record/count.h"
#include "record/header.h"
#include "record/scan.h"

#define COMPAT_WINDOW      80u  /* libauparse looks for the time in so many bytes of the line … */
#define COMPAT_WINDOW_NODE 340u /* … or so many when it starts with 'n' */
#define COMPAT_EOE_TIMEOUT 2    /* taken from the largest time that it accepts */

static inline uint64_t load64(const char *p) {
        uint64_t v;

        memcpy(&v, p, sizeof(v));
        return v;
}

static inline uint64_t load_head(Str s) {
        return s.n >= 8 ? load64(s.p) : load64(s.p) & ((1ull << (8 * s.n)) - 1);
}

/* Names are printable; libauparse would end the text at a 0x1D in one. */
static int look_up_type(Str name) {
        char z[HEADER_NAME_MAX + 1];

        for (size_t i = 0; i < name.n; i++)
                if ((unsigned char)name.p[i] < 0x21)
                        return -1;
        memcpy(z, name.p, name.n);
        z[name.n] = 0;
        return audit_name_to_msg_type(z);
}

int record_type_from_name(Str name) { return name.n && name.n <= HEADER_NAME_MAX ? look_up_type(name) : -1; }

static inline bool is_type(const HeaderType *t, Str name, uint64_t head, uint64_t tail) {
        return t->head == head && t->tail == tail && t->len == name.n &&
               (likely(name.n <= 16) || !memcmp(t->name, name.p, name.n));
}

/* @name: 1 to HEADER_NAME_MAX bytes, with slack behind them. */
static inline int type_of(HeaderCache *c, Str name) {
        uint64_t head = load_head(name), tail = name.n >= 8 ? load64(name.p + name.n - 8) : 0;
        HeaderType *t;

        for (unsigned i = hash_u64(head + tail) >> 54;; i = (i + 1) % HEADER_TYPES) {
                t = &c->types[i];
                if (likely(is_type(t, name, head, tail)))
                        return t->type;
                if (!t->len)
                        break;
        }
        if (c->n_types == HEADER_TYPES / 2)
                return look_up_type(name);
        c->n_types++;
        *t = (HeaderType){ .head = head, .tail = tail, .len = (uint8_t)name.n, .type = look_up_type(name) };
        memcpy(t->name, name.p, name.n);
        return t->type;
}

static bool parse_digits(const char **pp, const char *end, unsigned max, uint64_t *ret) {
        const char *p = *pp;
        uint64_t v = 0;

        while (p < end && (unsigned)(*p - '0') < 10 && p - *pp < (ptrdiff_t)max)
                v = v * 10 + (unsigned)(*p++ - '0');
        if (p == *pp)
                return false;
        *pp = p;
        *ret = v;
        return true;
}

/* The seconds are mostly those of the record before: "1700000000." is compared at once. */
static bool same_second(const HeaderCache *c, const char *p, const char *end) {
        return c->stamp_len > 11 && end - p > 11 && c->stamp[10] == '.' && load64(p) == load64(c->stamp) &&
               !memcmp(p + 8, c->stamp + 8, 3);
}

/* "SEC.MS:SERIAL):" at @p; what it says goes into the cache. Returns its end, or NULL. */
static const char *parse_stamp(HeaderCache *c, const char *start, const char *end) {
        uint64_t sec = (uint64_t)c->sec, ms, serial;
        const char *p = start;

        if (same_second(c, p, end))
                p += 11;
        else if (!parse_digits(&p, end, 11, &sec) || p == end || *p++ != '.')
                return NULL;
        if (!parse_digits(&p, end, 3, &ms) || p == end || *p++ != ':')
                return NULL;
        if (!parse_digits(&p, end, 19, &serial) || end - p < 2 || p[0] != ')' || p[1] != ':')
                return NULL;
        p += 2;
        c->stamp_len = p - start <= (ptrdiff_t)sizeof(c->stamp) ? (unsigned)(p - start) : 0;
        memcpy(c->stamp, start, sizeof(c->stamp));
        c->sec = (int64_t)sec;
        c->ms = (uint32_t)ms;
        c->serial = serial;
        return p;
}

/* "node=N " at the start of the line; returns what follows, or NULL. */
static const char *parse_node(Str line, Str *ret) {
        size_t window = line.n < HEADER_NODE_MAX + 6 ? line.n : HEADER_NODE_MAX + 6;
        const char *blank;

        if (!str_starts(line, STR("node=")))
                return NULL;
        blank = memchr(line.p, ' ', window);
        if (!blank || blank == line.p + 5)
                return NULL;
        *ret = (Str){ line.p + 5, (size_t)(blank - line.p - 5) };
        return blank + 1;
}

int header_parse(HeaderCache *c, Str line, Record *ret, RecordId *ret_id) {
        const char *p = line.p, *end = line.p + line.n, *name;
        Str node = STR("");
        unsigned len;
        uint32_t blanks;

        if (unlikely(line.n && *p == 'n')) {
                p = parse_node(line, &node);
                if (!p)
                        return HEADER_E_NO_RECORD;
        }
        if (unlikely(end - p < 16 || memcmp(p, "type=", 5)))
                return HEADER_E_NO_RECORD;
        name = p += 5;
        blanks = scan_eq32(p, ' ');
        len = blanks ? (unsigned)__builtin_ctz(blanks) : 0;
        p += len + 1;
        if (unlikely(!len || end - p < 10 || memcmp(p, "msg=audit(", 10)))
                return HEADER_E_NO_RECORD;
        p += 10;
        if (likely(c->stamp_len && end - p >= (ptrdiff_t)c->stamp_len &&
                   scan_same32(p, c->stamp, c->stamp_len)))
                p += c->stamp_len;
        else if (!(p = parse_stamp(c, p, end)))
                return HEADER_E_NO_END;
        if (p < end && *p == ' ')
                p++;
        *ret_id = (RecordId){ .sec = c->sec, .ms = c->ms, .serial = c->serial, .node = node };
        ret->text = line;
        ret->body = (uint32_t)(p - line.p);
        ret->type_off = (uint32_t)(name - line.p);
        ret->type_len = (uint16_t)len;
        ret->flags = node.n ? RECORD_NODE : 0;
        ret->type = type_of(c, (Str){ name, len });
        ret->n_fields = -1;
        return 0;
}

/* The next word of a NUL-terminated text, which it cuts up. NULL: no more. */
static char *next_word(char **p) {
        char *start = *p + strspn(*p, " ");
        size_t n = strcspn(start, " ");

        if (!n)
                return NULL;
        *p = start + n;
        if (**p)
                *(*p)++ = 0;
        return start;
}

/* strtoul() takes a sign and reports overflow; libauparse relies on both. */
static bool compat_number(const char *z, unsigned long *ret) {
        errno = 0;
        *ret = strtoul(z, NULL, 10);
        return errno == 0;
}

static bool compat_stamp(const char *z, RecordId *id) {
        unsigned long sec, ms = 0, serial = 0;
        const char *p;

        if (!compat_number(z, &sec) || (long)sec > LONG_MAX - COMPAT_EOE_TIMEOUT - 1)
                return false;
        p = strchr(z, '.');
        if (p) {
                z = p + 1;
                if (!compat_number(z, &ms) || (unsigned)ms > 999)
                        return false;
        }
        p = strchr(z, ':');
        if (p && !compat_number(p + 1, &serial))
                return false;
        id->sec = (int64_t)sec;
        id->ms = (unsigned)ms;
        id->serial = serial;
        return true;
}

/* Time and node from the first bytes of the line. */
static bool compat_id(Str line, RecordId *id, bool *ret_node) {
        char window[COMPAT_WINDOW_NODE + 1], *rest = window, *word, *open, *close;
        size_t n = line.n && *line.p == 'n' ? COMPAT_WINDOW_NODE : COMPAT_WINDOW;

        n = line.n < n ? line.n : n;
        memcpy(window, line.p, n);
        window[n] = 0;
        word = next_word(&rest);
        if (!word)
                return false;
        id->node = STR("");
        *ret_node = *word == 'n' && strlen(word) > 5;
        if (*ret_node) {
                id->node = (Str){ line.p + (word + 5 - window), strlen(word + 5) };
                next_word(&rest);
        }
        word = next_word(&rest);
        if (!word || strlen(word) < 19)
                return false;
        open = word[9] == '(' ? word + 9 : strchr(word, '(');
        if (!open)
                return false;
        close = strchr(++open, ')');
        if (close)
                *close = 0;
        return compat_stamp(open, id);
}

int header_parse_compat(Str line, Record *ret, RecordId *ret_id, bool *ret_bad) {
        RecordId id;
        bool node;

        if (!compat_id(line, &id, &node))
                return HEADER_E_NO_RECORD;
        *ret_id = id;
        *ret = (Record){ .next = ret->next, .text = line, .flags = node ? RECORD_NODE : 0 };
        ret->n_fields = (int32_t)count_fields_of_text(line, &ret->type, ret_bad);
        return 0;
}
