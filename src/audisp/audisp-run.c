/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* audisp-run: starts audit plugins from their .conf files and feeds them as auditd does, without auditd. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "audisp/feeder.h"
#include "audisp/judge.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/std.h"
#include "role/args.h"
#include "role/role.h"

#define PLUGINS_MAX 64u
#define STOP_MS     10000u /* then SIGKILL */
#define RELOAD_MS   50u    /* auditd: between TERM and starting a replaced program */

typedef struct {
        const Version *version;
        PluginOptions plugin_options;
        FeederOptions feeder_options;
        const char *confs[PLUGINS_MAX];
        size_t n_confs;
        const char *dir;
        Plugin plugins[PLUGINS_MAX];
        size_t n_plugins;
        Feeder feeders[PLUGINS_MAX];
        size_t n_feeders;
        int signals;
        bool stopping, quiet;
        int status;
} Run;

static const char help_text[] =
        "audisp-run [--plugin CONF]... [--plugins DIR] [FILE...]\n"
        "audisp-run --check CONF [--format text|tap] FILE...\n\n"
        "Starts audit plugins from their .conf files and feeds them records as auditd does, without auditd.\n"
        "Reads FILE... (captures, logs; - is stdin), or stdin, or a source.\n\n"
        "  --plugin CONF      a plugin's .conf file; may come again\n"
        "  --plugins DIR      all of a folder, as auditd reads them (default without --plugin)\n"
        "  --as VERSION       be auditd 2.8, 3.0 (default), 3.1, 4.0 or 4.2\n"
        "  --friendly         the plugin gets this environment, folder, stdout and stderr, and ordinary "
        "signals\n"
        "  --source SOURCE    stdin, file:PATH, unix:PATH or netlink\n"
        "  --rate RATE        records a second; max (default); recorded: as the time stamps say\n"
        "  --loop N           feed the files N times; 0: until stopped\n"
        "  --queue N          records that may wait for each plugin (default: the version's q_depth)\n"
        "  --overflow WHAT    beyond that: wait (default), in a file; or drop and count (default for unix: "
        "and "
        "netlink)\n"
        "  --max-restarts N   of each plugin that dies (10)\n"
        "  --no-eoe           do not add the EOE records that logs lack\n"
        "  --check CONF       run the plugin through auditd's contract and report each demand\n"
        "  --quiet            no account at the end\n\n"
        "SIGHUP reloads as that auditd does, SIGTERM and SIGINT stop.\n"
        "Exit status: 0 done, 1 a plugin died, was killed or failed --check, 2 bad usage or a refused "
        ".conf,\n"
        "3 input could not be read, or output not written; where several apply, the highest.\n";

static void on_diag(void *userdata, bool is_error, const char *file, unsigned line, const char *text) {
        log_msg(is_error ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%u: %s: %s", file, line,
                is_error ? "error" : "warning", text);
}

static void add_conf(Run *run, const char *file) {
        Conf conf;
        int r;

        if (run->n_plugins == PLUGINS_MAX) {
                log_error("%s: more than %u plugins", file, PLUGINS_MAX);
                run->status = role_worse(run->status, STATUS_USAGE);
                return;
        }
        r = conf_read(&conf, file, run->version, on_diag, run);
        if (r < 0)
                log_error("%s: %s", file, strerror(-r));
        if (r)
                run->status = role_worse(run->status, STATUS_USAGE);
        if (r)
                return;
        if (!conf.active) {
                log_notice("%s: not active, skipped (active = yes starts it)", file);
                conf_done(&conf);
                return;
        }
        plugin_init(&run->plugins[run->n_plugins++], &conf, run->version, &run->plugin_options);
}

static int by_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static void add_dir(Run *run) {
        struct dirent **names;
        int n = scandir(run->dir, &names, NULL, by_name);

        if (n < 0) {
                log_error("%s: %s", run->dir, strerror(errno));
                run->status = role_worse(run->status, STATUS_USAGE);
                return;
        }
        for (int i = 0; i < n; i++) {
                const char *name = names[i]->d_name, *why;
                char *path = NULL;

                if (!strcmp(name, ".") || !strcmp(name, ".."))
                        ;
                else if (!conf_name_read(name, run->version, &why))
                        log_notice("%s/%s: skipped: %s", run->dir, name, why);
                else if (asprintf(&path, "%s/%s", run->dir, name) > 0)
                        add_conf(run, path);
                free(path);
                free(names[i]);
        }
        free(names);
}

