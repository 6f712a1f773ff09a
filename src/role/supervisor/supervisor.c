/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/account/account.h"
#include "role/bad.h"
#include "role/config/config-read.h"
#include "role/config/settings.h"
#include "role/ring.h"
#include "role/role.h"
#include "role/sandbox.h"
#include "role/supervisor/child.h"
#include "role/supervisor/desk.h"
#include "role/supervisor/inlet.h"
#include "role/supervisor/log-feed.h"
#include "role/supervisor/node-names.h"
#include "role/supervisor/notes.h"
#include "role/supervisor/own.h"
#include "role/supervisor/popup.h"
#include "role/supervisor/supervisor.h"
#include "role/supervisor/watchdog.h"

#define END_MS 4000u /* for all to end by themselves */
#define AFRESH 4u    /* deaths in quick succession without anything to blame */

struct Supervisor {
        sd_event *loop;
        const char *config_path;
        int64_t since; /* when we started: seconds since the epoch */
        Config *config;
        int config_fd, settings_fd; /* as the children get them */
        int ring_fd, ring_read_fd;  /* the engine's, deliver's */
        Ring ring;
        int links[2]; /* of the next pair: the engine's end, deliver's end; -1: given away */
        ChildOptions engine_options, deliver_options;
        Child engine, deliver;
        Inlet inlet;
        const Child *children[ACCOUNT_CHILDREN];
        sd_event_source *watch, *engine_wait, *deliver_wait;
        unsigned engine_quick, deliver_quick; /* child_wait_ms() */
        unsigned n_blameless;
        Watchdog watchdog;
        bool stuck;        /* we ended it because of that */
        RingEvent suspect; /* it may have been this one, or not */
        Notes notes;
        Account *account;
        LogFeed log;
        bool finishing, ended, reloading;
        int status;
        Desk *desk;
        SupervisorCounters counters;
};

const CounterDesc supervisor_counter_descs[] = {
        { "engine_died", "times the engine died and was replaced", offsetof(SupervisorCounters, engine_died),
          true },
        { "engine_stuck", "times the engine did not get on and was replaced",
          offsetof(SupervisorCounters, engine_stuck), true },
        { "deliver_died", "times the process that delivers died and was replaced",
          offsetof(SupervisorCounters, deliver_died), true },
        { "source_died", "times the process that reads the source died and was replaced",
          offsetof(SupervisorCounters, source_died), true },
        { "blamed", "events and lines that ended the engine", offsetof(SupervisorCounters, blamed), true },
        { "started_afresh", "times the engine had to start without its state",
          offsetof(SupervisorCounters, forgotten), true },
        { "own_alerts_dropped", "alerts of the supervisor dropped because too many waited",
          offsetof(SupervisorCounters, notes_dropped), true },
        { "reloads", "configurations taken into use after the first", offsetof(SupervisorCounters, reloads),
          false },
};
const size_t supervisor_n_counter_descs = ARRAY_SIZE(supervisor_counter_descs);

/* What the engine reads. */
static int input(const Supervisor *s) { return s->inlet.input >= 0 ? s->inlet.input : STDIN_FILENO; }

sd_event *supervisor_loop(Supervisor *s) { return s->loop; }

/* An alert about ourselves; @sentence also goes to the log. */
static void note(Supervisor *s, RuleLevel level, const char *rule_id, const char *title,
                 const char *sentence) {
        log_error("%s", sentence);
        notes_add(&s->notes, &s->deliver, level, rule_id, title, sentence);
        s->counters.notes_dropped = s->notes.dropped;
}

static int make_links(Supervisor *s) {
        for (size_t i = 0; i < 2; i++)
                if (s->links[i] >= 0)
                        close(s->links[i]);
        s->links[0] = s->links[1] = -1;
        return ipc_pair(s->links);
}

static void give_link(Supervisor *s, Child *c, size_t i) {
        (void)child_tell(c, IPC_LINK, 0, 0, STR(""), s->links[i]);
        close(s->links[i]);
        s->links[i] = -1;
}

