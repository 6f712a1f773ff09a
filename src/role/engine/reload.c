/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/log.h"
#include "role/config/settings.h"
#include "role/engine/reload.h"
#include "role/station.h"

int reload_job(void *job, RuleSet **ret, const RuleOptions *options, RuleDiagFn diag, void *userdata) {
        const Settings *settings = job;

        return rule_set_load_files(ret, settings->files, settings->n_files, options, diag, userdata);
}

static void drop_settings(void *job) {
        settings_done(job);
        free(job);
}

static int on_loaded(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Reload *l = userdata;
        int next = l->next, r;

        l->loading = sd_event_source_disable_unref(l->loading);
        r = engine_load_finish(l->engine, NULL);
        if (r < 0)
                log_error("rules: %s", strerror(-r));
        station_tell(IPC_CHANGED, (uint64_t)-r, engine_n_rules(l->engine), STR(""));
        l->next = -1;
        if (next >= 0)
                reload_take(l, next);
        return 0;
}

static int start_loading(Reload *l, int fd) {
        Settings *settings = calloc(1, sizeof(*settings));
        int r = settings ? settings_read(settings, fd) : -ENOMEM;

        if (r < 0) {
                free(settings);
                return r;
        }
        if (events_out_set(l->events, settings->events, settings->n_events) < 0)
                log_error("events: out of memory: they go where they went");
        r = engine_load_start(l->engine, &(LoaderJob){ reload_job, drop_settings, settings });
        if (r < 0)
                return r;
        r = sd_event_add_io(l->loop, &l->loading, engine_load_fd(l->engine), EPOLLIN, on_loaded, l);
        return r < 0 ? on_loaded(NULL, -1, 0, l) : 0;
}

void reload_take(Reload *l, int fd) {
        int r;

        if (engine_load_fd(l->engine) >= 0) {
                if (l->next >= 0)
                        close(l->next);
                l->next = fd;
                return;
        }
        r = start_loading(l, fd);
        if (r < 0)
                station_tell(IPC_CHANGED, (uint64_t)-r, engine_n_rules(l->engine), STR(""));
}

void reload_done(Reload *l) {
        sd_event_source_disable_unref(l->loading);
        if (l->next >= 0)
                close(l->next);
}
