/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role source UID GID: opens a source other than stdin and hands on what it reads, so that the engine needs neither
 * the right to open it nor to open it again. It parses no record; the source's own counters are its own.
 *
 * What it reads goes into memory that outlives it (source/relay.h), and from there to the engine's socket. When it is killed a
 * successor goes on with the next byte, the log where it was, and the counters; of a socket, what it had read within the last call
 * is lost, which the numbers of events show (event/serials.h), and so is a line of which it had the beginning.
 *
 * It opens the source as who it was started as, then becomes that user, without capabilities but one (sandbox.h): a log is root's, and is opened
 * again after each rotation, as is a socket. netlink needs none. */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "role/account/account.h"
#include "role/input.h"
#include "role/role.h"
#include "role/source/role-source.h"
#include "role/station.h"
#include "source/relay.h"
#include "source/source.h"

#define CHUNK RELAY_ROOM

typedef struct {
        Station station;
        const char *uid, *gid; /* of who it is to become */
        Source *source;
        sd_event_source *input, *output;
        Relay relay;
        RelayNote note;        /* of what was read last */
        SourcePlace told;      /* of the file that the supervisor has */
        char *bytes;           /* CHUNK */
        bool again;            /* one was here before us */
        FeedTotals *totals;    /* in the relay */
        SourceCounters before; /* what those before us had counted */
        int status;
} Feed;

static_assert(sizeof(FeedTotals) <= RELAY_COUNTERS * sizeof(uint64_t), "all counters find room in the relay");

const CounterDesc feed_counter_descs[] = {
        { "source_torn", "lines of which only the start was read when the process that reads died",
          offsetof(FeedCounters, torn), true },
};
const size_t feed_n_counter_descs = ARRAY_SIZE(feed_counter_descs);

static int end_feed(Feed *f, int r) {
        if (r < 0) {
                log_error("source: %s", strerror(-r));
                f->status = STATUS_INPUT;
        }
        return sd_event_exit(f->station.loop, 0);
}

/* The socket first: while it takes nothing, nothing is read, and what that loses the source counts. */
static int move(Feed *f) {
        int r = relay_send(&f->relay, IPC_FD_LINK);

        if (r < 0 && r != -EAGAIN)
                return end_feed(f, r);
        sd_event_source_set_enabled(f->output, r < 0 ? SD_EVENT_ON : SD_EVENT_OFF);
        return sd_event_source_set_enabled(f->input, r < 0 ? SD_EVENT_OFF : SD_EVENT_ON);
}

static void note_counters(Feed *f) {
        counter_sum(&f->totals->source, source_counter_descs, source_n_counter_descs, &f->before,
                    source_counters(f->source));
}

/* Where the source is now. Of another file the supervisor gets the descriptor before anything that was read of it counts. */
static bool note_place(Feed *f) {
        SourcePlace at, before = f->note.place;

        if (!source_place(f->source, &at) || source_place_fd(f->source) < 0)
                return false;
        f->note.placed = true;
        f->note.place = at;
        if ((at.dev != f->told.dev || at.ino != f->told.ino) &&
            ipc_send(IPC_FD_CONTROL, IPC_FILE, 0, 0, STR(""), source_place_fd(f->source)) == 0)
                f->told = at;
        return at.dev != before.dev || at.ino != before.ino || at.offset != before.offset;
}

static int on_input(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Feed *f = userdata;
        ssize_t n = source_read(f->source, f->bytes, CHUNK);
        int error = errno;
        bool moved = note_place(f);

        note_counters(f);
        if (n == 0 || (n < 0 && error != EAGAIN))
                return end_feed(f, n == 0 ? 0 : -error);
        if (n > 0 || moved)
                relay_put(&f->relay, (Str){ f->bytes, n > 0 ? (size_t)n : 0 }, &f->note);
        return move(f);
}

static int on_output(sd_event_source *s, int fd, uint32_t events, void *userdata) { return move(userdata); }

