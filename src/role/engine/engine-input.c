/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the engine reads, line by line, and the state that a successor goes on from.
 *
 * What it reads it puts into the ring first, and what it is about to do it puts down there (ring.h). */
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/engine/aside.h"
#include "role/engine/engine-run.h"
#include "role/role.h"

#define COMMIT_MS  800u /* at the end: for deliver to say that it has everything */
#define DRAIN_MS   200u /* reading what is there, at the end */
#define RESCUE_MAX 16u  /* reads in a row */

enum { PRIORITY_INPUT = 10, PRIORITY_AGE = 20 };

static void on_recycle(void *userdata) { event_detach(((Run *)userdata)->assembler); }
static void on_fault(void *userdata, LineFault fault, uint64_t line) {
        bad_note_fault(&((Run *)userdata)->bad, fault, line);
}

static void on_event(void *userdata, const Event *event) {
        Run *run = userdata;

        if (unlikely(ring_n_poison(&run->ring)) && ring_is_poison_event(&run->ring, &event->id)) {
                run->counters.events_aside++;
                aside_event(&run->link.outbox, event, engine_redacts(run->engine));
                return;
        }
        ring_note_event(&run->ring, &event->id);
        if (unlikely(role_engine_planted))
                role_engine_planted(event);
        engine_event(run->engine, event);
        events_out_add(run->link.events, run->engine, event);
        ring_end_event(&run->ring);
}

/* In the place of read(2): first what a dead engine had read and not finished, then what is new. */
static ssize_t read_input(void *userdata, int fd, char *into, size_t room) {
        Run *run = userdata;
        uint64_t from = run->place;
        size_t n = ring_get(&run->ring, &from, into, room), skip;
        const char *bytes;
        ssize_t k;

        if (n) {
                run->counters.overrun += from - n - run->place;
                run->place = from;
                return (ssize_t)n;
        }
        skip = run->place - run->ring.shared->head; /* the end of a frame that belongs to what came before */
        k = ring_read(&run->ring, fd, room, &bytes);
        if (k <= 0)
                return k;
        if (skip >= (size_t)k) {
                errno = EAGAIN;
                return -1;
        }
        run->place = run->ring.shared->head;
        memcpy(into, bytes + skip, (size_t)k - skip);
        return k - (ssize_t)skip;
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

        run->age_at = UINT64_MAX;
        if (run->catch.stage == CATCH_UP_LOG)
                return 0; /* the rest of what is open is in the log, which may have to wait */
        ring_beat(&run->ring);
        event_age(run->assembler, now);
        engine_age(run->engine, now);
        arm_age(run);
        ring_beat(&run->ring);
        return 0;
}

static int on_time_is_up(sd_event_source *s, uint64_t usec, void *userdata) {
        return sd_event_exit(((Run *)userdata)->station.loop, 0);
}

/* The place behind the last line that was taken; false: it cannot be told now. */
static bool place_of_lines(const Run *run, uint64_t *ret) {
        int64_t held = source_held(run->source);

        if (held == INT64_MAX)
                return false;
        *ret = run->place - (uint64_t)held - line_reader_rest(run->reader);
        return true;
}

/* More alerts would have to be dropped: what they would be made of is in the log. Not within a frame of the binary format, whose begin is gone. */
static bool has_to_wait(const Run *run) {
        return unlikely(outbox_is_nearly_full(&run->link.outbox)) && run->catch.seen && run->fd >= 0 &&
               run->catch.stage != CATCH_UP_LOG && source_held(run->source) == 0;
}

static void take_state(Run *run, uint64_t place) {
        run->catch.moved = false;
        keep_take(&run->keep, &run->ring, run->engine, run->assembler, place, run->link.outbox.seq);
        run->keep_events = events_out_number(run->link.events);
}

static void settle_state(Run *run, bool last) {
        if (events_out_confirmed(run->link.events) >= run->keep_events)
                keep_settle(&run->keep, &run->ring,
                            outbox_is_empty(&run->link.outbox) ? UINT64_MAX : run->link.outbox.committed);
        if (run->catch.seen)
                keep_offer(&run->keep, &run->ring, run->link.outbox.link, last);
}

