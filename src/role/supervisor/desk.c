/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/account/kernel-state.h"
#include "role/account/losses.h"
#include "role/account/metrics.h"
#include "role/supervisor/desk.h"
#include "role/supervisor/status.h"

#define FIRST_MS  500u
#define REOPEN_MS 2000u

struct Desk {
        DeskOptions options;
        const Config *config;
        Losses *losses;
        sd_event_source *look;
        bool looking; /* asked, and not answered yet */
        sd_event_source *collect;
        bool collecting; /* 〃 */
        char *file;      /* of metrics: to be removed at the end, as nobody keeps it up */
        int file_error;  /* as it was said last */
        StatusServer *server;
        sd_event_source *reopen; /* of it: another has its place */
        KernelState kernel;
        uint64_t started_ns, n_rules;
        const char *reload; /* what came of the last one; NULL: there was none */
        uint64_t reload_ns;
};

int desk_new(Desk **ret, const DeskOptions *options) {
        Desk *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        *d = (Desk){ .options = *options,
                     .started_ns = clock_monotonic_ns(),
                     .losses = losses_new(),
                     .kernel = KERNEL_STATE_INIT };
        if (!d->losses) {
                desk_free(d);
                return -ENOMEM;
        }
        *ret = d;
        return 0;
}

static void drop_file(Desk *d) {
        if (d->file)
                (void)unlink(d->file);
        free(d->file);
        d->file = NULL;
}

