/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>
#include "role/engine/link.h"

void link_push(Link *l) {
        int r = outbox_send(&l->outbox);

        if (r == 0)
                r = events_out_send(l->events, l->outbox.link);
        if (l->io)
                sd_event_source_set_io_events(l->io, r == -EAGAIN ? EPOLLIN | EPOLLOUT : EPOLLIN);
}

static void drop(Link *l) {
        l->io = sd_event_source_disable_unref(l->io);
        if (l->outbox.link >= 0)
                close(l->outbox.link);
        l->outbox.link = -1;
}

static int on_link(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Link *l = userdata;
        IpcMessage m;
        int r;

        while ((r = ipc_receive(fd, &l->room, &m)) > 0 || r == -EBADMSG) {
                if (r > 0 && m.type == IPC_COMMITTED)
                        outbox_commit(&l->outbox, m.a);
                if (r > 0 && m.type == IPC_EVENTS_TAKEN)
                        events_out_taken(l->events, m.a);
                if (r > 0 && m.fd >= 0)
                        close(m.fd);
        }
        if (r == -EAGAIN)
                link_push(l);
        else
                drop(l); /* deliver is gone: another will come */
        return 0;
}

int link_use(Link *l, int fd) {
        int r;

        drop(l);
        r = sd_event_add_io(l->loop, &l->io, fd, EPOLLIN, on_link, l);
        if (r < 0)
                return r;
        outbox_relink(&l->outbox, fd);
        events_out_relink(l->events);
        link_push(l);
        return 0;
}

void link_give_up(Link *l) {
        outbox_give_up(&l->outbox);
        events_out_give_up(l->events);
}

void link_close(Link *l) {
        drop(l);
        outbox_done(&l->outbox);
        l->events = events_out_free(l->events);
}

void link_print_counters(const Link *l, Buf *out, bool only_loss) {
        counter_print(out, outbox_counter_descs, outbox_n_counter_descs, &l->outbox.counters, only_loss);
        events_out_print_counters(l->events, out, only_loss);
}
