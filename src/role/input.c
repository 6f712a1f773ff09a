/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
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

static int read_fd(Input *in, int fd) {
        LineOptions options = {
                .max_line = in->options->max_line, .recycle = on_recycle, .fault = on_fault, .userdata = in
        };
        LineReader *reader;
        struct stat st;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (S_ISDIR(st.st_mode))
                return -EISDIR;
        r = line_reader_new(&reader, fd, &options);
        if (r < 0)
                return r;
        r = read_all(in, reader, fd, S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode));
        event_detach(in->assembler); /* the reader's memory goes, open events may outlive it */
        line_reader_free(reader);
        return r;
}

/* auditd's af_unix plugin writes its records to whoever connects. */
int input_connect(const char *path) {
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(addr.sun_path))
                return -ENAMETOOLONG;
        strcpy(addr.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

static int open_path(const char *path) {
        int fd;

        if (!strcmp(path, "-"))
                return STDIN_FILENO;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        return fd < 0 ? -errno : fd;
}

/* @is_socket: connect to it. Returns a status. */
static int read_path(Input *in, const char *path, bool is_socket) {
        int fd = is_socket ? input_connect(path) : open_path(path), r;

        in->bad.name = strcmp(path, "-") ? path : "stdin";
        r = fd < 0 ? fd : read_fd(in, fd);
        if (fd > STDIN_FILENO)
                close(fd);
        if (r == 0)
                return STATUS_DONE;
        log_error("%s: %s", in->bad.name, strerror(-r));
        return STATUS_INPUT;
}

int input_run(const InputOptions *options, char *const *paths, size_t n_paths) {
        static char stdin_name[] = "-";
        static char *const only_stdin[] = { stdin_name };
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        Input in = { .options = options };
        int status = STATUS_DONE;

        if (event_assembler_new(&in.assembler, options->mode, &limits, options->event, options->userdata) <
            0) {
                log_error("out of memory");
                return STATUS_INPUT;
        }
        if (!n_paths) {
                paths = only_stdin;
                n_paths = 1;
        }
        if (options->source && !strncmp(options->source, "unix:", 5))
                status = read_path(&in, options->source + 5, true);
        else
                for (size_t i = 0; i < n_paths && !in.stop; i++)
                        status = role_worse(status, read_path(&in, paths[i], false));
        event_flush(in.assembler);
        if (options->end)
                options->end(options->userdata);
        call_idle(&in);
        bad_say_totals(&in.bad, event_counters(in.assembler));
        bad_say_losses(event_counter_descs, event_n_counter_descs, event_counters(in.assembler));
        event_assembler_free(in.assembler);
        return status;
}
