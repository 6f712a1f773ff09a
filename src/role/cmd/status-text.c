/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state of the service for people: what was lost first, then what waits, then all counters. */
#include "base/escape.h"
#include "role/account/status-lines.h"

static void put_age(Buf *out, uint64_t s) {
        static const struct {
                uint64_t s;
                const char *word;
        } units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" }, { 1, "s" } };
        size_t i = 0;

        while (i < ARRAY_SIZE(units) - 1 && s < units[i].s)
                i++;
        buf_printf(out, "%llu %s", (unsigned long long)(s / units[i].s), units[i].word);
        if (i < 2)
                buf_printf(out, " %llu %s", (unsigned long long)(s % units[i].s / units[i + 1].s),
                           units[i + 1].word);
}

static unsigned long long value(const Status *s, Str sink, const char *name) {
        const StatusCounter *c = status_find(s, sink, name);

        return c ? c->line.value : 0;
}

static void head(Buf *out, const Status *s) {
        buf_putz(out, "aulert ");
        escape_terminal(out, s->version);
        if (s->n_processes) {
                buf_putz(out, ", running for ");
                put_age(out, s->processes[0].up_s);
        }
        buf_printf(out, ", %llu rules", (unsigned long long)s->n_rules);
        if (s->reload.n) {
                buf_putz(out, "; last reload ");
                escape_terminal(out, s->reload);
                buf_putz(out, ", ");
                put_age(out, s->reload_s);
                buf_putz(out, " ago");
        }
        buf_putc(out, '\n');
        for (size_t i = 0; i < s->n_silent; i++) {
                buf_putz(out, "No answer from ");
                escape_terminal(out, s->silent[i]);
                buf_putz(out, ": what it counts is missing here.\n");
        }
        if (!s->complete && !s->n_silent)
                buf_putz(out, "The answer has no end: something is missing here.\n");
}

static void counter(Buf *out, const StatusCounter *c) {
        buf_printf(out, "  %12llu  %s", (unsigned long long)c->line.value, c->line.kind.desc->name);
        if (c->line.sink.n) {
                buf_putz(out, " of ");
                escape_terminal(out, c->line.sink);
        }
        buf_printf(out, ": %s\n", c->line.kind.desc->help);
}

static void losses(Buf *out, const Status *s) {
        bool any = false;

        for (size_t i = 0; i < s->n_counters; i++) {
                if (!status_is_loss(&s->counters[i]))
                        continue;
                if (!any)
                        buf_putz(out, "\nLost\n");
                any = true;
                counter(out, &s->counters[i]);
        }
        if (!any)
                buf_printf(out, "\n%s\n", s->complete ? "Nothing was lost." : "No loss among what is shown.");
}

static void kernel(Buf *out, const Status *s) {
        if (s->kernel.known) {
                buf_printf(out,
                           "\nThe kernel has dropped %llu records since it started; %llu of at most %llu "
                           "wait in it.\n",
                           (unsigned long long)s->kernel.lost, (unsigned long long)s->kernel.backlog,
                           (unsigned long long)s->kernel.backlog_limit);
                return;
        }
        buf_putz(out, "\nWhat the kernel has dropped is not known: ");
        escape_terminal(out, s->kernel.why);
        buf_putc(out, '\n');
}

static void gaps(Buf *out, const Status *s) {
        if (s->n_gaps)
                buf_putz(out, "\nNumbers of events that are missing, by node\n");
        for (size_t i = 0; i < s->n_gaps; i++) {
                buf_printf(out, "  %12llu  ", (unsigned long long)s->gaps[i].n);
                if (s->gaps[i].node.n)
                        escape_terminal(out, s->gaps[i].node);
                else
                        buf_putz(out, "of records that name no node");
                buf_putc(out, '\n');
        }
}

