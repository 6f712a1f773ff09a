/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "role/account/status-lines.h"

/* Up to the next tab, which goes too. */
static Str word(Str *rest) {
        const char *tab = rest->n ? memchr(rest->p, '\t', rest->n) : NULL;
        Str s = { rest->p, tab ? (size_t)(tab - rest->p) : rest->n };

        *rest = (Str){ rest->p + s.n + !!tab, rest->n - s.n - !!tab };
        return s;
}

static uint64_t number(Str s) {
        uint64_t v = 0;

        (void)str_u64(s, 10, &v);
        return v;
}

static bool take_process(Status *s, Str rest) {
        Str role = word(&rest), pid = word(&rest);

        if (s->n_processes == ARRAY_SIZE(s->processes))
                return false;
        s->processes[s->n_processes++] = (StatusProcess){ role, number(pid), number(rest) };
        return true;
}

static bool take_sink(Status *s, Str rest) {
        Str name = word(&rest);

        if (s->n_sinks == ARRAY_SIZE(s->sinks))
                return false;
        s->sink_names[s->n_sinks] = name;
        s->sinks[s->n_sinks++] = (StatusSink){ .name = name, .type = rest, .why = STR("") };
        return true;
}

static bool take_why(Status *s, Str rest) {
        Str name = word(&rest);

        for (size_t i = 0; i < s->n_sinks; i++)
                if (str_eq(s->sinks[i].name, name)) {
                        s->sinks[i].why = rest;
                        return true;
                }
        return false;
}

static bool take_dead(Status *s, Str rest) {
        Str id = word(&rest), tries = word(&rest), sink = word(&rest);

        if (s->n_dead == ARRAY_SIZE(s->dead))
                return false;
        s->dead[s->n_dead++] = (StatusDead){ id, sink, rest, number(tries) };
        return true;
}

static bool take_gaps(Status *s, Str rest) {
        Str n = word(&rest);

        if (s->n_gaps == ARRAY_SIZE(s->gaps))
                return false;
        s->gaps[s->n_gaps++] = (StatusGaps){ rest, number(n) };
        return true;
}

static bool take_reload(Status *s, Str rest) {
        s->reload = word(&rest);
        s->reload_s = number(rest);
        return true;
}

static bool take_kernel(Status *s, Str rest) {
        Str lost = word(&rest), backlog;

        s->kernel.known = !str_eqz(lost, "unknown");
        if (!s->kernel.known) {
                s->kernel.why = rest;
                return true;
        }
        backlog = word(&rest);
        s->kernel.lost = number(lost);
        s->kernel.backlog = number(backlog);
        s->kernel.backlog_limit = number(rest);
        return true;
}

static bool take_version(Status *s, Str rest) {
        s->version = rest;
        return true;
}

static bool take_rules(Status *s, Str rest) {
        s->n_rules = number(rest);
        return true;
}

static bool take_end(Status *s, Str rest) { return s->complete = true; }

static const struct {
        const char *role, *name;
        bool (*take)(Status *s, Str rest);
} words[] = {
        { "supervisor", "version", take_version },
        { "supervisor", "rules", take_rules },
        { "supervisor", "reload", take_reload },
        { "supervisor", "process", take_process },
        { "supervisor", "sink", take_sink },
        { "supervisor", "end", take_end },
        { "supervisor", "kernel", take_kernel },
        { "engine", "gaps", take_gaps },
        { "deliver", "why", take_why },
        { "deliver", "dead", take_dead },
};

static bool take_word(Status *s, Str role, Str rest) {
        Str name = word(&rest);

        if (str_eqz(name, "silent") && s->n_silent < ARRAY_SIZE(s->silent)) {
                s->silent[s->n_silent++] = role;
                return true;
        }
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (str_eqz(role, words[i].role) && str_eqz(name, words[i].name))
                        return words[i].take(s, rest);
        return false;
}

static void take_line(Status *s, Str line) {
        Str role = word(&line);
        CounterLine counter;

        if (counters_parse(line, (StrList){ s->sink_names, s->n_sinks }, &counter))
                s->counters[s->n_counters++] = (StatusCounter){ role, counter };
        else if (!take_word(s, role, line))
                s->n_unknown++;
}

/* One that is being replaced was not asked, and counts nothing here either. */
static void miss(Status *s, const char *role) {
        for (size_t i = 0; i < s->n_processes; i++)
                if (str_eqz(s->processes[i].role, role))
                        return;
        if (s->n_silent < ARRAY_SIZE(s->silent))
                s->silent[s->n_silent++] = str_from(role);
}

int status_parse(Status *ret, Str text) {
        size_t n_lines = 1;
        Str line;

        *ret = (Status){ .version = STR(""), .reload = STR("") };
        for (size_t i = 0; i < text.n; i++)
                n_lines += text.p[i] == '\n';
        ret->counters = calloc(n_lines, sizeof(*ret->counters));
        if (!ret->counters)
                return -ENOMEM;
        while (counters_next_line(&text, &line))
                take_line(ret, line);
        if (ret->complete) {
                miss(ret, "engine");
                miss(ret, "deliver");
        }
        ret->complete = ret->complete && !ret->n_silent;
        return 0;
}

void status_done(Status *s) {
        free(s->counters);
        s->counters = NULL;
}

bool status_is_loss(const StatusCounter *c) { return c->line.kind.desc->loss && c->line.value; }

const StatusCounter *status_find(const Status *s, Str sink, const char *name) {
        for (size_t i = 0; i < s->n_counters; i++)
                if (str_eq(s->counters[i].line.sink, sink) &&
                    !strcmp(s->counters[i].line.kind.desc->name, name))
                        return &s->counters[i];
        return NULL;
}
