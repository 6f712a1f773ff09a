/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "role/account/metrics.h"

typedef struct {
        const char *role;
        CounterLine line;
} Sample;

static void head(Buf *out, const char *name, const char *help, bool gauge) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, gauge ? "gauge" : "counter");
}

static void label(Buf *out, const char *name, Str value) {
        buf_printf(out, "{%s=\"", name);
        for (size_t i = 0; i < value.n; i++) {
                char c = value.p[i];

                if (c == '"' || c == '\\')
                        buf_putc(out, '\\');
                buf_putz(out, c == '\n' ? "\\n" : (char[]){ c, 0 });
        }
        buf_putz(out, "\"}");
}

/* Units and ends of names as Prometheus wants them: seconds, and _total where it only rises. */
static void name_of(const CounterLine *line, char *name, size_t n, bool *ret_ms) {
        const char *own = line->kind.desc->name;
        const char *end = line->kind.gauge || str_ends(str_from(own), STR("_total")) ? "" : "_total";
        size_t n_own = strlen(own);

        *ret_ms = line->kind.gauge && str_ends(str_from(own), STR("_ms"));
        if (*ret_ms) {
                n_own -= 3;
                end = "_seconds";
        }
        snprintf(name, n, "aulert_%s%.*s%s", line->sink.n ? "sink_" : "", (int)n_own, own, end);
}

static void sample(Buf *out, const char *name, bool ms, const Sample *s) {
        uint64_t v = s->line.value;

        buf_putz(out, name);
        if (s->line.sink.n)
                label(out, "sink", s->line.sink);
        else
                label(out, "role", str_from(s->role));
        if (ms)
                buf_printf(out, " %llu.%03llu\n", (unsigned long long)(v / 1000),
                           (unsigned long long)(v % 1000));
        else
                buf_printf(out, " %llu\n", (unsigned long long)v);
}

/* All of one name stand together. */
static void samples(Buf *out, Sample *all, size_t n) {
        for (size_t i = 0; i < n; i++) {
                const CounterDesc *desc = all[i].line.kind.desc;
                char name[128];
                bool ms;

                if (!desc)
                        continue;
                name_of(&all[i].line, name, sizeof(name), &ms);
                head(out, name, desc->help, all[i].line.kind.gauge);
                for (size_t k = i; k < n; k++)
                        if (all[k].line.kind.desc == desc) {
                                sample(out, name, ms, &all[k]);
                                all[k].line.kind.desc = NULL;
                        }
        }
}

static bool is_new(const Sample *all, size_t n, const Sample *s) {
        for (size_t i = 0; i < n; i++)
                if (all[i].line.kind.desc == s->line.kind.desc && all[i].role == s->role &&
                    str_eq(all[i].line.sink, s->line.sink))
                        return false;
        return true;
}

static void counters(Buf *out, const Metrics *m) {
        size_t n = 0, room = 0;
        CounterLine line;
        Sample *all;
        Str text;

        for (size_t i = 0; i < ACCOUNT_PARTS; i++)
                for (Str rest = m->parts[i].lines; counters_next_line(&rest, &text);)
                        room++;
        all = calloc(room + 1, sizeof(*all));
        for (size_t i = 0; all && i < ACCOUNT_PARTS; i++)
                for (Str rest = m->parts[i].lines; counters_next_line(&rest, &text);) {
                        if (!counters_parse(text, m->sinks, &line))
                                continue;
                        all[n] = (Sample){ m->parts[i].role, line };
                        n += is_new(all, n, &all[n]);
                }
        if (all)
                samples(out, all, n);
        free(all);
}

static void processes(Buf *out, const Metrics *m) {
        head(out, "aulert_process_answers", "1 when the counters of the process are here", true);
        for (size_t i = 0; i < ACCOUNT_PARTS; i++) {
                buf_putz(out, "aulert_process_answers");
                label(out, "role", str_from(m->parts[i].role));
                buf_printf(out, " %d\n", m->runs[i] && !m->parts[i].silent);
        }
        head(out, "aulert_process_uptime_seconds", "how long the process has been running", true);
        for (size_t i = 0; i < ACCOUNT_PARTS; i++) {
                if (!m->runs[i])
                        continue;
                buf_putz(out, "aulert_process_uptime_seconds");
                label(out, "role", str_from(m->parts[i].role));
                buf_printf(out, " %llu\n", (unsigned long long)m->up_s[i]);
        }
}

void metrics_print(Buf *out, const Metrics *m) {
        head(out, "aulert_build_info", "the version of aulert", true);
        buf_putz(out, "aulert_build_info");
        label(out, "version", STR(AULERT_VERSION));
        buf_putz(out, " 1\n");
        head(out, "aulert_collected_timestamp_seconds", "when these numbers were collected", true);
        buf_printf(out, "aulert_collected_timestamp_seconds %lld\n", (long long)m->now_s);
        head(out, "aulert_rules", "rules that are run", true);
        buf_printf(out, "aulert_rules %llu\n", (unsigned long long)m->n_rules);
        if (m->reloaded) {
                head(out, "aulert_last_reload_done", "1 when the last reload was done, 0 when it was refused",
                     true);
                buf_printf(out, "aulert_last_reload_done %d\n", m->reload_done);
        }
        processes(out, m);
        counters(out, m);
}

static int write_all(int fd, Str text) {
        while (text.n) {
                ssize_t n = write(fd, text.p, text.n);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        text = (Str){ text.p + n, text.n - (size_t)n };
        }
        return 0;
}

/* A file of that name is somebody else's, or one of ours that was killed here: it is never written to. */
int metrics_write(const char *path, Str text) {
        char *other;
        int fd, r;

        if (asprintf(&other, "%s.new", path) < 0)
                return -ENOMEM;
        (void)unlink(other);
        fd = open(other, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
        r = fd < 0 ? -errno : write_all(fd, text);
        if (r == 0 && fchmod(fd, 0644) < 0)
                r = -errno;
        if (fd >= 0)
                close(fd);
        if (r == 0 && rename(other, path) < 0)
                r = -errno;
        if (r < 0 && fd >= 0)
                (void)unlink(other);
        free(other);
        return r;
}
