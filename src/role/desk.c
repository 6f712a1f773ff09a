/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/desk.h"
#include "role/losses.h"
#include "role/status.h"

struct Desk {
        DeskOptions options;
        const Config *config;
        Losses *losses;
        sd_event_source *look;
        bool looking; /* asked, and not answered yet */
        StatusServer *server;
        uint64_t started_ns, n_rules;
        const char *reload; /* what came of the last one; NULL: there was none */
        uint64_t reload_ns;
};

int desk_new(Desk **ret, const DeskOptions *options) {
        Desk *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        *d = (Desk){ .options = *options, .started_ns = clock_monotonic_ns(), .losses = losses_new() };
        if (!d->losses) {
                desk_free(d);
                return -ENOMEM;
        }
        *ret = d;
        return 0;
}

Desk *desk_free(Desk *d) {
        if (!d)
                return NULL;
        status_close(d->server);
        sd_event_source_disable_unref(d->look);
        losses_free(d->losses);
        free(d);
        return NULL;
}

static unsigned long long age_s(uint64_t ns) { return (clock_monotonic_ns() - ns) / NS_PER_S; }

/* For `aulert status` (status.h). */
static void describe(void *userdata, Buf *out) {
        const Desk *d = userdata;

        buf_printf(out, "supervisor\tversion\t" AULERT_VERSION "\nsupervisor\trules\t%llu\n",
                   (unsigned long long)d->n_rules);
        if (d->reload)
                buf_printf(out, "supervisor\treload\t%s\t%llu\n", d->reload, age_s(d->reload_ns));
        buf_printf(out, "supervisor\tprocess\tsupervisor\t%d\t%llu\n", (int)getpid(), age_s(d->started_ns));
        for (size_t i = 0; i < ACCOUNT_CHILDREN; i++)
                if (d->options.children[i]->pid)
                        buf_printf(out, "supervisor\tprocess\t%s\t%d\t%llu\n",
                                   d->options.children[i]->options->role, (int)d->options.children[i]->pid,
                                   age_s(d->options.children[i]->started_ns));
        for (size_t i = 0; i < d->config->n_sinks; i++)
                buf_printf(out, "supervisor\tsink\t" STR_FMT "\t%s\n", STR_ARG(d->config->sinks[i].name),
                           d->config->sinks[i].ops->type);
}

static void open_server(Desk *d) {
        const StatusOptions options = { d->options.loop, d->options.account, describe, d };
        int r = status_open(&d->server, &d->config->status, &options);

        if (r == -EADDRINUSE)
                log_notice("aulert status shows another aulert, which was here first");
        else if (r < 0)
                log_warning("the socket of aulert status: %s", strerror(-r));
}

static void on_losses(void *userdata, const AccountPart parts[ACCOUNT_PARTS]) {
        Desk *d = userdata;
        Str names[CONFIG_SINKS_MAX];
        Buf sentence = BUF_INIT;

        d->looking = false;
        for (size_t i = 0; i < d->config->n_sinks; i++)
                names[i] = d->config->sinks[i].name;
        if (losses_look(d->losses, parts, (StrList){ names, d->config->n_sinks }, d->config->status.losses_ms,
                        clock_monotonic_ns() / NS_PER_MS, &sentence) &&
            buf_z(&sentence))
                d->options.lost(d->options.userdata, sentence.p);
        buf_done(&sentence);
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        Desk *d = userdata;

        sd_event_source_set_time_relative(s, d->config->status.losses_ms * 1000);
        sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        if (!d->looking) {
                d->looking = true;
                account_ask(d->options.account, ACCOUNT_LOSSES, on_losses, d);
        }
        return 0;
}

static void look_for_losses(Desk *d) {
        uint64_t ms = d->config->status.losses_ms;

        d->look = sd_event_source_disable_unref(d->look);
        if (ms && sd_event_add_time_relative(d->options.loop, &d->look, CLOCK_MONOTONIC, ms * 1000, 1000000,
                                             on_look, d) < 0)
                log_warning("losses will make no alert: out of memory");
}

void desk_use(Desk *d, const Config *config) {
        bool first = !d->config;

        d->config = config;
        if (first)
                open_server(d);
        look_for_losses(d);
}

void desk_note_rules(Desk *d, uint64_t n) { d->n_rules = n; }

void desk_note_reload(Desk *d, const char *how) {
        d->reload = how;
        d->reload_ns = clock_monotonic_ns();
}
