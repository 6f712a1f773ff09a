/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert run: the plugin. Reads what auditd writes, runs the rules, delivers the alerts.
 *
 * auditd leaves a plugin with signals ignored or blocked, an empty environment and a socket on stdin, so the first thing
 * is to put the signals right. One loop, one thread; no read waits. What ends it:
 *
 * end of input   all that is complete has been delivered, what is not is flushed; then at most FINISH_MS for the sinks
 * SIGTERM        from the parent (auditd, which closes the socket as well): the same after what the socket holds has been read.
 *                From anybody else while a socket is read: within GRACE_MS the same, unless input ends first. systemd sends SIGTERM to
 *                auditd and its plugins at once, and auditd then still writes. A person's kill works all the same. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/args.h"
#include "role/bad.h"
#include "role/config-read.h"
#include "role/delivery.h"
#include "role/engine.h"
#include "role/gather.h"
#include "role/input.h"
#include "role/places.h"
#include "role/role.h"

#define FINISH_MS   1200u
#define GRACE_MS    500u
#define RETIRED_MAX 8u   /* more: the oldest does not finish, and says so */
#define DRAIN_MS    200u /* reading what is there, at the end */

enum { PRIORITY_SIGNAL = -20, PRIORITY_INPUT = 10, PRIORITY_AGE = 20, PRIORITY_REST = 30 };

typedef struct {
        const char *config_path;
        sd_event *loop;
        sd_event_source *input, *age, *grace;
        int fd;
        Gather gather;
        uint64_t age_at; /* for when run->age is armed, CLOCK_MONOTONIC ns; UINT64_MAX: it is not */
        bool is_socket;
        Source *source;
        LineReader *reader;
        EventAssembler *assembler;
        Engine *engine;
        Delivery *delivery;
        Delivery *retired[RETIRED_MAX]; /* of reloads, until their sinks are done; oldest first */
        size_t n_retired;
        BadLines bad;
        uint64_t seq; /* of the last alert */
        bool finishing;
        int status;
} Run;

static void on_event(void *userdata, const Event *event) { engine_event(((Run *)userdata)->engine, event); }
static void on_alert(void *userdata, Alert *alert) {
        Run *run = userdata;

        (void)delivery_alert(run->delivery, alert, ++run->seq);
}
static void on_recycle(void *userdata) { event_detach(((Run *)userdata)->assembler); }

static void on_fault(void *userdata, LineFault fault, uint64_t line) {
        bad_note_fault(&((Run *)userdata)->bad, fault, line);
}

/* As a new process should have them; those that are handled come through the loop. */
static void take_signals(void) {
        sigset_t ours;

        for (int sig = 1; sig < NSIG; sig++)
                signal(sig, SIG_DFL); /* fails for KILL, STOP and the C library's own: as it must */
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&ours);
        sigaddset(&ours, SIGHUP);
        sigaddset(&ours, SIGTERM);
        sigaddset(&ours, SIGINT);
        sigaddset(&ours, SIGUSR1);
        sigaddset(&ours, SIGCHLD);
        sigprocmask(SIG_SETMASK, &ours, NULL);
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

        event_age(run->assembler, now);
        engine_age(run->engine, now);
        run->age_at = UINT64_MAX;
        arm_age(run);
        return 0;
}

static int on_time_is_up(sd_event_source *s, uint64_t usec, void *userdata) {
        return sd_event_exit(((Run *)userdata)->loop, 0);
}

/* The sinks have all they will get; the loop ends when they are done, or when the time is up. */
static void finish(Run *run) {
        if (run->finishing)
                return;
        run->finishing = true;
        sd_event_source_set_enabled(run->input, SD_EVENT_OFF);
        sd_event_source_set_enabled(run->age, SD_EVENT_OFF);
        event_flush(run->assembler);
        engine_flush(run->engine);
        if (sd_event_add_time_relative(run->loop, NULL, CLOCK_MONOTONIC, FINISH_MS * 1000ull, 10000,
                                       on_time_is_up, run) < 0)
                sd_event_exit(run->loop, 0);
}

/* One read, and all lines that it gave. Result as of line_reader_fill(). */
static int take_input(Run *run) {
        uint64_t number;
        Str line;
        int r;

        event_set_now(run->assembler, clock_monotonic_ns());
        r = line_reader_fill(run->reader);
        while (line_reader_next(run->reader, &line, &number)) {
                int e = event_add(run->assembler, line);

                if (unlikely(e > 0))
                        bad_note_event(&run->bad, e, number);
        }
        return r;
}

static void input_ended(Run *run, int r) {
        if (r < 0) {
                log_error("%s: %s", run->bad.name, strerror(-r));
                run->status = STATUS_INPUT;
        }
        finish(run);
}

