/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/args.h"
#include "role/bad.h"
#include "role/input.h"
#include "role/role.h"

typedef struct {
        const InputOptions *options;
        EventAssembler *assembler;
        BadLines bad;
        bool stop;
} Input;

static void on_fault(void *userdata, LineFault fault, uint64_t line) {
        bad_note_fault(&((Input *)userdata)->bad, fault, line);
}

static void on_recycle(void *userdata) { event_detach(((Input *)userdata)->assembler); }

static void add_lines(Input *in, LineReader *reader) {
        uint64_t number;
        Str line;

        while (line_reader_next(reader, &line, &number)) {
                int r = event_add(in->assembler, line);

                if (unlikely(r > 0))
                        bad_note_event(&in->bad, r, number);
        }
}

static void call_idle(Input *in) {
        if (in->options->idle && in->options->idle(in->options->userdata))
                in->stop = true;
}

/* Milliseconds until something has to be done although nothing arrives; -1: never. */
static int wait_ms(const Input *in, uint64_t now) {
        uint64_t at = event_next_deadline(in->assembler), other = UINT64_MAX, ms;

        if (in->options->deadline)
                other = in->options->deadline(in->options->userdata);
        if (other < at)
                at = other;
        if (at == UINT64_MAX)
                return -1;
        ms = at <= now ? 0 : (at - now + NS_PER_MS - 1) / NS_PER_MS;
        return ms > 60000 ? 60000 : (int)ms;
}

/* Waits until there is input; what must be done meanwhile is done. */
static int await(Input *in, int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };

        while (!in->stop) {
                int r = poll(&p, 1, wait_ms(in, clock_monotonic_ns()));

                if (r < 0 && errno != EINTR)
                        return -errno;
                event_set_now(in->assembler, clock_monotonic_ns());
                if (r > 0)
                        return 0;
                event_age(in->assembler, clock_monotonic_ns());
                call_idle(in);
        }
        return 0;
}

static int read_all(Input *in, LineReader *reader, int fd, bool live) {
        while (!in->stop) {
                int r = live ? await(in, fd) : 0;

                if (r == 0)
                        r = line_reader_fill(reader);
                if (r == LINE_E_AGAIN)
                        continue;
                add_lines(in, reader);
                call_idle(in);
                if (r)
                        return r < 0 ? r : 0;
        }
        return 0;
}

const char *input_hint(const char *source, int r) {
        if (r == -EACCES && (!source || !strncmp(source, "file:", 5)))
                return "; logs of auditd are root's: run it with sudo";
        if (!source)
                return "";
        if (!strncmp(source, "file:", 5) && r == -EISDIR)
                return "; name the log in that directory: file:DIRECTORY/audit.log";
        if (!strncmp(source, "file:", 5) && r == -ENOTSUP)
                return "; only a regular file can be followed: give anything else on standard input";
        if (!strcmp(source, "netlink") && (r == -EPERM || r == -EACCES))
                return "; it needs CAP_AUDIT_READ in the first user namespace: run it as root";
        if (!strncmp(source, "unix:", 5) && (r == -ENOENT || r == -ECONNREFUSED))
                return "; auditd's af_unix plugin makes it when active = yes is in its af_unix.conf";
        return "";
}

static int read_source(Input *in, Source *source) {
        LineOptions options = { .max_line = in->options->max_line,
                                .read = source_read,
                                .read_data = source,
                                .recycle = on_recycle,
                                .fault = on_fault,
                                .userdata = in };
        LineReader *reader;
        int r = line_reader_new(&reader, source_fd(source), &options);

        if (r < 0)
                return r;
        r = read_all(in, reader, source_fd(source), source_is_live(source));
        event_detach(in->assembler); /* the reader's memory goes, open events may outlive it */
        line_reader_free(reader);
        bad_say_losses(source_counter_descs, source_n_counter_descs, source_counters(source));
        return r;
}

