/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal sink: one entry an alert, with fields to select by (journalctl AULERT_LEVEL=high).
 *
 * Speaks the journal's own protocol over a socket that does not block (systemd.io/JOURNAL_NATIVE_PROTOCOL): a field is
 * NAME=value, or, as the value may hold anything, NAME, its length in 64 bits little endian, value. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/escape.h"
#include "sink/sink.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define MESSAGE_ID     "9f363c13d2fb4f4384cd60407a18a3cd" /* ours, drawn once: "an alert" */

typedef struct {
        int fd;
} Journal;

static int open_journal(Sink *sink, const SinkConf *conf) {
        Journal *j = malloc(sizeof(*j));

        if (!j)
                return -ENOMEM;
        j->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (j->fd < 0) {
                int r = -errno;

                free(j);
                return r;
        }
        sink_set_state(sink, j);
        return 0;
}

static void close_journal(Sink *sink) {
        Journal *j = sink_state(sink);

        close(j->fd);
        free(j);
}

static void put_field(Buf *out, const char *name, Str value) {
        uint64_t n = htole64(value.n);

        buf_putz(out, name);
        buf_putc(out, '\n');
        buf_put(out, &n, sizeof(n));
        buf_str(out, value);
        buf_putc(out, '\n');
}

/* People read it with journalctl on a terminal: inert. The exact text is in the event. */
static void put_message(Buf *out, const Alert *a) {
        Buf text = BUF_INIT;

        escape_terminal(&text, a->sentence);
        put_field(out, "MESSAGE", buf_view(&text));
        buf_done(&text);
}

static void put_entry(Buf *out, const Alert *a) {
        static const char *const priorities[_RULE_LEVEL_N] = {
                [RULE_INFORMATIONAL] = "6", [RULE_LOW] = "5",      [RULE_MEDIUM] = "4",
                [RULE_HIGH] = "3",          [RULE_CRITICAL] = "2",
        };

        put_message(out, a);
        put_field(out, "PRIORITY", str_from(priorities[a->level]));
        put_field(out, "SYSLOG_IDENTIFIER", STR("aulert"));
        put_field(out, "MESSAGE_ID", STR(MESSAGE_ID));
        put_field(out, "AULERT_ID", a->id);
        put_field(out, "AULERT_LEVEL", str_from(alert_level_name(a->level)));
        put_field(out, "AULERT_RULE", a->rule_id);
        put_field(out, "AULERT_TITLE", a->rule_title);
        put_field(out, "AULERT_EVENT", a->event_id);
        if (a->user.n)
                put_field(out, "AULERT_USER", a->user);
        if (a->addr.n)
                put_field(out, "AULERT_ADDR", a->addr);
        if (a->node.n)
                put_field(out, "AULERT_NODE", a->node);
        for (size_t i = 0; i < a->n_tags; i++)
                put_field(out, "AULERT_TAG", a->tags[i]);
        for (size_t i = 0; i < a->n_keys; i++)
                put_field(out, "AULERT_KEY", a->keys[i]);
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        const struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = JOURNAL_SOCKET };
        const Journal *j = sink_state(sink);
        Buf entry = BUF_INIT;
        ssize_t n = -1;

        put_entry(&entry, alert);
        errno = ENOMEM;
        if (!entry.failed)
                n = sendto(j->fd, entry.p, entry.n, MSG_NOSIGNAL, (const struct sockaddr *)&to, sizeof(to));
        sink_settle(sink, id, n < 0 ? SINK_RETRY : SINK_DELIVERED, n < 0 ? strerror(errno) : "");
        buf_done(&entry);
        return 0;
}

const SinkOps sink_journal = {
        .type = "journal", .open = open_journal, .submit = submit, .close = close_journal
};
