/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exec sink: starts a program for each alert, with the alert's JSON on stdin.
 *
 * Never through a shell, as a user without rights, at most @max_running at once. stdin is a sealed file in
 * memory: nothing here waits for a program that does not read. Of stderr the first line is kept, for the reason;
 * what comes after @max_output is thrown away, counted and said. The program and what it started (its process
 * group) are ended when it takes too long, and what it left behind when it has ended. The loop needs SIGCHLD
 * blocked. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "base/escape.h"
#include "sink/check.h"
#include "sink/exec-child.h"
#include "sink/sink.h"

#define RUNNING     4u
#define RUNNING_MAX 16u
#define TIMEOUT_MS  10000u
#define KILL_MS     2000u /* from SIGTERM to SIGKILL */
#define OUTPUT      65536u
#define WORDS       64u /* of the command */
#define LINE_BYTES  200u
#define WHY_BYTES   1024u
#define EX_TEMPFAIL 75 /* sysexits.h */
#define SEARCH_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

typedef struct Exec Exec;

typedef struct {
        Exec *exec;
        uint64_t id;
        pid_t pid; /* 0: free */
        int err, status;
        sd_event_source *exit, *timer, *output;
        bool late;
        uint64_t n_output;
        size_t n_line; /* of stderr's first line, so far */
        bool line_ended;
        char line[LINE_BYTES];
} Program;

struct Exec {
        Sink *sink;
        char *argv[WORDS + 1];
        bool switch_user;
        uid_t uid;
        gid_t gid;
        uint64_t timeout_ms, max_output;
        size_t max_running;
        Program programs[RUNNING_MAX];
};

static const char *check_command(const SinkSetting *s) {
        if (!s->n_values || s->values[0].n < 2 || s->values[0].p[0] != '/')
                return "must begin with the whole path of a program";
        if (s->n_values > WORDS)
                return "must have at most 64 words";
        for (size_t i = 0; i < s->n_values; i++)
                if (memchr(s->values[i].p, '\0', s->values[i].n))
                        return "must not hold a zero byte";
        return NULL;
}

static const char *check_running(const SinkSetting *s) {
        return s->number >= 1 && s->number <= RUNNING_MAX ? NULL : "must be between 1 and 16";
}

/* No program is started as root, whoever uses this sink as root. */
static int find_user(Exec *e) {
        struct passwd pw, *found = NULL;
        char text[16384];

        e->switch_user = geteuid() == 0;
        if (!e->switch_user)
                return 0;
        if (getpwnam_r("nobody", &pw, text, sizeof(text), &found) != 0 || !found || !found->pw_uid)
                return sink_bad_conf(e->sink,
                                     "there is no user nobody, and programs are not started as root");
        e->uid = found->pw_uid;
        e->gid = found->pw_gid;
        return 0;
}

static int open_exec(Sink *sink, const SinkConf *conf) {
        const SinkSetting *command = sink_conf_find(conf, "command");
        Exec *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->sink = sink;
        for (size_t i = 0; command && i < command->n_values && i < WORDS; i++)
                e->argv[i] = (char *)command->values[i].p; /* execve() does not change it */
        e->timeout_ms = sink_conf_number(conf, "timeout", TIMEOUT_MS);
        e->max_output = sink_conf_number(conf, "max_output", OUTPUT);
        e->max_running = (size_t)sink_conf_number(conf, "max_running", RUNNING);
        r = find_user(e);
        if (r < 0) {
                free(e);
                return r;
        }
        sink_set_state(sink, e);
        return 0;
}

static void clear_program(Program *p) {
        sd_event_source_disable_unref(p->exit);
        sd_event_source_disable_unref(p->timer);
        sd_event_source_disable_unref(p->output);
        if (p->err >= 0)
                close(p->err);
        if (p->status >= 0)
                close(p->status);
        *p = (Program){ .exec = p->exec };
}

static void keep_line(Program *p, const char *text, size_t n) {
        for (size_t i = 0; i < n && !p->line_ended; i++) {
                p->line_ended = text[i] == '\n' || p->n_line == sizeof(p->line);
                if (!p->line_ended)
                        p->line[p->n_line++] = text[i];
        }
}

