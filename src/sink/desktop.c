/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/clock.h"
#include "sink/desktop-child.h"
#include "sink/desktop.h"

#define TIMEOUT_MS 3000u /* of the notification, unless configured: the article's */
#define WHY_BYTES  240u

typedef struct Desktop Desktop;

static DesktopStartFn start_elsewhere; /* NULL: we start the child ourselves */
static void *start_elsewhere_data;

/* One alert for one user. */
typedef struct {
        uint64_t id;
        uid_t uid;
        const Alert *alert;
} Job;

typedef struct {
        Desktop *desktop;
        uint64_t id;
        uid_t uid;
        bool busy;
        pid_t pid; /* 0: somebody else started it, and ends it */
        int fd;
        sd_event_source *exit, *timer;
        bool late;
} Child;

/* One alert: settled when every job of it is done. */
typedef struct {
        uint64_t id; /* 0: free */
        unsigned n_left;
        unsigned n_shown, n_failed;
        char why[WHY_BYTES];
} Ticket;

typedef struct {
        uid_t uid;
        unsigned n_late;   /* children in a row that got no answer */
        uint64_t until_ns; /* it is left alone */
} Rest;

struct Desktop {
        Sink *sink;
        const char *run_dir;
        bool active; /* users: active */
        Str unknown; /* a name in the list that is no user */
        uid_t users[DESKTOP_USERS_MAX];
        size_t n_users;
        uint32_t timeout_ms;
        Str icon;               /* "" : by level */
        Job jobs[DESKTOP_JOBS]; /* in order */
        size_t n_jobs;
        Child children[DESKTOP_CHILDREN];
        Ticket tickets[DESKTOP_JOBS];
        Rest rests[DESKTOP_USERS_MAX];
        size_t n_rests;
};

void desktop_start_by(DesktopStartFn fn, void *userdata) {
        start_elsewhere = fn;
        start_elsewhere_data = userdata;
}

static void list_users(Desktop *d, const SinkSetting *users) {
        for (size_t i = 0; i < users->n_values && d->n_users < DESKTOP_USERS_MAX; i++) {
                char name[256], text[16384];
                struct passwd pw, *found = NULL;

                snprintf(name, sizeof(name), STR_FMT, STR_ARG(users->values[i]));
                if (getpwnam_r(name, &pw, text, sizeof(text), &found) == 0 && found)
                        d->users[d->n_users++] = found->pw_uid;
                else
                        d->unknown = users->values[i];
        }
}

int desktop_open_at(Sink *sink, const SinkConf *conf, const char *run_dir) {
        const SinkSetting *users = sink_conf_find(conf, "users"), *timeout = sink_conf_find(conf, "timeout"),
                          *icon = sink_conf_find(conf, "icon");
        Desktop *d = calloc(1, sizeof(*d));

        if (!d)
                return -ENOMEM;
        d->sink = sink;
        d->run_dir = run_dir;
        d->active = !users || (users->n_values == 1 && str_eq(users->values[0], STR("active")));
        if (!d->active)
                list_users(d, users);
        d->timeout_ms =
                timeout ? (uint32_t)(timeout->number < INT32_MAX ? timeout->number : INT32_MAX) : TIMEOUT_MS;
        d->icon = icon ? icon->values[0] : STR("");
        sink_set_state(sink, d);
        return 0;
}

static int open_desktop(Sink *sink, const SinkConf *conf) {
        return desktop_open_at(sink, conf, DESKTOP_RUN_DIR);
}

static Rest *rest_of(Desktop *d, uid_t uid) {
        for (size_t i = 0; i < d->n_rests; i++)
                if (d->rests[i].uid == uid)
                        return &d->rests[i];
        return NULL;
}

static bool rests(Desktop *d, uid_t uid) {
        const Rest *rest = rest_of(d, uid);

        return rest && rest->n_late >= DESKTOP_PATIENCE && clock_monotonic_ns() < rest->until_ns;
}

