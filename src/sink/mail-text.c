/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/escape.h"
#include "sink/mail-text.h"

#define LINE         76u /* RFC 2047, 2: of a line with an encoded word */
#define NAME         9u  /* "Subject: " */
#define WORD_OPEN    "=?UTF-8?B?"
#define WORD_CLOSE   "?="
#define WORD_AROUND  12u
#define ELLIPSIS     "\xE2\x80\xA6"
#define LABEL_COLUMN 9

static bool is_plain(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < 0x20 || s.p[i] > 0x7E || (s.p[i] == '=' && i + 1 < s.n && s.p[i + 1] == '?'))
                        return false;
        return s.n && s.n <= LINE - NAME && s.p[0] != ' ' && s.p[s.n - 1] != ' ';
}

/* The longest head of at most @max bytes that ends between two characters. */
static size_t whole(Str s, size_t max) {
        size_t n = s.n < max ? s.n : max;

        while (n && n < s.n && (s.p[n] & 0xC0) == 0x80)
                n--;
        return n;
}

void mail_header_text(Buf *out, Str s) {
        size_t room = LINE - NAME;

        if (is_plain(s)) {
                buf_str(out, s);
                return;
        }
        while (s.n) {
                size_t n = whole(s, (room - WORD_AROUND) / 4 * 3);

                BUF_LIT(out, WORD_OPEN);
                escape_base64(out, (Str){ s.p, n });
                BUF_LIT(out, WORD_CLOSE);
                s = (Str){ s.p + n, s.n - n };
                if (s.n)
                        BUF_LIT(out, "\r\n ");
                room = LINE - 1;
        }
}

static Str first_line(Str s) {
        const char *end = s.n ? memchr(s.p, '\n', s.n) : NULL;

        return end ? (Str){ s.p, (size_t)(end - s.p) } : s;
}

/* A digest has several lines; the words of an event are one, whatever they hold. */
static bool has_lines(const Alert *a) { return a->kind != ALERT_EVENT; }

void mail_subject(Buf *out, Str prefix, const Alert *a) {
        Buf text = BUF_INIT;
        size_t n;

        escape_terminal(&text, prefix);
        if (prefix.n)
                buf_putc(&text, ' ');
        buf_printf(&text, "%s: ", alert_level_name(a->level));
        escape_terminal(&text, has_lines(a) ? first_line(a->sentence) : a->sentence);
        n = whole(buf_view(&text), MAIL_SUBJECT_MAX);
        if (n < text.n) {
                text.n = n;
                BUF_LIT(&text, ELLIPSIS);
        }
        out->failed |= text.failed;
        mail_header_text(out, buf_view(&text));
        buf_done(&text);
}

/* Not strftime(): names of days and months are English, whatever the locale. */
void mail_date(Buf *out, time_t when) {
        static const char days[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" },
                          months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                          "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
        struct tm tm = { .tm_mday = 1, .tm_year = 70, .tm_wday = 4 };

        gmtime_r(&when, &tm);
        buf_printf(out, "%s, %d %s %d %02d:%02d:%02d +0000", days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon],
                   tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_line(Buf *out, Str s) {
        escape_terminal(out, s);
        BUF_LIT(out, "\r\n");
}

/* Lines after the first are indented by @indent: none of them looks like something else. */
static void put_lines(Buf *out, Str s, int indent) {
        for (bool first = true; s.n || first; first = false) {
                Str line = first_line(s);

                if (!first)
                        buf_printf(out, "%*s", indent, "");
                put_line(out, line);
                s.p += line.n + (line.n < s.n);
                s.n -= line.n + (line.n < s.n);
                if (!s.n)
                        break;
        }
}

static void put_label(Buf *out, const char *label) { buf_printf(out, "%-*s", LABEL_COLUMN, label); }

static void put_labelled(Buf *out, const char *label, Str value) {
        if (!value.n)
                return;
        put_label(out, label);
        put_line(out, value);
}

static void put_list(Buf *out, const char *label, const Str *list, size_t n) {
        for (size_t i = 0; i < n; i++)
                put_labelled(out, i ? "" : label, list[i]);
}

static void put_time(Buf *out, const Alert *a) {
        time_t sec = (time_t)a->sec;
        char text[64], zone[16];
        struct tm tm;

        put_label(out, "Time:");
        if (!localtime_r(&sec, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900) {
                buf_printf(out, "@%lld\r\n", (long long)a->sec);
                return;
        }
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        strftime(zone, sizeof(zone), "%z", &tm);
        buf_printf(out, "%s.%03u %s\r\n", text, (unsigned)a->ms, zone);
}

static void put_rule(Buf *out, const Alert *a) {
        put_label(out, "Rule:");
        escape_terminal(out, a->rule_title);
        if (a->rule_id.n) {
                BUF_LIT(out, " (");
                escape_terminal(out, a->rule_id);
                buf_putc(out, ')');
        }
        BUF_LIT(out, "\r\n");
        if (a->description.n) {
                put_label(out, "");
                put_lines(out, a->description, LABEL_COLUMN);
        }
}

/* auditd separates what it resolved from the record by the byte 0x1d: a space here, as in ausearch's output. */
static void put_record(Buf *out, Str line) {
        for (const char *mark; line.n && (mark = memchr(line.p, 0x1d, line.n));) {
                size_t n = (size_t)(mark - line.p);

                escape_terminal(out, (Str){ line.p, n });
                buf_putc(out, ' ');
                line = (Str){ mark + 1, line.n - n - 1 };
        }
        put_line(out, line);
}

static void put_records(Buf *out, const Alert *a) {
        Str rest = a->records;

        if (!rest.n)
                return;
        buf_putz(out, a->kind == ALERT_EVENT ? "\r\nThe records of the event:\r\n\r\n" : "\r\n");
        while (rest.n) {
                Str line = first_line(rest);

                put_record(out, line);
                rest.p += line.n + (line.n < rest.n);
                rest.n -= line.n + (line.n < rest.n);
        }
}

void mail_text(Buf *out, const Alert *a, Str host) {
        if (has_lines(a))
                put_lines(out, a->sentence, 2);
        else
                put_line(out, a->sentence);
        BUF_LIT(out, "\r\n");
        put_time(out, a);
        put_labelled(out, "Host:", a->node.n ? a->node : host);
        put_labelled(out, "Level:", str_from(alert_level_name(a->level)));
        put_rule(out, a);
        put_labelled(out, "Event:", a->event_id);
        put_labelled(out, "User:", a->user);
        put_labelled(out, "From:", a->addr);
        put_list(out, "Key:", a->keys, a->n_keys);
        put_list(out, "See:", a->references, a->n_references);
        put_records(out, a);
        if (a->truncated)
                BUF_LIT(out, "\r\nSomething was too long and has been cut; the audit log has all of it.\r\n");
}
