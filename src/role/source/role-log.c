/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role log UID GID: reads auditd's log and those that it has become by rotation for an engine that catches up (catch-up.h).
 *
 * It gives a piece when asked for one, says when it has come to the end, and ends when nobody asks any more. It parses no record, and
 * becomes that user when the log is open, as role-source.c. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "role/role.h"
#include "role/station.h"
#include "source/source.h"

#define CHUNK (64u << 10)

typedef struct {
        Station station;
        const char *uid, *gid; /* of who it is to become */
        Source *source;
        sd_event_source *io;
        IpcRoom room;
        char bytes[CHUNK];
        int status;
} Log;

static int give(Log *l) {
        ssize_t n = source_read(l->source, l->bytes, CHUNK);
        uint64_t lost = source_counters(l->source)->rotations_missed;

        if (n < 0 && errno != EAGAIN)
                return -errno;
        return ipc_send(IPC_FD_LINK, IPC_LOG_BYTES, n <= 0, lost, (Str){ l->bytes, n > 0 ? (size_t)n : 0 },
                        -1);
}

static int on_link(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Log *l = userdata;
        IpcMessage m;
        int r = ipc_receive(fd, &l->room, &m);

        if (r == -EAGAIN || r == -EBADMSG)
                return 0;
        if (r > 0 && m.fd >= 0)
                close(m.fd);
        if (r > 0 && m.type == IPC_LOG_MORE)
                r = give(l);
        else if (r > 0)
                return 0;
        else
                return sd_event_exit(l->station.loop, 0);
        if (r < 0) {
                log_error("the log cannot be read: %s", strerror(-r));
                l->status = STATUS_INPUT;
                return sd_event_exit(l->station.loop, 0);
        }
        return 0;
}

static int open_log(Log *l, const IpcMessage *m) {
        const SourceOptions options = { .from = SOURCE_FROM_TIME, .from_sec = (int64_t)m->a };
        Buf spec = BUF_INIT;
        int r;

        buf_putz(&spec, "file:");
        buf_str(&spec, m->payload);
        r = buf_z(&spec) ? source_open(&l->source, spec.p, &options) : -ENOMEM;
        if (r < 0)
                log_error(STR_FMT ": %s", STR_ARG(m->payload), strerror(-r));
        buf_done(&spec);
        if (r >= 0)
                r = station_become_reader(l->uid, l->gid, SANDBOX_FILES);
        return r < 0 ? r : sd_event_add_io(l->station.loop, &l->io, IPC_FD_LINK, EPOLLIN, on_link, l);
}

static void on_message(void *userdata, IpcMessage *m) {
        Log *l = userdata;

        if (m->type != IPC_CONFIG || l->source || open_log(l, m) >= 0)
                return;
        l->status = STATUS_INPUT;
        sd_event_exit(l->station.loop, 0);
}

int role_log(int argc, char **argv) {
        Log *l = argc == 3 ? calloc(1, sizeof(*l)) : NULL;
        int r;

        if (!l)
                return STATUS_USAGE;
        l->uid = argv[1];
        l->gid = argv[2];
        l->station.message = on_message;
        l->station.userdata = l;
        r = station_open(&l->station, "-", "-");
        if (r >= 0)
                r = sd_event_loop(l->station.loop);
        if (r < 0)
                l->status = STATUS_INPUT;
        sd_event_source_disable_unref(l->io);
        source_close(l->source);
        station_tell(IPC_ENDED, (uint64_t)l->status, 0, STR(""));
        station_close(&l->station);
        r = l->status;
        free(l);
        return r;
}