static void note_answer(Desktop *d, uid_t uid, bool late) {
        Rest *rest = rest_of(d, uid);

        if (!late) {
                if (rest)
                        *rest = d->rests[--d->n_rests];
                return;
        }
        if (!rest && d->n_rests < DESKTOP_USERS_MAX) {
                rest = &d->rests[d->n_rests++];
                *rest = (Rest){ .uid = uid };
        }
        if (rest) {
                rest->n_late++;
                rest->until_ns = clock_monotonic_ns() + DESKTOP_REST_MS * NS_PER_MS;
        }
}

static Ticket *ticket_of(Desktop *d, uint64_t id) {
        for (size_t i = 0; i < DESKTOP_JOBS; i++)
                if (d->tickets[i].id == id)
                        return &d->tickets[i];
        return NULL;
}

static void note_why(Ticket *t, uid_t uid, Str why) {
        if (!t->why[0])
                snprintf(t->why, sizeof(t->why), "uid %u: " STR_FMT, uid, STR_ARG(why));
}

static void settle_ticket(Desktop *d, Ticket *t) {
        uint64_t id = t->id;
        char why[WHY_BYTES + 32];

        if (t->n_left)
                return;
        if (t->why[0])
                snprintf(why, sizeof(why), "%s", t->why);
        else
                snprintf(why, sizeof(why), "%s", t->n_shown ? "" : "nobody has a desktop session");
        t->id = 0;
        sink_settle(d->sink, id,
                    t->n_shown    ? SINK_DELIVERED
                    : t->n_failed ? SINK_RETRY
                    : t->why[0]   ? SINK_REFUSED
                                  : SINK_NOBODY,
                    why);
}

static void end_job(Desktop *d, uint64_t id, uid_t uid, int status, Str why) {
        Ticket *t = ticket_of(d, id);

        t->n_left--;
        t->n_shown += status == DESKTOP_SHOWN;
        t->n_failed += status == DESKTOP_FAILED || status == DESKTOP_LATE;
        if (status != DESKTOP_SHOWN)
                note_why(t, uid, why);
        settle_ticket(d, t);
}

static uint8_t urgency(RuleLevel level) {
        /* low alerts are "normal": many desktops show no popup for what has low urgency */
        return level == RULE_INFORMATIONAL ? 0 : level <= RULE_MEDIUM ? 1 : 2;
}

static Str icon(const Desktop *d, RuleLevel level) {
        if (d->icon.n)
                return d->icon;
        return level <= RULE_LOW      ? STR("dialog-information")
               : level == RULE_MEDIUM ? STR("dialog-warning")
                                      : STR("dialog-error");
}

static bool send_request(const Desktop *d, int fd, const Alert *a) {
        Buf message = BUF_INIT, body = BUF_INIT;
        DesktopRequest q = { .urgency = urgency(a->level),
                             .timeout_ms = d->timeout_ms,
                             .icon = icon(d, a->level),
                             .summary = a->rule_title };
        bool ok;

        buf_str(&body, a->sentence);
        if (a->node.n) {
                BUF_LIT(&body, ", on ");
                buf_str(&body, a->node);
        }
        q.body = buf_view(&body);
        desktop_request_write(&message, &q);
        ok = !body.failed && !message.failed && message.n <= DESKTOP_MESSAGE_MAX &&
             send(fd, message.p, message.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)message.n;
        buf_done(&message);
        buf_done(&body);
        return ok;
}

/* This program anew, with nothing but the socket: no memory, file, environment or blocked signal of ours. */
int desktop_spawn(const char *run, uid_t uid, int fd, pid_t *ret) {
        char self[] = "aulert", role[] = "--role", name[] = "notify", number[16], *none[] = { NULL };
        char *run_dir = strdup(run);
        char *argv[] = { self, role, name, number, run_dir, NULL };
        posix_spawn_file_actions_t files;
        posix_spawnattr_t attr;
        sigset_t all, empty;
        int r;

        if (!run_dir)
                return -ENOMEM;
        snprintf(number, sizeof(number), "%u", uid);
        sigfillset(&all);
        sigemptyset(&empty);
        posix_spawn_file_actions_init(&files);
        posix_spawn_file_actions_adddup2(&files, fd, STDIN_FILENO);
        posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
        posix_spawnattr_init(&attr);
        posix_spawnattr_setsigdefault(&attr, &all);
        posix_spawnattr_setsigmask(&attr, &empty);
        posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
        r = posix_spawn(ret, "/proc/self/exe", &files, &attr, argv, none);
        posix_spawnattr_destroy(&attr);
        posix_spawn_file_actions_destroy(&files);
        free(run_dir);
        return -r;
}

