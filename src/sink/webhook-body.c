/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>
#include "base/escape.h"
#include "sink/webhook-body.h"

static Str host_of(const Alert *a, Str host) { return a->node.n ? a->node : host; }

static void json_member(Buf *out, const char *key, Str value) {
        buf_printf(out, "\"%s\":\"", key);
        escape_json(out, value);
        buf_putc(out, '"');
}

/* Inert, but with the lines that a digest has. */
static void put_lines(Buf *out, const Alert *a, Str s) {
        while (s.n) {
                const char *end = a->kind == ALERT_EVENT ? NULL : memchr(s.p, '\n', s.n);
                size_t n = end ? (size_t)(end - s.p) : s.n;

                escape_terminal(out, (Str){ s.p, n });
                if (end)
                        buf_putc(out, '\n');
                s = (Str){ s.p + n + (end != NULL), s.n - n - (end != NULL) };
        }
}

/* What a person reads in a chat: the sentence, then level, rule and machine. */
static void put_words(Buf *out, const Alert *a, Str host) {
        put_lines(out, a, a->sentence);
        buf_printf(out, "\n%s: ", alert_level_name(a->level));
        escape_terminal(out, a->rule_title);
        BUF_LIT(out, ", on ");
        escape_terminal(out, host_of(a, host));
        if (a->event_id.n) {
                BUF_LIT(out, ", event ");
                escape_terminal(out, a->event_id);
        }
}

/* Slack reads <...> as a link or a mention of somebody; with & they are all it wants escaped. */
static void put_slack_text(Buf *out, Str s) {
        for (size_t i = 0; i < s.n; i++)
                switch (s.p[i]) {
                case '&': BUF_LIT(out, "&amp;"); break;
                case '<': BUF_LIT(out, "&lt;"); break;
                case '>': BUF_LIT(out, "&gt;"); break;
                default: buf_putc(out, s.p[i]);
                }
}

static void put_generic(Buf *out, const Alert *a, Str host, Str topic) { alert_json_records(out, a); }

/* Nothing that an attacker names is fetched, rendered or taken for a person. */
static void put_slack(Buf *out, const Alert *a, Str host, Str topic) {
        Buf words = BUF_INIT, text = BUF_INIT;

        put_words(&words, a, host);
        put_slack_text(&text, buf_view(&words));
        buf_putc(out, '{');
        json_member(out, "text", buf_view(&text));
        BUF_LIT(out, ",\"mrkdwn\":false,\"unfurl_links\":false,\"unfurl_media\":false}\n");
        out->failed |= words.failed || text.failed;
        buf_done(&words);
        buf_done(&text);
}

static void put_matrix(Buf *out, const Alert *a, Str host, Str topic) {
        Buf words = BUF_INIT;

        put_words(&words, a, host);
        BUF_LIT(out, "{\"msgtype\":\"m.text\",");
        json_member(out, "body", buf_view(&words));
        BUF_LIT(out, "}\n");
        out->failed |= words.failed;
        buf_done(&words);
}

static Str head(Str s, size_t max) {
        size_t n = s.n < max ? s.n : max;

        while (n && n < s.n && (s.p[n] & 0xC0) == 0x80)
                n--;
        return (Str){ s.p, n };
}

static void put_ntfy(Buf *out, const Alert *a, Str host, Str topic) {
        static const int priorities[_RULE_LEVEL_N] = { [RULE_INFORMATIONAL] = 2,
                                                       [RULE_LOW] = 3,
                                                       [RULE_MEDIUM] = 3,
                                                       [RULE_HIGH] = 4,
                                                       [RULE_CRITICAL] = 5 };
        Buf words = BUF_INIT, title = BUF_INIT;

        put_words(&words, a, host);
        escape_terminal(&title, a->rule_title);
        buf_putc(out, '{');
        json_member(out, "topic", topic);
        buf_putc(out, ',');
        json_member(out, "title", head(buf_view(&title), 250));
        buf_putc(out, ',');
        json_member(out, "message", head(buf_view(&words), WEBHOOK_NTFY_MAX));
        buf_printf(out, ",\"priority\":%d,\"tags\":[\"%s\"]}\n", priorities[a->level],
                   alert_level_name(a->level));
        out->failed |= words.failed || title.failed;
        buf_done(&words);
        buf_done(&title);
}

