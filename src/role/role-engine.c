/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role engine UID GID: from bytes to alerts. It reads what auditd writes and has no right but that.
 *
 * One loop; no read waits. A thread loads rules after the first (loader.h). What it reads it puts into the ring first, and what it is about to do it puts down
 * there, so that its successor can go on (ring.h). What ends it: the end of input, or the supervisor's word; then all that
 * is complete has been told and what is not is flushed. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "role/account.h"
#include "role/aside.h"
#include "role/bad.h"
#include "role/engine.h"
#include "role/gather.h"
#include "role/input.h"
#include "role/keep.h"
#include "role/link.h"
#include "role/progress.h"
#include "role/ring.h"
#include "role/role-engine.h"
#include "role/role.h"
#include "role/sandbox.h"
#include "role/settings.h"
#include "role/station.h"

#define COMMIT_MS 800u /* at the end: for deliver to say that it has everything */
#define DRAIN_MS  200u /* reading what is there, at the end */

#define NODES_SHOWN 32u

enum { PRIORITY_INPUT = 10, PRIORITY_AGE = 20 };

typedef struct {
        Station station;
        Ring ring;
        uint64_t place; /* of the ring, behind the last byte that the source was given */
        sd_event_source *input, *age, *loading;
        int fd;
        Gather gather;
        uint64_t age_at; /* for when age is armed, CLOCK_MONOTONIC ns; UINT64_MAX: it is not */
        Source *source;
        LineReader *reader;
        EventAssembler *assembler;
        Engine *engine;
        Link link;
        Keep keep;
        uint64_t keep_events; /* the number of the last message of events behind the state that waits */
        Progress progress;
        BadLines bad;
        EngineRoleCounters counters;
        bool loaded, finishing;
        int next_config; /* came while rules were being loaded: to be taken after that; -1: none */
        int status;
} Run;

void (*role_engine_planted)(const Event *event);

static void on_alert(void *userdata, Alert *alert) { outbox_put(&((Run *)userdata)->link.outbox, alert); }
static void on_recycle(void *userdata) { event_detach(((Run *)userdata)->assembler); }
static void on_fault(void *userdata, LineFault fault, uint64_t line) {
        bad_note_fault(&((Run *)userdata)->bad, fault, line);
}

static void on_event(void *userdata, const Event *event) {
        Run *run = userdata;

        if (unlikely(ring_n_poison(&run->ring)) && ring_is_poison_event(&run->ring, &event->id)) {
                run->counters.events_aside++;
                aside_event(&run->link.outbox, event, engine_redacts(run->engine));
                return;
        }
        ring_note_event(&run->ring, &event->id);
        if (unlikely(role_engine_planted))
                role_engine_planted(event);
        engine_event(run->engine, event);
        events_out_add(run->link.events, run->engine, event);
        ring_end_event(&run->ring);
}

/* In the place of read(2): first what a dead engine had read and not finished, then what is new. */
static ssize_t read_input(void *userdata, int fd, char *into, size_t room) {
        Run *run = userdata;
        uint64_t from = run->place;
        size_t n = ring_get(&run->ring, &from, into, room), skip;
        const char *bytes;
        ssize_t k;

        if (n) {
                run->counters.overrun += from - n - run->place;
                run->place = from;
                return (ssize_t)n;
        }
        skip = run->place - run->ring.shared->head; /* the end of a frame that belongs to what came before */
        k = ring_read(&run->ring, fd, room, &bytes);
        if (k <= 0)
                return k;
        if (skip >= (size_t)k) {
                errno = EAGAIN;
                return -1;
        }
        run->place = run->ring.shared->head;
        memcpy(into, bytes + skip, (size_t)k - skip);
        return k - (ssize_t)skip;
}

static void arm_age(Run *run) {
        uint64_t at = event_next_deadline(run->assembler), login = engine_deadline(run->engine);

        if (login < at)
                at = login;
        if (at >= run->age_at)
                return;
        run->age_at = at;
        sd_event_source_set_time(run->age, at / 1000 + 1);
        sd_event_source_set_enabled(run->age, SD_EVENT_ONESHOT);
}

static int on_age(sd_event_source *s, uint64_t usec, void *userdata) {
        Run *run = userdata;
        uint64_t now = clock_monotonic_ns();

        ring_beat(&run->ring);
        event_age(run->assembler, now);
        engine_age(run->engine, now);
        run->age_at = UINT64_MAX;
        arm_age(run);
        ring_beat(&run->ring);
        return 0;
}

static int on_time_is_up(sd_event_source *s, uint64_t usec, void *userdata) {
        return sd_event_exit(((Run *)userdata)->station.loop, 0);
}

/* The loop ends when deliver has everything, or when the time is up. */
static void finish(Run *run) {
        if (run->finishing)
                return;
        run->finishing = true;
        sd_event_source_set_enabled(run->input, SD_EVENT_OFF);
        sd_event_source_set_enabled(run->age, SD_EVENT_OFF);
        event_flush(run->assembler);
        engine_flush(run->engine);
        run->ring.shared->ending = true;
        link_push(&run->link);
        if (link_is_empty(&run->link) || run->link.outbox.link < 0 ||
            sd_event_add_time_relative(run->station.loop, NULL, CLOCK_MONOTONIC, COMMIT_MS * 1000ull, 10000,
                                       on_time_is_up, run) < 0)
                sd_event_exit(run->station.loop, 0);
}

