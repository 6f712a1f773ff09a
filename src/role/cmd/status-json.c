/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of the service as one JSON object. */
#include "base/escape.h"
#include "role/account/status-lines.h"

static void put_text(Buf *out, Str s) {
        buf_putc(out, '"');
        escape_json(out, s);
        buf_putc(out, '"');
}

/* "key":"text", with what separates it from the one before. */
static void text(Buf *out, const char *key, Str s) {
        buf_printf(out, "%s\"%s\":", out->p[out->n - 1] == '{' ? "" : ",", key);
        put_text(out, s);
}

static void number(Buf *out, const char *key, uint64_t v) {
        buf_printf(out, "%s\"%s\":%llu", out->p[out->n - 1] == '{' ? "" : ",", key, (unsigned long long)v);
}

static void counters_of(Buf *out, const Status *s, Str role, Str sink) {
        buf_putc(out, '{');
        for (size_t i = 0; i < s->n_counters && !out->failed; i++)
                if ((sink.n || str_eq(s->counters[i].role, role)) && str_eq(s->counters[i].line.sink, sink))
                        number(out, s->counters[i].line.kind.desc->name, s->counters[i].line.value);
        buf_putc(out, '}');
}

static void losses(Buf *out, const Status *s) {
        bool any = false;

        buf_putz(out, ",\"losses\":[");
        for (size_t i = 0; i < s->n_counters && !out->failed; i++) {
                const StatusCounter *c = &s->counters[i];

                if (!status_is_loss(c))
                        continue;
                buf_putz(out, any ? ",{" : "{");
                any = true;
                text(out, "role", c->role);
                if (c->line.sink.n)
                        text(out, "sink", c->line.sink);
                text(out, "name", str_from(c->line.kind.desc->name));
                number(out, "value", c->line.value);
                text(out, "help", str_from(c->line.kind.desc->help));
                buf_putc(out, '}');
        }
        buf_putc(out, ']');
}

static void kernel(Buf *out, const Status *s) {
        buf_putz(out, ",\"kernel\":{");
        if (s->kernel.known) {
                number(out, "lost_since_boot", s->kernel.lost);
                number(out, "backlog", s->kernel.backlog);
                number(out, "backlog_limit", s->kernel.backlog_limit);
        } else {
                text(out, "unknown", s->kernel.why);
        }
        buf_putc(out, '}');
}

static void gaps(Buf *out, const Status *s) {
        buf_putz(out, ",\"serial_gaps\":[");
        for (size_t i = 0; i < s->n_gaps && !out->failed; i++) {
                buf_putz(out, i ? ",{" : "{");
                text(out, "node", s->gaps[i].node);
                number(out, "missing", s->gaps[i].n);
                buf_putc(out, '}');
        }
        buf_putc(out, ']');
}

static void processes(Buf *out, const Status *s) {
        buf_putz(out, ",\"processes\":[");
        for (size_t i = 0; i < s->n_processes && !out->failed; i++) {
                buf_putz(out, i ? ",{" : "{");
                text(out, "role", s->processes[i].role);
                number(out, "pid", s->processes[i].pid);
                number(out, "uptime_s", s->processes[i].up_s);
                buf_putz(out, ",\"counters\":");
                counters_of(out, s, s->processes[i].role, STR(""));
                buf_putc(out, '}');
        }
        buf_putc(out, ']');
}

static const char *state_of(const Status *s, const StatusSink *k) {
        const StatusCounter *rests = status_find(s, k->name, "rests_ms");
        const StatusCounter *waiting = status_find(s, k->name, "waiting");

        return rests && rests->line.value ? "retrying" : waiting && waiting->line.value ? "waiting" : "idle";
}

static void sinks(Buf *out, const Status *s) {
        buf_putz(out, ",\"sinks\":[");
        for (size_t i = 0; i < s->n_sinks && !out->failed; i++) {
                buf_putz(out, i ? ",{" : "{");
                text(out, "name", s->sinks[i].name);
                text(out, "type", s->sinks[i].type);
                text(out, "state", str_from(state_of(s, &s->sinks[i])));
                if (s->sinks[i].why.n)
                        text(out, "trouble", s->sinks[i].why);
                buf_putz(out, ",\"counters\":");
                counters_of(out, s, STR(""), s->sinks[i].name);
                buf_putc(out, '}');
        }
        buf_putc(out, ']');
}

static void dead_letters(Buf *out, const Status *s) {
        buf_putz(out, ",\"dead_letters\":[");
        for (size_t i = 0; i < s->n_dead && !out->failed; i++) {
                buf_putz(out, i ? ",{" : "{");
                text(out, "alert", s->dead[i].id);
                text(out, "sink", s->dead[i].sink);
                number(out, "tries", s->dead[i].tries);
                text(out, "why", s->dead[i].why);
                buf_putc(out, '}');
        }
        buf_putc(out, ']');
}

void status_json(Buf *out, const Status *s) {
        buf_printf(out, "{\"complete\":%s", s->complete ? "true" : "false");
        losses(out, s);
        kernel(out, s);
        gaps(out, s);
        text(out, "version", s->version);
        number(out, "uptime_s", s->n_processes ? s->processes[0].up_s : 0);
        number(out, "rules", s->n_rules);
        if (s->reload.n) {
                buf_putz(out, ",\"reload\":{");
                text(out, "result", s->reload);
                number(out, "ago_s", s->reload_s);
                buf_putc(out, '}');
        }
        buf_putz(out, ",\"silent\":[");
        for (size_t i = 0; i < s->n_silent; i++) {
                buf_putz(out, i ? "," : "");
                put_text(out, s->silent[i]);
        }
        buf_putc(out, ']');
        processes(out, s);
        sinks(out, s);
        dead_letters(out, s);
        number(out, "not_understood", s->n_unknown);
        buf_putz(out, "}\n");
}
