/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert notify: sends one test alert through a configured sink and says what happened. */
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include "base/log.h"
#include "role/args.h"
#include "role/config/config-read.h"
#include "role/places.h"
#include "role/role.h"
#include "role/sandbox.h"
#include "role/supervisor/own.h"

#define WAIT_S 60u /* more than a sink takes unless configured */

typedef struct {
        sd_event *loop;
        Buf out;
        int status;
        bool settled, late;
} Trial;

static void on_settled(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        static const char *const words[] = {
                [SINK_DELIVERED] = "delivered",
                [SINK_RETRY] = "not delivered",
                [SINK_REFUSED] = "refused",
                [SINK_NOBODY] = "not delivered",
        };
        Trial *t = userdata;

        if (t->late)
                why = "no answer within a minute";
        t->settled = true;
        t->status = verdict == SINK_DELIVERED ? STATUS_DONE : STATUS_NOTHING;
        buf_printf(&t->out, STR_FMT ": %s%s%s\n", STR_ARG(sink_name(sink)), words[verdict],
                   why[0] ? ": " : "", why);
        sd_event_exit(t->loop, 0);
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        Trial *t = userdata;

        t->late = true; /* sink_free() settles what it still has */
        return sd_event_exit(t->loop, 0);
}

static const ConfigSink *find_sink(const Config *c, const char *name) {
        Buf known = BUF_INIT;

        for (size_t i = 0; i < c->n_sinks; i++) {
                if (str_eqz(c->sinks[i].name, name))
                        return &c->sinks[i];
                buf_printf(&known, "%s" STR_FMT, i ? ", " : "", STR_ARG(c->sinks[i].name));
        }
        log_error("%s has no sink %s; it has %s", c->path, name, known.n && buf_z(&known) ? known.p : "none");
        buf_done(&known);
        return NULL;
}

static int try(Trial *t, const ConfigSink *conf) {
        Alert *alert = NULL;
        Sink *sink = NULL;
        int r = sd_event_new(&t->loop);

        if (r >= 0)
                r = sink_new(&sink, conf->ops, conf->name, &conf->conf, t->loop, on_settled, t);
        if (r >= 0)
                r = alert_new_test(&alert);
        if (r >= 0)
                r = sd_event_add_time_relative(t->loop, NULL, CLOCK_MONOTONIC, WAIT_S * 1000000ull, 10000,
                                               on_late, t);
        if (r >= 0)
                r = sink_offer(sink, alert);
        if (r >= 0 && !t->settled)
                r = sd_event_loop(t->loop);
        alert_unref(alert);
        sink_free(sink);
        sd_event_unref(t->loop);
        return r;
}

/* The sinks' children are waited for through the loop, which wants their signal blocked. */
static void take_signals(void) {
        sigset_t child;

        signal(SIGCHLD, SIG_DFL);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL);
}

/* As aulert run would try it. A popup needs root, to become whoever sees it. */
static int become_deliver(const Config *c, const ConfigSink *sink) {
        uid_t uid;
        gid_t gid;

        if (geteuid() != 0 || sink->ops == &sink_desktop)
                return 0;
        sandbox_account(SANDBOX_DELIVER, &uid, &gid);
        own_for_deliver(c, uid, gid);
        return sandbox_become(uid, gid);
}

static int notify(const Config *c, const char *name) {
        const ConfigSink *conf = find_sink(c, name);
        Trial t = { .out = BUF_INIT, .status = STATUS_NOTHING };
        int r;

        if (!conf)
                return STATUS_USAGE;
        r = become_deliver(c, conf);
        if (r == 0)
                r = try(&t, conf);
        if (r < 0) {
                if (!t.settled) /* or it has been said */
                        log_error("%s: %s", name, strerror(-r));
                t.status = STATUS_USAGE;
        }
        buf_attach(&t.out, STDOUT_FILENO);
        buf_flush(&t.out);
        buf_done(&t.out);
        return t.status;
}

int cmd_notify(int argc, char **argv) {
        const char *path = places_config();
        const ArgsOption options[] = { { "config", .value = &path } };
        Config *c;
        size_t n;
        int r;

        take_signals();
        r = args_parse(argc, argv, options, ARRAY_SIZE(options), &n);
        if (r)
                return r;
        if (n != 1)
                return role_usage(argv[0], "the name of one sink is needed");
        c = config_read(path);
        if (!c)
                return STATUS_USAGE;
        r = notify(c, argv[1]);
        config_free(c);
        return r;
}
