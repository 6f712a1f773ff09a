/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The engine's end of the socket to deliver: alerts first (outbox.h), then events (events-out.h).
 *
 * Deliver may be replaced: the supervisor brings the socket to the next one, which gets again what the last one had not
 * confirmed. Never waits. */
#include <systemd/sd-event.h>
#include "role/engine/events-out.h"
#include "role/engine/outbox.h"
#include "role/ipc.h"

typedef struct {
        sd_event *loop; /* the caller's */
        sd_event_source *io;
        Outbox outbox;
        EventsOut *events; /* NULL: none are sent on */
        IpcRoom room;
} Link;

#define LINK_INIT ((Link){ .outbox.link = -1 })

/* Takes the descriptor. 0 or -errno: then it is not used, and the caller's. */
int link_use(Link *l, int fd);
/* At the end: what was not sent is dropped, and counted; what was sent, deliver will read. */
void link_give_up(Link *l);
void link_close(Link *l); /* for good */
/* Sends what can be sent; the rest when the socket takes it. */
void link_push(Link *l);
void link_print_counters(const Link *l, Buf *out, bool only_loss);
/* Nothing waits to be sent or confirmed. */
static inline bool link_is_empty(const Link *l) {
        return outbox_is_empty(&l->outbox) && events_out_is_empty(l->events);
}