static void free_child(Child *c) {
        sd_event_source_disable_unref(c->exit);
        sd_event_source_disable_unref(c->timer);
        close(c->fd);
        *c = (Child){ .desktop = c->desktop };
}

static void start_jobs(Desktop *d);

/* A child that ended without reading its request leaves an error in front of its answer (net/unix: ECONNRESET). */
static ssize_t receive(int fd, char *reply, size_t size) {
        ssize_t n = recv(fd, reply, size, MSG_DONTWAIT);

        return n < 0 && errno == ECONNRESET ? recv(fd, reply, size, MSG_DONTWAIT) : n;
}

static void end_child(Child *c) {
        Desktop *d = c->desktop;
        uint64_t id = c->id;
        uid_t uid = c->uid;
        char reply[256];
        ssize_t n = receive(c->fd, reply, sizeof(reply));
        int status = n > 0 && (uint8_t)reply[0] <= DESKTOP_LATE ? reply[0] : DESKTOP_FAILED;
        Str why = n > 0 ? (Str){ reply + 1, (size_t)n - 1 } : STR("its session bus did not answer in time");

        if (n <= 0 && !c->late)
                why = STR("the process that was to show it died");
        note_answer(d, uid, n <= 0 || status == DESKTOP_LATE);
        free_child(c);
        end_job(d, id, uid, status, why);
        start_jobs(d);
}

static int on_exit_child(sd_event_source *s, const siginfo_t *si, void *userdata) {
        end_child(userdata);
        return 0;
}

static int on_answer(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        end_child(userdata);
        return 0;
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        Child *c = userdata;

        c->late = true;
        if (c->pid)
                kill(c->pid, SIGKILL); /* its end is told like any other */
        else
                end_child(c);
        return 0;
}

static int watch_child(Desktop *d, Child *c) {
        sd_event *loop = sink_loop(d->sink);
        int r = c->pid ? sd_event_add_child(loop, &c->exit, c->pid, WEXITED, on_exit_child, c)
                       : sd_event_add_io(loop, &c->exit, c->fd, EPOLLIN, on_answer, c);

        if (r >= 0)
                r = sd_event_add_time_relative(loop, &c->timer, CLOCK_MONOTONIC, DESKTOP_CHILD_MS * 1000ull,
                                               10000, on_late, c);
        return r;
}

static void reap(pid_t pid) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

/* 0 or -errno; then nothing is left behind. */
static int start_child(Desktop *d, Child *c, const Job *job) {
        int pair[2], r;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        *c = (Child){ .desktop = d, .busy = true, .id = job->id, .uid = job->uid, .fd = pair[0] };
        r = !send_request(d, pair[0], job->alert) ? -ENOBUFS
            : start_elsewhere                     ? start_elsewhere(start_elsewhere_data, job->uid, pair[1])
                                                  : desktop_spawn(d->run_dir, job->uid, pair[1], &c->pid);
        close(pair[1]);
        if (r == 0) {
                r = watch_child(d, c);
                if (r < 0 && c->pid)
                        reap(c->pid);
        }
        if (r < 0)
                free_child(c);
        return r < 0 ? r : 0;
}

static Child *free_place(Desktop *d, uid_t uid) {
        unsigned n_user = 0;
        Child *place = NULL;

        for (size_t i = 0; i < DESKTOP_CHILDREN; i++) {
                if (!d->children[i].busy)
                        place = &d->children[i];
                else if (d->children[i].uid == uid)
                        n_user++;
        }
        return n_user < DESKTOP_CHILDREN_USER ? place : NULL;
}

