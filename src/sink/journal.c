/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal sink: one entry an alert, with fields to select by (journalctl AULERT_LEVEL=high).
 *
 * The journal's socket holds few datagrams (net.unix.max_dgram_qlen, 10 unless raised): when it is full the alert at
 * hand waits, up to WAIT_MS. Whether it has room can only be tried. */
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "base/escape.h"
#include "base/journal.h"
#include "sink/sink.h"

#define MESSAGE_ID "9f363c13d2fb4f4384cd60407a18a3cd" /* ours, drawn once: "an alert" */
#define WAIT_MS    5000u
#define TRY_US     1000u /* after that; then twice as long each time */
#define TRY_MAX    100000u

typedef struct {
        Sink *sink;
        uint64_t id; /* of the alert that waits; 0: none does */
        Buf entry;
        uint64_t since_ns, try_us;
        sd_event_source *timer;
} Journal;

/* People read it with journalctl on a terminal: inert. The exact text is in the event. */
static void put_message(Buf *out, const Alert *a) {
        Buf text = BUF_INIT;

        escape_terminal(&text, a->sentence);
        journal_field(out, "MESSAGE", buf_view(&text));
        buf_done(&text);
}

static void put_fields(Buf *out, const Alert *a) {
        const struct {
                const char *name;
                Str value;
        } fields[] = {
                { "AULERT_ID", a->id },
                { "AULERT_KIND", str_from(alert_kind_name(a->kind)) },
                { "AULERT_RULE", a->rule_id },
                { "AULERT_LEVEL", str_from(alert_level_name(a->level)) },
                { "AULERT_TITLE", a->rule_title },
                { "AULERT_EVENT", a->event_id },
                { "AULERT_USER", a->user },
                { "AULERT_ADDR", a->addr },
                { "AULERT_NODE", a->node },
                { "AULERT_ACTOR", a->actor },
                { "AULERT_ACTION", a->action },
                { "AULERT_OBJECT", a->object },
                { "AULERT_RESULT", a->result },
        };

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (fields[i].value.n)
                        journal_field(out, fields[i].name, fields[i].value);
        for (size_t i = 0; i < a->n_tags; i++)
                journal_field(out, "AULERT_TAG", a->tags[i]);
        for (size_t i = 0; i < a->n_keys; i++)
                journal_field(out, "AULERT_KEY", a->keys[i]);
}

static void put_entry(Buf *out, const Alert *a) {
        static const char *const priorities[_RULE_LEVEL_N] = {
                [RULE_INFORMATIONAL] = "6", [RULE_LOW] = "5",      [RULE_MEDIUM] = "4",
                [RULE_HIGH] = "3",          [RULE_CRITICAL] = "2",
        };

        put_message(out, a);
        journal_field(out, "PRIORITY", str_from(priorities[a->level]));
        journal_field(out, "SYSLOG_IDENTIFIER", STR("aulert"));
        journal_field(out, "MESSAGE_ID", STR(MESSAGE_ID));
        put_fields(out, a);
}

/* Sends what is at hand, or waits to try again. */
static void try_to_send(Journal *j) {
        int r = journal_send(&j->entry);
        uint64_t id = j->id;

        if (r == -EAGAIN && clock_monotonic_ns() - j->since_ns < WAIT_MS * NS_PER_MS) {
                sd_event_source_set_time_relative(j->timer, j->try_us);
                sd_event_source_set_enabled(j->timer, SD_EVENT_ONESHOT);
                j->try_us = j->try_us * 2 < TRY_MAX ? j->try_us * 2 : TRY_MAX;
                return;
        }
        j->id = 0;
        buf_done(&j->entry);
        sink_settle(j->sink, id, r < 0 ? SINK_RETRY : SINK_DELIVERED,
                    r == -EAGAIN ? "the journal takes no more"
                    : r == -ENOENT || r == -ECONNREFUSED
                            ? "there is no journal: systemd-journald does not run"
                    : r < 0 ? strerror(-r)
                            : "");
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata) {
        try_to_send(userdata);
        return 0;
}

static int open_journal(Sink *sink, const SinkConf *conf) {
        Journal *j = calloc(1, sizeof(*j));
        int r;

        if (!j)
                return -ENOMEM;
        j->sink = sink;
        j->entry = BUF_INIT;
        r = sd_event_add_time(sink_loop(sink), &j->timer, CLOCK_MONOTONIC, 0, 500, on_timer, j);
        if (r >= 0)
                r = sd_event_source_set_enabled(j->timer, SD_EVENT_OFF);
        if (r < 0) {
                sd_event_source_disable_unref(j->timer);
                free(j);
                return r;
        }
        sink_set_state(sink, j);
        return 0;
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Journal *j = sink_state(sink);

        if (j->id)
                return SINK_E_BUSY;
        j->id = id;
        j->since_ns = clock_monotonic_ns();
        j->try_us = TRY_US;
        put_entry(&j->entry, alert);
        try_to_send(j);
        return 0;
}

static void close_journal(Sink *sink) {
        Journal *j = sink_state(sink);

        sd_event_source_disable_unref(j->timer);
        buf_done(&j->entry);
        free(j);
}

const SinkOps sink_journal = {
        .type = "journal", .open = open_journal, .submit = submit, .close = close_journal
};