/* Its end of a new pair at the start, the other end to the other one, if it runs. */
static int start(Supervisor *s, Child *c, Child *other, size_t i, int config_fd) {
        int r = s->links[i] < 0 ? make_links(s) : 0;

        if (r == 0)
                r = child_start(c, c == &s->engine ? input(s) : -1, s->links[i],
                                c == &s->engine ? s->ring_fd : s->ring_read_fd);
        if (r < 0)
                return r;
        close(s->links[i]);
        s->links[i] = -1;
        if (other->pid && s->links[1 - i] >= 0)
                give_link(s, other, 1 - i);
        return child_tell(c, IPC_CONFIG, 0, 0, STR(""), config_fd);
}

static void start_engine(Supervisor *s) {
        int r = start(s, &s->engine, &s->deliver, 0, s->settings_fd);

        watchdog_begin(&s->watchdog);
        if (r < 0)
                log_error("cannot start the engine: %s", strerror(-r));
        if (s->finishing)
                (void)child_tell(&s->engine, IPC_FINISH, 0, 0, STR(""), -1);
}

static void start_deliver(Supervisor *s) {
        int r = start(s, &s->deliver, &s->engine, 1, s->config_fd);

        if (r < 0)
                log_error("cannot start deliver: %s", strerror(-r));
        if (s->ended)
                (void)child_tell(&s->deliver, IPC_FINISH, 0, 0, STR(""), -1);
}

static int on_engine_wait(sd_event_source *source, uint64_t usec, void *userdata) {
        Supervisor *s = userdata;

        s->engine_wait = sd_event_source_disable_unref(s->engine_wait);
        start_engine(s);
        return 0;
}

static int on_deliver_wait(sd_event_source *source, uint64_t usec, void *userdata) {
        Supervisor *s = userdata;

        s->deliver_wait = sd_event_source_disable_unref(s->deliver_wait);
        start_deliver(s);
        return 0;
}

static void start_later(Supervisor *s, sd_event_source **timer, unsigned ms, sd_event_time_handler_t fn) {
        sd_event_source_disable_unref(*timer);
        *timer = NULL;
        if (!ms || sd_event_add_time_relative(s->loop, timer, CLOCK_MONOTONIC, ms * 1000ull, 1000, fn, s) < 0)
                fn(NULL, 0, s);
}

static bool same_suspect(const Supervisor *s, const RingEvent *e) {
        return e->set && s->suspect.set && e->sec == s->suspect.sec && e->ms == s->suspect.ms &&
               e->serial == s->suspect.serial;
}

/* A signal from outside says nothing about the event at hand, unless it is the same one again. */
static void find_culprit(Supervisor *s, bool own_fault) {
        RingEvent at = s->ring.shared->event;

        if ((own_fault || same_suspect(s, &at)) && ring_blame(&s->ring)) {
                s->counters.blamed++;
                s->n_blameless = 0;
                s->suspect.set = false;
                return;
        }
        s->suspect = at;
        s->ring.shared->event.set = false;
        s->ring.shared->line.n = 0;
        if (!own_fault || ++s->n_blameless < AFRESH)
                return;
        s->n_blameless = 0;
        s->counters.forgotten++;
        ring_forget(&s->ring);
        note(s, RULE_HIGH, "aulert-afresh", "The engine started without its state",
             "the engine died again and again, and starts without its state and what it had read");
}

static void say_death(char *text, size_t n, int code, int status, bool stuck) {
        if (stuck)
                snprintf(text, n, "the engine did not get on any more, was ended, and is replaced");
        else if (code == CLD_EXITED)
                snprintf(text, n, "the engine left with status %d, and is replaced", status);
        else
                snprintf(text, n, "the engine died of signal %d (%s), and is replaced", status,
                         strsignal(status));
}

static void all_done(Supervisor *s) {
        s->ended = true;
        if (child_tell(&s->deliver, IPC_FINISH, 0, 0, STR(""), -1) < 0)
                sd_event_exit(s->loop, 0);
}

