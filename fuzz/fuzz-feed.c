/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The public feed: any bytes in any chunks, every question about each event.
 *
 * Byte 0: flags (order of libauparse, ageing); byte 1: seed of the sizes of chunks; byte 2: limits. The rest: the stream, once in
 * chunks and once whole, which must give the same unless time passed. */
#include <aulert/feed.h>
#include "base/escape.h"
#include "base/hash.h"
#include "fuzz/rng.h"
#include "fuzz/target.h"

#define N_CONTROL 3

typedef struct {
        uint64_t sum, n_events, n_records;
} Seen;

static void check_inert(AulertText t, bool lines) {
        for (size_t i = 0; i < t.size; i++)
                CHECK((uint8_t)t.data[i] >= 0x20 || (lines && t.data[i] == '\n'));
        CHECK(t.data[t.size] == 0 && escape_is_utf8((Str){ t.data, t.size }));
}

static void ask_record(AulertEvent *e, const AulertRecord *r) {
        const AulertField *f;
        AulertText text;

        aulert_record_count_fields(r);
        CHECK(aulert_record_text(r).size >= aulert_record_type_name(r).size);
        for (size_t i = 0; (f = aulert_event_field(e, r, i)); i++) {
                AulertText raw = aulert_field_raw(f), whole = aulert_record_text(r);

                CHECK(!raw.size ||
                      (raw.data >= whole.data && raw.data + raw.size <= whole.data + whole.size));
                CHECK(aulert_event_interpret(e, f, &text) == 0);
        }
}

static void on_event(void *userdata, AulertEvent *e) {
        Seen *s = userdata;
        AulertResult result;
        AulertText t, shown;

        s->n_events++;
        for (const AulertRecord *r = aulert_event_first(e); r; r = aulert_record_next(r), s->n_records++)
                ask_record(e, r);
        CHECK(aulert_event_sentence(e, &t) == 0);
        check_inert(t, false);
        CHECK(aulert_event_actor(e, &t) == 0 && aulert_event_object(e, &t) == 0);
        CHECK(aulert_event_escape(e, t, AULERT_ESCAPE_MARKUP, &shown) == 0);
        check_inert(shown, false);
        CHECK(aulert_event_action(e, &t) == 0 && aulert_event_origin(e, &t) == 0);
        CHECK(aulert_event_result(e, &result) == 0 && result <= AULERT_RESULT_FAILED);
        CHECK(aulert_event_has_key(e, "k") >= 0);
        CHECK(aulert_event_text(e, &t) == 0);
        check_inert(t, true);
        CHECK(aulert_event_json(e, &t) == 0);
        s->sum = hash_bytes(t.data, t.size, s->sum);
        CHECK(aulert_event_error(e) == 0);
}

/* What came in is what went out, and what was counted as lost, and EOE records of events that were over. */
static void check_counters(const AulertFeed *feed, const Seen *seen) {
        uint64_t value, lines = 0, eoe = 0, lost = 0;
        const char *name;
        int loss;

        for (size_t i = 0; (name = aulert_feed_counter(feed, i, &value, &loss)); i++) {
                if (!strcmp(name, "event_lines"))
                        lines = value;
                else if (!strcmp(name, "eoe"))
                        eoe = value;
                else if (loss && strncmp(name, "lines_", 6) != 0 && strncmp(name, "source_", 7) != 0)
                        lost += value;
        }
        CHECK(lines == seen->n_records + eoe + lost);
}

static Seen run(const AulertFeedOptions *o, Str data, Rng *chunks, bool ages) {
        AulertFeed *feed = NULL;
        Seen seen = { 0 };
        uint64_t now = 0;

        CHECK(aulert_feed_new(&feed, o, on_event, &seen) == 0);
        while (data.n) {
                size_t n = chunks ? 1 + rng_below(chunks, 200) : data.n;

                n = n > data.n ? data.n : n;
                CHECK(aulert_feed_push(feed, data.p, n) == 0);
                data = (Str){ data.p + n, data.n - n };
                if (ages) {
                        aulert_feed_age(feed, now += 300000000);
                        CHECK(aulert_feed_deadline(feed) > now);
                }
        }
        aulert_feed_flush(feed);
        CHECK(aulert_feed_deadline(feed) == UINT64_MAX);
        check_counters(feed, &seen);
        aulert_feed_free(feed);
        return seen;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        AulertFeedOptions o = { .size = sizeof(o) };
        Seen pieces, whole;
        Str stream;
        Rng rng;

        if (n < N_CONTROL)
                return 0;
        o.auparse = data[0] & 1;
        o.max_line = data[2] & 1 ? 64u + data[2] : 0;
        o.open_events = data[2] & 2 ? 1u + data[2] / 16 : 0;
        rng = (Rng){ data[1] };
        stream = (Str){ (const char *)data + N_CONTROL, n - N_CONTROL };
        pieces = run(&o, stream, &rng, data[0] & 2);
        whole = run(&o, stream, NULL, false);
        CHECK(data[0] & 2 || (pieces.sum == whole.sum && pieces.n_records == whole.n_records));
        return 0;
}