static int on_input(Run *run) {
        int r = take_input(run);

        if (r == LINE_E_EOF || r < 0)
                input_ended(run, r == LINE_E_EOF ? 0 : r);
        else
                arm_age(run);
        return 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Run *run = userdata;
        uint64_t before = line_counters(run->reader)->lines;
        int r;

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

        while (r == 0 && poll(&p, 1, 0) > 0 && clock_monotonic_ns() < until)
                r = take_input(run);
        finish(run);
}

static int on_grace(sd_event_source *s, uint64_t usec, void *userdata) {
        drain(userdata);
        return 0;
}

static int on_term(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Run *run = userdata;
        bool parent = si->ssi_pid == (uint32_t)getppid();

        if (run->finishing)
                return 0;
        if (parent || !run->is_socket || run->grace) {
                drain(run);
                return 0;
        }
        if (sd_event_add_time_relative(run->loop, &run->grace, CLOCK_MONOTONIC, GRACE_MS * 1000ull, 10000,
                                       on_grace, run) < 0)
                drain(run);
        return 0;
}

static void free_retired(Run *run, size_t i) {
        delivery_free(run->retired[i]);
        memmove(&run->retired[i], &run->retired[i + 1], (--run->n_retired - i) * sizeof(*run->retired));
}

static void retire(Run *run, Delivery *d) {
        if (run->n_retired == RETIRED_MAX)
                free_retired(run, 0);
        run->retired[run->n_retired++] = d;
}

static bool same_limits(const Config *a, const Config *b) {
        const EventLimits *x = &a->limits, *y = &b->limits;

        return a->max_line == b->max_line && x->open_events == y->open_events &&
               x->event_records == y->event_records && x->event_bytes == y->event_bytes &&
               x->total_bytes == y->total_bytes && x->nodes == y->nodes && x->timeout_ms == y->timeout_ms;
}

static void warn_of_what_stays(const Config *old, const Config *new) {
        if (strcmp(old->source, new->source) != 0)
                log_warning("source stays %s until the next start", old->source);
        if (!same_limits(old, new))
                log_warning("limits stay as they were until the next start");
}

/* Everything new is made before anything old goes. */
static int on_hup(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        Run *run = userdata;
        Delivery *delivery;
        const DeliveryOptions options = { .loop = run->loop };
        Config *config;
        int r;

        if (run->finishing)
                return 0;
        config = config_read(run->config_path);
        if (!config || delivery_new(&delivery, config, &options) < 0) {
                log_error("the configuration stays as it was");
                return 0;
        }
        warn_of_what_stays(delivery_config(run->delivery), config);
        r = engine_load_rules(run->engine, config->rules, config->n_rules, NULL);
        if (r < 0) {
                log_error("rules: %s; the configuration stays as it was", strerror(-r));
                delivery_free(delivery);
                return 0;
        }
        retire(run, run->delivery);
        run->delivery = delivery;
        log_notice("reloaded: %llu rules", (unsigned long long)engine_n_rules(run->engine));
        return 0;
}

static void print_counters(const Run *run, bool only_loss) {
        Buf out = BUF_INIT;

        counter_print(&out, line_counter_descs, line_n_counter_descs, line_counters(run->reader), only_loss);
        counter_print(&out, source_counter_descs, source_n_counter_descs, source_counters(run->source),
                      only_loss);
        counter_print(&out, event_counter_descs, event_n_counter_descs, event_counters(run->assembler),
                      only_loss);
        engine_print_counters(run->engine, &out, only_loss);
        delivery_print_counters(run->delivery, &out, only_loss);
        bad_say_counters(only_loss ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE, buf_view(&out));
        buf_done(&out);
}

static int on_usr1(sd_event_source *s, const struct signalfd_siginfo *si, void *userdata) {
        print_counters(userdata, false);
        return 0;
}

/* After each turn of the loop: what waits for the sinks to be done. */
static int on_turn(sd_event_source *s, void *userdata) {
        Run *run = userdata;

        for (size_t i = run->n_retired; i-- > 0;)
                if (!delivery_pending(run->retired[i]))
                        free_retired(run, i);
        if (run->finishing && !run->n_retired && !delivery_pending(run->delivery))
                sd_event_exit(run->loop, 0);
        return 0;
}

static int add_signals(Run *run) {
        static const struct {
                int sig;
                sd_event_signal_handler_t fn;
        } signals[] = { { SIGHUP, on_hup }, { SIGTERM, on_term }, { SIGINT, on_term }, { SIGUSR1, on_usr1 } };

        for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
                sd_event_source *s;
                int r = sd_event_add_signal(run->loop, &s, signals[i].sig, signals[i].fn, run);

                if (r < 0)
                        return r;
                sd_event_source_set_priority(s, PRIORITY_SIGNAL);
                sd_event_source_set_floating(s, true);
                sd_event_source_unref(s);
        }
        return 0;
}