int run_leave(Run *run) {
        settle_state(run, true);
        return sd_event_exit(run->station.loop, 0);
}

/* Who comes later and goes on from here has the events that are open now as they were, and those of the log. */
static void leave_to_later(Run *run) {
        uint64_t place;

        if (run->catch.seen && place_of_lines(run, &place))
                take_state(run, place);
        catch_up_stop(&run->catch);
}

/* The loop ends when deliver has everything, or when the time is up. */
static void finish(Run *run) {
        if (run->finishing)
                return;
        run->finishing = true;
        sd_event_source_set_enabled(run->input, SD_EVENT_OFF);
        sd_event_source_set_enabled(run->age, SD_EVENT_OFF);
        leave_to_later(run);
        event_flush(run->assembler);
        engine_flush(run->engine);
        run->ring.shared->ending = true;
        link_push(&run->link);
        if (link_is_empty(&run->link) || run->link.outbox.link < 0 ||
            sd_event_add_time_relative(run->station.loop, NULL, CLOCK_MONOTONIC, COMMIT_MS * 1000ull, 10000,
                                       on_time_is_up, run) < 0)
                run_leave(run);
}

static void add_line(Run *run, Str line, uint64_t number) {
        int e;

        if (unlikely(ring_n_poison(&run->ring)) && ring_is_poison_line(&run->ring, line)) {
                run->counters.lines_aside++;
                aside_line(&run->link.outbox, line, engine_redacts(run->engine));
                return;
        }
        ring_note_line(&run->ring, line);
        e = event_add(run->assembler, line);
        ring_end_line(&run->ring);
        if (unlikely(e > 0))
                bad_note_event(&run->bad, e, number);
}

static void take_line(Run *run, Str line, uint64_t number) {
        if (unlikely(progress_take(&run->progress, line)))
                return;
        if (!run->catch.seen || catch_up_is_new(&run->catch, line))
                add_line(run, line, number);
}

/* One read, and all lines that it gave. Result as of line_reader_fill(). */
static int take_input(Run *run) {
        uint64_t number;
        Str line;
        int r;

        ring_beat(&run->ring);
        event_set_now(run->assembler, clock_monotonic_ns());
        r = line_reader_fill(run->reader);
        while (line_reader_next(run->reader, &line, &number))
                take_line(run, line, number);
        ring_beat(&run->ring);
        return r;
}

static int on_input(Run *run) {
        int r = take_input(run);

        if (r != LINE_E_EOF && r >= 0) {
                arm_age(run);
                return 0;
        }
        if (r < 0) {
                log_error("%s: %s", run->bad.name, strerror(-r));
                run->status = STATUS_INPUT;
        }
        if (r == LINE_E_EOF && progress_is_open(&run->progress))
                run->status = STATUS_INPUT; /* the intake died */
        finish(run);
        return 0;
}

/* While a log is read: into the ring, unread. False: it has ended. */
static bool rescue_input(Run *run) {
        struct pollfd p = { .fd = run->fd, .events = POLLIN };
        const char *bytes;
        ssize_t n = 1;

        for (unsigned i = 0; i < RESCUE_MAX && n > 0 && poll(&p, 1, 0) > 0; i++)
                n = ring_read(&run->ring, run->fd, RING_READ_MAX, &bytes);
        return n != 0;
}

static int on_readable(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Run *run = userdata;
        uint64_t before = line_counters(run->reader)->lines;
        int r;

        if (unlikely(progress_hold(&run->progress, &run->ring)))
                return 0;
        if (unlikely(run->catch.stage == CATCH_UP_LOG)) {
                ring_beat(&run->ring);
                if (!rescue_input(run))
                        finish(run);
                ring_beat(&run->ring);
                return 0;
        }
        if (run->gather.busy)
                nanosleep(&(struct timespec){ .tv_nsec = GATHER_NS }, NULL);
        r = on_input(run);
        gather_note(&run->gather, clock_monotonic_ns(), line_counters(run->reader)->lines - before);
        return r;
}

