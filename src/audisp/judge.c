/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "audisp/feeder.h"
#include "audisp/judge.h"
#include "base/clock.h"
#include "base/log.h"

#define SETTLE_MS 200u /* what is still alive then has started, or survived */
#define START_MS  1000u
#define END_MS    2000u /* to end after TERM or the end of its input */
#define READ_MS   10000u
#define BURST     20000u
#define BURST_MS  60000u
#define RATE      5000.0 /* records a second that a busy machine makes */

typedef struct {
        const JudgeOptions *options;
        Buf records; /* of all files: lines with their newlines */
        unsigned n_records;
        unsigned n, n_failed, n_skipped;
        bool told; /* of what auditd would not like in the .conf */
        char why[512];
} Judge;

typedef bool (*DemandFn)(Judge *j, Plugin *p);

static bool fails(Judge *j, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static bool fails(Judge *j, const char *fmt, ...) {
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(j->why, sizeof(j->why), fmt, ap);
        va_end(ap);
        return false;
}

static bool fails_ended(Judge *j, const Plugin *p, const char *when) {
        char text[PLUGIN_END_TEXT];

        if (plugin_runs(p))
                return fails(j, "it closed its input %s, and runs on: auditd forgets it and starts another",
                             when);
        return fails(j, "it %s %s", plugin_end_text(p, text), when);
}

/* What it had not read is gone then, and looks as if it had been. */
static bool has_closed(const Plugin *p) {
        struct pollfd f = { .fd = p->fd };

        return p->fd >= 0 && poll(&f, 1, 0) > 0 && f.revents & (POLLHUP | POLLERR);
}

/* It runs on for a while. */
static bool lives(Judge *j, Plugin *p, const char *when) {
        return !plugin_wait(p, SETTLE_MS) || fails_ended(j, p, when);
}

/* Writes as fast as it reads; false when it died or read nothing for READ_MS. */
static bool send_all(Judge *j, Plugin *p, const char *bytes, size_t n, const char *when) {
        uint64_t until = clock_monotonic_ns() + READ_MS * NS_PER_MS;
        const uint64_t last = until + 2 * READ_MS * NS_PER_MS;

        while (n) {
                ssize_t k = send(p->fd, bytes, n < 65536 ? n : 65536, MSG_DONTWAIT | MSG_NOSIGNAL);
                struct pollfd f = { .fd = p->fd, .events = POLLOUT };

                if (k > 0) {
                        bytes += k;
                        n -= (size_t)k;
                        until = clock_monotonic_ns() + READ_MS * NS_PER_MS;
                        if (until > last)
                                return fails(
                                        j, "it reads too slowly %s: auditd and then the machine wait for it",
                                        when);
                        continue;
                }
                if (errno != EAGAIN) {
                        plugin_wait(p, 200);
                        return fails_ended(j, p, when);
                }
                if (clock_monotonic_ns() > until)
                        return fails(j,
                                     "it read nothing for %u s %s; auditd and then the machine wait for it",
                                     READ_MS / 1000, when);
                poll(&f, 1, 100);
        }
        return true;
}

static bool reads_all(Judge *j, Plugin *p, const char *when) {
        uint64_t until = clock_monotonic_ns() + READ_MS * NS_PER_MS;

        while (plugin_unread(p)) {
                if (plugin_wait(p, 2))
                        return fails_ended(j, p, when);
                if (clock_monotonic_ns() > until)
                        return fails(j, "%zu bytes lie unread after %u s %s", plugin_unread(p),
                                     READ_MS / 1000, when);
        }
        if (!has_closed(p))
                return true;
        plugin_wait(p, SETTLE_MS);
        return fails_ended(j, p, when);
}

static bool feed_capture(Judge *j, Plugin *p, const char *when) {
        Str rest = buf_view(&j->records);

        if (!p->conf.binary)
                return send_all(j, p, rest.p, rest.n, when) && reads_all(j, p, when);
        while (rest.n) {
                const char *nl = memchr(rest.p, '\n', rest.n);
                Str line = { rest.p, (size_t)(nl - rest.p) };

                if (!plugin_write(p, line, false)) {
                        if (plugin_flush(p) < 0 || plugin_wait(p, 1))
                                return fails_ended(j, p, when);
                        continue;
                }
                rest.n -= line.n + 1;
                rest.p = nl + 1;
        }
        return reads_all(j, p, when);
}

/* @else_only: what else could end it as this auditd stops. */
static bool ends(Judge *j, Plugin *p, const char *after, const char *else_only) {
        if (!plugin_wait(p, END_MS))
                return fails(j, "it still runs %u ms after %s; %s", END_MS, after,
                             p->version->eof_first ? "auditd 4.2 leaves it some 50 ms before SIGKILL"
                                                   : else_only);
        if (WIFSIGNALED(p->status) && WTERMSIG(p->status) != SIGTERM)
                return fails_ended(j, p, "at the end");
        return true;
}

/* Who has read a record has started, however busy the machine is; then signals may come. */
static bool settles(Judge *j, Plugin *p, const char *when) {
        Str first = buf_view(&j->records);
        const char *nl = memchr(first.p, '\n', first.n);

        first.n = (size_t)(nl - first.p);
        return plugin_write(p, first, false) && reads_all(j, p, when) && lives(j, p, when);
}

static bool starts(Judge *j, Plugin *p) {
        return !plugin_wait(p, START_MS) || fails_ended(j, p, "at once, without any record");
}

static bool reads_everything(Judge *j, Plugin *p) {
        return feed_capture(j, p, "while it was fed the captures");
}

/* As many records as auditd would hold for it, at the pace of a busy machine: the queue must not run over. */
static bool reads_fast(Judge *j, Plugin *p) {
        Feeder f;
        FeederOptions o = { .files = j->options->files,
                            .n_files = j->options->n_files,
                            .pace = PACE_RATE,
                            .rate = RATE,
                            .loops = 0,
                            .may_drop = true,
                            .add_eoe = true };
        uint64_t at = 0, until;
        bool alive = true;

        if (!settles(j, p, "at its first record"))
                return false;
        until = clock_monotonic_ns() + 2 * NS_PER_S;
        feeder_init(&f, &o, p, 1);
        p->options.max_restarts = 0;
        while (alive && clock_monotonic_ns() < until) {
                if (has_closed(p) && !plugin_wait(p, SETTLE_MS)) /* before it is restarted, that is: killed */
                        break;
                alive = feeder_step(&f, &at) != FEEDER_DONE && plugin_flush(p) == 0;
                poll(NULL, 0, 1);
        }
        feeder_done(&f);
        if (plugin_runs(p) && has_closed(p))
                return fails_ended(j, p, "while it was fed");
        if (!alive)
                return plugin_wait(p, 100) ? fails_ended(j, p, "while it was fed")
                                           : fails(j, "it took no more records");
        if (p->dropped)
                return fails(
                        j, "%llu of %llu records did not fit auditd's queue of %zu at %.0f records a second",
                        p->dropped, p->dropped + p->written, p->options.queue, RATE);
        return true;
}

static bool survives_hup(Judge *j, Plugin *p) {
        if (!settles(j, p, "at its first record"))
                return false;
        kill(p->pid, SIGHUP);
        return lives(j, p, "after SIGHUP, which auditd sends to have configuration read again") &&
               feed_capture(j, p, "after SIGHUP");
}

static bool stops_on_term(Judge *j, Plugin *p) {
        if (!settles(j, p, "at its first record"))
                return false;
        kill(p->pid, SIGTERM);
        return ends(j, p, "SIGTERM (auditd leaves signals ignored at the first start: install a handler)",
                    "only the end of its input stops it");
}

/* The second start has other signals than the first. */
static bool stops_on_term_again(Judge *j, Plugin *p) {
        int r;

        kill(p->pid, SIGKILL);
        plugin_wait(p, END_MS);
        plugin_close(p);
        r = plugin_start(p);
        if (r < 0)
                return fails(j, "it cannot be started a second time: %s", strerror(-r));
        if (!settles(j, p, "at the first record after a second start"))
                return false;
        kill(p->pid, SIGTERM);
        return ends(j, p,
                    p->version->blocks_after_restart
                            ? "SIGTERM after a restart (auditd leaves it blocked then: unblock it)"
                            : "SIGTERM after a restart",
                    "only the end of its input stops it");
}

static bool stops_on_eof(Judge *j, Plugin *p) {
        if (!settles(j, p, "at its first record"))
                return false;
        plugin_close(p);
        return ends(j, p, "the end of its input", "systemd waits 90 s for it");
}

/* What is in the socket when auditd closes it belongs to the plugin. */
static bool reads_to_the_end(Judge *j, Plugin *p) {
        char byte;
        ssize_t n;

        if (!lives(j, p, "before any record"))
                return false;
        kill(p->pid, SIGSTOP);
        for (Str rest = buf_view(&j->records); rest.n;) {
                const char *nl = memchr(rest.p, '\n', rest.n);
                Str line = { rest.p, (size_t)(nl - rest.p) };

                if (!plugin_write(p, line, false) || p->n_queued)
                        break; /* the socket is full: that much it is */
                rest.n -= line.n + 1;
                rest.p = nl + 1;
        }
        shutdown(p->fd, SHUT_WR);
        kill(p->pid, SIGCONT);
        if (!plugin_wait(p, END_MS))
                return fails(j, "it still runs %u ms after the end of its input", END_MS);
        n = recv(p->fd, &byte, 1, MSG_DONTWAIT); /* unix(7): ECONNRESET, where it closed with data unread */
        return !(n < 0 && errno == ECONNRESET) || fails(j, "it ended before it had read everything");
}

static bool feed_line(Judge *j, Plugin *p, const char *bytes, size_t n, const char *when) {
        return send_all(j, p, bytes, n, when) && reads_all(j, p, when) && lives(j, p, when);
}

static bool takes_long_lines(Judge *j, Plugin *p) {
        static char line[9225];
        int n = snprintf(line, sizeof(line), "type=USER_CMD msg=audit(1600000000.000:1): pid=1 uid=0 cmd=");

        memset(line + n, 'A', sizeof(line) - 1 - (size_t)n);
        line[sizeof(line) - 1] = '\n';
        for (unsigned i = 0; i < 50; i++)
                if (!send_all(j, p, line, sizeof(line),
                              "at a line of 9225 bytes, the longest that auditd writes"))
                        return false;
        return feed_line(j, p, line, sizeof(line),
                         "at a line of 9225 bytes, the longest that auditd writes") &&
               feed_capture(j, p, "after a long line");
}

static bool takes_nul(Judge *j, Plugin *p) {
        static const char line[] = "type=USER_CMD msg=audit(1600000000.000:1): pid=1 uid=0 cmd=\"a\0b\"\n";

        return feed_line(j, p, line, sizeof(line) - 1, "at a line with a NUL, as auditd cuts long records") &&
               feed_capture(j, p, "after a NUL");
}

static bool takes_bursts(Judge *j, Plugin *p) {
        const uint64_t until = clock_monotonic_ns() + BURST_MS * NS_PER_MS;
        unsigned sent = 0;

        while (sent < BURST) {
                if (!feed_capture(j, p, "in a burst"))
                        return false;
                sent += j->n_records;
                if (sent < BURST && clock_monotonic_ns() > until)
                        return fails(j,
                                     "it had read %u of %u records of a burst after %u s; auditd and then "
                                     "the machine wait for it",
                                     sent, BURST, BURST_MS / 1000);
        }
        return true;
}

/* Records without their event's end, ends without records, in no order, from several nodes. */
static bool takes_torn_events(Judge *j, Plugin *p) {
        Buf torn = BUF_INIT;
        bool ok;

        for (unsigned i = 0; i < 2000; i++) {
                buf_printf(&torn, "%stype=%s msg=audit(16000%05u.%03u:%u): %s\n", i % 3 ? "" : "node=other ",
                           i % 2 ? "SYSCALL" : "PATH", i * 7 % 3000, i % 1000, i * 13 % 500,
                           i % 2 ? "arch=c000003e syscall=59 success=yes pid=1 uid=0" : "item=0 name=\"/x\"");
                if (i % 17 == 0)
                        buf_putz(&torn, "type=EOE msg=audit(1600000001.000:77777): \ntype=CWD msg=audit(");
        }
        buf_putc(&torn, '\n');
        ok = feed_line(j, p, torn.p, torn.n, "at torn and disordered events") &&
             feed_capture(j, p, "after torn events");
        buf_done(&torn);
        return ok;
}

/* A process whose parent we are and that is not the plugin: it lost its parent. */
static pid_t orphan(void) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);

        return pid;
}