static int open_source(Run *run, const char *spec) {
        const SourceOptions options = { .from = SOURCE_FROM_END, .reconnect = true };
        int r = source_open(&run->source, spec, &options);

        run->bad.name = spec;
        if (r < 0)
                return r;
        run->fd = source_fd(run->source);
        run->is_socket = source_is_socket(run->source);
        return 0;
}

static int add_input(Run *run) {
        int r;

        if (run->fd >= 0) {
                r = sd_event_add_io(run->loop, &run->input, run->fd, EPOLLIN, on_readable, run);
        } else { /* a regular file: epoll has nothing to say about it, it can always be read */
                r = sd_event_add_defer(run->loop, &run->input, on_file, run);
                if (r >= 0)
                        r = sd_event_source_set_enabled(run->input, SD_EVENT_ON);
        }
        if (r < 0)
                return r;
        sd_event_source_set_priority(run->input, PRIORITY_INPUT);
        r = sd_event_add_time(run->loop, &run->age, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_age, run);
        if (r < 0)
                return r;
        sd_event_source_set_priority(run->age, PRIORITY_AGE);
        return sd_event_source_set_enabled(run->age, SD_EVENT_OFF);
}

static int set_up(Run *run) {
        const Config *config = delivery_config(run->delivery);
        LineOptions options = { .max_line = config->max_line,
                                .read = source_read,
                                .recycle = on_recycle,
                                .fault = on_fault,
                                .userdata = run };
        int r = open_source(run, config->source);

        options.read_data = run->source;

        if (r < 0) {
                run->status = STATUS_INPUT;
                log_error("%s: %s%s", config->source, strerror(-r), input_hint(config->source, r));
                return r;
        }
        r = line_reader_new(&run->reader, run->fd, &options);
        if (r == 0)
                r = event_assembler_new(&run->assembler, EVENT_DEFAULT, &config->limits, on_event, run);
        if (r >= 0)
                r = add_input(run);
        if (r >= 0)
                r = add_signals(run);
        if (r >= 0)
                r = sd_event_add_post(run->loop, NULL, on_turn, run);
        if (r < 0)
                log_error("%s", strerror(-r));
        return r;
}

static int load(Run *run) {
        const DeliveryOptions options = { .loop = run->loop };
        Config *config = config_read(run->config_path);
        size_t n_errors = 0;
        int r;

        if (!config || delivery_new(&run->delivery, config, &options) < 0)
                return STATUS_USAGE;
        r = engine_load_rules(run->engine, config->rules, config->n_rules, &n_errors);
        if (r < 0) {
                log_error("rules: %s", strerror(-r));
                return STATUS_USAGE;
        }
        if (!engine_n_rules(run->engine))
                log_error("there is no rule that can be run: nothing will be told");
        run->status = n_errors ? STATUS_USAGE : STATUS_DONE;
        return STATUS_DONE;
}

static void tear_down(Run *run) {
        if (run->reader && run->assembler) {
                bad_say_totals(&run->bad, event_counters(run->assembler));
                print_counters(run, true);
        }
        while (run->n_retired)
                free_retired(run, 0);
        delivery_free(run->delivery);
        event_assembler_free(run->assembler);
        line_reader_free(run->reader);
        sd_event_source_disable_unref(run->input);
        source_close(run->source);
        sd_event_source_disable_unref(run->age);
        sd_event_source_disable_unref(run->grace);
        engine_free(run->engine);
        sd_event_unref(run->loop);
}

static int run_loop(Run *run) {
        int r;

        if (sd_event_new(&run->loop) < 0 || engine_new(&run->engine, on_alert, run) < 0) {
                log_error("out of memory");
                return STATUS_USAGE;
        }
        r = load(run);
        if (r)
                return r;
        r = set_up(run);
        if (r < 0)
                return role_worse(run->status, STATUS_USAGE);
        r = sd_event_loop(run->loop);
        if (r < 0) {
                log_error("%s", strerror(-r));
                return role_worse(run->status, STATUS_INPUT);
        }
        return run->status;
}

int cmd_run(int argc, char **argv) {
        Run run = { .fd = -1, .age_at = UINT64_MAX };
        size_t n;
        int r;

        take_signals();
        r = args_parse(argc, argv, NULL, 0, &n);
        if (r)
                return r;
        if (n > 1)
                return role_usage(argv[0], "one configuration at most");
        run.config_path = n ? argv[1] : places_config();
        r = run_loop(&run);
        tear_down(&run);
        return r;
}
