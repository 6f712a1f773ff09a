/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>
#include "alert/alert.h"
#include "base/escape.h"

/* No printf here: of all that is done for an alert, it was a fifth. */
static void json_string(Buf *out, const char *key, Str value) {
        buf_putc(out, '"');
        buf_putz(out, key);
        BUF_LIT(out, "\":\"");
        escape_json(out, value);
        buf_putc(out, '"');
}

static void json_list(Buf *out, const char *key, const Str *list, size_t n) {
        BUF_LIT(out, ",\"");
        buf_putz(out, key);
        BUF_LIT(out, "\":[");
        for (size_t i = 0; i < n; i++) {
                buf_putz(out, i ? ",\"" : "\"");
                escape_json(out, list[i]);
                buf_putc(out, '"');
        }
        buf_putc(out, ']');
}

/* Years beyond what struct tm holds are shown as seconds, with @ before them. */
static void put_time(Buf *out, const Alert *a, bool local) {
        time_t sec = (time_t)a->sec;
        char text[64];
        struct tm tm;

        if (!(local ? localtime_r(&sec, &tm) : gmtime_r(&sec, &tm)) || tm.tm_year > 9999 - 1900 ||
            tm.tm_year < -1900) {
                buf_printf(out, "@%lld", (long long)a->sec);
                return;
        }
        strftime(text, sizeof(text), local ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(out, local ? "%s" : "%s.%03uZ", text, (unsigned)a->ms);
}

/* Members that are not always there; user and addr were there from the start and stay. */
static void put_optional(Buf *out, const Alert *a) {
        const struct {
                const char *key;
                Str value;
        } members[] = {
                { "actor", a->actor },
                { "as", a->as_user },
                { "category", a->category },
                { "action", a->action },
                { "operation", a->operation },
                { "object", a->object },
                { "object_kind", a->object_kind },
                { "result", a->result },
                { "exe", a->exe },
                { "pid", a->pid },
                { "session", a->ses },
                { "terminal", a->terminal },
        };

        for (size_t i = 0; i < ARRAY_SIZE(members); i++)
                if (members[i].value.n) {
                        buf_putc(out, ',');
                        json_string(out, members[i].key, members[i].value);
                }
}

static void put_rule(Buf *out, const Alert *a) {
        BUF_LIT(out, ",\"rule\":{");
        json_string(out, "id", a->rule_id);
        buf_putc(out, ',');
        json_string(out, "title", a->rule_title);
        if (a->description.n) {
                buf_putc(out, ',');
                json_string(out, "description", a->description);
        }
        if (a->n_references)
                json_list(out, "references", a->references, a->n_references);
        buf_putc(out, '}');
}

static void put_records(Buf *out, Str lines) {
        BUF_LIT(out, ",\"records\":[");
        for (bool first = true; lines.n; first = false) {
                const char *newline = memchr(lines.p, '\n', lines.n);
                size_t n = newline ? (size_t)(newline - lines.p) : lines.n;

                buf_putz(out, first ? "\"" : ",\"");
                escape_json(out, (Str){ lines.p, n });
                buf_putc(out, '"');
                n += newline != NULL;
                lines = (Str){ lines.p + n, lines.n - n };
        }
        buf_putc(out, ']');
}

static void put_json(Buf *out, const Alert *a, bool records) {
        buf_printf(out, "{\"schema\":%d,\"kind\":\"%s\",", ALERT_SCHEMA, alert_kind_name(a->kind));
        json_string(out, "id", a->id);
        BUF_LIT(out, ",\"time\":\"");
        put_time(out, a, false);
        BUF_LIT(out, "\",");
        if (a->node.n) {
                json_string(out, "node", a->node);
                buf_putc(out, ',');
        }
        json_string(out, "level", str_from(alert_level_name(a->level)));
        buf_putc(out, ',');
        json_string(out, "sentence", a->sentence);
        buf_putc(out, ',');
        json_string(out, "user", a->user);
        buf_putc(out, ',');
        json_string(out, "addr", a->addr);
        put_optional(out, a);
        put_rule(out, a);
        json_list(out, "tags", a->tags, a->n_tags);
        json_list(out, "keys", a->keys, a->n_keys);
        buf_putc(out, ',');
        json_string(out, "event", a->event_id);
        if (a->n_folded)
                buf_printf(out, ",\"folded\":%u", a->n_folded);
        if (records && a->records.n)
                put_records(out, a->records);
        if (a->truncated)
                BUF_LIT(out, ",\"truncated\":true");
        BUF_LIT(out, "}\n");
}

void alert_json(Buf *out, const Alert *a) { put_json(out, a, false); }
void alert_json_records(Buf *out, const Alert *a) { put_json(out, a, true); }

void alert_text(Buf *out, const Alert *a, bool color) {
        static const char *const colors[_RULE_LEVEL_N] = {
                [RULE_INFORMATIONAL] = "2", [RULE_LOW] = "36",          [RULE_MEDIUM] = "33",
                [RULE_HIGH] = "1;31",       [RULE_CRITICAL] = "1;7;31",
        };

        put_time(out, a, true);
        if (color)
                buf_printf(out, "  \x1b[%sm%-13s\x1b[0m ", colors[a->level], alert_level_name(a->level));
        else
                buf_printf(out, "  %-13s ", alert_level_name(a->level));
        escape_terminal(out, a->sentence);
        buf_putz(out, color ? "\n  \x1b[2m" : "\n  ");
        escape_terminal(out, a->rule_title);
        if (a->event_id.n) {
                BUF_LIT(out, " - event ");
                escape_terminal(out, a->event_id);
        }
        buf_putz(out, color ? "\x1b[0m\n" : "\n");
}
