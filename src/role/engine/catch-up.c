/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "alert/alert.h"
#include "base/clock.h"
#include "base/log.h"
#include "role/engine/catch-up.h"
#include "role/station.h"

#define CATCH_UP_EARLIER_S \
        2               /* a log is not quite in order of time, and a file of it begins within a second */
#define PRIORITY_LOG 10 /* the engine's input has the same: they take turns */

const CounterDesc catch_up_counter_descs[] = {
        { "records_caught_up", "records taken from the log because they had been missed",
          offsetof(CatchUpCounters, caught_up), false },
        { "log_records_seen", "records of the log that had been taken before",
          offsetof(CatchUpCounters, log_seen), false },
        { "input_records_seen", "records of the input that the log had given already",
          offsetof(CatchUpCounters, input_seen), false },
        { "input_left_to_log_bytes", "bytes of the input that were taken from the log instead",
          offsetof(CatchUpCounters, left_to_log), false },
        { "times_left_to_log",
          "times the input was left to the log because the process that delivers was behind",
          offsetof(CatchUpCounters, fallen_back), false },
        { "catch_up_gaps", "times that the log did not have what was missed", offsetof(CatchUpCounters, gaps),
          true },
};
const size_t catch_up_n_counter_descs = ARRAY_SIZE(catch_up_counter_descs);

/* ---- what is missing ---- */

static void put_time(Buf *out, int64_t ms) {
        time_t sec = (time_t)(ms / 1000);
        struct tm tm;
        char text[64];

        if (ms == INT64_MIN || !localtime_r(&sec, &tm) ||
            !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm))
                snprintf(text, sizeof(text), "an unknown time");
        buf_putz(out, text);
}

/* @to_ms INT64_MIN: until now. */
static void tell_gap(CatchUp *c, const char *why, int64_t to_ms) {
        AlertOwn own = { .kind = ALERT_OWN,
                         .level = RULE_HIGH,
                         .rule_id = STR("aulert-gap"),
                         .title = STR("Part of the audit stream was missed"),
                         .description =
                                 STR("No rule has seen what was logged in that time, if anything was."),
                         .records = STR(""),
                         .unique = STR("") };
        Buf text = BUF_INIT;
        Alert *alert;

        c->counters.gaps++;
        buf_putz(&text, why);
        buf_putz(&text, ": what came between ");
        put_time(&text, c->from_ms);
        buf_putz(&text, " and ");
        put_time(&text, to_ms == INT64_MIN ? (int64_t)time(NULL) * 1000 : to_ms);
        buf_putz(&text, " may be missing");
        if (buf_z(&text)) {
                log_error("%s", text.p);
                own.sentence = buf_view(&text);
                if (alert_new_own(&alert, &own) == 0) {
                        c->hooks->tell(c->userdata, alert);
                        alert_unref(alert);
                }
        }
        buf_done(&text);
}

static void remember(CatchUp *c, const SeenRecord *record) {
        seen_add(c->seen, record);
        *c->last_ms = record->ms;
}

/* ---- the log ---- */

static ssize_t read_bytes(void *userdata, char *into, size_t room) {
        CatchUp *c = userdata;
        size_t n = c->bytes.n < room ? c->bytes.n : room;

        if (!n) {
                errno = EAGAIN;
                return -1;
        }
        memcpy(into, c->bytes.p, n);
        c->bytes = (Str){ c->bytes.p + n, c->bytes.n - n };
        return (ssize_t)n;
}

static void note_forger(CatchUp *c, Str line, bool taken) {
        const char *type = memmem(line.p, line.n < 300 ? line.n : 300, "type=SOCKADDR ", 14),
                   *body = type ? memmem(type, (size_t)(line.p + line.n - type), "saddr=", 6) : NULL;

        if (!body)
                return;
        forged_begin(&c->forged, line, (size_t)(body - line.p));
        c->forger_taken = taken;
}

/* auditd's word about its start, and the first record there is: this log is new, and has lost none. */
static bool begins_a_log(Str line) {
        const char *space = str_starts(line, STR("node=")) ? memchr(line.p, ' ', line.n) : NULL;

        if (space)
                line = (Str){ space + 1, line.n - (size_t)(space + 1 - line.p) };
        return str_starts(line, STR("type=DAEMON_START "));
}