static bool leaves_no_child(Judge *j, Plugin *p) {
        pid_t left;
        uint64_t until;

        if (!feed_capture(j, p, "while it was fed the captures"))
                return false;
        plugin_stop(p);
        if (!plugin_wait(p, END_MS))
                return fails(j, "it does not stop");
        until = clock_monotonic_ns() + END_MS * NS_PER_MS; /* a helper may finish what it does */
        while ((left = orphan()) > 0 || (left == 0 && clock_monotonic_ns() < until))
                if (left == 0)
                        poll(NULL, 0, 10);
        return left < 0 || fails(j, "a process that it started is still there after its end");
}

static const struct {
        const char *name;
        DemandFn fn;
        bool text_only; /* says something about lines */
        bool hup;       /* has to do with a SIGHUP of auditd */
} demands[] = {
        { .name = "starts with an empty environment, in /, with signals as auditd leaves them",
          .fn = starts },
        { .name = "reads every record of the captures", .fn = reads_everything },
        { .name = "keeps up with 5,000 records a second within auditd's queue", .fn = reads_fast },
        { .name = "survives SIGHUP and reads on", .fn = survives_hup, .hup = true },
        { .name = "stops on SIGTERM after the first start", .fn = stops_on_term },
        { .name = "stops on SIGTERM after a restart", .fn = stops_on_term_again },
        { .name = "stops at the end of its input", .fn = stops_on_eof },
        { .name = "reads what is there before it ends", .fn = reads_to_the_end },
        { .name = "takes lines of 9225 bytes", .fn = takes_long_lines, .text_only = true },
        { .name = "takes a line with a NUL", .fn = takes_nul, .text_only = true },
        { .name = "takes a burst of 20,000 records", .fn = takes_bursts },
        { .name = "takes torn and disordered events", .fn = takes_torn_events, .text_only = true },
        { .name = "leaves no process behind", .fn = leaves_no_child },
};

