/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The assembler with limits so small that each policy acts: records in = records out + counted drops,
 * after every line, and every record comes out as it went in, in an event of its identity.
 *
 * Bytes 0 to 5: mode, then the limits (open events, records, bytes, total bytes, nodes); byte 6: when
 * texts are taken back and time passes. The rest: lines. */
#include "base/hash.h"
#include "event/event.h"
#include "fuzz/rng.h"
#include "fuzz/target.h"
#include "record/header.h"

#define N_CONTROL 7
#define MAX_LENT  64

typedef struct {
        EventAssembler *a;
        EventMode mode;
        EventLimits limits;
        HeaderCache cache;
        uint64_t taken, given;         /* records */
        uint64_t taken_sum, given_sum; /* of the hashes of their texts */
        uint64_t n_ended[EVENT_END_LIMIT + 1];
        Rng rng;
        uint64_t now_ns;
        char *lent[MAX_LENT];
        size_t lent_n[MAX_LENT];
        size_t n_lent;
} Run;

/* A strict header says which event its record belongs to; the compatible reading knows others. */
static void check_record(Run *run, const Event *e, const Record *r) {
        Record again = { 0 };
        RecordId id;

        run->given++;
        run->given_sum += hash_str(r->text);
        if (run->mode == EVENT_AUPARSE)
                return;
        CHECK(header_parse(&run->cache, r->text, &again, &id) == 0);
        CHECK(id.sec == e->id.sec && id.ms == e->id.ms && id.serial == e->id.serial &&
              str_eq(id.node, e->id.node));
        CHECK(again.type == r->type && again.body == r->body && again.type_off == r->type_off);
}

static void on_event(void *userdata, const Event *e) {
        Run *run = userdata;
        size_t n = 0, bytes = 0;

        for (const Record *r = e->records; r; r = r->next, n++) {
                check_record(run, e, r);
                bytes += r->text.n;
        }
        CHECK(n && n == e->n_records);
        CHECK(n <= run->limits.event_records);
        CHECK(n == 1 || bytes <= run->limits.event_bytes);
        CHECK(e->ended <= EVENT_END_LIMIT);
        run->n_ended[e->ended]++;
}

static void check_sums(const Run *run, bool flushed) {
        const EventCounters *c = event_counters(run->a);
        uint64_t out = c->records + c->bad_header + c->forged + c->path_lines + c->bad_unparsed + c->eoe +
                       c->no_memory;

        CHECK(c->records == run->given && c->lines >= out);
        CHECK(c->lines - out == run->taken - run->given);
        CHECK(c->end_timeout == run->n_ended[EVENT_END_TIMEOUT] && c->end_eof == run->n_ended[EVENT_END_EOF]);
        CHECK(c->end_limit == run->n_ended[EVENT_END_LIMIT]);
        CHECK(run->taken - run->given <= run->limits.open_events * run->limits.event_records);
        CHECK(!flushed || (c->lines == out && run->taken_sum == run->given_sum));
}

static void take_back(Run *run) {
        event_detach(run->a);
        while (run->n_lent) {
                run->n_lent--;
                memset(run->lent[run->n_lent], '=', run->lent_n[run->n_lent]);
                free(run->lent[run->n_lent]);
        }
}

static void add_line(Run *run, Str line) {
        const EventCounters *c = event_counters(run->a);
        uint64_t hash = hash_str(line), eoe = c->eoe;
        char *copy = target_copy(line, '8');
        int k;

        run->lent[run->n_lent] = copy;
        run->lent_n[run->n_lent++] = line.n;
        /* counted before, as it may be delivered at once; taken back if it was none */
        run->taken++;
        run->taken_sum += hash;
        k = event_add(run->a, (Str){ copy, line.n });
        CHECK(k >= 0 && k <= EVENT_E_PATH);
        if (k || c->eoe > eoe) {
                run->taken--;
                run->taken_sum -= hash;
        }
}

static void pass_time(Run *run) {
        run->now_ns += rng_below(&run->rng, 3000) * 1000000ull;
        if (rng_one_in(&run->rng, 2)) {
                event_set_now(run->a, run->now_ns);
                return;
        }
        event_age(run->a, run->now_ns);
        CHECK(event_next_deadline(run->a) > run->now_ns);
}

static EventLimits tiny(const uint8_t *data) {
        return (EventLimits){ .open_events = 1 + data[1] % 24,
                              .event_records = 1 + data[2] % 12,
                              .event_bytes = 64 + 16u * data[3],
                              .total_bytes = 512 + 64u * data[4],
                              .nodes = 1 + data[5] % 6,
                              .timeout_ms = 2000 };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static Run run;
        Str rest, line;

        if (n < N_CONTROL)
                return 0;
        run = (Run){ .mode = data[0] & 1   ? EVENT_AUPARSE
                             : data[0] & 2 ? EVENT_WHOLE
                                           : EVENT_DEFAULT,
                     .limits = tiny(data),
                     .rng = { data[6] } };
        CHECK(event_assembler_new(&run.a, run.mode, &run.limits, on_event, &run) == 0);
        rest = (Str){ (const char *)data + N_CONTROL, n - N_CONTROL };
        while (target_line(&rest, &line)) {
                add_line(&run, line);
                if (run.n_lent == MAX_LENT || rng_one_in(&run.rng, data[6] % 8))
                        take_back(&run);
                if (rng_one_in(&run.rng, data[6] / 16))
                        pass_time(&run);
                check_sums(&run, false);
        }
        event_flush(run.a);
        check_sums(&run, true);
        CHECK(event_next_deadline(run.a) == UINT64_MAX);
        take_back(&run);
        event_assembler_free(run.a);
        return 0;
}