static void note_first(CatchUp *c, const SeenRecord *record, Str line) {
        if (c->any)
                return;
        c->any = true;
        if (record->ms <= c->from_ms || seen_has(c->seen, record))
                return;
        if (!seen_is_empty(c->seen) || !begins_a_log(line))
                tell_gap(c, "the log begins too late", record->ms);
}

/* Before the first that is known stands what was finished long before; none is known any more when the log has lost them. One that had been
 * missed among known ones (auditd drops what its plugins do not take in time) stands there the next time too: hence the log's order. */
static bool is_missed(CatchUp *c, const SeenRecord *record) {
        bool known = seen_has(c->seen, record);

        if (!known && !c->met && record->ms <= c->from_ms) {
                c->counters.log_seen++;
                return false;
        }
        c->met = true;
        if (known) {
                c->counters.log_seen++;
                seen_add(c->seen, record);
                return false;
        }
        c->counters.caught_up++;
        remember(c, record);
        return true;
}

static void take_log_line(CatchUp *c, Str line) {
        SeenRecord record;
        bool take;

        if (c->forged.n && forged_take(&c->forged, line)) {
                take = c->forger_taken;
        } else if (seen_read(line, &record)) {
                note_first(c, &record, line);
                take = is_missed(c, &record);
                if (record.ms > c->end_ms)
                        c->end_ms = record.ms;
                note_forger(c, line, take);
        } else {
                take = c->met;
        }
        if (!take)
                return;
        c->moved = true;
        c->hooks->line(c->userdata, line);
}

static void take_bytes(CatchUp *c, Str bytes) {
        uint64_t number;
        Str line;

        c->bytes = bytes;
        c->hooks->turn(c->userdata);
        while (c->bytes.n && line_reader_fill(c->reader) == 0)
                while (line_reader_next(c->reader, &line, &number))
                        take_log_line(c, line);
        c->hooks->turn(c->userdata);
        c->bytes = STR("");
}

static void drop_link(CatchUp *c) {
        c->io = sd_event_source_disable_unref(c->io);
        c->waiting = false;
        if (c->link >= 0)
                close(c->link);
        c->link = -1;
}

static void drop_reader(CatchUp *c) {
        if (!c->reader)
                return;
        c->hooks->recycle(c->userdata);
        c->reader = line_reader_free(c->reader);
}

static void begin_overlap(CatchUp *c) {
        c->stage = CATCH_UP_OVERLAP;
        c->until_ns = clock_monotonic_ns() + CATCH_UP_OVERLAP_MS * NS_PER_MS;
        c->met_input = false;
        c->moved = true;
}

static void end_log(CatchUp *c) {
        drop_link(c);
        drop_reader(c);
        if (c->n_lost_files)
                tell_gap(c, "a part of the log was gone before it could be read", c->end_ms);
        log_notice("%llu records were caught up from the log, %llu of it were known",
                   (unsigned long long)c->counters.caught_up, (unsigned long long)c->counters.log_seen);
        begin_overlap(c);
        c->hooks->done(c->userdata);
}

/* The input first: what comes of the log is then younger than it. */
static void ask(CatchUp *c) {
        c->hooks->rescue(c->userdata);
        c->waiting = !c->hooks->is_free(c->userdata);
        if (c->waiting)
                return;
        if (c->link >= 0 && ipc_send(c->link, IPC_LOG_MORE, 0, 0, STR(""), -1) < 0)
                drop_link(c);
}

static void ask_for_reader(CatchUp *c) {
        int64_t sec = seen_oldest_ms(c->seen) / 1000 - CATCH_UP_EARLIER_S;

        drop_link(c);
        drop_reader(c);
        c->forged.n = 0;
        c->met = false;
        c->from_ms = seen_newest_ms(c->seen);
        if (c->n_tries++ < CATCH_UP_TRIES) {
                station_tell(IPC_CATCH_UP, sec > 0 ? (uint64_t)sec : 0, 0, STR(""));
                return;
        }
        tell_gap(c, "the log could not be read", INT64_MIN);
        end_log(c);
}