static void on_engine_gone(void *userdata, Child *c, bool ended, int status, int code, int how) {
        Supervisor *s = userdata;
        bool outside = code != CLD_EXITED && (how == SIGKILL || how == SIGTERM) && !s->stuck;
        char text[160];

        if (ended) {
                s->status = role_worse(s->status, status);
                all_done(s);
                return;
        }
        s->counters.engine_stuck += s->stuck;
        s->counters.engine_died += !s->stuck;
        find_culprit(s, !outside);
        say_death(text, sizeof(text), code, how, s->stuck);
        note(s, RULE_HIGH, "aulert-engine", "The engine was replaced", text);
        s->stuck = false;
        start_later(s, &s->engine_wait, child_wait_ms(c, &s->engine_quick, ENGINE_WAIT_MS), on_engine_wait);
}

static void on_deliver_gone(void *userdata, Child *c, bool ended, int status, int code, int how) {
        Supervisor *s = userdata;
        char text[160];

        if (ended) { /* it could not start, or was told to */
                s->status = role_worse(s->status, status);
                if (!s->ended || !inlet_leave(&s->inlet))
                        sd_event_exit(s->loop, 0);
                return;
        }
        s->counters.deliver_died++;
        snprintf(text, sizeof(text), "the process that delivers ended (%s %d), and is replaced",
                 code == CLD_EXITED ? "status" : "signal", how);
        note(s, RULE_HIGH, "aulert-deliver", "The process that delivers was replaced", text);
        start_later(s, &s->deliver_wait, child_wait_ms(c, &s->deliver_quick, DELIVER_WAIT_MS),
                    on_deliver_wait);
}

static void on_inlet_died(void *userdata, const char *sentence) {
        Supervisor *s = userdata;

        s->counters.source_died++;
        note(s, RULE_HIGH, "aulert-source", "The process that reads the source was replaced", sentence);
}

/* The end of the input; or all the others have ended, and it has left its cluster. */
static void on_inlet_ended(void *userdata, int status) {
        Supervisor *s = userdata;

        s->status = role_worse(s->status, status);
        if (s->ended && !s->deliver.pid)
                sd_event_exit(s->loop, 0);
}

static void note_changed(Supervisor *s, const Child *c, const IpcMessage *m) {
        if (m->a) {
                desk_note_reload(s->desk, "refused");
                log_error("%s could not take the configuration: %s", c->options->role, strerror((int)m->a));
                return;
        }
        if (c == &s->engine && s->reloading) {
                desk_note_rules(s->desk, m->b);
                log_notice("reloaded: %llu rules", (unsigned long long)m->b);
                if (!m->b)
                        log_error("there is no rule that can be run: nothing will be told");
        }
}

static void on_message(void *userdata, Child *c, IpcMessage *m) {
        Supervisor *s = userdata;

        switch (m->type) {
        case IPC_READY:
                if (c == &s->engine)
                        desk_note_rules(s->desk, m->a);
                if (c == &s->deliver)
                        notes_send(&s->notes, &s->deliver);
                if (c == &s->deliver && !s->engine.pid && !s->engine_wait)
                        start_engine(s);
                if (c == &s->engine)
                        inlet_start(&s->inlet);
                break;
        case IPC_CHANGED: note_changed(s, c, m); break;
        case IPC_STATE:
                if (c == &s->deliver && ring_take_state(&s->ring, m->fd) < 0)
                        log_error("what was stored of the engine cannot be used");
                break;
        case IPC_CATCH_UP:
                if (c == &s->engine)
                        log_feed_give(&s->log, &s->engine, s->config->catch_up, m->a);
                break;
        case IPC_LOG:
                if (m->a >= LOG_LEVEL_ERROR && m->a <= LOG_LEVEL_INFO)
                        log_msg((int)m->a, STR_FMT, STR_ARG(m->payload));
                break;
        case IPC_COUNTED: account_take(s->account, c, m->a, m->payload); break;
        case IPC_DESKTOP:
                if (c == &s->deliver && m->fd >= 0)
                        popup_start(s->loop, (uid_t)m->a, m->fd);
                break;
        default: break;
        }
}

static bool input_waits(const Supervisor *s) {
        struct pollfd p = { .fd = input(s), .events = POLLIN };

        return poll(&p, 1, 0) > 0;
}