/* Starts the waiting jobs that may start, in order; those of a user who is busy wait. */
static void start_jobs(Desktop *d) {
        for (size_t i = 0; i < d->n_jobs;) {
                Job job = d->jobs[i];
                Child *c = free_place(d, job.uid);
                bool resting = rests(d, job.uid);
                int r;

                if (!c && !resting) {
                        i++;
                        continue;
                }
                memmove(&d->jobs[i], &d->jobs[i + 1], (d->n_jobs - i - 1) * sizeof(*d->jobs));
                d->n_jobs--;
                r = resting ? -EHOSTDOWN : start_child(d, c, &job);
                if (r < 0) {
                        end_job(d, job.id, job.uid, DESKTOP_FAILED,
                                resting ? STR("its session bus does not answer") : str_from(strerror(-r)));
                        i = 0; /* that may have taken new alerts, and started jobs of theirs */
                }
        }
}

static size_t n_jobs_of(const Desktop *d, uid_t uid) {
        size_t n = 0;

        for (size_t i = 0; i < d->n_jobs; i++)
                n += d->jobs[i].uid == uid;
        return n;
}

static size_t targets(Desktop *d, uid_t *ret) {
        uid_t candidates[DESKTOP_USERS_MAX];
        size_t n_candidates = d->active ? desktop_users_active(d->run_dir, candidates) : d->n_users, n = 0;

        if (!d->active)
                memcpy(candidates, d->users, d->n_users * sizeof(*candidates));
        for (size_t i = 0; i < n_candidates; i++)
                if (desktop_users_has_bus(d->run_dir, candidates[i]))
                        ret[n++] = candidates[i];
        return n;
}

/* Users who can take no more miss this one, unless all of them are so: then it waits. */
static bool all_are_full(const Desktop *d, const uid_t *users, size_t n_users) {
        for (size_t i = 0; i < n_users; i++)
                if (n_jobs_of(d, users[i]) < DESKTOP_JOBS_USER)
                        return false;
        return n_users;
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Desktop *d = sink_state(sink);
        uid_t users[DESKTOP_USERS_MAX];
        size_t n = targets(d, users);
        Ticket *t = ticket_of(d, 0);

        if (!t || d->n_jobs + n > DESKTOP_JOBS || all_are_full(d, users, n))
                return SINK_E_BUSY;
        *t = (Ticket){ .id = id, .n_left = 1 };
        if (d->unknown.n)
                snprintf(t->why, sizeof(t->why), "there is no user " STR_FMT, STR_ARG(d->unknown));
        for (size_t i = 0; i < n; i++) {
                if (n_jobs_of(d, users[i]) == DESKTOP_JOBS_USER) {
                        t->n_failed++;
                        note_why(t, users[i], STR("too much waits for its session bus"));
                        continue;
                }
                t->n_left++;
                d->jobs[d->n_jobs++] = (Job){ id, users[i], alert };
        }
        t->n_left--; /* ours: now it may be settled */
        if (t->n_left == 0)
                settle_ticket(d, t);
        else
                start_jobs(d);
        return 0;
}

static void close_desktop(Sink *sink) {
        Desktop *d = sink_state(sink);

        for (size_t i = 0; i < DESKTOP_CHILDREN; i++)
                if (d->children[i].busy) {
                        pid_t pid = d->children[i].pid;

                        free_child(&d->children[i]);
                        if (pid)
                                reap(pid);
                }
        free(d);
}

static const SinkOption options[] = { { .name = "users", .kind = SINK_LIST },
                                      { .name = "timeout", .kind = SINK_DURATION },
                                      { .name = "icon", .kind = SINK_TEXT } };

const SinkOps sink_desktop = { .type = "desktop",
                               .options = options,
                               .n_options = ARRAY_SIZE(options),
                               .open = open_desktop,
                               .submit = submit,
                               .close = close_desktop };
