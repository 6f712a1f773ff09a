/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "audisp/feeder.h"
#include "audisp/frame.h"
#include "base/clock.h"
#include "base/log.h"

#define STEP 256u

int feeder_init(Feeder *f, const FeederOptions *options, Plugin *plugins, size_t n_plugins) {
        *f = (Feeder){
                .options = options, .plugins = plugins, .n_plugins = n_plugins, .file_fd = -1, .eoe = BUF_INIT
        };
        f->first_time = -1;
        f->start_ns = clock_monotonic_ns();
        return 0;
}

static void close_input(Feeder *f) {
        line_reader_free(f->reader);
        source_close(f->source);
        if (f->file_fd > STDIN_FILENO)
                close(f->file_fd);
        f->reader = NULL;
        f->source = NULL;
        f->file_fd = -1;
}

void feeder_done(Feeder *f) {
        close_input(f);
        buf_done(&f->eoe);
}

int feeder_fd(const Feeder *f) { return f->source && source_is_live(f->source) ? source_fd(f->source) : -1; }

static int open_file(Feeder *f, const char *path) {
        f->file_fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : STDIN_FILENO;
        return f->file_fd < 0 ? -errno : source_from_fd(&f->source, f->file_fd, NULL);
}

static int open_reader(Feeder *f) {
        LineOptions options = { .read = source_read, .read_data = f->source };

        return line_reader_new(&f->reader, source_fd(f->source), &options);
}

/* False: there is nothing more to open. */
static bool open_next(Feeder *f) {
        const FeederOptions *o = f->options;
        const SourceOptions source = { .from = SOURCE_FROM_END, .reconnect = true };
        const char *name = o->source;
        int r;

        if (o->files && f->next_file == o->n_files) {
                f->loops_done++;
                if (o->loops && f->loops_done >= o->loops)
                        return false;
                f->next_file = 0;
        }
        if (!o->files && f->next_file)
                return false;
        if (o->files)
                name = o->files[f->next_file];
        f->next_file++;
        r = o->files ? open_file(f, name) : source_open(&f->source, name, &source);
        if (r == 0)
                r = open_reader(f);
        if (r < 0) {
                log_error("%s: %s", name, strerror(-r));
                f->error = r;
                close_input(f);
                if (f->options->loops != 1 && o->files && f->next_file == 1 && o->n_files == 1)
                        return false; /* no use in trying it again and again */
        }
        return true;
}

static bool give(Feeder *f, Str line) {
        bool taken = true;

        for (size_t i = 0; i < f->n_plugins; i++)
                if (plugin_runs(&f->plugins[i]) || !f->plugins[i].given_up)
                        taken &= plugin_write(&f->plugins[i], line, f->options->may_drop);
        f->n_records += taken;
        return taken;
}

/* When the next record is due; 0: now. */
static uint64_t due(Feeder *f, Str line) {
        const FeederOptions *o = f->options;
        double at = 0, t;

        if (o->pace == PACE_MAX)
                return 0;
        if (o->pace == PACE_RATE) {
                at = (double)f->n_records / o->rate;
        } else if (frame_time(line, &t)) {
                if (f->first_time < 0)
                        f->first_time = t;
                at = t > f->first_time ? t - f->first_time : 0;
        }
        return f->start_ns + (uint64_t)(at * 1e9);
}

static bool same_event(const Feeder *f, Str line) {
        return str_eq(frame_stamp((Str){ f->eoe.p, f->eoe.n }), frame_stamp(line));
}

/* The EOE that auditd would have sent; a stream that has its own keeps that. False: not taken. */
static bool give_eoe(Feeder *f, Str next) {
        if (!f->eoe_due)
                return true;
        if (!(next.p && frame_is_type(next, "EOE") && same_event(f, next)) &&
            !give(f, (Str){ f->eoe.p, f->eoe.n - 1 }))
                return false;
        f->eoe_due = false;
        return true;
}

static void note_eoe(Feeder *f, Str line) {
        char *p;

        if (!f->options->add_eoe || !frame_is_type(line, "PROCTITLE"))
                return;
        buf_clear(&f->eoe);
        p = buf_reserve(&f->eoe, 1024);
        f->eoe.n = p ? frame_eoe(p, 1024, line) : 0;
        f->eoe_due = f->eoe.n > 0;
}

/* A plugin's queue is full: the line is offered again. The reader keeps it until it reads on. */
static FeederState give_line(Feeder *f, Str line, uint64_t *ret_at_ns) {
        uint64_t at = due(f, line);

        if (at > clock_monotonic_ns()) {
                f->held = line;
                *ret_at_ns = at;
                return FEEDER_LATER;
        }
        if (!give_eoe(f, line) || !give(f, line)) {
                f->held = line;
                return FEEDER_FULL;
        }
        f->held = STR_NULL;
        note_eoe(f, line);
        return FEEDER_MORE;
}

static FeederState fill(Feeder *f) {
        int r = line_reader_fill(f->reader);

        if (r == LINE_E_AGAIN)
                return FEEDER_INPUT;
        if (r == 0)
                return FEEDER_MORE;
        if (r < 0) {
                log_error("input: %s", strerror(-r));
                f->error = r;
        }
        if (line_counters(f->reader)->unended)
                log_warning("the last line has no newline and was dropped");
        close_input(f);
        return FEEDER_MORE;
}

/* line_reader_next() cuts at a NUL; what auditd writes is cut there, too, and ended. */
static Str ended(Feeder *f, Str line) {
        if (line.p[line.n] != '\n')
                ((char *)line.p)[line.n] = '\n'; /* it is the reader's own buffer, and behind us */
        return line;
}

FeederState feeder_step(Feeder *f, uint64_t *ret_at_ns) {
        for (unsigned i = 0; i < STEP; i++) {
                Str line = f->held;
                FeederState state;

                if (f->done)
                        return FEEDER_DONE;
                if (!f->reader) {
                        if (open_next(f))
                                continue;
                        if (!give_eoe(f, STR_NULL))
                                return FEEDER_FULL;
                        f->done = true;
                        return FEEDER_DONE;
                }
                if (!line.p && !line_reader_next(f->reader, &line, NULL)) {
                        state = fill(f);
                        if (state == FEEDER_INPUT)
                                return state;
                        continue;
                }
                state = give_line(f, f->held.p ? line : ended(f, line), ret_at_ns);
                if (state != FEEDER_MORE)
                        return state;
        }
        return FEEDER_MORE;
}
