/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "lib/feed.h"
#include "source/line.h"
#include "source/source-ops.h"

struct AulertFeed {
        LineReader *reader;
        EventAssembler *assembler;
        AulertEventFn fn;
        void *userdata;
        AulertEvent event;
        Str pending; /* pushed, not yet read */
        int fd;      /* to read from; -1: from @source or @pending */
        bool has_read;
        Stream stream; /* what is pushed or read */
        SourceCounters counters;
        Source *source;
};

/* Bytes as they come: of a descriptor, once. */
static ssize_t on_bytes(void *userdata, int fd, char *into, size_t room) {
        AulertFeed *f = userdata;
        ssize_t n;

        if (f->fd >= 0 && !f->has_read) {
                n = read(f->fd, into, room);
                f->has_read = n > 0;
                return n;
        }
        if (room > f->pending.n)
                room = f->pending.n;
        if (!room) {
                errno = EAGAIN;
                return -1;
        }
        memcpy(into, f->pending.p, room);
        f->pending = (Str){ f->pending.p + room, f->pending.n - room };
        return (ssize_t)room;
}

static ssize_t on_read(void *userdata, char *into, size_t room) {
        AulertFeed *f = userdata;

        return f->source ? source_read(f->source, into, room)
                         : stream_read(&f->stream, &f->counters, into, room);
}

static void on_recycle(void *userdata) { event_detach(((AulertFeed *)userdata)->assembler); }

static void on_event(void *userdata, const Event *event) {
        AulertFeed *f = userdata;

        lib_event_set(&f->event, event);
        f->fn(f->userdata, &f->event);
}

PUBLIC int aulert_feed_new(AulertFeed **ret, const AulertFeedOptions *options, AulertEventFn fn,
                           void *userdata) {
        AulertFeedOptions o = { 0 };
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        AulertFeed *f;
        int r;

        if (!fn || (options && options->size < sizeof(o)))
                return -EINVAL;
        if (options)
                o = *options;
        f = calloc(1, sizeof(*f));
        if (!f)
                return -ENOMEM;
        f->fn = fn;
        f->userdata = userdata;
        f->fd = -1;
        f->stream = (Stream){ .read = on_bytes, .read_data = f };
        f->event.out = f->event.shown = f->event.sentence = BUF_INIT;
        if (o.open_events)
                limits.open_events = o.open_events;
        if (o.timeout_ms)
                limits.timeout_ms = o.timeout_ms;
        r = event_assembler_new(&f->assembler, o.auparse ? EVENT_AUPARSE : EVENT_DEFAULT, &limits, on_event,
                                f);
        if (r == 0)
                r = line_reader_new(&f->reader, -1,
                                    &(LineOptions){ .max_line = o.max_line,
                                                    .read = on_read,
                                                    .read_data = f,
                                                    .recycle = on_recycle,
                                                    .userdata = f });
        if (r == 0) /* now, since there is nobody to be told later that there is no memory */
                r = binary_new(&f->stream.spare, &f->counters);
        if (r < 0) {
                aulert_feed_free(f);
                return r;
        }
        *ret = f;
        return 0;
}

PUBLIC void aulert_feed_free(AulertFeed *f) {
        if (!f)
                return;
        event_assembler_free(f->assembler);
        line_reader_free(f->reader);
        stream_reset(&f->stream, -1);
        lib_event_done(&f->event);
        free(f);
}

static int take(AulertFeed *f) {
        int r = line_reader_fill(f->reader);
        Str line;

        while (line_reader_next(f->reader, &line, NULL))
                event_add(f->assembler, line);
        return r;
}

PUBLIC int aulert_feed_push(AulertFeed *f, const void *data, size_t size) {
        int r = 0;

        f->fd = -1;
        f->pending = (Str){ data, size };
        while (r == 0 && f->pending.n)
                r = take(f);
        f->pending = STR_NULL;
        return r < 0 ? r : 0;
}

/* As aulert_feed_read() returns it. */
static int take_once(AulertFeed *f) {
        int r;

        errno = 0;
        r = take(f);
        f->fd = -1;
        if (r == LINE_E_AGAIN && !f->has_read)
                return errno == EINTR ? -EINTR : -EAGAIN;
        if (r == LINE_E_EOF) {
                line_reader_restart(f->reader);
                stream_restart(&f->stream, &f->counters);
        }
        return r == LINE_E_EOF ? 1 : r < 0 ? r : 0;
}

PUBLIC int aulert_feed_read(AulertFeed *f, int fd) {
        if (fd < 0)
                return -EBADF;
        f->fd = fd;
        f->has_read = false;
        return take_once(f);
}

int lib_feed_read(AulertFeed *f, Source *source) {
        f->source = source;
        return take_once(f);
}

PUBLIC void aulert_feed_flush(AulertFeed *f) { event_flush(f->assembler); }
PUBLIC void aulert_feed_age(AulertFeed *f, uint64_t now_ns) { event_age(f->assembler, now_ns); }
PUBLIC uint64_t aulert_feed_deadline(const AulertFeed *f) { return event_next_deadline(f->assembler); }

PUBLIC const char *aulert_feed_counter(const AulertFeed *f, size_t index, uint64_t *ret_value,
                                       int *ret_loss) {
        const struct {
                const CounterDesc *descs;
                size_t n;
                const void *counters;
        } tables[] = { { line_counter_descs, line_n_counter_descs, line_counters(f->reader) },
                       { event_counter_descs, event_n_counter_descs, event_counters(f->assembler) },
                       { source_counter_descs, source_n_counter_descs,
                         f->source ? source_counters(f->source) : &f->counters } };

        for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
                const CounterDesc *d = &tables[i].descs[index];

                if (index >= tables[i].n) {
                        index -= tables[i].n;
                        continue;
                }
                memcpy(ret_value, (const char *)tables[i].counters + d->offset, sizeof(*ret_value));
                if (ret_loss)
                        *ret_loss = d->loss;
                return d->name;
        }
        return NULL;
}