static int on_file(sd_event_source *s, void *userdata) { return on_input(userdata); }

/* Reads what is there without waiting for more. */
void run_drain(Run *run) {
        uint64_t until = clock_monotonic_ns() + DRAIN_MS * NS_PER_MS;
        struct pollfd p = { .fd = run->fd, .events = POLLIN };
        int r = 0;

        if (run->finishing || !run->reader)
                return;
        while (r == 0 && run->catch.stage != CATCH_UP_LOG && poll(&p, 1, 0) > 0 &&
               clock_monotonic_ns() < until)
                r = take_input(run);
        finish(run);
}

/* A line that was begun is in the ring, and read again. */
static void leave_input_to_log(Run *run) {
        uint64_t place;

        if (!run->reader || run->finishing || !has_to_wait(run) || !place_of_lines(run, &place) ||
            !catch_up_fall_back(&run->catch))
                return;
        line_reader_drop_rest(run->reader);
        run->place = place;
}

static int on_keeping(sd_event_source *s, uint64_t usec, void *userdata) {
        return 0; /* run_keep_state() follows */
}

/* Where it is time and still nothing can be done, something else is waited for. */
static void arm_keeping(Run *run, uint64_t now) {
        uint64_t at = keep_next_ns(&run->keep, &run->ring, run->link.outbox.seq);

        if (!run->keeping || at == UINT64_MAX || at <= now)
                return;
        sd_event_source_set_time(run->keeping, at / 1000 + 1);
        sd_event_source_set_enabled(run->keeping, SD_EVENT_ONESHOT);
}

void run_keep_state(Run *run) {
        uint64_t place, now;

        leave_input_to_log(run);
        catch_up_go_on(&run->catch);
        settle_state(run, false);
        if (!run->reader || run->finishing)
                return;
        now = clock_monotonic_ns();
        if (place_of_lines(run, &place) &&
            keep_is_due(&run->keep, place, run->link.outbox.seq, run->catch.moved, now)) {
                take_state(run, place);
                settle_state(run, false);
        }
        arm_keeping(run, now);
}

static int add_keeping(Run *run) {
        int r = sd_event_add_time(run->station.loop, &run->keeping, CLOCK_MONOTONIC, UINT64_MAX, 10000,
                                  on_keeping, run);

        return r < 0 ? r : sd_event_source_set_enabled(run->keeping, SD_EVENT_OFF);
}

static int add_input(Run *run) {
        sd_event *loop = run->station.loop;
        int r;

        if (run->fd >= 0) {
                r = sd_event_add_io(loop, &run->input, run->fd, EPOLLIN, on_readable, run);
        } else { /* a regular file: epoll has nothing to say about it, it can always be read */
                r = sd_event_add_defer(loop, &run->input, on_file, run);
                if (r >= 0)
                        r = sd_event_source_set_enabled(run->input, SD_EVENT_ON);
        }
        if (r >= 0)
                r = sd_event_source_set_priority(run->input, PRIORITY_INPUT);
        if (r >= 0)
                r = sd_event_add_time(loop, &run->age, CLOCK_MONOTONIC, UINT64_MAX, 1000, on_age, run);
        if (r >= 0)
                r = sd_event_source_set_priority(run->age, PRIORITY_AGE);
        return r < 0 ? r : sd_event_source_set_enabled(run->age, SD_EVENT_OFF);
}

/* What a dead engine has left in the ring waits for no descriptor to become readable. */
static void take_ring(Run *run) {
        while (run->place < run->ring.shared->head && !run->finishing)
                if (take_input(run) != 0 || has_to_wait(run))
                        break;
        arm_age(run);
}

static bool has_room(void *userdata) { return !outbox_is_half_full(&((Run *)userdata)->link.outbox); }

static void on_rescue(void *userdata) {
        Run *run = userdata;

        ring_beat(&run->ring);
        (void)rescue_input(run);
        ring_beat(&run->ring);
}

static void on_log_line(void *userdata, Str line) { add_line(userdata, line, 0); }
static void on_own(void *userdata, Alert *alert) { outbox_put(&((Run *)userdata)->link.outbox, alert); }

