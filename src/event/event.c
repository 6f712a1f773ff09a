/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include "event/assembler.h"

const CounterDesc event_counter_descs[] = {
        { "event_lines", "lines given to the assembler", offsetof(EventCounters, lines), false },
        { "bad_lines", "lines dropped because they are no audit record", offsetof(EventCounters, bad_header),
          true },
        { "bad_unparsed", "records dropped because libauparse would drop them",
          offsetof(EventCounters, bad_unparsed), true },
        { "forged", "lines that the path of a socket forged, no records", offsetof(EventCounters, forged),
          false },
        { "path_lines", "lines that go on with the path of a socket that holds a newline, no records",
          offsetof(EventCounters, path_lines), false },
        { "records", "records delivered in events", offsetof(EventCounters, records), false },
        { "events", "events delivered", offsetof(EventCounters, events), false },
        { "eoe", "EOE records whose event was delivered before", offsetof(EventCounters, eoe), false },
        { "late_records", "records delivered after their event", offsetof(EventCounters, late_records),
          false },
        { "end_timeout", "events that ended by time", offsetof(EventCounters, end_timeout), false },
        { "end_eof", "events that ended with the input", offsetof(EventCounters, end_eof), false },
        { "end_limit", "events delivered early because of a limit", offsetof(EventCounters, end_limit),
          false },
        { "limit_open", "times the limit of open events was reached", offsetof(EventCounters, limit_open),
          false },
        { "limit_records", "times the limit of records of an event was reached",
          offsetof(EventCounters, limit_records), false },
        { "limit_bytes", "times the limit of bytes of an event was reached",
          offsetof(EventCounters, limit_bytes), false },
        { "limit_total", "times the limit of bytes of all open events was reached",
          offsetof(EventCounters, limit_total), false },
        { "limit_nodes", "nodes whose clock was forgotten", offsetof(EventCounters, limit_nodes), false },
        { "no_memory", "records dropped for want of memory", offsetof(EventCounters, no_memory), true },
};
const size_t event_n_counter_descs = ARRAY_SIZE(event_counter_descs);

const CounterDesc event_gap_counter_descs[] = {
        { "serial_gaps", "numbers of events that are missing: lost before us, or filtered",
          offsetof(EventCounters, serial_gaps), true },
        { "events_cut_short", "events of system calls whose last record did not come",
          offsetof(EventCounters, torn), true },
};
const size_t event_n_gap_counter_descs = ARRAY_SIZE(event_gap_counter_descs);

int event_assembler_new(EventAssembler **ret, EventMode mode, const EventLimits *limits, EventFn fn,
                        void *userdata) {
        EventAssembler *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        a->mode = mode;
        a->limits = limits ? *limits : EVENT_LIMITS_DEFAULT;
        a->fn = fn;
        a->userdata = userdata;
        r = assembler_init(a);
        if (r) {
                event_assembler_free(a);
                return r;
        }
        *ret = a;
        return 0;
}

EventAssembler *event_assembler_free(EventAssembler *a) {
        if (!a)
                return NULL;
        auparse_done(a);
        assembler_done(a);
        free(a);
        return NULL;
}

int event_add(EventAssembler *a, Str line) {
        RecordId id;
        Record *r;
        int k;

        a->counters.lines++;
        if (unlikely(a->forged.n) && forged_take(&a->forged, line)) {
                if (!a->forged.tried) {
                        a->counters.path_lines++;
                        return EVENT_E_PATH;
                }
                a->counters.forged++;
                return EVENT_E_FORGED;
        }
        r = assembler_record(a);
        if (unlikely(!r)) {
                a->counters.no_memory++;
                return EVENT_E_DROPPED;
        }
        k = header_parse(&a->header, line, r, &id);
        if (unlikely(!k && r->type == AUDIT_SOCKADDR) && forged_begin(&a->forged, line, r->body))
                r->flags |= RECORD_FORGES;
        if (a->mode == EVENT_AUPARSE)
                return auparse_add(a, line, r, k ? NULL : &id);
        if (likely(!k))
                return default_add(a, r, &id);
        assembler_drop_record(a, r);
        a->counters.bad_header++;
        return k == HEADER_E_NO_END ? EVENT_E_NO_END : EVENT_E_NO_RECORD;
}

void event_set_now(EventAssembler *a, uint64_t now_ns) { a->now_ns = now_ns; }

