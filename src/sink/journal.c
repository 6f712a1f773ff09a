/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal sink: one entry an alert, with fields to select by (journalctl AULERT_LEVEL=high). */
#include "base/escape.h"
#include "base/journal.h"
#include "sink/sink.h"

#define MESSAGE_ID "9f363c13d2fb4f4384cd60407a18a3cd" /* ours, drawn once: "an alert" */

static int open_journal(Sink *sink, const SinkConf *conf) { return 0; }
static void close_journal(Sink *sink) {}

/* People read it with journalctl on a terminal: inert. The exact text is in the event. */
static void put_message(Buf *out, const Alert *a) {
        Buf text = BUF_INIT;

        escape_terminal(&text, a->sentence);
        journal_field(out, "MESSAGE", buf_view(&text));
        buf_done(&text);
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
        journal_field(out, "AULERT_ID", a->id);
        journal_field(out, "AULERT_LEVEL", str_from(alert_level_name(a->level)));
        journal_field(out, "AULERT_RULE", a->rule_id);
        journal_field(out, "AULERT_TITLE", a->rule_title);
        journal_field(out, "AULERT_EVENT", a->event_id);
        if (a->user.n)
                journal_field(out, "AULERT_USER", a->user);
        if (a->addr.n)
                journal_field(out, "AULERT_ADDR", a->addr);
        if (a->node.n)
                journal_field(out, "AULERT_NODE", a->node);
        for (size_t i = 0; i < a->n_tags; i++)
                journal_field(out, "AULERT_TAG", a->tags[i]);
        for (size_t i = 0; i < a->n_keys; i++)
                journal_field(out, "AULERT_KEY", a->keys[i]);
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Buf entry = BUF_INIT;
        int r;

        put_entry(&entry, alert);
        r = journal_send(&entry);
        buf_done(&entry);
        sink_settle(sink, id, r < 0 ? SINK_RETRY : SINK_DELIVERED, r < 0 ? strerror(-r) : "");
        return 0;
}

const SinkOps sink_journal = {
        .type = "journal", .open = open_journal, .submit = submit, .close = close_journal
};