static void processes(Buf *out, const Status *s) {
        buf_putz(out, "\nProcesses\n");
        for (size_t i = 0; i < s->n_processes; i++) {
                const StatusProcess *p = &s->processes[i];

                buf_putz(out, "  ");
                escape_terminal(out, p->role);
                buf_printf(out, ": pid %llu, for ", (unsigned long long)p->pid);
                put_age(out, p->up_s);
                buf_putc(out, '\n');
        }
}

static void sink(Buf *out, const Status *s, const StatusSink *k) {
        unsigned long long waiting = value(s, k->name, "waiting"), rests = value(s, k->name, "rests_ms");

        buf_putz(out, "  ");
        escape_terminal(out, k->name);
        buf_putz(out, " (");
        escape_terminal(out, k->type);
        buf_printf(out, "): %llu delivered", value(s, k->name, "delivered"));
        if (value(s, k->name, "events_written"))
                buf_printf(out, ", %llu events", value(s, k->name, "events_written"));
        if (waiting)
                buf_printf(out, ", %llu waiting", waiting);
        if (value(s, k->name, "dead_letters"))
                buf_printf(out, ", %llu dead letters", value(s, k->name, "dead_letters"));
        if (rests)
                buf_printf(out, ", fails, and is tried again in %llu s", (rests + 999) / 1000);
        if (k->why.n) {
                buf_printf(out, "\n    %s: ", rests || waiting ? "trouble" : "last trouble");
                escape_terminal(out, k->why);
        }
        buf_putc(out, '\n');
}

static void delivery(Buf *out, const Status *s) {
        static const char *const held[] = { "alerts_held", "alerts_folded_by_once", "alerts_held_by_quiet",
                                            "alerts_over_rate", "login_alerts_folded" };
        bool any = false;

        buf_printf(out, "\nSinks\n%s", s->n_sinks ? "" : "  none\n");
        for (size_t i = 0; i < s->n_sinks; i++)
                sink(out, s, &s->sinks[i]);
        buf_printf(out, "\nSpool\n  %llu bytes in use%s\n", value(s, STR(""), "spool_bytes"),
                   value(s, STR(""), "spool_unusable") ? "; it cannot be written now" : "");
        for (size_t i = 0; i < ARRAY_SIZE(held); i++) {
                if (!value(s, STR(""), held[i]))
                        continue;
                buf_putz(out, any ? "" : "\nNot told one by one\n");
                any = true;
                counter(out, status_find(s, STR(""), held[i]));
        }
}

static void dead_letters(Buf *out, const Status *s) {
        if (s->n_dead)
                buf_putz(out, "\nDead letters\n");
        for (size_t i = 0; i < s->n_dead; i++) {
                const StatusDead *d = &s->dead[i];

                buf_putz(out, "  ");
                escape_terminal(out, d->id);
                buf_putz(out, " for ");
                escape_terminal(out, d->sink);
                buf_printf(out, ", given up after %llu tries: ", (unsigned long long)d->tries);
                escape_terminal(out, d->why);
                buf_putc(out, '\n');
        }
}

/* Those of 0 are in the JSON only. */
static void all_counters(Buf *out, const Status *s) {
        Str last = STR("");

        for (size_t i = 0; i < s->n_counters; i++) {
                if (!s->counters[i].line.value)
                        continue;
                if (!str_eq(last, s->counters[i].role)) {
                        last = s->counters[i].role;
                        buf_putz(out, "\nCounters of ");
                        escape_terminal(out, last);
                        buf_putc(out, '\n');
                }
                counter(out, &s->counters[i]);
        }
}

void status_text(Buf *out, const Status *s) {
        head(out, s);
        losses(out, s);
        kernel(out, s);
        gaps(out, s);
        processes(out, s);
        delivery(out, s);
        dead_letters(out, s);
        all_counters(out, s);
        if (s->n_unknown)
                buf_printf(out, "\n%zu lines were not understood: the service is of another version.\n",
                           s->n_unknown);
}