/* @file: what a predecessor had open, or -1. */
static int open_source(Feed *f, const char *spec, int file) {
        SourceOptions options = { .from = SOURCE_FROM_END, .reconnect = true, .file = file };
        SandboxReader kind = !strcmp(spec, "netlink")     ? SANDBOX_NETLINK
                             : !strncmp(spec, "unix:", 5) ? SANDBOX_CONNECTS
                                                          : SANDBOX_FILES;
        int r;

        f->note = *relay_note(&f->relay);
        if (f->note.placed) {
                options.from = SOURCE_FROM_PLACE;
                options.place = f->note.place;
                options.unended = relay_is_unended(&f->relay);
        } else {
                f->totals->feed.torn += relay_drop_rest(&f->relay);
        }
        options.again = f->again;
        r = source_open(&f->source, spec, &options);
        if (r < 0) {
                log_error("%s: %s%s", spec, strerror(-r), input_hint(spec, r));
                return r;
        }
        note_counters(f);
        if (note_place(f))
                relay_put(&f->relay, STR(""), &f->note);
        r = station_become_reader(f->uid, f->gid, kind);
        if (r >= 0)
                r = sd_event_add_io(f->station.loop, &f->input, source_fd(f->source), EPOLLIN, on_input, f);
        if (r >= 0)
                r = sd_event_add_io(f->station.loop, &f->output, IPC_FD_LINK, EPOLLOUT, on_output, f);
        return r < 0 ? r : move(f);
}

static void begin(Feed *f, const IpcMessage *m) {
        relay_resume(&f->relay, m->a);
        f->totals = (FeedTotals *)f->relay.shared->counters;
        f->before = f->totals->source;
        f->again = m->b;
        if (open_source(f, m->payload.p, m->fd) < 0) {
                f->status = STATUS_INPUT;
                sd_event_exit(f->station.loop, 0);
        } else {
                station_tell(IPC_READY, 0, 0, STR(""));
        }
}

static void print_counters(const Feed *f, Buf *out, bool only_loss) {
        if (!f->source)
                return;
        counter_print(out, source_counter_descs, source_n_counter_descs, &f->totals->source, only_loss);
        counter_print(out, feed_counter_descs, feed_n_counter_descs, &f->totals->feed, only_loss);
}

static void on_message(void *userdata, IpcMessage *m) {
        Feed *f = userdata;
        Buf out = BUF_INIT;

        switch (m->type) {
        case IPC_CONFIG:
                if (!f->source)
                        begin(f, m);
                break;
        case IPC_COUNTERS:
                print_counters(f, &out, m->b == ACCOUNT_LOSSES);
                station_tell(IPC_COUNTED, m->a, 0, buf_view(&out));
                buf_done(&out);
                break;
        case IPC_FINISH: sd_event_exit(f->station.loop, 0); break;
        default: break;
        }
}

int role_source(int argc, char **argv) {
        Feed *f = argc == 3 ? calloc(1, sizeof(*f)) : NULL;
        int r;

        if (!f)
                return STATUS_USAGE;
        f->uid = argv[1];
        f->gid = argv[2];
        f->bytes = malloc(CHUNK);
        f->station.message = on_message;
        f->station.userdata = f;
        r = f->bytes ? relay_map(&f->relay, IPC_FD_RELAY) : -ENOMEM;
        if (r >= 0)
                r = station_open(&f->station, "-", "-");
        if (r >= 0)
                r = sd_event_loop(f->station.loop);
        if (r < 0)
                f->status = STATUS_INPUT;
        sd_event_source_disable_unref(f->input);
        sd_event_source_disable_unref(f->output);
        source_close(f->source);
        station_tell(IPC_ENDED, (uint64_t)f->status, 0, STR(""));
        station_close(&f->station);
        relay_unmap(&f->relay);
        r = f->status;
        free(f->bytes);
        free(f);
        return r;
}