static void start_all(Run *run) {
        for (size_t i = 0; i < run->n_plugins; i++) {
                Plugin *p = &run->plugins[i];
                int r = plugin_start(p);

                if (r == 0)
                        continue;
                log_error("%s: %s: %s", p->conf.name, p->conf.path, strerror(-r));
                p->given_up = true;
                run->status = role_worse(run->status, STATUS_USAGE);
        }
}

static void say_end(Run *run, Plugin *p, bool expected) {
        char text[PLUGIN_END_TEXT];

        if (expected && !p->status)
                return;
        if (expected && WIFSIGNALED(p->status) && WTERMSIG(p->status) == SIGTERM) {
                log_notice("%s has no handler for the SIGTERM that told it to stop: what it had not written "
                           "is lost",
                           p->conf.name);
                return;
        }
        log_warning("%s %s%s", p->conf.name, plugin_end_text(p, text),
                    expected ? "" : "; auditd starts it again at the next record");
        run->status = role_worse(run->status, STATUS_NOTHING);
}

static void reap_all(Run *run) {
        for (size_t i = 0; i < run->n_plugins; i++)
                if (plugin_reap(&run->plugins[i]))
                        say_end(run, &run->plugins[i], run->stopping);
}

static void end_plugin(Run *run, Plugin *p, unsigned ms) {
        if (plugin_wait(p, ms))
                return;
        log_error("%s does not end: killed after %u s", p->conf.name, ms / 1000);
        run->status = role_worse(run->status, STATUS_NOTHING);
        kill(p->pid, SIGKILL);
        plugin_wait(p, 1000);
}

/* As auditd: HUP to plugins whose program is the same, another start for a replaced one; 4.2 ends all of them. */
static void reload_plugin(Run *run, Plugin *p) {
        struct stat st;
        bool replaced =
                stat(p->conf.path, &st) == 0 && (st.st_dev != p->conf.dev || st.st_ino != p->conf.ino);
        int r;

        if (!plugin_runs(p))
                return;
        if (run->version->forwards_hup && !replaced) {
                kill(p->pid, SIGHUP);
                return;
        }
        if (!run->version->eof_first) {
                kill(p->pid, SIGTERM);
                if (plugin_wait(p, RELOAD_MS))
                        say_end(run, p, true);
                plugin_close(p);
        } else {
                plugin_stop(p);
        }
        end_plugin(run, p, STOP_MS);
        p->conf.dev = st.st_dev;
        p->conf.ino = st.st_ino;
        p->restarts = 0;
        r = plugin_start(p);
        if (r < 0) {
                log_error("%s: %s", p->conf.path, strerror(-r));
                p->given_up = true;
                run->status = role_worse(run->status, STATUS_NOTHING);
        }
}

static void take_signals(Run *run) {
        struct signalfd_siginfo si;

        while (read(run->signals, &si, sizeof(si)) == sizeof(si)) {
                if (si.ssi_signo == SIGTERM || si.ssi_signo == SIGINT)
                        run->stopping = true;
                if (si.ssi_signo == SIGHUP)
                        for (size_t i = 0; i < run->n_plugins; i++)
                                reload_plugin(run, &run->plugins[i]);
                if (si.ssi_signo == SIGCHLD)
                        reap_all(run);
        }
}

static void open_signals(Run *run) {
        sigset_t set;

        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGCHLD);
        sigprocmask(SIG_BLOCK, &set, NULL);
        run->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void flush_all(Run *run) {
        for (size_t i = 0; i < run->n_plugins; i++) {
                Plugin *p = &run->plugins[i];
                unsigned long long restarts = p->restarts;

                if (p->given_up)
                        continue;
                if (plugin_flush(p) < 0) {
                        log_error("%s has died %u times: not started again (auditd.conf max_restarts)",
                                  p->conf.name, run->plugin_options.max_restarts + 1);
                        run->status = role_worse(run->status, STATUS_NOTHING);
                } else if (p->restarts != restarts) {
                        log_notice("%s: started again", p->conf.name);
                }
        }
}