static int on_watch(sd_event_source *source, uint64_t usec, void *userdata) {
        Supervisor *s = userdata;
        uint64_t beat = __atomic_load_n(&s->ring.shared->beat, __ATOMIC_ACQUIRE);

        sd_event_source_set_time_relative(source, WATCH_MS * 1000ull);
        sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        if (!s->engine.pid || !s->engine.ready || s->ring.shared->ending) {
                watchdog_begin(&s->watchdog);
        } else if (watchdog_look(&s->watchdog, &s->engine, beat, input_waits(s))) {
                s->stuck = true;
                child_kill(&s->engine);
        }
        return 0;
}

static int on_end(sd_event_source *source, uint64_t usec, void *userdata) {
        Supervisor *s = userdata;

        log_error("not all could be told before the end");
        return sd_event_exit(s->loop, 0);
}

void supervisor_finish(Supervisor *s) {
        if (s->finishing)
                return;
        s->finishing = true;
        if (sd_event_add_time_relative(s->loop, NULL, CLOCK_MONOTONIC, END_MS * 1000ull, 10000, on_end, s) <
                    0 ||
            (child_tell(&s->engine, IPC_FINISH, 0, 0, STR(""), -1) < 0 && !s->engine_wait))
                sd_event_exit(s->loop, 0);
}

static int64_t uid_of(const ChildOptions *o) { return o->change_user ? (int64_t)o->uid : -1; }

/* 0, or a status: what is wrong was logged, and the old ones stay. */
static int read_config(Supervisor *s) {
        EchoSelf self = { .pid = getpid(),
                          .since = s->since,
                          .uids = { uid_of(&s->engine_options), uid_of(&s->deliver_options) } };
        int config_fd, settings_fd;
        Config *config = config_read_to_pass(s->config_path, &config_fd);

        if (!config)
                return STATUS_USAGE;
        node_names_find(&self, getppid());
        settings_fd = settings_make(config, &self);
        if (settings_fd < 0) {
                log_error("rules: %s", strerror(-settings_fd));
                config_free(config);
                close(config_fd);
                return STATUS_USAGE;
        }
        if (s->config) {
                config_say_what_stays(s->config, config);
                close(s->config_fd);
                close(s->settings_fd);
        }
        config_free(s->config);
        s->config = config;
        s->config_fd = config_fd;
        s->settings_fd = settings_fd;
        if (s->deliver_options.change_user)
                own_for_deliver(config, s->deliver_options.uid, s->deliver_options.gid);
        return 0;
}

void supervisor_reload(Supervisor *s) {
        if (s->finishing || s->ended)
                return;
        if (read_config(s)) {
                desk_note_reload(s->desk, "refused");
                log_error("the configuration stays as it was");
                return;
        }
        s->reloading = true;
        desk_use(s->desk, s->config);
        desk_note_reload(s->desk, "done");
        s->counters.reloads++;
        (void)child_tell(&s->deliver, IPC_CONFIG, 0, 0, STR(""), s->config_fd);
        (void)child_tell(&s->engine, IPC_CONFIG, 0, 0, STR(""), s->settings_fd);
}

static void say_account(void *userdata, const AccountPart parts[ACCOUNT_PARTS]) {
        Buf all = BUF_INIT;

        account_join(&all, parts);
        bad_say_counters(LOG_LEVEL_NOTICE, buf_view(&all));
        buf_done(&all);
}

void supervisor_say_counters(Supervisor *s) { account_ask(s->account, ACCOUNT_ALL, say_account, NULL); }

static void print_own(void *userdata, Buf *out, bool only_loss) {
        Supervisor *s = userdata;

        counter_print(out, supervisor_counter_descs, supervisor_n_counter_descs, &s->counters, only_loss);
        desk_print_counters(s->desk, out, only_loss);
}

static void on_lost(void *userdata, const char *sentence) {
        note(userdata, RULE_HIGH, "aulert-losses", "Something was lost", sentence);
}

static void publish(void *userdata, int fd) {
        (void)child_tell(&((Supervisor *)userdata)->deliver, IPC_METRICS, 0, 0, STR(""), fd);
}

