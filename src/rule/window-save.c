/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A window as bytes. What can be counted again from the members is not written. */
#include <errno.h>
#include "rule/window-inside.h"

#define TAG     PACK_TAG('W', 'I', 'N', 'D')
#define VERSION 1

#define GROUP_BYTES (4 * 8 + 1 + 4 + 4) /* without values, chain and sum */
#define LINK_BYTES  (3 * 8)
#define REAL_BYTES  21

enum { GROUP_ASKED = 1, GROUP_HELD = 2, GROUP_ENDS = 4, _GROUP_ALL = 7 };
enum { MEMBER_NUMBER = 1, MEMBER_TOLD = 2, _MEMBER_ALL = 3 };

/* What of a member and a group this kind of correlation needs. */
typedef struct {
        bool at_once, values, numbers, ordered;
} Form;

static Form form_of(const Correlation *c, bool at_once) {
        return (Form){ .at_once = at_once,
                       .values = c->type == CORRELATION_VALUE_COUNT,
                       .numbers = c->type == CORRELATION_VALUE_SUM || c->type == CORRELATION_VALUE_AVG,
                       .ordered = c->type == CORRELATION_TEMPORAL_ORDERED };
}

static size_t member_bytes(const Form *f) {
        return 8 + 8 + 4 + 1 + (f->at_once ? 8 + 4 : 0) + (f->values ? 8 : 0);
}

static size_t group_bytes(const Window *w, const WindowGroup *g, const Form *f) {
        size_t n = GROUP_BYTES + g->n * (member_bytes(f) + (f->numbers ? REAL_BYTES : 0));

        for (size_t i = 0; i < w->c->n_group; i++)
                n += 4 + g->values[i].n;
        return n + (f->ordered ? w->c->n_refs * LINK_BYTES : 0) + (f->numbers ? REAL_BYTES : 0);
}

static void save_member(Buf *out, const WindowMember *m, const Form *f) {
        pack_i64(out, m->time_ms);
        pack_u64(out, m->event);
        pack_u32(out, m->ref);
        pack_u8(out, (m->has_number ? MEMBER_NUMBER : 0) | (m->told ? MEMBER_TOLD : 0));
        if (f->at_once) {
                pack_u64(out, m->serial);
                pack_u32(out, m->occurrence);
        }
        if (f->values)
                pack_u64(out, m->value);
        if (m->has_number)
                pack_real(out, m->number);
}

static void save_group(Buf *out, const Window *w, const WindowGroup *g, const Form *f) {
        for (size_t i = 0; i < w->c->n_group; i++)
                pack_text(out, g->values[i]);
        pack_i64(out, g->last_ms);
        pack_u64(out, g->last_event);
        pack_u64(out, g->asked);
        pack_i64(out, g->chain_start);
        pack_u8(out, (g->asked_once ? GROUP_ASKED : 0) | (g->held ? GROUP_HELD : 0) |
                             (g->ends_chain ? GROUP_ENDS : 0));
        for (size_t i = 0; f->ordered && i < w->c->n_refs; i++) {
                pack_i64(out, g->starts[i]);
                pack_i64(out, g->starts_before[i]);
                pack_u64(out, g->start_events[i]);
        }
        if (f->numbers)
                pack_real(out, g->sum);
        pack_u32(out, (uint32_t)g->lo);
        pack_u32(out, (uint32_t)g->n);
        for (size_t i = 0; i < g->n; i++)
                save_member(out, window_member(g, i), f);
}

size_t window_save(const Window *w, bool at_once, size_t max_bytes, Buf *out) {
        Form f = form_of(w->c, at_once);
        size_t begun = pack_begin(out, TAG, VERSION), used = 0, n = 0, size;
        const WindowGroup *g = w->newest, *last = NULL;

        for (; g && used + (size = group_bytes(w, g, &f)) <= max_bytes; g = g->older, n++) {
                used += size;
                last = g;
        }
        pack_u64(out, w->secret[0]);
        pack_u64(out, w->secret[1]);
        pack_u32(out, (uint32_t)n);
        for (g = last; g; g = g->newer)
                save_group(out, w, g, &f);
        pack_end(out, begun);
        return w->n_groups - n;
}