typedef struct {
        bool more, all_done;
        uint64_t at; /* CLOCK_MONOTONIC ns; UINT64_MAX: never */
} Round;

static Round step_all(Run *run) {
        Round round = { .all_done = true, .at = UINT64_MAX };

        for (size_t i = 0; i < run->n_feeders; i++) {
                uint64_t at = UINT64_MAX;
                FeederState state = feeder_step(&run->feeders[i], &at);

                round.more |= state == FEEDER_MORE;
                round.all_done &= state == FEEDER_DONE;
                if (state == FEEDER_LATER && at < round.at)
                        round.at = at;
        }
        return round;
}

static void wait_for_something(Run *run, const Round *round) {
        struct pollfd p[1 + 2 * PLUGINS_MAX] = { { .fd = run->signals, .events = POLLIN } };
        struct timespec t = { 0 };
        uint64_t now = clock_monotonic_ns();
        nfds_t n = 1;

        for (size_t i = 0; i < run->n_feeders; i++)
                if (feeder_fd(&run->feeders[i]) >= 0)
                        p[n++] = (struct pollfd){ .fd = feeder_fd(&run->feeders[i]), .events = POLLIN };
        for (size_t i = 0; i < run->n_plugins; i++)
                if (run->plugins[i].fd >= 0 && run->plugins[i].n_queued)
                        p[n++] = (struct pollfd){ .fd = run->plugins[i].fd, .events = POLLOUT };
        if (round->at != UINT64_MAX && round->at > now) {
                t.tv_sec = (time_t)((round->at - now) / NS_PER_S);
                t.tv_nsec = (long)((round->at - now) % NS_PER_S);
        }
        (void)ppoll(p, n, round->more || round->at != UINT64_MAX ? &t : NULL, NULL);
}

/* What the plugins took while they were flushed made room that nothing tells of later. */
static bool any_can_go_on(const Run *run) {
        for (size_t i = 0; i < run->n_feeders; i++)
                if (feeder_can_go_on(&run->feeders[i]))
                        return true;
        return false;
}

static bool all_quiet(const Run *run) {
        for (size_t i = 0; i < run->n_plugins; i++)
                if (!run->plugins[i].given_up && run->plugins[i].n_queued)
                        return false;
        return true;
}

static bool any_left(const Run *run) {
        for (size_t i = 0; i < run->n_plugins; i++)
                if (!run->plugins[i].given_up)
                        return true;
        return false;
}

static void loop(Run *run) {
        unsigned turn = 0;

        while (!run->stopping && any_left(run)) {
                Round round = step_all(run);

                flush_all(run);
                if (round.all_done && all_quiet(run))
                        break;
                round.more |= any_can_go_on(run);
                if (!round.more || turn++ % 16 == 0 || !all_quiet(run))
                        wait_for_something(run, &round);
                take_signals(run);
        }
}

/* At the end of the input they may read what they have; a stop by signal leaves it, as auditd does. */
static void let_them_read(Run *run) {
        uint64_t until = clock_monotonic_ns() + STOP_MS * NS_PER_MS;

        for (size_t i = 0; i < run->n_plugins && !run->stopping; i++) {
                Plugin *p = &run->plugins[i];

                while (plugin_runs(p) && plugin_unread(p) && clock_monotonic_ns() < until && !run->stopping) {
                        if (plugin_wait(p, 2))
                                say_end(run, p, false);
                        take_signals(run);
                }
        }
}

