/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/desk.h"
#include "role/status.h"

struct Desk {
        sd_event *loop;
        Account *account;
        const Child *const *children;
        const Config *config;
        StatusServer *server;
        uint64_t started_ns, n_rules;
        const char *reload; /* what came of the last one; NULL: there was none */
        uint64_t reload_ns;
};

int desk_new(Desk **ret, sd_event *loop, Account *account, const Child *const children[ACCOUNT_CHILDREN]) {
        Desk *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        *d = (Desk){
                .loop = loop, .account = account, .children = children, .started_ns = clock_monotonic_ns()
        };
        *ret = d;
        return 0;
}

Desk *desk_free(Desk *d) {
        if (!d)
                return NULL;
        status_close(d->server);
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
                if (d->children[i]->pid)
                        buf_printf(out, "supervisor\tprocess\t%s\t%d\t%llu\n", d->children[i]->options->role,
                                   (int)d->children[i]->pid, age_s(d->children[i]->started_ns));
        for (size_t i = 0; i < d->config->n_sinks; i++)
                buf_printf(out, "supervisor\tsink\t" STR_FMT "\t%s\n", STR_ARG(d->config->sinks[i].name),
                           d->config->sinks[i].ops->type);
}

static void open_server(Desk *d) {
        const StatusOptions options = { d->loop, d->account, describe, d };
        int r = status_open(&d->server, &d->config->status, &options);

        if (r == -EADDRINUSE)
                log_notice("aulert status shows another aulert, which was here first");
        else if (r < 0)
                log_warning("the socket of aulert status: %s", strerror(-r));
}

void desk_use(Desk *d, const Config *config) {
        bool first = !d->config;

        d->config = config;
        if (first)
                open_server(d);
}

void desk_note_rules(Desk *d, uint64_t n) { d->n_rules = n; }

void desk_note_reload(Desk *d, const char *how) {
        d->reload = how;
        d->reload_ns = clock_monotonic_ns();
}
