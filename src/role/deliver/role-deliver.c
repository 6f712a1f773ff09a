/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role deliver UID GID: takes alerts from the engine, puts them into the spool, and gives them to the sinks.
 *
 * It never sees a record that is not part of an alert, and what it takes from the engine it checks. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "alert/alert-pack.h"
#include "base/clock.h"
#include "base/log.h"
#include "role/account/account.h"
#include "role/account/metrics.h"
#include "role/bad.h"
#include "role/config/config-read.h"
#include "role/deliver/checkpoint.h"
#include "role/deliver/events-in.h"
#include "role/deliver/metrics-http.h"
#include "role/places.h"
#include "role/role.h"
#include "role/sandbox.h"
#include "role/station.h"
#include "sink/desktop.h"

#define FINISH_MS   1200u /* for the sinks, at the end */
#define RETIRED_MAX 8u    /* more: the oldest does not finish, and says so */
#define DEAD_SHOWN  50u
#define TURN_MAX    256u /* alerts taken before the loop goes on to other things */

typedef struct {
        Station station;
        int link;
        sd_event_source *link_io;
        uint64_t seq;       /* ours, of the last alert */
        uint64_t link_seq;  /* the engine's, of the same */
        uint64_t link_from; /* ours, of the last alert before this link */
        Delivery *delivery;
        EventsIn events;
        MetricsHttp *http;
        Delivery *retired[RETIRED_MAX]; /* of reloads, until their sinks are done; oldest first */
        size_t n_retired;
        uint64_t bad_messages;
        bool finishing;
        int status;
        Buf spool_path;
        Ring ring;
        Checkpoint checkpoint;
        IpcRoom room;
} Deliver;

/* Alerts that are not the engine's are numbered among its own: then this says less than is true, never more. */
static void on_committed(void *userdata, uint64_t seq) {
        Deliver *d = userdata;
        uint64_t behind = d->seq - seq;

        if (d->link >= 0 && seq > d->link_from && d->link_seq > behind)
                (void)ipc_send(d->link, IPC_COMMITTED, d->link_seq - behind, 0, STR(""), -1);
}

static void drop_link(Deliver *d) {
        d->link_io = sd_event_source_disable_unref(d->link_io);
        if (d->link >= 0)
                close(d->link);
        d->link = -1;
}

static void take_alert(Deliver *d, const IpcMessage *m) {
        Alert *alert = NULL;

        if (alert_unpack(&alert, m->payload)) {
                d->bad_messages++;
                log_error("the engine sent an alert that is none: dropped");
        } else {
                (void)delivery_alert(d->delivery, alert, d->seq + 1);
        }
        alert_unref(alert);
        d->seq++;
        d->link_seq = m->a;
}

static void take_events(Deliver *d, const IpcMessage *m) {
        int r = events_in_take(&d->events, d->delivery, m);

        if (r < 0)
                d->bad_messages++;
        else if (r)
                (void)ipc_send(d->link, IPC_EVENTS_TAKEN, m->a, 0, STR(""), -1);
}

/* 1: took a message; 0: the link is gone; -EAGAIN: there is none. */
static int take_one(Deliver *d) {
        IpcMessage m;
        int r = d->link < 0 ? 0 : ipc_receive(d->link, &d->room, &m);

        if (r == -EBADMSG) {
                d->bad_messages++;
                return 1;
        }
        if (r <= 0)
                return r == -EAGAIN ? r : 0;
        switch (m.type) {
        case IPC_ALERT: take_alert(d, &m); break;
        case IPC_EVENTS: take_events(d, &m); break;
        case IPC_STATE: checkpoint_write(&d->checkpoint, &d->ring, m.b); break;
        default: d->bad_messages++;
        }
        if (m.fd >= 0)
                close(m.fd);
        return 1;
}

static void take_turn(Deliver *d) {
        int r = 1;

        for (unsigned n = 0; n < TURN_MAX && r > 0; n++)
                r = take_one(d);
        if (r == 0)
                drop_link(d);
}

static int on_link(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        take_turn(userdata);
        return 0;
}

/* Not before the link is listened to: the first configuration may not be ready. */
static void on_gather(void *userdata) {
        Deliver *d = userdata;

        if (d->link_io)
                take_turn(d);
}

/* What an engine has sent counts, also when it is dead by now. */
static void drain_link(Deliver *d) {
        while (take_one(d) > 0)
                ;
        drop_link(d);
}

/* An engine that runs already may be quicker with its alerts than the supervisor with the configuration. */
static int listen_to_engine(Deliver *d) {
        return !d->delivery || d->link < 0 || d->link_io
                       ? 0
                       : sd_event_add_io(d->station.loop, &d->link_io, d->link, EPOLLIN, on_link, d);
}

static int use_link(Deliver *d, int fd) {
        if (d->delivery)
                drain_link(d);
        else
                drop_link(d);
        events_in_relink(&d->events);
        d->link = fd;
        d->link_from = d->seq;
        return listen_to_engine(d);
}