static void stop_all(Run *run) {
        let_them_read(run);
        run->stopping = true;
        for (size_t i = 0; i < run->n_plugins; i++) {
                size_t unread = plugin_unread(&run->plugins[i]);

                if (unread && plugin_runs(&run->plugins[i]))
                        log_warning("%s left %zu bytes unread", run->plugins[i].conf.name, unread);
                plugin_stop(&run->plugins[i]);
        }
        for (size_t i = 0; i < run->n_plugins; i++) {
                bool ran = plugin_runs(&run->plugins[i]);

                end_plugin(run, &run->plugins[i], STOP_MS);
                if (ran)
                        say_end(run, &run->plugins[i], true);
        }
}

static void say_account(const Run *run) {
        for (size_t i = 0; i < run->n_plugins && !run->quiet; i++) {
                const Plugin *p = &run->plugins[i];

                log_notice("%s: %llu records written, %llu dropped, %zu waited at most, %llu restarts",
                           p->conf.name, p->written, p->dropped, p->n_queued_most, p->restarts);
                if (p->n_queued)
                        log_notice("%s: %zu records still waited for it at the end", p->conf.name,
                                   p->n_queued);
        }
}

/* What each can read for itself does not keep it with the others. */
static void make_feeders(Run *run) {
        const FeederOptions *o = &run->feeder_options;

        if (!o->files && strncmp(o->source, "file:", 5) != 0) {
                for (size_t i = 0; i < run->n_plugins; i++)
                        run->plugins[i].options.spills = run->n_plugins > 1;
                feeder_init(&run->feeders[run->n_feeders++], &run->feeder_options, run->plugins,
                            run->n_plugins);
                return;
        }
        for (size_t i = 0; i < run->n_plugins; i++)
                feeder_init(&run->feeders[run->n_feeders++], &run->feeder_options, &run->plugins[i], 1);
}

static int run_plugins(Run *run) {
        for (size_t i = 0; i < run->n_confs; i++)
                add_conf(run, run->confs[i]);
        if (run->dir || !run->n_confs) {
                if (!run->dir)
                        run->dir = run->version->plugin_dir;
                add_dir(run);
        }
        if (!run->n_plugins) {
                log_error("there is no plugin to start");
                return role_worse(run->status, STATUS_USAGE);
        }
        open_signals(run);
        if (!run->plugin_options.friendly)
                setpriority(PRIO_PROCESS, 0, -4); /* auditd is as urgent as its plugins, where it may */
        start_all(run);
        make_feeders(run);
        loop(run);
        stop_all(run);
        say_account(run);
        for (size_t i = 0; i < run->n_feeders; i++) {
                if (run->feeders[i].error)
                        run->status = STATUS_INPUT;
                feeder_done(&run->feeders[i]);
        }
        for (size_t i = 0; i < run->n_plugins; i++)
                plugin_done(&run->plugins[i]);
        return run->status;
}

static bool take_rate(FeederOptions *o, const char *rate) {
        char *end;

        if (!rate || !strcmp(rate, "max")) {
                o->pace = PACE_MAX;
                return true;
        }
        if (!strcmp(rate, "recorded")) {
                o->pace = PACE_RECORDED;
                return true;
        }
        o->pace = PACE_RATE;
        o->rate = strtod(rate, &end);
        return end != rate && !*end && o->rate > 0 && o->rate < 1e9;
}

static bool take_number(const char *text, uint64_t *ret) { return !text || str_u64(str_from(text), 10, ret); }

static int usage(const char *what, const char *value) {
        log_error("%s%s%s (see audisp-run --help)", what, value ? ": " : "", value ? value : "");
        return STATUS_USAGE;
}

/* The words of the options, before they are looked at. */
typedef struct {
        const char *as, *rate, *loops, *queue, *overflow, *restarts, *check, *format;
        bool friendly, no_eoe, help;
        size_t n_files;
} Words;