void webhook_body(Buf *out, WebhookPreset preset, const Alert *a, Str host, Str topic) {
        static void (*const put[_WEBHOOK_PRESET_N])(Buf *, const Alert *, Str, Str) = {
                [WEBHOOK_GENERIC] = put_generic,
                [WEBHOOK_SLACK] = put_slack,
                [WEBHOOK_MATRIX] = put_matrix,
                [WEBHOOK_NTFY] = put_ntfy,
        };

        put[preset](out, a, host, topic);
}

#define TEXT(_name, _member) \
        { _name, offsetof(Alert, _member) }

static const struct {
        const char *name;
        size_t offset; /* of a Str */
} texts[] = {
        TEXT("id", id),
        TEXT("rule", rule_id),
        TEXT("title", rule_title),
        TEXT("event", event_id),
        TEXT("node", node),
        TEXT("sentence", sentence),
        TEXT("actor", actor),
        TEXT("action", action),
        TEXT("object", object),
        TEXT("result", result),
        TEXT("user", user),
        TEXT("addr", addr),
        TEXT("exe", exe),
        TEXT("pid", pid),
        TEXT("session", ses),
        TEXT("terminal", terminal),
        TEXT("records", records),
        TEXT("description", description),
};

/* Those that are no texts of the alert. */
static const char *const others[] = { "level", "kind", "time", "host", "keys", "tags" };

static bool is_name(Str name) {
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (str_eqz(name, texts[i].name))
                        return true;
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                if (str_eqz(name, others[i]))
                        return true;
        return false;
}

static void put_list(Buf *out, const Str *list, size_t n) {
        for (size_t i = 0; i < n; i++) {
                buf_putz(out, i ? ", " : "");
                buf_str(out, list[i]);
        }
}

static void put_time(Buf *out, const Alert *a) {
        time_t sec = (time_t)a->sec;
        char text[64];
        struct tm tm;

        if (!gmtime_r(&sec, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900) {
                buf_printf(out, "@%lld", (long long)a->sec);
                return;
        }
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(out, "%s.%03uZ", text, (unsigned)a->ms);
}

static void put_value(Buf *out, Str name, const Alert *a, Str host) {
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (str_eqz(name, texts[i].name))
                        buf_str(out, *(const Str *)(const void *)((const char *)a + texts[i].offset));
        if (str_eqz(name, "level"))
                buf_putz(out, alert_level_name(a->level));
        else if (str_eqz(name, "kind"))
                buf_putz(out, alert_kind_name(a->kind));
        else if (str_eqz(name, "time"))
                put_time(out, a);
        else if (str_eqz(name, "host"))
                buf_str(out, host_of(a, host));
        else if (str_eqz(name, "keys"))
                put_list(out, a->keys, a->n_keys);
        else if (str_eqz(name, "tags"))
                put_list(out, a->tags, a->n_tags);
}

static void put_name(Buf *out, Str name, const Alert *a, Str host, bool json) {
        Buf value = BUF_INIT;

        put_value(&value, name, a, host);
        out->failed |= value.failed;
        if (json)
                escape_json(out, buf_view(&value));
        else
                put_lines(out, a, buf_view(&value));
        buf_done(&value);
}

/* Length of {name} at @s, which begins with a brace; 0 where that brace is only a brace, as in JSON. */
static size_t name_length(Str s) {
        size_t n = 1;

        while (n < s.n && s.p[n] >= 'a' && s.p[n] <= 'z')
                n++;
        return n > 1 && n < s.n && s.p[n] == '}' ? n + 1 : 0;
}

/* The next piece of what is left of a template. True: it is a name, without its braces. */
static bool next_piece(Str *rest, Str *ret) {
        size_t n = rest->p[0] == '{' ? name_length(*rest) : 0;
        bool is_name = n;

        if (is_name) {
                *ret = (Str){ rest->p + 1, n - 2 };
        } else {
                for (n = 1; n < rest->n && rest->p[n] != '{';)
                        n++;
                *ret = (Str){ rest->p, n };
        }
        *rest = (Str){ rest->p + n, rest->n - n };
        return is_name;
}

bool webhook_template_check(Str template, Str *ret_unknown) {
        while (template.n) {
                Str piece;

                if (next_piece(&template, &piece) && !is_name(piece)) {
                        *ret_unknown = piece;
                        return false;
                }
        }
        return true;
}

void webhook_template(Buf *out, Str template, const Alert *a, Str host, bool json) {
        while (template.n) {
                Str piece;

                if (next_piece(&template, &piece))
                        put_name(out, piece, a, host, json);
                else
                        buf_str(out, piece);
        }
}