/* Returns a status. */
static int say_end(const Input *in, int r) {
        if (r >= 0)
                return STATUS_DONE;
        log_error("%s: %s%s", in->bad.name, strerror(-r), input_hint(in->options->source, r));
        return STATUS_INPUT;
}

static int open_path(const char *path) {
        int fd;

        if (!strcmp(path, "-"))
                return STDIN_FILENO;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

static int read_path(Input *in, const char *path) {
        int fd = open_path(path), r = fd;
        Source *source = NULL;

        in->bad.name = strcmp(path, "-") ? path : "stdin";
        if (fd >= 0)
                r = source_from_fd(&source, fd, NULL);
        if (r == 0)
                r = read_source(in, source);
        source_close(source);
        if (fd > STDIN_FILENO)
                close(fd);
        return say_end(in, r);
}

static int read_spec(Input *in) {
        const SourceOptions *options = &in->options->source_options;
        Source *source;
        int r;

        in->bad.name = in->options->source;
        r = source_open(&source, in->options->source, options);
        if (r == 0) {
                r = read_source(in, source);
                source_close(source);
        }
        return say_end(in, r);
}

static bool take_from(const char *text, SourceOptions *options) {
        char *end;

        if (!strcmp(text, "end") || !strcmp(text, "start")) {
                options->from = !strcmp(text, "end") ? SOURCE_FROM_END : SOURCE_FROM_START;
                return true;
        }
        options->from = SOURCE_FROM_TIME;
        options->from_sec = strtoll(text, &end, 10);
        return end != text && !*end && text[0] != '-';
}

int input_take_words(InputOptions *options, const InputWords *w, const char *command, size_t n_files) {
        const char *why;

        if (w->max_line && !args_size(w->max_line, &options->max_line))
                return role_usage(command, "--max-line %s is no size", w->max_line);
        if (w->source && n_files)
                return role_usage(command, "either --source or files, not both");
        if (w->source && !source_spec_valid(w->source, &why))
                return role_usage(command, "--source %s: %s", w->source, why);
        if (w->from && !take_from(w->from, &options->source_options))
                return role_usage(command, "--from is end, start, or seconds since the epoch, not %s",
                                  w->from);
        if (w->from && (!w->source || strncmp(w->source, "file:", 5) != 0))
                return role_usage(command, "--from goes with --source file:PATH");
        options->source_options.reconnect = true;
        options->source = w->source;
        return 0;
}

/* What stands in @paths is there already, and fits into memory. */
static bool is_small(char *const *paths, size_t n_paths) {
        uint64_t left = INPUT_WHOLE_MAX;

        for (size_t i = 0; i < n_paths; i++) {
                struct stat st;
                int r = strcmp(paths[i], "-") ? stat(paths[i], &st) : fstat(STDIN_FILENO, &st);

                if (r < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size > left)
                        return false;
                left -= (uint64_t)st.st_size;
        }
        return true;
}

int input_run(const InputOptions *options, char *const *paths, size_t n_paths) {
        static char stdin_name[] = "-";
        static char *const only_stdin[] = { stdin_name };
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        Input in = { .options = options };
        EventMode mode = options->mode;
        int status = STATUS_DONE;

        if (!n_paths) {
                paths = only_stdin;
                n_paths = 1;
        }
        if (mode == EVENT_WHOLE && (options->source || !is_small(paths, n_paths)))
                mode = EVENT_DEFAULT;
        if (event_assembler_new(&in.assembler, mode, &limits, options->event, options->userdata) < 0) {
                log_error("out of memory");
                return STATUS_INPUT;
        }
        if (options->source)
                status = read_spec(&in);
        else
                for (size_t i = 0; i < n_paths && !in.stop; i++)
                        status = role_worse(status, read_path(&in, paths[i]));
        event_flush(in.assembler);
        if (options->end)
                options->end(options->userdata);
        call_idle(&in);
        bad_say_totals(&in.bad, event_counters(in.assembler));
        bad_say_losses(event_counter_descs, event_n_counter_descs, event_counters(in.assembler));
        event_assembler_free(in.assembler);
        return status;
}