static int parse(Run *run, Words *w, int argc, char **argv) {
        const ArgsOption options[] = {
                { "plugin", .value = run->confs, .n_values = &run->n_confs, .max_values = PLUGINS_MAX },
                { "plugins", .value = &run->dir },
                { "as", .value = &w->as },
                { "friendly", .flag = &w->friendly },
                { "source", .value = &run->feeder_options.source },
                { "rate", .value = &w->rate },
                { "loop", .value = &w->loops },
                { "queue", .value = &w->queue },
                { "overflow", .value = &w->overflow },
                { "max-restarts", .value = &w->restarts },
                { "no-eoe", .flag = &w->no_eoe },
                { "check", .value = &w->check },
                { "format", .value = &w->format },
                { "quiet", .flag = &run->quiet },
                { "help", .flag = &w->help },
        };

        return args_parse(argc, argv, options, ARRAY_SIZE(options), &w->n_files);
}

static int check_words(Run *run, const Words *w) {
        const char *why, *source = run->feeder_options.source;

        run->version = version_find(w->as);
        if (!run->version)
                return usage("--as is 2.8, 3.0, 3.1, 4.0 or 4.2, not", w->as);
        if (!take_rate(&run->feeder_options, w->rate))
                return usage("--rate is a number of records a second, max or recorded, not", w->rate);
        if (w->overflow && strcmp(w->overflow, "wait") != 0 && strcmp(w->overflow, "drop") != 0)
                return usage("--overflow is wait or drop, not", w->overflow);
        if (strcmp(w->format, "text") != 0 && strcmp(w->format, "tap") != 0)
                return usage("--format is text or tap, not", w->format);
        if (source && w->n_files)
                return usage("either --source or files, not both", NULL);
        if (source && !source_spec_valid(source, &why))
                return usage(why, source);
        return STATUS_DONE;
}

/* Unless told otherwise, nobody keeps the kernel or auditd waiting. */
static bool drops(const Run *run, const Words *w) {
        const char *s = run->feeder_options.source;

        return w->overflow ? !strcmp(w->overflow, "drop")
                           : s && (!strncmp(s, "unix:", 5) || !strcmp(s, "netlink"));
}

static int take_words(Run *run, const Words *w, char **files) {
        uint64_t n_loops = 1, n_queue = 0, n_restarts = PLUGIN_RESTARTS;
        int r = check_words(run, w);

        if (r)
                return r;
        if (!take_number(w->loops, &n_loops) || !take_number(w->queue, &n_queue) ||
            !take_number(w->restarts, &n_restarts))
                return usage("--loop, --queue and --max-restarts take numbers", NULL);
        run->plugin_options = (PluginOptions){ .friendly = w->friendly,
                                               .queue = n_queue,
                                               .max_restarts = (unsigned)n_restarts };
        run->feeder_options.loops = n_loops;
        run->feeder_options.add_eoe = !w->no_eoe && w->n_files;
        run->feeder_options.may_drop = !w->n_files && drops(run, w);
        if (w->n_files) {
                run->feeder_options.files = files;
                run->feeder_options.n_files = w->n_files;
        } else if (!run->feeder_options.source) { /* can be read once: all share it */
                run->feeder_options.source = "stdin";
        }
        return STATUS_DONE;
}

static int check(const Run *run, const Words *w, char **files) {
        int r;

        for (size_t i = 0; i < w->n_files; i++)
                if (!strcmp(files[i], "-"))
                        return usage("--check reads its files again and again: standard input is none", NULL);
        r = judge_run(&(JudgeOptions){ w->check, run->version, run->plugin_options, files, w->n_files,
                                       !strcmp(w->format, "tap") });
        return role_worse(r, role_output(fflush(stdout) || ferror(stdout) ? -EIO : 0));
}

int main(int argc, char **argv) {
        static Run run;
        static char name[] = "audisp-run";
        Words w = { .as = VERSION_DEFAULT, .format = "text" };
        int r;

        if (!std_hold())
                return STATUS_INPUT;
        log_open(name);
        signal(SIGPIPE, SIG_IGN);
        if (argc)
                argv[0] = name; /* for messages about options */
        r = parse(&run, &w, argc, argv);
        if (r)
                return r;
        if (w.help)
                return role_output(fputs(help_text, stdout) < 0 || fflush(stdout) ? -errno : 0);
        r = take_words(&run, &w, argv + 1);
        if (r)
                return r;
        return w.check ? check(&run, &w, argv + 1) : run_plugins(&run);
}
