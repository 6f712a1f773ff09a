/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/log.h"
#include "role/bad.h"

static const struct {
        const char *first, *total;
} bad_texts[_BAD_N] = {
        [BAD_LONG] = { "line is longer than the limit, dropped", "longer than the limit" },
        [BAD_UNENDED] = { "last line has no newline, dropped", "without newline at the end" },
        [BAD_NUL] = { "line holds a NUL, what follows it is ignored", "cut at a NUL" },
        [BAD_RECORD] = { "not an audit record, dropped", "not an audit record" },
        [BAD_END] = { "header of the record has no end, dropped", "with a header without end" },
        [BAD_DROPPED] = { "record dropped", "given up" },
        [BAD_FORGED] = { "forged: part of the path of a socket, no record",
                         "forged by the path of a socket" },
        [BAD_PATH] = { "goes on with the path of a socket, which holds a newline; no record",
                       "of the path of a socket" },
};

static void note(BadLines *b, Bad bad, uint64_t line) {
        if (!b->n[bad]++)
                log_warning("%s:%llu: %s", b->name, (unsigned long long)line, bad_texts[bad].first);
}

void bad_note_fault(BadLines *b, LineFault fault, uint64_t line) {
        static const Bad kinds[] = {
                [LINE_TOO_LONG] = BAD_LONG, [LINE_UNENDED] = BAD_UNENDED, [LINE_NUL] = BAD_NUL
        };

        note(b, kinds[fault], line);
}

void bad_note_event(BadLines *b, int event_error, uint64_t line) {
        static const Bad kinds[] = { [EVENT_E_NO_RECORD] = BAD_RECORD,
                                     [EVENT_E_NO_END] = BAD_END,
                                     [EVENT_E_DROPPED] = BAD_DROPPED,
                                     [EVENT_E_FORGED] = BAD_FORGED,
                                     [EVENT_E_PATH] = BAD_PATH };

        note(b, kinds[event_error], line);
}

void bad_say_totals(const BadLines *b, const EventCounters *events) {
        uint64_t lines = events->lines + b->n[BAD_LONG] + b->n[BAD_UNENDED];
        const char *between = "dropped: ";
        Buf text = BUF_INIT;

        for (Bad i = 0; i < _BAD_N; i++) {
                if (!b->n[i] || i == BAD_NUL)
                        continue;
                buf_printf(&text, "%s%llu %s", between, (unsigned long long)b->n[i], bad_texts[i].total);
                between = ", ";
        }
        if (b->n[BAD_NUL])
                buf_printf(&text, "%s%llu %s", text.n ? "; " : "", (unsigned long long)b->n[BAD_NUL],
                           bad_texts[BAD_NUL].total);
        if (text.n && buf_z(&text))
                log_warning(
                        "lines: %llu; records: %llu in %llu events; EOE of events that had ended: %llu; %s",
                        (unsigned long long)lines, (unsigned long long)events->records,
                        (unsigned long long)events->events, (unsigned long long)events->eoe, text.p);
        buf_done(&text);
}

static Str cut_line(Str *rest) {
        const char *nl = memchr(rest->p, '\n', rest->n);
        Str line = { rest->p, nl ? (size_t)(nl - rest->p) : rest->n };

        rest->p += line.n + !!nl;
        rest->n -= line.n + !!nl;
        return line;
}

void bad_say_counters(int level, Str lines) {
        Buf text = BUF_INIT;

        while (lines.n) {
                Str line = cut_line(&lines);

                if (str_ends(line, STR(" 0")))
                        continue;
                buf_putz(&text, text.n ? ", " : "counters: ");
                buf_str(&text, line);
        }
        if (text.n && buf_z(&text))
                log_msg(level, "%s", text.p);
        buf_done(&text);
}

void bad_say_losses(const CounterDesc *descs, size_t n, const void *counters) {
        Buf text = BUF_INIT;

        counter_print(&text, descs, n, counters, true);
        for (Str rest = buf_view(&text); rest.n;) {
                Str line = cut_line(&rest);

                if (!str_starts(line, STR("bad_")) && !str_starts(line, STR("lines_")))
                        log_warning(STR_FMT, STR_ARG(line));
        }
        buf_done(&text);
}
