/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>
#include "base/escape.h"
#include "sink/syslog-format.h"

#define HOST_MAX 255u
#define SD_MAX   3000u /* bytes of the structured data */
#define TEXT_MAX 4500u /* of the sentence, made inert */

bool syslog_is_name(Str s, size_t max) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < 33 || s.p[i] > 126)
                        return false;
        return s.n && s.n <= max;
}

bool syslog_is_sd_name(Str s) {
        return syslog_is_name(s, 32) && !memchr(s.p, '=', s.n) && !memchr(s.p, ']', s.n) &&
               !memchr(s.p, '"', s.n);
}

static unsigned severity(RuleLevel level) {
        static const unsigned of[_RULE_LEVEL_N] = { [RULE_INFORMATIONAL] = 6,
                                                    [RULE_LOW] = 5,
                                                    [RULE_MEDIUM] = 4,
                                                    [RULE_HIGH] = 3,
                                                    [RULE_CRITICAL] = 2 };

        return of[level];
}

/* Years that RFC 3339 cannot express have no time. */
static bool time_of(const Alert *a, bool local, struct tm *ret) {
        time_t sec = (time_t)a->sec;

        return (local ? localtime_r(&sec, ret) : gmtime_r(&sec, ret)) && ret->tm_year >= -1900 &&
               ret->tm_year <= 9999 - 1900;
}

static void put_time(Buf *out, const Alert *a) {
        char text[32];
        struct tm tm;

        if (!time_of(a, false, &tm)) {
                buf_putc(out, '-');
                return;
        }
        strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(out, "%s.%03uZ", text, (unsigned)(a->ms % 1000));
}

/* What no host name holds becomes a question mark. */
static void put_host(Buf *out, Str host) {
        if (!host.n)
                buf_putc(out, '-');
        for (size_t i = 0; i < host.n && i < HOST_MAX; i++)
                buf_putc(out, host.p[i] > 32 && host.p[i] < 127 ? host.p[i] : '?');
}

/* Cut at a character; escape_terminal() gives valid UTF-8. */
static Str cut(Str s, size_t max) {
        if (s.n <= max)
                return s;
        while (max && ((uint8_t)s.p[max] & 0xC0) == 0x80)
                max--;
        return (Str){ s.p, max };
}

typedef struct {
        Buf *out;
        Buf inert; /* room for one value */
        size_t end;
        bool cut;
} Data;

/* PARAM-VALUE: " \ and ] have a backslash before them (RFC 5424, 6.3.3). */
static void put_param(Data *d, const char *name, Str value) {
        size_t before = d->out->n;

        if (!value.n)
                return;
        buf_clear(&d->inert);
        escape_terminal(&d->inert, value);
        buf_printf(d->out, " %s=\"", name);
        for (size_t i = 0; i < d->inert.n; i++) {
                if (strchr("\"\\]", d->inert.p[i]))
                        buf_putc(d->out, '\\');
                buf_putc(d->out, d->inert.p[i]);
        }
        buf_putc(d->out, '"');
        if (d->out->n > d->end) {
                d->out->n = before;
                d->cut = true;
        }
}

static void put_data(Buf *out, const SyslogFormat *f, const Alert *a) {
        const struct {
                const char *name;
                Str value;
        } params[] = {
                { "id", a->id },
                { "level", str_from(alert_level_name(a->level)) },
                { "rule", a->rule_id },
                { "event", a->event_id },
                { "title", a->rule_title },
                { "user", a->user },
                { "addr", a->addr },
                { "node", a->node },
                { "actor", a->actor },
                { "action", a->action },
                { "object", a->object },
                { "result", a->result },
                { "exe", a->exe },
        };
        Data d = { .out = out, .inert = BUF_INIT, .end = out->n + SD_MAX };

        buf_putc(out, '[');
        buf_str(out, f->sd_id);
        for (size_t i = 0; i < ARRAY_SIZE(params); i++)
                put_param(&d, params[i].name, params[i].value);
        for (size_t i = 0; i < a->n_tags; i++)
                put_param(&d, "tag", a->tags[i]);
        for (size_t i = 0; i < a->n_keys; i++)
                put_param(&d, "key", a->keys[i]);
        if (d.cut || a->truncated)
                BUF_LIT(out, " truncated=\"true\"");
        buf_putc(out, ']');
        buf_done(&d.inert);
}

static void put_inert(Buf *out, Str text, size_t max) {
        Buf inert = BUF_INIT;

        escape_terminal(&inert, text);
        buf_str(out, cut(buf_view(&inert), max));
        if (inert.failed)
                out->failed = true;
        buf_done(&inert);
}

/* What syslog(3) of the C library writes. */
static void format_local(Buf *out, const SyslogFormat *f, const Alert *a) {
        char text[32] = "";
        struct tm tm;

        if (time_of(a, true, &tm))
                strftime(text, sizeof(text), "%b %e %H:%M:%S ", &tm);
        buf_putz(out, text);
        buf_str(out, f->app_name);
        buf_printf(out, "[%d]: ", f->pid);
        put_inert(out, a->sentence, TEXT_MAX);
        buf_printf(out, " (%s: ", alert_level_name(a->level));
        put_inert(out, a->rule_title, TEXT_MAX / 4);
        if (a->node.n) {
                BUF_LIT(out, ", node ");
                put_inert(out, a->node, HOST_MAX);
        }
        if (a->event_id.n) {
                BUF_LIT(out, ", event ");
                put_inert(out, a->event_id, HOST_MAX * 2);
        }
        buf_putc(out, ')');
}

void syslog_format(Buf *out, const SyslogFormat *f, const Alert *a) {
        buf_printf(out, "<%u>", f->facility * 8 + severity(a->level));
        if (f->local) {
                format_local(out, f, a);
                return;
        }
        BUF_LIT(out, "1 ");
        put_time(out, a);
        buf_putc(out, ' ');
        put_host(out, a->node.n ? a->node : f->host);
        buf_putc(out, ' ');
        buf_str(out, f->app_name);
        buf_printf(out, " %d %s ", f->pid, alert_kind_name(a->kind));
        put_data(out, f, a);
        BUF_LIT(out, " \xEF\xBB\xBF"); /* the text is UTF-8 */
        put_inert(out, a->sentence, TEXT_MAX);
}
