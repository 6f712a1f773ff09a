/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include "audisp/feeder.h"
#include "audisp/frame.h"
#include "base/clock.h"
#include "base/log.h"
#include "role/input.h"

#define STEP 256u

int feeder_init(Feeder *f, const FeederOptions *options, Plugin *plugins, size_t n_plugins) {
        *f = (Feeder){ .options = options,
                       .plugins = plugins,
                       .n_plugins = n_plugins,
                       .file_fd = -1,
                       .eoe = BUF_INIT,
                       .joined = BUF_INIT };
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
        buf_done(&f->joined);
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
                log_error("%s: %s%s", name, strerror(-r), input_hint(o->source, r));
                f->error = r;
                close_input(f);
                if (f->options->loops != 1 && o->files && f->next_file == 1 && o->n_files == 1)
                        return false; /* no use in trying it again and again */
        }
        return true;
}

/* A record is given to all of them or to none, or some would get it twice. While none of them could read more, none needs it. */
static bool has_room(const Feeder *f) {
        bool full = false, waits = false;

        for (size_t i = 0; i < f->n_plugins; i++) {
                const Plugin *p = &f->plugins[i];

                if (!plugin_has_room(p))
                        return false;
                full |= !p->given_up && !plugin_waits(p);
                waits |= plugin_waits(p);
        }
        return waits || !full;
}

bool feeder_can_go_on(const Feeder *f) { return f->full && has_room(f); }

static bool give(Feeder *f, Str line) {
        if (!f->options->may_drop && !has_room(f))
                return false;
        for (size_t i = 0; i < f->n_plugins; i++)
                (void)plugin_write(&f->plugins[i], line, f->options->may_drop);
        f->n_records++;
        return true;
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

static FeederState give_line(Feeder *f, Str line, uint64_t *ret_at_ns) {
        uint64_t at = due(f, line);

        if (at && at > clock_monotonic_ns()) {
                *ret_at_ns = at;
                return FEEDER_LATER;
        }
        if (!give_eoe(f, line) || !give(f, line))
                return FEEDER_FULL;
        note_eoe(f, line);
        return FEEDER_MORE;
}

static FeederState give_joined(Feeder *f, uint64_t *ret_at_ns) {
        FeederState state;

        if (!f->joined.n)
                return FEEDER_MORE;
        state = give_line(f, (Str){ f->joined.p, f->joined.n - 1 }, ret_at_ns);
        if (state == FEEDER_MORE)
                buf_clear(&f->joined);
        return state;
}

/* In a log the path of a socket may go on in the next lines; a plugin gets blanks for the newlines. */
static bool join(Feeder *f, Str line) {
        if (!f->joined.n || !forged_take(&f->forged, line))
                return false;
        f->joined.p[f->joined.n - 1] = ' ';
        buf_put(&f->joined, line.p, line.n + 1);
        if (f->joined.failed) {
                log_error("a SOCKADDR record was dropped: out of memory");
                buf_done(&f->joined);
        }
        return true;
}

static bool begin_joined(Feeder *f, Str line) {
        Str stamp = STR("");

        if (str_starts(line, STR("type=SOCKADDR ")) || str_starts(line, STR("node=")))
                stamp = frame_is_type(line, "SOCKADDR") ? frame_stamp(line) : stamp;
        if (!stamp.n || line.p + line.n - (stamp.p + stamp.n) < 2)
                return false;
        forged_begin(&f->forged, line, (size_t)(stamp.p + stamp.n + 2 - line.p)); /* behind ": " */
        if (!f->forged.n)
                return false;
        buf_clear(&f->joined);
        buf_put(&f->joined, line.p, line.n + 1);
        return !f->joined.failed;
}

/* A line that is held; a plugin whose queue is full gets it offered again. The reader keeps it until it reads on. */
static FeederState give_held(Feeder *f, uint64_t *ret_at_ns) {
        FeederState state = give_joined(f, ret_at_ns);

        if (state == FEEDER_MORE && !begin_joined(f, f->held))
                state = give_line(f, f->held, ret_at_ns);
        if (state == FEEDER_MORE)
                f->held = STR_NULL;
        return state;
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

static FeederState step(Feeder *f, uint64_t *ret_at_ns) {
        for (unsigned i = 0; i < STEP; i++) {
                FeederState state;

                if (f->done)
                        return FEEDER_DONE;
                if (!f->reader) {
                        state = give_joined(f, ret_at_ns);
                        if (state != FEEDER_MORE)
                                return state;
                        if (open_next(f))
                                continue;
                        if (!give_eoe(f, STR_NULL))
                                return FEEDER_FULL;
                        f->done = true;
                        return FEEDER_DONE;
                }
                if (!f->held.p && !line_reader_next(f->reader, &f->held, NULL)) {
                        f->held = STR_NULL;
                        state = fill(f);
                        if (state == FEEDER_INPUT)
                                return state;
                        continue;
                }
                f->held = ended(f, f->held);
                if (join(f, f->held)) {
                        f->held = STR_NULL;
                        continue;
                }
                state = give_held(f, ret_at_ns);
                if (state != FEEDER_MORE)
                        return state;
        }
        return FEEDER_MORE;
}

FeederState feeder_step(Feeder *f, uint64_t *ret_at_ns) {
        FeederState state = step(f, ret_at_ns);

        f->full = state == FEEDER_FULL;
        return state;
}