static int open_inlet(Supervisor *s) {
        const InletOptions options = { .loop = s->loop,
                                       .engine = &s->engine,
                                       .ring = &s->ring,
                                       .config = s->config,
                                       .config_fd = s->config_fd,
                                       .as_reader = &s->engine_options,
                                       .as_intake = &s->deliver_options,
                                       .message = on_message,
                                       .died = on_inlet_died,
                                       .ended = on_inlet_ended,
                                       .userdata = s };

        return inlet_open(&s->inlet, &options);
}

static int set_up(Supervisor *s) {
        int r = sd_event_new(&s->loop);

        if (r >= 0)
                r = s->ring_fd = ring_make();
        if (r >= 0)
                r = ring_map(&s->ring, s->ring_fd);
        if (r >= 0)
                r = s->ring_read_fd = ring_open_to_read(s->ring_fd);
        if (r >= 0)
                r = account_new(&s->account, s->loop, s->children, print_own, s);
        if (r >= 0)
                r = desk_new(&s->desk,
                             &(DeskOptions){ s->loop, s->account, s->children, on_lost, publish, s });
        if (r >= 0)
                r = sd_event_add_time_relative(s->loop, &s->watch, CLOCK_MONOTONIC, WATCH_MS * 1000ull, 20000,
                                               on_watch, s);
        s->engine.loop = s->deliver.loop = s->loop;
        log_feed_init(&s->log, s->loop, &s->engine_options);
        if (r < 0 || !strcmp(s->config->source, "stdin"))
                return r;
        return open_inlet(s);
}

static void prepare(Supervisor *s) {
        s->engine_options = (ChildOptions){
                .role = "engine", .message = on_message, .gone = on_engine_gone, .userdata = s
        };
        s->deliver_options = (ChildOptions){
                .role = "deliver", .message = on_message, .gone = on_deliver_gone, .userdata = s
        };
        s->children[0] = &s->engine;
        s->children[1] = &s->deliver;
        s->children[2] = &s->inlet.child;
        inlet_init(&s->inlet);
        if (geteuid() == 0) {
                s->engine_options.change_user = s->deliver_options.change_user = true;
                sandbox_account(SANDBOX_ENGINE, &s->engine_options.uid, &s->engine_options.gid);
                sandbox_account(SANDBOX_DELIVER, &s->deliver_options.uid, &s->deliver_options.gid);
        }
        s->engine.options = &s->engine_options;
        s->deliver.options = &s->deliver_options;
        s->engine.control = s->deliver.control = s->links[0] = s->links[1] = -1;
        s->config_fd = s->settings_fd = s->ring_fd = s->ring_read_fd = -1;
}

int supervisor_new(Supervisor **ret, const char *config_path) {
        Supervisor *s = calloc(1, sizeof(*s));
        int r;

        if (!s) {
                log_error("out of memory");
                return STATUS_USAGE;
        }
        prepare(s);
        s->config_path = config_path;
        s->since = (int64_t)time(NULL);
        r = read_config(s);
        if (!r) {
                r = set_up(s);
                if (r < 0)
                        log_error("%s", strerror(-r));
                r = r < 0 ? STATUS_USAGE : 0;
        }
        if (r) {
                supervisor_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

int supervisor_run(Supervisor *s) {
        int r;

        desk_use(s->desk, s->config);
        start_deliver(s); /* and when it is ready, the engine */
        r = s->deliver.pid ? sd_event_loop(s->loop) : -ECHILD;
        if (r < 0) {
                log_error("%s", strerror(-r));
                return role_worse(s->status, STATUS_USAGE);
        }
        return s->status;
}

Supervisor *supervisor_free(Supervisor *s) {
        int fds[] = { s->config_fd, s->settings_fd, s->ring_fd, s->ring_read_fd, s->links[0], s->links[1] };

        if (s->log.child.options)
                log_feed_stop(&s->log);
        inlet_close(&s->inlet);
        child_done(&s->engine);
        child_done(&s->deliver);
        account_free(s->account);
        desk_free(s->desk);
        sd_event_source_disable_unref(s->watch);
        sd_event_source_disable_unref(s->engine_wait);
        sd_event_source_disable_unref(s->deliver_wait);
        ring_unmap(&s->ring);
        for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
                if (fds[i] >= 0)
                        close(fds[i]);
        config_free(s->config);
        sd_event_unref(s->loop);
        free(s);
        return NULL;
}