Desk *desk_free(Desk *d) {
        if (!d)
                return NULL;
        status_close(d->server);
        kernel_state_close(&d->kernel);
        sd_event_source_disable_unref(d->reopen);
        sd_event_source_disable_unref(d->look);
        losses_free(d->losses);
        sd_event_source_disable_unref(d->collect);
        drop_file(d);
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
        buf_putz(out, "supervisor\t");
        kernel_state_print(&d->kernel, out);
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

static void on_question(void *userdata) { kernel_state_ask(&((Desk *)userdata)->kernel); }

static int on_reopen(sd_event_source *s, uint64_t usec, void *userdata);

/* auditd 4.2 reloads by starting another aulert while this one ends: the place will be free soon. */
static void open_later(Desk *d) {
        if (!d->reopen) {
                log_notice("aulert status shows another aulert, which was here first, until that ends");
                (void)sd_event_add_time(d->options.loop, &d->reopen, CLOCK_MONOTONIC, 0, 1000000, on_reopen,
                                        d);
        }
        if (d->reopen && sd_event_source_set_time_relative(d->reopen, REOPEN_MS * 1000ull) >= 0)
                (void)sd_event_source_set_enabled(d->reopen, SD_EVENT_ONESHOT);
}

static void open_server(Desk *d) {
        const StatusOptions options = { d->options.loop, d->options.account, on_question, describe, d };
        int r = status_open(&d->server, &d->config->status, &options);

        if (r == -EADDRINUSE)
                open_later(d);
        else if (r < 0)
                log_warning("aulert status will not answer: its socket%s%s cannot be made: %s",
                            d->config->status.socket ? " " : "",
                            d->config->status.socket ? d->config->status.socket : "", strerror(-r));
}

static int on_reopen(sd_event_source *s, uint64_t usec, void *userdata) {
        Desk *d = userdata;

        if (!d->server)
                open_server(d);
        return 0;
}

static StrList sink_names(const Config *config, Str names[CONFIG_SINKS_MAX]) {
        for (size_t i = 0; i < config->n_sinks; i++)
                names[i] = config->sinks[i].name;
        return (StrList){ names, config->n_sinks };
}

static void on_losses(void *userdata, const AccountPart parts[ACCOUNT_PARTS]) {
        Desk *d = userdata;
        const ConfigStatus *c = &d->config->status;
        Str names[CONFIG_SINKS_MAX];
        const LossesOptions options = { sink_names(d->config, names), c->except, c->losses_ms };
        Buf sentence = BUF_INIT;

        d->looking = false;
        if (losses_look(d->losses, parts, &options, clock_monotonic_ns() / NS_PER_MS, &sentence) &&
            buf_z(&sentence))
                d->options.lost(d->options.userdata, sentence.p);
        buf_done(&sentence);
}

static int on_look(sd_event_source *s, uint64_t usec, void *userdata) {
        Desk *d = userdata;

        sd_event_source_set_time_relative(s, d->config->status.losses_ms * 1000);
        sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        kernel_state_ask(&d->kernel);
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

static void print_metrics(Desk *d, const AccountPart parts[ACCOUNT_PARTS], Buf *out) {
        Str names[CONFIG_SINKS_MAX];
        Metrics m = { .parts = parts,
                      .sinks = sink_names(d->config, names),
                      .n_rules = d->n_rules,
                      .reloaded = d->reload,
                      .reload_done = d->reload && !strcmp(d->reload, "done"),
                      .now_s = time(NULL),
                      .runs = { true },
                      .up_s = { age_s(d->started_ns) } };

        for (size_t i = 0; i < ACCOUNT_CHILDREN; i++) {
                m.runs[1 + i] = d->options.children[i]->pid;
                m.up_s[1 + i] = age_s(d->options.children[i]->started_ns);
        }
        metrics_print(out, &m);
}

/* The same trouble is said once. */
static void write_file(Desk *d, Str text) {
        int r = metrics_write(d->file, text);

        if (r < 0 && r != d->file_error)
                log_warning("metrics: %s: %s", d->file, strerror(-r));
        d->file_error = r;
}

static void on_metrics(void *userdata, const AccountPart parts[ACCOUNT_PARTS]) {
        Desk *d = userdata;
        Buf text = BUF_INIT;
        int fd;

        d->collecting = false;
        print_metrics(d, parts, &text);
        if (d->file && !text.failed)
                write_file(d, buf_view(&text));
        fd = d->config->metrics.listen && !text.failed ? ipc_memfd("aulert-metrics", buf_view(&text)) : -1;
        if (fd >= 0) {
                d->options.publish(d->options.userdata, fd);
                close(fd);
        }
        buf_done(&text);
}

static int on_collect(sd_event_source *s, uint64_t usec, void *userdata) {
        Desk *d = userdata;

        sd_event_source_set_time_relative(s, d->config->metrics.every_ms * 1000);
        sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        kernel_state_ask(&d->kernel);
        if (!d->collecting) {
                d->collecting = true;
                account_ask(d->options.account, ACCOUNT_ALL, on_metrics, d);
        }
        return 0;
}

/* The first time when all have had the time to start. */
static void collect_metrics(Desk *d) {
        const ConfigMetrics *c = &d->config->metrics;

        d->collect = sd_event_source_disable_unref(d->collect);
        if (d->file && (!c->file || strcmp(d->file, c->file) != 0))
                drop_file(d);
        if (c->file && !d->file)
                d->file = strdup(c->file);
        if ((c->file || c->listen) &&
            sd_event_add_time_relative(d->options.loop, &d->collect, CLOCK_MONOTONIC, FIRST_MS * 1000ull,
                                       100000, on_collect, d) < 0)
                log_warning("there will be no metrics: out of memory");
}

void desk_use(Desk *d, const Config *config) {
        bool first = !d->config;

        d->config = config;
        if (first) {
                open_server(d);
                kernel_state_open(&d->kernel, d->options.loop);
        }
        look_for_losses(d);
        collect_metrics(d);
}

void desk_print_counters(const Desk *d, Buf *out, bool only_loss) {
        kernel_state_print_counters(&d->kernel, out, only_loss);
}

void desk_note_rules(Desk *d, uint64_t n) { d->n_rules = n; }

void desk_note_reload(Desk *d, const char *how) {
        d->reload = how;
        d->reload_ns = clock_monotonic_ns();
}