/* ---- and back ---- */

static WindowMember restore_member(Unpack *in, const Window *w, const Form *f) {
        WindowMember m = { .time_ms = unpack_time(in) };
        uint8_t flags;

        m.event = unpack_u64(in);
        m.ref = unpack_u32(in);
        flags = unpack_u8(in);
        in->bad |= flags > (f->numbers ? _MEMBER_ALL : _MEMBER_ALL - MEMBER_NUMBER) || m.ref >= w->c->n_refs;
        m.has_number = f->numbers && flags & MEMBER_NUMBER;
        m.told = flags & MEMBER_TOLD;
        if (f->at_once) {
                m.serial = unpack_u64(in);
                m.occurrence = unpack_u32(in);
        }
        if (f->values)
                m.value = unpack_u64(in);
        if (m.value)
                m.value |= 1; /* as hashes are */
        if (m.has_number)
                m.number = unpack_real(in);
        return m;
}

static int restore_members(Window *w, WindowGroup *g, Unpack *in, const Form *f) {
        size_t lo = unpack_u32(in), n = unpack_count(in, member_bytes(f));

        if (in->bad || n > w->max_members || (n ? lo >= n : lo))
                return PACK_E_BAD;
        if (n && window_reserve(w, g, n))
                return -ENOMEM;
        for (g->n = 0; g->n < n; g->n++)
                *window_member(g, g->n) = restore_member(in, w, f);
        if (in->bad)
                return PACK_E_BAD;
        g->lo = g->hi = lo;
        while (g->hi < g->n)
                if (window_count_next(w, g))
                        return -ENOMEM;
        return 0;
}

static void restore_chain(Window *w, WindowGroup *g, Unpack *in) {
        for (size_t i = 0; i < w->c->n_refs; i++) {
                g->starts[i] = unpack_time_or_never(in);
                g->starts_before[i] = unpack_time_or_never(in);
                g->start_events[i] = unpack_u64(in);
        }
}

static int restore_group(Window *w, Unpack *in, const Form *f) {
        Str values[32];
        long double sum = 0;
        WindowGroup *g;
        uint8_t flags;
        int r;

        for (size_t i = 0; i < w->c->n_group; i++) {
                values[i] = unpack_text(in, WINDOW_MAX_BYTES);
                in->bad |= !values[i].p;
        }
        if (in->bad || window_find(w, values))
                return PACK_E_BAD;
        g = window_add_group(w, values);
        if (!g)
                return -ENOMEM;
        g->last_ms = unpack_time(in);
        g->last_event = unpack_u64(in);
        g->asked = unpack_u64(in);
        g->chain_start = unpack_time_or_never(in);
        flags = unpack_u8(in);
        in->bad |= flags > _GROUP_ALL;
        g->asked_once = flags & GROUP_ASKED;
        g->held = flags & GROUP_HELD;
        g->ends_chain = flags & GROUP_ENDS;
        if (f->ordered)
                restore_chain(w, g, in);
        if (f->numbers)
                sum = unpack_real(in);
        r = restore_members(w, g, in, f);
        g->sum = sum; /* as it came to be, rounding included */
        return r;
}

int window_restore(Window *w, bool at_once, Unpack *in) {
        Form f = form_of(w->c, at_once);
        Unpack part = unpack_part(in, TAG, VERSION);
        uint32_t n;
        int r = 0;

        w->secret[0] = unpack_u64(&part);
        w->secret[1] = unpack_u64(&part) | 1;
        n = unpack_count(&part, GROUP_BYTES);
        if (n > WINDOW_MAX_GROUPS)
                return PACK_E_BAD;
        while (n-- && !r)
                r = restore_group(w, &part, &f);
        return r ? r : unpack_end(&part);
}

void window_skip(Unpack *in) { (void)unpack_part(in, TAG, VERSION); }