/* What one demand left behind must not count against the next. */
static void end_orphans(void) {
        char path[64], text[4096];
        ssize_t n;
        int fd;

        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
        if (fd >= 0)
                close(fd);
        text[n > 0 ? n : 0] = 0;
        for (char *save, *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save))
                kill((pid_t)strtol(w, NULL, 10), SIGKILL);
}

static void end_for_sure(Plugin *p) {
        if (plugin_runs(p)) {
                kill(p->pid, SIGKILL);
                plugin_wait(p, 5000);
        }
        end_orphans();
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
}

/* Each demand reads the file: once is enough to be told. */
static void on_diag(void *userdata, bool is_error, const char *file, unsigned line, const char *text) {
        if (((Judge *)userdata)->told)
                return;
        log_msg(is_error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%u: %s: %s", file, line,
                is_error ? "error" : "warning", text);
}

static void say(Judge *j, bool ok, const char *name, const char *directive) {
        j->n++;
        j->n_failed += !ok;
        j->n_skipped += ok && *directive;
        if (j->options->tap)
                printf("%sok %u - %s%s\n", ok ? "" : "not ", j->n, name, directive);
        else
                printf("%s  %s%s\n", ok ? *directive ? "skip" : "pass" : "FAIL", name, directive);
        if (!ok)
                printf(j->options->tap ? "# %s\n" : "      %s\n", j->why);
        fflush(stdout);
}

