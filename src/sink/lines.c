/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "sink/lines.h"

/* All of one node, in one piece. */
struct LinesPart {
        LinesPart *next;
        Str node, lines; /* what is left of them */
        char bytes[];
};

const CounterDesc sink_lines_counter_descs[] = {
        { "events_written", "events the far end has", offsetof(SinkLinesCounters, written), false },
        { "events_dropped", "events dropped because too many waited, memory ran out, or the program ended",
          offsetof(SinkLinesCounters, dropped), true },
        { "events_refused", "events the far end does not want, or that it did not confirm in time",
          offsetof(SinkLinesCounters, refused), true },
};
const size_t sink_lines_n_counter_descs = ARRAY_SIZE(sink_lines_counter_descs);

static uint64_t count(Str lines) {
        uint64_t n = 0;

        for (const char *p = lines.p, *end = lines.p + lines.n;
             p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++)
                n++;
        return n;
}

static void drop_first(Lines *l) {
        LinesPart *part = l->first;

        l->bytes -= part->lines.n;
        l->first = part->next;
        if (!l->first)
                l->last = NULL;
        free(part);
}

static void look_again(Lines *l) {
        if (sd_event_source_set_time_relative(l->again, LINES_AGAIN_MS * 1000ull) >= 0 &&
            sd_event_source_set_enabled(l->again, SD_EVENT_ONESHOT) >= 0)
                l->busy = true;
}

static void write_out(Lines *l) {
        while (l->first && !l->busy) {
                LinesPart *part = l->first;
                size_t n = 0;
                int r = l->write(l->sink, part->node, part->lines, &n);

                l->taken += count((Str){ part->lines.p, n });
                part->lines = (Str){ part->lines.p + n, part->lines.n - n };
                l->bytes -= n;
                if (!part->lines.n) {
                        drop_first(l);
                } else if (r == SINK_E_BUSY) {
                        look_again(l); /* fails when the loop has ended */
                        break;
                }
        }
}

static int on_again(sd_event_source *s, uint64_t usec, void *userdata) {
        Lines *l = userdata;

        l->busy = false;
        write_out(l);
        return 0;
}

int lines_init(Lines *l, Sink *sink, int (*write)(Sink *sink, Str node, Str lines, size_t *ret_n)) {
        int r;

        *l = (Lines){ .sink = sink, .write = write };
        r = sd_event_add_time(sink_loop(sink), &l->again, CLOCK_MONOTONIC, 0, 10000, on_again, l);
        return r < 0 ? r : sd_event_source_set_enabled(l->again, SD_EVENT_OFF);
}

void lines_give_up(Lines *l) {
        if (l->first)
                on_again(NULL, 0, l);
        for (; l->first; drop_first(l))
                l->counters.dropped += count(l->first->lines);
}

void lines_done(Lines *l) {
        lines_give_up(l);
        l->again = sd_event_source_disable_unref(l->again);
}

void lines_add(Lines *l, Str node, Str lines) {
        LinesPart *part = l->bytes + lines.n <= SINK_LINES_MAX || !l->first
                                  ? malloc(sizeof(*part) + node.n + lines.n)
                                  : NULL;

        if (!part || !lines.n) {
                l->counters.dropped += count(lines);
                free(part);
                return;
        }
        *part = (LinesPart){ .node = { part->bytes, node.n }, .lines = { part->bytes + node.n, lines.n } };
        memcpy(part->bytes, node.p, node.n);
        memcpy(part->bytes + node.n, lines.p, lines.n);
        if (l->last)
                l->last->next = part;
        else
                l->first = part;
        l->last = part;
        l->bytes += lines.n;
        write_out(l);
}