void catch_up_go_on(CatchUp *c) {
        if (!c->waiting)
                return;
        ask(c);
        if (c->link < 0)
                ask_for_reader(c);
}

static int on_link(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        CatchUp *c = userdata;
        IpcMessage m;
        int r = ipc_receive(fd, &c->room, &m);

        if (r == -EAGAIN)
                return 0;
        if (r > 0 && m.fd >= 0)
                close(m.fd);
        if (r <= 0 || m.type != IPC_LOG_BYTES) {
                ask_for_reader(c);
                return 0;
        }
        c->n_lost_files = m.b;
        if (!m.a)
                ask(c);
        take_bytes(c, m.payload);
        if (m.a)
                end_log(c);
        else if (c->link < 0)
                ask_for_reader(c);
        return 0;
}

static int use_link(CatchUp *c, int fd) {
        const LineOptions options = { .max_line = c->max_line,
                                      .read = read_bytes,
                                      .read_data = c,
                                      .recycle = c->hooks->recycle,
                                      .userdata = c->userdata };
        int r = line_reader_new(&c->reader, -1, &options);

        c->link = fd;
        if (r == 0)
                r = sd_event_add_io(c->loop, &c->io, fd, EPOLLIN, on_link, c);
        return r < 0 ? r : sd_event_source_set_priority(c->io, PRIORITY_LOG);
}

void catch_up_link(CatchUp *c, int fd) {
        if (c->stage != CATCH_UP_LOG || c->link >= 0) {
                if (fd >= 0)
                        close(fd);
                return;
        }
        if (fd < 0 || use_link(c, fd) < 0) {
                tell_gap(c, "the log could not be read", INT64_MIN);
                end_log(c);
                return;
        }
        ask(c);
}

/* ---- the input ---- */

static void end_overlap(CatchUp *c) {
        c->stage = CATCH_UP_OFF;
        seen_unindex(c->seen);
}

static bool was_given(CatchUp *c, const SeenRecord *record) {
        if (seen_has(c->seen, record)) {
                c->met_input = true;
                return true;
        }
        return !c->met_input && seen_is_full(c->seen) && record->ms < seen_oldest_ms(c->seen);
}

bool catch_up_is_new(CatchUp *c, Str line) {
        SeenRecord record;

        if (!seen_read(line, &record))
                return true;
        if (c->stage == CATCH_UP_OVERLAP) {
                if (was_given(c, &record)) {
                        c->counters.input_seen++;
                        return false;
                }
                if (record.ms > c->end_ms + CATCH_UP_BEHIND_MS || clock_monotonic_ns() > c->until_ns)
                        end_overlap(c);
        }
        remember(c, &record);
        return true;
}

/* ---- */

void catch_up_start(CatchUp *c) {
        c->from_ms = c->end_ms = seen_newest_ms(c->seen);
        if (seen_index(c->seen) < 0) {
                tell_gap(c, "there was no memory to read the log", INT64_MIN);
                return;
        }
        c->stage = CATCH_UP_LOG;
        ask_for_reader(c);
}

bool catch_up_fall_back(CatchUp *c) {
        if (seen_index(c->seen) < 0)
                return false;
        c->counters.fallen_back++;
        c->n_tries = 0;
        c->any = false;
        catch_up_start(c);
        return true;
}

int catch_up_open(CatchUp *c, sd_event *loop, size_t max_line, int64_t *last_ms, const CatchUpHooks *hooks,
                  void *userdata) {
        c->last_ms = last_ms;
        c->loop = loop;
        c->max_line = max_line;
        c->hooks = hooks;
        c->userdata = userdata;
        c->link = -1;
        c->seen = seen_new();
        return c->seen ? 0 : -ENOMEM;
}

void catch_up_stop(CatchUp *c) {
        if (!c->seen)
                return;
        drop_link(c);
        drop_reader(c);
}

void catch_up_close(CatchUp *c) {
        catch_up_stop(c);
        c->seen = seen_free(c->seen);
}