/* 0, or STATUS 2. */
static int one(Judge *j, size_t i) {
        Plugin p;
        Conf conf;
        const char *skip;
        int r = conf_read(&conf, j->options->conf, j->options->version, on_diag, j);

        if (r)
                return 2;
        skip = conf.binary && demands[i].text_only                    ? " # SKIP format is binary"
               : demands[i].hup && !j->options->version->forwards_hup ? " # SKIP this auditd sends none"
                                                                      : NULL;
        if (skip) {
                say(j, true, demands[i].name, skip);
                conf_done(&conf);
                return 0;
        }
        plugin_init(&p, &conf, j->options->version, &j->options->plugin);
        r = plugin_start(&p);
        if (r < 0)
                log_error("%s: %s", p.conf.path, strerror(-r));
        if (r == 0)
                say(j, demands[i].fn(j, &p), demands[i].name, "");
        plugin_close(&p);
        end_for_sure(&p);
        plugin_done(&p);
        return r < 0 ? 2 : 0;
}

static int read_captures(Judge *j) {
        for (size_t i = 0; i < j->options->n_files; i++) {
                int fd = open(j->options->files[i], O_RDONLY | O_CLOEXEC);
                ssize_t n = -1;

                while (fd >= 0 && j->records.n < (64u << 20) && buf_reserve(&j->records, 65536) &&
                       (n = read(fd, j->records.p + j->records.n, 65536)) > 0)
                        j->records.n += (size_t)n;
                if (n < 0)
                        log_error("%s: %s", j->options->files[i], strerror(errno));
                if (fd >= 0)
                        close(fd);
                if (n < 0)
                        return 3;
                if (j->records.n && j->records.p[j->records.n - 1] != '\n')
                        buf_putc(&j->records, '\n');
        }
        for (size_t i = 0; i < j->records.n; i++)
                j->n_records += j->records.p[i] == '\n';
        if (j->n_records)
                return 0;
        log_error("--check needs captures with records to feed the plugin");
        return 2;
}

int judge_run(const JudgeOptions *options) {
        Judge j = { .options = options, .records = BUF_INIT };
        int r = read_captures(&j);
        Conf conf;

        if (r)
                return r;
        prctl(PR_SET_CHILD_SUBREAPER, 1); /* what the plugin leaves behind becomes ours */
        if (conf_read(&conf, options->conf, options->version, on_diag, &j))
                return 2;
        if (!conf.active) {
                log_error("%s: it is not active; write active = yes", options->conf);
                conf_done(&conf);
                return 2;
        }
        conf_done(&conf);
        j.told = true;
        if (options->tap)
                printf("TAP version 13\n1..%zu\n", ARRAY_SIZE(demands));
        for (size_t i = 0; i < ARRAY_SIZE(demands) && r == 0; i++)
                r = one(&j, i);
        if (!options->tap && r == 0)
                printf("%u demands, %u kept, %u not, %u skipped (as auditd %s)\n", j.n,
                       j.n - j.n_failed - j.n_skipped, j.n_failed, j.n_skipped, options->version->name);
        buf_done(&j.records);
        return r ? r : j.n_failed ? 1 : 0;
}
