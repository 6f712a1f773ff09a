/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "role/deliver/events-in.h"

const CounterDesc events_in_counter_descs[] = {
        { "events_torn", "events of which only a part came from the engine", offsetof(EventsInCounters, torn),
          true },
        { "events_no_sink", "messages of events for a sink that is no more",
          offsetof(EventsInCounters, no_sink), true },
};
const size_t events_in_n_counter_descs = ARRAY_SIZE(events_in_counter_descs);

static void forget_line(EventsIn *e) {
        e->counters.torn += e->begun;
        e->begun = false;
        buf_done(&e->line);
}

void events_in_done(EventsIn *e) { forget_line(e); }
void events_in_relink(EventsIn *e) { forget_line(e); }

/* The next text, and its NUL. */
static bool next_text(Str *rest, Str *ret) {
        const char *end = rest->n ? memchr(rest->p, 0, rest->n) : NULL;

        if (!end)
                return false;
        *ret = (Str){ rest->p, (size_t)(end - rest->p) };
        *rest = (Str){ end + 1, rest->n - ret->n - 1 };
        return true;
}

static void give(EventsIn *e, Delivery *delivery, Str node, Str names, Str lines) {
        Str name;

        while (lines.n && next_text(&names, &name) && name.n)
                if (!delivery_events(delivery, name, node, lines))
                        e->counters.no_sink++;
}

/* The rest of the line that an earlier message began; lines behind it. False: it goes on still. */
static bool end_line(EventsIn *e, Delivery *delivery, Str node, Str names, Str *lines) {
        const char *end = lines->n ? memchr(lines->p, '\n', lines->n) : NULL;
        size_t n = end ? (size_t)(end - lines->p) + 1 : lines->n;

        if (e->begun)
                buf_put(&e->line, lines->p, n);
        if (e->line.failed || e->line.n > EVENTS_IN_LINE_MAX)
                forget_line(e);
        *lines = (Str){ lines->p + n, lines->n - n };
        if (!end)
                return false;
        if (e->begun)
                give(e, delivery, node, names, buf_view(&e->line));
        e->begun = false;
        buf_done(&e->line);
        return true;
}

int events_in_take(EventsIn *e, Delivery *delivery, const IpcMessage *m) {
        Str rest = m->payload, node, names, name, tail;
        const char *end;

        if (!next_text(&rest, &node))
                return -EBADMSG;
        names = rest;
        do
                if (!next_text(&rest, &name))
                        return -EBADMSG;
        while (name.n);
        if (!(m->b & EVENTS_CONTINUE))
                forget_line(e);
        else if (!end_line(e, delivery, node, names, &rest))
                return 0;
        end = rest.n ? memrchr(rest.p, '\n', rest.n) : NULL;
        tail = end ? (Str){ end + 1, (size_t)(rest.p + rest.n - end - 1) } : rest;
        give(e, delivery, node, names, (Str){ rest.p, rest.n - tail.n });
        if (!(m->b & EVENTS_GO_ON))
                return 1;
        buf_str(&e->line, tail);
        e->begun = true;
        return 0;
}