static void on_log_turn(void *userdata) {
        Run *run = userdata;

        ring_beat(&run->ring);
        event_set_now(run->assembler, clock_monotonic_ns());
        arm_age(run);
}

/* What the log says of processes is long past, and /proc would give an answer about others. */
static void go_on(Run *run) {
        if (run->live)
                engine_use_proc(run->engine);
        take_ring(run);
}

static void on_caught_up(void *userdata) {
        Run *run = userdata;

        run->place = ring_next_line(&run->ring, run->place, &run->catch.counters.left_to_log);
        if (run->fd < 0)
                sd_event_source_set_enabled(run->input, SD_EVENT_ON);
        go_on(run);
}

static const CatchUpHooks catch_up_hooks = { .is_free = has_room,
                                             .rescue = on_rescue,
                                             .line = on_log_line,
                                             .turn = on_log_turn,
                                             .recycle = on_recycle,
                                             .done = on_caught_up,
                                             .tell = on_own };

/* From where on there is something to catch up: nothing for a first run, which begins now. */
static void begin_catching_up(Run *run) {
        Seen *seen = run->catch.seen;
        bool known = seen_newest_ms(seen) != INT64_MIN;
        int64_t taken = run->ring.shared->taken_ms;

        if (!known)
                seen_begin(seen, taken ? taken : (int64_t)time(NULL) * 1000);
        if (known || taken)
                catch_up_start(&run->catch);
        if (run->fd < 0 && run->catch.stage == CATCH_UP_LOG)
                sd_event_source_set_enabled(run->input, SD_EVENT_OFF);
        run->keep.offered_ns = known ? clock_monotonic_ns() : 0; /* deliver has it */
        take_state(run, run->place);                             /* for a successor: what has begun */
        settle_state(run, false);
}

/* What an engine before us had done, and what it had begun. */
static void restore(Run *run) {
        uint64_t place, seq;
        Str open;

        if (keep_restore(&run->keep, &run->ring, run->engine, run->assembler, &open, &place, &seq))
                log_error("the state of the engine before cannot be used: what waited there is lost");
        run->place = place;
        run->link.outbox.seq = run->link.outbox.committed = seq;
        event_set_now(run->assembler, clock_monotonic_ns());
        while (open.n) {
                const char *end = memchr(open.p, '\n', open.n);
                Str line = { open.p, end ? (size_t)(end - open.p) : open.n };

                add_line(run, line, 0);
                open = (Str){ line.p + line.n + !!end, open.n - line.n - !!end };
        }
        event_detach(run->assembler);
}

int run_open_input(Run *run, const Settings *settings) {
        const SourceOptions source = { .read = read_input, .read_data = run };
        LineOptions options = { .max_line = settings->max_line,
                                .read = source_read,
                                .recycle = on_recycle,
                                .fault = on_fault,
                                .userdata = run };
        struct stat st;
        int r = source_open(&run->source, "stdin", &source);

        if (r < 0)
                return r;
        options.read_data = run->source;
        run->fd = source_fd(run->source);
        run->live = fstat(run->fd, &st) == 0 && !S_ISREG(st.st_mode);
        r = line_reader_new(&run->reader, run->fd, &options);
        if (r == 0)
                r = event_assembler_new(&run->assembler, EVENT_DEFAULT, &settings->limits, on_event, run);
        if (r == 0 && settings->intake)
                r = progress_open(&run->progress, run->station.loop, run->fd, run->assembler, run->engine,
                                  &run->link);
        if (r == 0)
                r = add_input(run);
        if (r >= 0 && settings->catch_up)
                r = catch_up_open(&run->catch, run->station.loop, settings->max_line,
                                  &run->ring.shared->taken_ms, &catch_up_hooks, run);
        if (r >= 0 && settings->catch_up)
                r = add_keeping(run);
        if (r < 0)
                return r;
        run->keep.seen = run->catch.seen;
        restore(run);
        if (run->catch.seen)
                begin_catching_up(run);
        if (run->catch.stage != CATCH_UP_LOG)
                go_on(run);
        return 0;
}