static void take_line(Run *run, Str line, uint64_t number) {
        int e;

        if (unlikely(progress_take(&run->progress, line)))
                return;
        if (unlikely(ring_n_poison(&run->ring)) && ring_is_poison_line(&run->ring, line)) {
                run->counters.lines_aside++;
                aside_line(&run->link.outbox, line, engine_redacts(run->engine));
                return;
        }
        ring_note_line(&run->ring, line);
        e = event_add(run->assembler, line);
        ring_end_line(&run->ring);
        if (unlikely(e > 0))
                bad_note_event(&run->bad, e, number);
}

/* One read, and all lines that it gave. Result as of line_reader_fill(). */
static int take_input(Run *run) {
        uint64_t number;
        Str line;
        int r;

        ring_beat(&run->ring);
        event_set_now(run->assembler, clock_monotonic_ns());
        r = line_reader_fill(run->reader);
        while (line_reader_next(run->reader, &line, &number))
                take_line(run, line, number);
        ring_beat(&run->ring);
        return r;
}

static int on_input(Run *run) {
        int r = take_input(run);

        if (r != LINE_E_EOF && r >= 0) {
                arm_age(run);
                return 0;
        }
        if (r < 0) {
                log_error("%s: %s", run->bad.name, strerror(-r));
                run->status = STATUS_INPUT;
        }
        if (r == LINE_E_EOF && progress_is_open(&run->progress))
                run->status = STATUS_INPUT; /* the intake died */
        finish(run);
        return 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Run *run = userdata;
        uint64_t before = line_counters(run->reader)->lines;
        int r;

        if (unlikely(progress_hold(&run->progress, &run->ring)))
                return 0;
        if (run->gather.busy)
                nanosleep(&(struct timespec){ .tv_nsec = GATHER_NS }, NULL);
        r = on_input(run);
        gather_note(&run->gather, clock_monotonic_ns(), line_counters(run->reader)->lines - before);
        return r;
}

static int on_file(sd_event_source *s, void *userdata) { return on_input(userdata); }

/* Reads what is there without waiting for more. */
static void drain(Run *run) {
        uint64_t until = clock_monotonic_ns() + DRAIN_MS * NS_PER_MS;
        struct pollfd p = { .fd = run->fd, .events = POLLIN };
        int r = 0;

        if (run->finishing || !run->reader)
                return;
        while (r == 0 && poll(&p, 1, 0) > 0 && clock_monotonic_ns() < until)
                r = take_input(run);
        finish(run);
}

/* The place behind the last line that was taken; false: it cannot be told now. */
static bool place_of_lines(const Run *run, uint64_t *ret) {
        int64_t held = source_held(run->source);

        if (held == INT64_MAX)
                return false;
        *ret = run->place - (uint64_t)held - line_reader_rest(run->reader);
        return true;
}

static void keep_state(Run *run) {
        uint64_t committed = outbox_is_empty(&run->link.outbox) ? UINT64_MAX : run->link.outbox.committed,
                 place;

        if (events_out_confirmed(run->link.events) >= run->keep_events)
                keep_settle(&run->keep, &run->ring, committed);
        if (!run->reader || run->finishing || !place_of_lines(run, &place) ||
            !keep_is_due(&run->keep, place, clock_monotonic_ns()))
                return;
        keep_take(&run->keep, &run->ring, run->engine, run->assembler, place, run->link.outbox.seq);
        run->keep_events = events_out_number(run->link.events);
        if (events_out_is_empty(run->link.events))
                keep_settle(&run->keep, &run->ring, committed);
}

/* After each turn of the loop. */
static int on_turn(sd_event_source *s, void *userdata) {
        Run *run = userdata;

        link_push(&run->link);
        if (run->finishing && link_is_empty(&run->link))
                sd_event_exit(run->station.loop, 0);
        keep_state(run);
        return 0;
}

static int add_input(Run *run) {
        sd_event *loop = run->station.loop;
        int r;

        if (run->fd >= 0) {
                r = sd_event_add_io(loop, &run->input, run->fd, EPOLLIN, on_readable, run);
        } else { /* a regular file: epoll has nothing to say about it, it can always be read */
                r = sd_event_add_defer(loop, &run->input, on_file, run);
                if (r >= 0)
                        r = sd_event_source_set_enabled(run->input, SD_EVENT_ON);
        }
        if (r >= 0)
                r = sd_event_source_set_priority(run->input, PRIORITY_INPUT);
        if (r >= 0)
                r = sd_event_add_time(loop, &run->age, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_age, run);
        if (r >= 0)
                r = sd_event_source_set_priority(run->age, PRIORITY_AGE);
        return r < 0 ? r : sd_event_source_set_enabled(run->age, SD_EVENT_OFF);
}

/* What a dead engine has left in the ring waits for no descriptor to become readable. */
static void take_ring(Run *run) {
        while (run->place < run->ring.shared->head && !run->finishing)
                if (take_input(run) != 0)
                        break;
        arm_age(run);
}