void event_age(EventAssembler *a, uint64_t now_ns) {
        a->now_ns = now_ns;
        while (a->arrival.first && event_next_deadline(a) <= now_ns)
                assembler_end(a, a->arrival.first, EVENT_END_TIMEOUT);
}

uint64_t event_next_deadline(const EventAssembler *a) {
        uint64_t timeout_ns = a->limits.timeout_ms * 1000000ull, opened;

        if (!a->arrival.first)
                return UINT64_MAX;
        opened = a->arrival.first->opened_ns;
        return opened < UINT64_MAX - timeout_ns ? opened + timeout_ns : UINT64_MAX;
}

uint64_t event_oldest_ns(const EventAssembler *a) {
        return a->arrival.first ? a->arrival.first->opened_ns : UINT64_MAX;
}

void event_flush(EventAssembler *a) {
        if (a->mode == EVENT_AUPARSE)
                auparse_flush(a);
        if (a->mode == EVENT_WHOLE)
                whole_flush(a);
        while (a->arrival.first)
                assembler_end(a, a->arrival.first, EVENT_END_EOF);
}

const EventCounters *event_counters(const EventAssembler *a) { return &a->counters; }

bool event_type_is_last(int type) {
        return type == AUDIT_PROCTITLE || type == AUDIT_EOE || type == AUDIT_USER || type == AUDIT_KERNEL ||
               (type > AUDIT_LOGIN && type < AUDIT_FIRST_EVENT) || type >= AUDIT_FIRST_ANOM_MSG;
}

void event_id_format(Buf *out, const RecordId *id) {
        if (id->node.n) {
                buf_str(out, id->node);
                buf_putc(out, '/');
        }
        if (id->sec < 0)
                buf_putc(out, '-');
        buf_u64(out, id->sec < 0 ? 0 - (uint64_t)id->sec : (uint64_t)id->sec);
        buf_putc(out, '.');
        buf_putc(out, (char)('0' + id->ms / 100 % 10));
        buf_putc(out, (char)('0' + id->ms / 10 % 10));
        buf_putc(out, (char)('0' + id->ms % 10));
        buf_putc(out, ':');
        buf_u64(out, id->serial);
}

/* Takes the text up to @mark off the front of *rest. */
static bool cut(Str *rest, char mark, Str *ret) {
        const char *end = rest->n ? memchr(rest->p, mark, rest->n) : NULL;

        if (!end)
                return false;
        *ret = (Str){ rest->p, (size_t)(end - rest->p) };
        *rest = (Str){ end + 1, rest->n - ret->n - 1 };
        return true;
}

bool event_id_parse(Str text, RecordId *ret) {
        const char *slash = text.n ? memrchr(text.p, '/', text.n) : NULL;
        RecordId id = { .node = STR("") };
        Str rest = text, sec, ms;
        uint64_t s, m;
        bool minus;

        if (slash) {
                id.node = (Str){ text.p, (size_t)(slash - text.p) };
                rest = (Str){ slash + 1, text.n - id.node.n - 1 };
        }
        minus = rest.n && *rest.p == '-';
        rest = (Str){ rest.p + minus, rest.n - minus };
        if (!cut(&rest, '.', &sec) || !cut(&rest, ':', &ms) || ms.n != 3 || (slash && !id.node.n) ||
            !str_u64(sec, 10, &s) || s > INT64_MAX / 2000 || !str_u64(ms, 10, &m) ||
            !str_u64(rest, 10, &id.serial))
                return false;
        id.sec = minus ? -(int64_t)s : (int64_t)s;
        id.ms = (uint32_t)m;
        *ret = id;
        return true;
}

const char *event_end_name(EventEnd ended) {
        static const char *const names[] = {
                [EVENT_END_TERMINAL] = "terminal",
                [EVENT_END_TIMEOUT] = "timeout",
                [EVENT_END_EOF] = "eof",
                [EVENT_END_LIMIT] = "limit",
        };

        return names[ended];
}

void event_open_lines(const EventAssembler *a, Buf *out) {
        for (const Open *o = a->arrival.first; o; o = o->newer)
                for (const Record *r = o->event.records; r; r = r->next) {
                        buf_str(out, r->text);
                        buf_putc(out, '\n');
                }
}

void event_print_gaps(const EventAssembler *a, Buf *out, size_t max) {
        for (const Node *n = a->newest; n && max; n = n->older) {
                if (!n->serials.gaps)
                        continue;
                buf_printf(out, "gaps\t%llu\t" STR_FMT "\n", (unsigned long long)n->serials.gaps,
                           STR_ARG(n->name));
                max--;
        }
}
