/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role source UID GID: opens a source other than stdin and hands on what it reads, so that the engine needs neither
 * the right to open it nor to open it again. It parses no record; the source's own counters are its own.
 *
 * netlink: opens it as root, then becomes the engine's user. file: and unix: stay root without its capabilities but those that
 * open files: a log is root's, and is opened again after each rotation. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "role/account.h"
#include "role/input.h"
#include "role/role.h"
#include "role/sandbox.h"
#include "role/station.h"
#include "source/source.h"

#define CHUNK (64u << 10)

typedef struct {
        Station station;
        Source *source;
        sd_event_source *input, *output;
        char *bytes; /* CHUNK; from start to end they wait for the socket */
        size_t start, end;
        int status;
} Feed;

static int end_feed(Feed *f, int r) {
        if (r < 0) {
                log_error("source: %s", strerror(-r));
                f->status = STATUS_INPUT;
        }
        return sd_event_exit(f->station.loop, 0);
}

/* The socket first: while it takes nothing, nothing is read, and what that loses the source counts. */
static int move(Feed *f) {
        while (f->start < f->end) {
                ssize_t n = send(IPC_FD_LINK, f->bytes + f->start, f->end - f->start,
                                 MSG_DONTWAIT | MSG_NOSIGNAL);

                if (n < 0 && errno != EAGAIN)
                        return end_feed(f, -errno);
                if (n < 0)
                        break;
                f->start += (size_t)n;
        }
        if (f->start < f->end) {
                sd_event_source_set_enabled(f->input, SD_EVENT_OFF);
                return sd_event_source_set_enabled(f->output, SD_EVENT_ON);
        }
        f->start = f->end = 0;
        sd_event_source_set_enabled(f->output, SD_EVENT_OFF);
        return sd_event_source_set_enabled(f->input, SD_EVENT_ON);
}

static int on_input(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Feed *f = userdata;
        ssize_t n = source_read(f->source, f->bytes, CHUNK);

        if (n > 0)
                f->end = (size_t)n;
        else if (n == 0 || errno != EAGAIN)
                return end_feed(f, n == 0 ? 0 : -errno);
        return move(f);
}

static int on_output(sd_event_source *s, int fd, uint32_t events, void *userdata) { return move(userdata); }

static int open_source(Feed *f, const char *spec) {
        const SourceOptions options = { .from = SOURCE_FROM_END, .reconnect = true };
        bool files = strcmp(spec, "netlink") != 0;
        int r = source_open(&f->source, spec, &options);

        if (r < 0) {
                log_error("%s: %s%s", spec, strerror(-r), input_hint(spec, r));
                return r;
        }
        if (geteuid() == 0)
                r = sandbox_files(files);
        if (r >= 0)
                r = sd_event_add_io(f->station.loop, &f->input, source_fd(f->source), EPOLLIN, on_input, f);
        if (r >= 0)
                r = sd_event_add_io(f->station.loop, &f->output, IPC_FD_LINK, EPOLLOUT, on_output, f);
        return r < 0 ? r : sd_event_source_set_enabled(f->output, SD_EVENT_OFF);
}

static void on_message(void *userdata, IpcMessage *m) {
        Feed *f = userdata;
        Buf out = BUF_INIT;

        switch (m->type) {
        case IPC_CONFIG:
                if (f->source)
                        break;
                if (open_source(f, m->payload.p) < 0) {
                        f->status = STATUS_INPUT;
                        sd_event_exit(f->station.loop, 0);
                } else {
                        station_tell(IPC_READY, 0, 0, STR(""));
                }
                break;
        case IPC_COUNTERS:
                if (f->source)
                        counter_print(&out, source_counter_descs, source_n_counter_descs,
                                      source_counters(f->source), m->b == ACCOUNT_LOSSES);
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
        f->bytes = malloc(CHUNK);
        f->station.message = on_message;
        f->station.userdata = f;
        r = f->bytes ? station_open(&f->station, "-", "-") : -ENOMEM;
        if (r >= 0)
                r = sd_event_loop(f->station.loop);
        if (r < 0)
                f->status = STATUS_INPUT;
        sd_event_source_disable_unref(f->input);
        sd_event_source_disable_unref(f->output);
        source_close(f->source);
        station_tell(IPC_ENDED, (uint64_t)f->status, 0, STR(""));
        station_close(&f->station);
        r = f->status;
        free(f->bytes);
        free(f);
        return r;
}