/* One read: a program that writes without end must not keep us from the rest. False: there is no more now. */
static bool read_output(Program *p) {
        char text[16384];
        ssize_t n = read(p->err, text, sizeof(text));

        if (n <= 0)
                return n < 0 && errno == EINTR;
        if (p->n_output < p->exec->max_output)
                keep_line(p, text, (size_t)n);
        p->n_output += (uint64_t)n;
        return true;
}

static int on_output(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Program *p = userdata;

        if (!read_output(p) && (events & (EPOLLHUP | EPOLLERR)))
                sd_event_source_set_enabled(s, SD_EVENT_OFF);
        return 0;
}

/* What it has said. */
static void put_said(Buf *why, const Program *p) {
        if (p->n_output > p->exec->max_output)
                buf_printf(why, " (%llu bytes of output thrown away)",
                           (unsigned long long)(p->n_output - p->exec->max_output));
        if (p->n_line) {
                BUF_LIT(why, ": ");
                escape_terminal(why, (Str){ p->line, p->n_line });
        }
}

static SinkVerdict judge(Buf *why, const Program *p, const siginfo_t *si) {
        ExecFault fault;

        if (read(p->status, &fault, sizeof(fault)) == sizeof(fault)) {
                fault.what[sizeof(fault.what) - 1] = '\0';
                buf_printf(why, "%s could not be started: %s: %s", p->exec->argv[0], fault.what,
                           strerror(fault.error));
                return SINK_RETRY;
        }
        if (p->late)
                buf_printf(why, "%s took longer than %llu ms", p->exec->argv[0],
                           (unsigned long long)p->exec->timeout_ms);
        else if (si->si_code != CLD_EXITED)
                buf_printf(why, "%s died of signal %d", p->exec->argv[0], si->si_status);
        else if (si->si_status)
                buf_printf(why, "%s ended with status %d", p->exec->argv[0], si->si_status);
        else if (p->n_output > p->exec->max_output)
                buf_printf(why, "%s ended well", p->exec->argv[0]);
        else
                return SINK_DELIVERED;
        put_said(why, p);
        if (!p->late && si->si_code == CLD_EXITED && si->si_status == 0)
                return SINK_DELIVERED;
        return p->late || (si->si_code == CLD_EXITED && si->si_status == EX_TEMPFAIL) ? SINK_RETRY
                                                                                      : SINK_REFUSED;
}

/* It is not reaped before this returns: its process group can be no other. */
static int on_exit_program(sd_event_source *s, const siginfo_t *si, void *userdata) {
        Program *p = userdata;
        Exec *e = p->exec;
        uint64_t id = p->id;
        Buf why = BUF_INIT;
        SinkVerdict verdict;

        kill(-p->pid, SIGKILL);
        for (int i = 0; i < 8 && read_output(p); i++)
                ;
        verdict = judge(&why, p, si);
        clear_program(p);
        sink_settle(e->sink, id, verdict, why.n && buf_z(&why) ? why.p : "");
        buf_done(&why);
        return 0;
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        Program *p = userdata;

        kill(-p->pid, p->late ? SIGKILL : SIGTERM); /* its end is told like any other */
        if (p->late)
                kill(p->pid, SIGKILL); /* should it have no group yet */
        if (!p->late) {
                sd_event_source_set_time_relative(s, KILL_MS * 1000ull);
                sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
        }
        p->late = true;
        return 0;
}

static int watch(Exec *e, Program *p) {
        sd_event *loop = sink_loop(e->sink);
        int r = sd_event_add_child(loop, &p->exit, p->pid, WEXITED, on_exit_program, p);

        if (r >= 0)
                r = sd_event_add_time_relative(loop, &p->timer, CLOCK_MONOTONIC, e->timeout_ms * 1000, 10000,
                                               on_late, p);
        if (r >= 0)
                r = sd_event_add_io(loop, &p->output, p->err, EPOLLIN, on_output, p);
        if (r >= 0) /* a program that writes without end: some MB a second, and all others have their turn */
                r = sd_event_source_set_ratelimit(p->output, 20000, 8);
        return r;
}