static void say_losses(Delivery *delivery) {
        Buf losses = BUF_INIT;

        delivery_give_up_events(delivery);
        delivery_print_counters(delivery, &losses, true);
        bad_say_counters(LOG_LEVEL_WARNING, buf_view(&losses));
        buf_done(&losses);
}

static void free_retired(Deliver *d, size_t i) {
        if (delivery_pending(d->retired[i]))
                say_losses(d->retired[i]);
        delivery_free(d->retired[i]);
        memmove(&d->retired[i], &d->retired[i + 1], (--d->n_retired - i) * sizeof(*d->retired));
}

static void retire(Deliver *d, Delivery *old) {
        if (d->n_retired == RETIRED_MAX)
                free_retired(d, 0);
        d->retired[d->n_retired++] = old;
}

/* Everything new is made before anything old goes. */
static int use_config(Deliver *d, int fd) {
        const DeliveryOptions options = { .loop = d->station.loop,
                                          .spool_path = places_spool(&d->spool_path),
                                          .previous = d->delivery,
                                          .committed = on_committed,
                                          .gather = on_gather,
                                          .userdata = d };
        Delivery *delivery;
        Config *config;
        int r;

        config = config_receive(fd);
        if (!config)
                return -EINVAL;
        r = delivery_new(&delivery, config, &options);
        if (r < 0)
                return r;
        if (d->delivery)
                retire(d, d->delivery);
        d->delivery = delivery;
        d->http = metrics_http_use(d->http, d->station.loop, &delivery_config(delivery)->metrics);
        return 0;
}

static int on_time_is_up(sd_event_source *s, uint64_t usec, void *userdata) {
        return sd_event_exit(((Deliver *)userdata)->station.loop, 0);
}

static void finish(Deliver *d) {
        if (d->finishing)
                return;
        d->finishing = true;
        if (d->delivery)
                drain_link(d);
        if (sd_event_add_time_relative(d->station.loop, NULL, CLOCK_MONOTONIC, FINISH_MS * 1000ull, 10000,
                                       on_time_is_up, d) < 0)
                sd_event_exit(d->station.loop, 0);
}

static void tell_own(Deliver *d, RuleLevel level, Str rule_id, Str title, Str sentence) {
        Alert *alert;

        if (alert_new_own(&alert, &(AlertOwn){ .kind = ALERT_OWN,
                                               .level = level,
                                               .rule_id = rule_id,
                                               .title = title,
                                               .sentence = sentence,
                                               .description = STR(""),
                                               .records = STR(""),
                                               .unique = STR("") }) < 0)
                return;
        (void)delivery_alert(d->delivery, alert, d->seq + 1);
        d->seq++;
        alert_unref(alert);
}

static void take_note(Deliver *d, const IpcMessage *m) {
        const char *id = m->payload.p, *title, *sentence, *end = m->payload.p + m->payload.n;

        title = id + strlen(id) + 1; /* a NUL follows the payload */
        sentence = title < end ? title + strlen(title) + 1 : end;
        if (sentence >= end || !d->delivery)
                return;
        tell_own(d, m->a <= RULE_CRITICAL ? (RuleLevel)m->a : RULE_HIGH, str_from(id), str_from(title),
                 str_from(sentence));
}

/* Whole lines, as many as a message holds. */
static void cut_lines(Buf *lines) {
        const size_t room = IPC_PAYLOAD_MAX - sizeof("counters_cut 1\n");
        const char *end;

        if (lines->n <= room)
                return;
        end = memrchr(lines->p, '\n', room);
        lines->n = end ? (size_t)(end + 1 - lines->p) : 0;
        BUF_LIT(lines, "counters_cut 1\n");
}

static void say_counters(Deliver *d, uint64_t request, uint64_t what) {
        bool only_loss = what == ACCOUNT_LOSSES;
        Buf out = BUF_INIT;

        if (d->delivery)
                delivery_print_counters(d->delivery, &out, only_loss);
        counter_print(&out, events_in_counter_descs, events_in_n_counter_descs, &d->events.counters,
                      only_loss);
        counter_print(&out, checkpoint_counter_descs, checkpoint_n_counter_descs, &d->checkpoint.counters,
                      only_loss);
        if (d->bad_messages || !only_loss)
                buf_printf(&out, "engine_messages_bad %llu\n", (unsigned long long)d->bad_messages);
        if (what == ACCOUNT_STATUS && d->delivery)
                delivery_print_state(d->delivery, &out, DEAD_SHOWN);
        cut_lines(&out);
        station_tell(IPC_COUNTED, request, 0, buf_view(&out));
        buf_done(&out);
}