/* What an engine before us had done, and what it had begun. */
static void restore(Run *run) {
        uint64_t place, seq;
        Str open;

        if (keep_restore(&run->keep, &run->ring, run->engine, run->assembler, &open, &place, &seq))
                log_error("the state of the engine before cannot be used: what waited there is lost");
        run->place = place;
        run->link.outbox.seq = run->link.outbox.committed = seq;
        event_set_now(run->assembler, clock_monotonic_ns());
        while (open.n) {
                const char *end = memchr(open.p, '\n', open.n);
                Str line = { open.p, end ? (size_t)(end - open.p) : open.n };

                take_line(run, line, 0);
                open = (Str){ line.p + line.n + !!end, open.n - line.n - !!end };
        }
        event_detach(run->assembler);
}

static int open_input(Run *run, const Settings *settings) {
        const SourceOptions source = { .read = read_input, .read_data = run };
        LineOptions options = { .max_line = settings->max_line,
                                .read = source_read,
                                .recycle = on_recycle,
                                .fault = on_fault,
                                .userdata = run };
        struct stat st;
        int r = source_open(&run->source, "stdin", &source);

        if (r < 0)
                return r;
        options.read_data = run->source;
        run->fd = source_fd(run->source);
        if (fstat(run->fd, &st) == 0 && !S_ISREG(st.st_mode))
                engine_use_proc(run->engine);
        r = line_reader_new(&run->reader, run->fd, &options);
        if (r == 0)
                r = event_assembler_new(&run->assembler, EVENT_DEFAULT, &settings->limits, on_event, run);
        if (r == 0 && settings->intake)
                r = progress_open(&run->progress, run->station.loop, run->fd, run->assembler, run->engine,
                                  &run->link);
        if (r == 0)
                r = add_input(run);
        if (r >= 0) {
                restore(run);
                take_ring(run);
        }
        return r;
}

static int load_settings(void *job, RuleSet **ret, const RuleOptions *options, RuleDiagFn diag,
                         void *userdata) {
        const Settings *settings = job;

        return rule_set_load_files(ret, settings->files, settings->n_files, options, diag, userdata);
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
                r = engine_load_start(run->engine, &(LoaderJob){ .load = load_settings, .job = &settings });
        if (r == 0)
                r = engine_load_finish(run->engine, ret_n_errors);
        if (r < 0)
                log_error("rules: %s", strerror(-r));
        if (r == 0) {
                run->loaded = true;
                sandbox_engine(); /* also without it: records that nobody looks at are worth less */
                r = open_input(run, &settings);
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

/* ---- later ones: rules are loaded beside the stream ---- */

static void drop_settings(void *job) {
        settings_done(job);
        free(job);
}

static void take_next(Run *run, int fd);

static int on_loaded(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Run *run = userdata;
        int next = run->next_config, r;

        run->loading = sd_event_source_disable_unref(run->loading);
        r = engine_load_finish(run->engine, NULL);
        if (r < 0)
                log_error("rules: %s", strerror(-r));
        station_tell(IPC_CHANGED, (uint64_t)-r, engine_n_rules(run->engine), STR(""));
        run->next_config = -1;
        if (next >= 0)
                take_next(run, next);
        return 0;
}

static int start_loading(Run *run, int fd) {
        Settings *settings = calloc(1, sizeof(*settings));
        int r = settings ? settings_read(settings, fd) : -ENOMEM;

        if (r < 0) {
                free(settings);
                return r;
        }
        if (events_out_set(&run->link.events, settings->events, settings->n_events) < 0)
                log_error("events: out of memory: they go where they went");
        r = engine_load_start(run->engine, &(LoaderJob){ load_settings, drop_settings, settings });
        if (r < 0)
                return r;
        r = sd_event_add_io(run->station.loop, &run->loading, engine_load_fd(run->engine), EPOLLIN, on_loaded,
                            run);
        return r < 0 ? on_loaded(NULL, -1, 0, run) : 0;
}

static void take_next(Run *run, int fd) {
        int r;

        if (engine_load_fd(run->engine) >= 0) {
                if (run->next_config >= 0)
                        close(run->next_config);
                run->next_config = fd;
                return;
        }
        r = start_loading(run, fd);
        if (r < 0)
                station_tell(IPC_CHANGED, (uint64_t)-r, engine_n_rules(run->engine), STR(""));
}

static void take_settings(Run *run, IpcMessage *m) {
        int fd = m->fd;

        m->fd = -1;
        if (run->loaded)
                take_next(run, fd);
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
        case IPC_FINISH: drain(run); break;
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
        memcpy(hash_secret, run->ring.shared->secret, sizeof(hash_secret));
        ring_begin(&run->ring);
        r = engine_new(&run->engine, on_alert, run);
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
        sd_event_source_disable_unref(run->loading);
        if (run->next_config >= 0)
                close(run->next_config);
        progress_close(&run->progress);
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
        *run = (Run){ .fd = -1, .link = LINK_INIT, .next_config = -1, .bad.name = "stdin" };
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