/* The alert, to be read from the start and not to be changed. */
static int make_input(const Alert *alert) {
        int fd = memfd_create("alert", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        Buf json = BUF_INIT;
        int r;

        if (fd < 0)
                return -errno;
        buf_attach(&json, fd);
        alert_json(&json, alert);
        r = buf_flush(&json);
        buf_done(&json);
        if (r == 0 && (lseek(fd, 0, SEEK_SET) < 0 ||
                       fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0))
                r = -errno;
        if (r < 0)
                close(fd);
        return r < 0 ? r : fd;
}

static void put_variable(Buf *out, const char *name, Str value) {
        buf_printf(out, "%s=", name);
        escape_terminal(out, value);
        buf_putc(out, '\0');
}

/* The variables of @out, which hold no zero byte, as execve() wants them. */
static void list_variables(Buf *out, char **env, size_t n_max) {
        size_t n = 0;

        for (char *p = out->p; n < n_max && p < out->p + out->n; p += strlen(p) + 1)
                env[n++] = p;
        env[n] = NULL;
}

/* Only our end does not wait: the flag would be the program's as well. */
static int make_pipe(int ret[2]) {
        if (pipe2(ret, O_CLOEXEC) < 0)
                return -errno;
        return fcntl(ret[0], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0; /* it cannot fail */
}

/* 0 or -errno. The parent's ends are in @p. */
static int fork_program(Exec *e, Program *p, int in, Buf *variables) {
        int err[2], status[2], r;
        char *env[8];
        pid_t pid;

        list_variables(variables, env, 7);
        r = make_pipe(err);
        if (r < 0)
                return r;
        r = make_pipe(status);
        if (r == 0) {
                const ExecChild child = { .argv = e->argv,
                                          .env = env,
                                          .switch_user = e->switch_user,
                                          .uid = e->uid,
                                          .gid = e->gid,
                                          .in = in,
                                          .err = err[1],
                                          .status = status[1] };
                pid = fork();
                if (pid == 0)
                        exec_child(&child);
                r = pid < 0 ? -errno : 0;
                close(status[1]);
                p->status = status[0];
                p->pid = pid < 0 ? 0 : pid;
        }
        close(err[1]);
        p->err = err[0];
        return r;
}

static void reap(pid_t pid) {
        kill(-pid, SIGKILL);
        kill(pid, SIGKILL); /* it may not have its own group yet */
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
                ;
}

static int start(Exec *e, Program *p, uint64_t id, const Alert *alert) {
        Buf variables = BUF_INIT;
        int in = make_input(alert), r = in;

        *p = (Program){ .exec = e, .id = id, .err = -1, .status = -1 };
        buf_put(&variables, SEARCH_PATH "\0LANG=C.UTF-8", sizeof(SEARCH_PATH "\0LANG=C.UTF-8"));
        put_variable(&variables, "AULERT_ID", alert->id);
        put_variable(&variables, "AULERT_RULE", alert->rule_id);
        put_variable(&variables, "AULERT_LEVEL", str_from(alert_level_name(alert->level)));
        if (r >= 0)
                r = variables.failed ? -ENOMEM : fork_program(e, p, in, &variables);
        if (in >= 0)
                close(in);
        buf_done(&variables);
        if (r == 0)
                r = watch(e, p);
        if (r < 0) {
                if (p->pid)
                        reap(p->pid);
                clear_program(p);
        }
        return r < 0 ? r : 0;
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Exec *e = sink_state(sink);
        char why[WHY_BYTES];
        size_t i = 0;
        int r;

        while (i < e->max_running && e->programs[i].pid)
                i++;
        if (i == e->max_running)
                return SINK_E_BUSY;
        r = start(e, &e->programs[i], id, alert);
        if (r < 0) {
                snprintf(why, sizeof(why), "%s could not be started: %s", e->argv[0], strerror(-r));
                sink_settle(sink, id, SINK_RETRY, why);
        }
        return 0;
}

static void close_exec(Sink *sink) {
        Exec *e = sink_state(sink);

        for (size_t i = 0; i < RUNNING_MAX; i++)
                if (e->programs[i].pid) {
                        pid_t pid = e->programs[i].pid;

                        clear_program(&e->programs[i]);
                        reap(pid);
                }
        free(e);
}

static const SinkOption options[] = {
        { .name = "command", .kind = SINK_LIST, .required = true, .check = check_command },
        { .name = "timeout", .kind = SINK_DURATION, .check = check_timeout },
        { .name = "max_output", .kind = SINK_SIZE },
        { .name = "max_running", .kind = SINK_NUMBER, .check = check_running },
};

const SinkOps sink_exec = { .type = "exec",
                            .options = options,
                            .n_options = ARRAY_SIZE(options),
                            .open = open_exec,
                            .submit = submit,
                            .close = close_exec };