static int use_checkpoint(Deliver *d) {
        const Config *config = delivery_config(d->delivery);
        const ConfigSpool *spool = &config->spool;
        Buf standard = BUF_INIT;
        const char *path = spool->path ? spool->path : places_spool(&standard);
        int r = checkpoint_open(&d->checkpoint, config->catch_up && !spool->memory ? path : NULL);

        if (config->catch_up && !path)
                log_warning(
                        "catch_up: there is no folder for a spool, and so nowhere to keep how far we are");
        buf_done(&standard);
        return r;
}

/* The supervisor hands it to the first engine, and drops it when there has been one. */
static void hand_back_state(Deliver *d) {
        int fd, r = checkpoint_read(&d->checkpoint, &fd);

        if (r < 0)
                log_error("%s: %s", d->checkpoint.path.p, strerror(-r));
        if (r != 0)
                tell_own(d, RULE_HIGH, STR("aulert-state"), STR("The stored state could not be used"),
                         STR("what the engine had stored when it ran last is damaged or cannot be read: it "
                             "starts "
                             "without it, and what was logged since then is missing"));
        if (fd < 0)
                return;
        (void)ipc_send(IPC_FD_CONTROL, IPC_STATE, 0, 0, STR(""), fd);
        close(fd);
}

static void take_config(Deliver *d, IpcMessage *m) {
        bool first = !d->delivery;
        int r = use_config(d, m->fd);

        m->fd = -1;
        if (r == 0)
                r = use_checkpoint(d);
        if (r == 0 && first)
                r = listen_to_engine(d);
        if (r == 0 && first)
                hand_back_state(d);
        if (!first) {
                station_tell(IPC_CHANGED, (uint64_t)-r, 0, STR(""));
        } else if (r == 0) {
                station_tell(IPC_READY, 0, 0, STR(""));
        } else {
                d->status = STATUS_USAGE;
                sd_event_exit(d->station.loop, 0);
        }
}

static void take_metrics(Deliver *d, const IpcMessage *m) {
        Str text;

        if (!d->http || ipc_memfd_map(m->fd, METRICS_MAX, &text) < 0)
                return;
        metrics_http_text(d->http, text);
        if (text.n)
                munmap((void *)(uintptr_t)text.p, text.n);
}

static void on_message(void *userdata, IpcMessage *m) {
        Deliver *d = userdata;

        switch (m->type) {
        case IPC_CONFIG: take_config(d, m); break;
        case IPC_LINK:
                if (use_link(d, m->fd) < 0)
                        sd_event_exit(d->station.loop, 0);
                m->fd = -1;
                break;
        case IPC_COUNTERS: say_counters(d, m->a, m->b); break;
        case IPC_METRICS: take_metrics(d, m); break;
        case IPC_NOTE: take_note(d, m); break;
        case IPC_FINISH: finish(d); break;
        default: break;
        }
}

/* After each turn of the loop: what waits for the sinks to be done. */
static int on_turn(sd_event_source *s, void *userdata) {
        Deliver *d = userdata;

        for (size_t i = d->n_retired; i-- > 0;)
                if (!delivery_pending(d->retired[i]))
                        free_retired(d, i);
        if (d->finishing && !d->n_retired && (!d->delivery || !delivery_pending(d->delivery)))
                sd_event_exit(d->station.loop, 0);
        return 0;
}

/* We may not become another user; the supervisor may. */
static int start_desktop(void *userdata, uid_t uid, int fd) {
        return ipc_send(IPC_FD_CONTROL, IPC_DESKTOP, uid, 0, STR(""), fd);
}

static void tear_down(Deliver *d) {
        if (d->delivery)
                say_losses(d->delivery);
        while (d->n_retired)
                free_retired(d, 0);
        delivery_free(d->delivery);
        events_in_done(&d->events);
        metrics_http_free(d->http);
        drop_link(d);
        checkpoint_close(&d->checkpoint);
        ring_unmap(&d->ring);
        buf_done(&d->spool_path);
        station_tell(IPC_ENDED, (uint64_t)d->status, 0, STR(""));
        station_close(&d->station);
}

int role_deliver(int argc, char **argv) {
        Deliver *d = argc == 3 ? calloc(1, sizeof(*d)) : NULL;
        int r;

        if (!d)
                return STATUS_USAGE;
        d->link = -1;
        d->events = EVENTS_IN_INIT;
        d->station.message = on_message;
        d->station.userdata = d;
        desktop_start_by(start_desktop, d);
        r = station_open(&d->station, argv[1], argv[2]);
        if (r >= 0)
                r = ring_map_to_read(&d->ring, IPC_FD_RING);
        if (r >= 0)
                r = sandbox_deliver();
        if (r >= 0)
                r = use_link(d, IPC_FD_LINK);
        if (r >= 0)
                r = sd_event_add_post(d->station.loop, NULL, on_turn, d);
        if (r >= 0)
                r = sd_event_loop(d->station.loop);
        if (r < 0) {
                log_error("deliver: %s", strerror(-r));
                d->status = STATUS_USAGE;
        }
        tear_down(d);
        r = d->status;
        free(d);
        return r;
}
