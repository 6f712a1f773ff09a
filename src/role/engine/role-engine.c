/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role engine UID GID: from bytes to alerts. It reads what auditd writes and has no right but that.
 *
 * One loop; no read waits. A thread loads rules after the first (reload.h). What it reads goes the way of engine-input.c. What
 * ends it: the end of input, or the supervisor's word; then all that is complete has been told and what is not is flushed. */
#include <stdlib.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/log.h"
#include "role/account/account.h"
#include "role/engine/engine-run.h"
#include "role/role.h"
#include "role/sandbox.h"

#define NODES_SHOWN 32u

void (*role_engine_planted)(const Event *event);

static void on_alert(void *userdata, Alert *alert) { outbox_put(&((Run *)userdata)->link.outbox, alert); }
/* After each turn of the loop. */
static int on_turn(sd_event_source *s, void *userdata) {
        Run *run = userdata;

        link_push(&run->link);
        if (run->finishing && link_is_empty(&run->link))
                run_leave(run);
        run_keep_state(run);
        return 0;
}

static int load(Run *run, int fd, size_t *ret_n_errors) {
        Settings settings;
        int r = settings_read(&settings, fd);

        if (r < 0)
                return r;
        r = engine_set_redact(run->engine, &settings.redact);
        if (r == 0)
                r = engine_set_self(run->engine, &settings.self);
        if (r == 0)
                r = events_out_set(&run->link.events, settings.events, settings.n_events);
        if (r == 0)
                r = engine_load_start(run->engine, &(LoaderJob){ .load = reload_job, .job = &settings });
        if (r == 0)
                r = engine_load_finish(run->engine, ret_n_errors);
        if (r < 0)
                log_error("rules: %s", strerror(-r));
        if (r == 0) {
                run->loaded = true;
                sandbox_engine(); /* also without it: records that nobody looks at are worth less */
                r = run_open_input(run, &settings);
                if (r < 0) {
                        run->status = STATUS_INPUT;
                        log_error("stdin: %s", strerror(-r));
                }
        }
        settings_done(&settings);
        return r;
}

static void take_first(Run *run, int fd) {
        size_t n_errors = 0;
        int r = load(run, fd, &n_errors);
        uint64_t n_rules = engine_n_rules(run->engine);

        if (r < 0) {
                run->status = role_worse(run->status, STATUS_USAGE);
                sd_event_exit(run->station.loop, 0);
                return;
        }
        if (!n_rules)
                log_error("there is no rule that can be run: nothing will be told");
        if (n_errors)
                run->status = role_worse(run->status, STATUS_USAGE);
        station_tell(IPC_READY, n_rules, 0, STR(""));
}

static void take_settings(Run *run, IpcMessage *m) {
        int fd = m->fd;

        m->fd = -1;
        if (run->loaded)
                reload_take(&run->reload, fd);
        else
                take_first(run, fd);
}

static void print_counters(const Run *run, Buf *out, bool only_loss) {
        if (run->reader)
                counter_print(out, line_counter_descs, line_n_counter_descs, line_counters(run->reader),
                              only_loss);
        if (run->source)
                counter_print(out, source_counter_descs, source_n_counter_descs, source_counters(run->source),
                              only_loss);
        if (run->assembler) {
                counter_print(out, event_counter_descs, event_n_counter_descs, event_counters(run->assembler),
                              only_loss);
                counter_print(out, event_gap_counter_descs, event_n_gap_counter_descs,
                              event_counters(run->assembler), only_loss);
        }
        counter_print(out, engine_role_counter_descs, engine_role_n_counter_descs, &run->counters, only_loss);
        engine_print_counters(run->engine, out, only_loss);
        counter_print(out, keep_counter_descs, keep_n_counter_descs, &run->keep.counters, only_loss);
        if (run->catch.seen)
                counter_print(out, catch_up_counter_descs, catch_up_n_counter_descs, &run->catch.counters,
                              only_loss);
        link_print_counters(&run->link, out, only_loss);
}

static void say_counters(Run *run, uint64_t request, uint64_t what) {
        Buf out = BUF_INIT;

        print_counters(run, &out, what == ACCOUNT_LOSSES);
        if (what == ACCOUNT_STATUS && run->assembler)
                event_print_gaps(run->assembler, &out, NODES_SHOWN);
        station_tell(IPC_COUNTED, request, 0, buf_view(&out));
        buf_done(&out);
}

static void on_message(void *userdata, IpcMessage *m) {
        Run *run = userdata;

        switch (m->type) {
        case IPC_CONFIG: take_settings(run, m); break;
        case IPC_LINK:
                if (link_use(&run->link, m->fd) >= 0)
                        m->fd = -1;
                break;
        case IPC_COUNTERS: say_counters(run, m->a, m->b); break;
        case IPC_CATCH_UP:
                catch_up_link(&run->catch, m->fd);
                m->fd = -1;
                break;
        case IPC_FINISH: run_drain(run); break;
        default: break;
        }
}

static int set_up(Run *run, char **argv) {
        int r = station_open(&run->station, argv[1], argv[2]);

        if (r >= 0)
                r = ring_map(&run->ring, IPC_FD_RING);
        if (r < 0)
                return r;
        run->link.loop = run->station.loop;
        run->first = !run->ring.shared->begun;
        keep_adopt_secret(&run->ring);
        memcpy(hash_secret, run->ring.shared->secret, sizeof(hash_secret));
        ring_begin(&run->ring);
        r = engine_new(&run->engine, on_alert, run);
        run->reload = (Reload){
                .engine = run->engine, .events = &run->link.events, .loop = run->station.loop, .next = -1
        };
        if (r >= 0)
                r = link_use(&run->link, IPC_FD_LINK);
        if (r >= 0)
                r = sd_event_add_post(run->station.loop, NULL, on_turn, run);
        return r;
}

static void tear_down(Run *run) {
        Buf losses = BUF_INIT;

        link_give_up(&run->link);
        if (run->reader && run->assembler) {
                bad_say_totals(&run->bad, event_counters(run->assembler));
                print_counters(run, &losses, true);
                bad_say_counters(LOG_LEVEL_WARNING, buf_view(&losses));
        }
        buf_done(&losses);
        event_assembler_free(run->assembler);
        line_reader_free(run->reader);
        sd_event_source_disable_unref(run->input);
        sd_event_source_disable_unref(run->age);
        sd_event_source_disable_unref(run->keeping);
        reload_done(&run->reload);
        progress_close(&run->progress);
        catch_up_close(&run->catch);
        source_close(run->source);
        engine_free(run->engine);
        link_close(&run->link);
        ring_unmap(&run->ring);
        station_tell(IPC_ENDED, (uint64_t)run->status, 0, STR(""));
        station_close(&run->station);
}

int role_engine(int argc, char **argv) {
        Run *run = argc == 3 ? calloc(1, sizeof(*run)) : NULL;
        int r;

        if (!run)
                return STATUS_USAGE;
        *run = (Run){ .fd = -1, .link = LINK_INIT, .bad.name = "stdin" };
        run->age_at = UINT64_MAX;
        run->station.message = on_message;
        run->station.userdata = run;
        r = set_up(run, argv);
        if (r >= 0)
                r = sd_event_loop(run->station.loop);
        if (r < 0) {
                log_error("engine: %s", strerror(-r));
                run->status = role_worse(run->status, STATUS_USAGE);
        }
        tear_down(run);
        r = run->status;
        free(run);
        return r;
}
