/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "alert/alert-pack.h"
#include "base/hash.h"
#include "base/log.h"
#include "role/deliver/outlet.h"

#define SAME_WHY_MS 60000 /* the same trouble of the same sink is said once in that time */
#define WHY_BYTES   256u

typedef struct {
        Claim *claim;
        size_t bytes;
        unsigned round; /* of the outlet, when it was offered */
} Flight;

const CounterDesc outlet_counter_descs[] = {
        { "retries", "deliveries that will be tried again", offsetof(OutletCounters, retries), false },
        { "dead", "deliveries given up: dead letters", offsetof(OutletCounters, dead), true },
        { "unseen", "deliveries given up because nobody was there to see them: dead letters",
          offsetof(OutletCounters, unseen), false },
        { "lost", "alerts not delivered that were kept nowhere", offsetof(OutletCounters, lost), true },
};
const size_t outlet_n_counter_descs = ARRAY_SIZE(outlet_counter_descs);

struct Outlet {
        const ConfigSpool *retry;
        OutletOptions options;
        Sink *sink;
        Store *store;
        StoreSink *stored;
        OutletCounters counters;
        uint64_t next_id; /* as the sink will count it */
        Flight flights[SINK_QUEUE];
        size_t bytes;
        unsigned round;    /* rests so far */
        unsigned n_rests;  /* in a row */
        unsigned n_failed; /* in a row */
        bool good;         /* something got through since the last rest */
        bool ending;
        int64_t rest_until;
        int64_t said_at;
        char said[WHY_BYTES];
};

int64_t outlet_delay(uint32_t tries, uint64_t chance) {
        int64_t ms = OUTLET_RETRY_MIN_MS;

        while (--tries && ms < OUTLET_RETRY_MAX_MS)
                ms *= 2;
        if (ms > OUTLET_RETRY_MAX_MS)
                ms = OUTLET_RETRY_MAX_MS;
        return ms / 2 + (int64_t)(chance % (uint64_t)(ms / 2 + 1));
}

static void say(Outlet *o, SinkVerdict verdict, bool dead, const char *why, int64_t now) {
        if (!why[0] || (!strncmp(o->said, why, sizeof(o->said) - 1) && now - o->said_at < SAME_WHY_MS &&
                        now >= o->said_at))
                return;
        strncpy(o->said, why, sizeof(o->said) - 1);
        o->said_at = now;
        log_warning(STR_FMT ": %s%s", STR_ARG(sink_name(o->sink)),
                    verdict == SINK_DELIVERED ? ""
                    : dead                    ? "alert not delivered: "
                                              : "alert not delivered yet: ",
                    why);
}

static void rest(Outlet *o, int64_t ms, int64_t now) {
        o->round++;
        o->n_rests++;
        o->n_failed = 0;
        o->good = false;
        o->rest_until = now + ms;
}

/* How long it takes until this one is tried again. */
static int64_t failed(Outlet *o, const Flight *f, int64_t now) {
        int64_t asked = (int64_t)(sink_retry_after(o->sink) < SPOOL_DELAY_MAX ? sink_retry_after(o->sink)
                                                                              : SPOOL_DELAY_MAX);
        uint64_t chance = hash_u64((uint64_t)now ^ (uint64_t)f->claim->seq << 20);
        int64_t ms = outlet_delay(f->claim->tries + 1, chance);

        o->n_failed++;
        if (f->round == o->round && (!o->good || o->n_failed >= OUTLET_FAILURES || asked)) {
                int64_t own = outlet_delay(o->n_rests + 1, chance >> 32);

                rest(o, asked > own ? asked : own, now);
        }
        return asked > ms ? asked : ms;
}

static bool is_hopeless(const Outlet *o, const Claim *c, int64_t now) {
        return !c->seq || (o->retry->retry_for_ms && now - c->at >= o->retry->retry_for_ms) ||
               (o->retry->tries && c->tries + 1 >= o->retry->tries);
}

static SpoolOutcome outcome_of(Outlet *o, const Flight *f, SinkVerdict verdict, const char *why,
                               int64_t now) {
        SpoolOutcome outcome = { .state = SPOOL_DELIVERED,
                                 .tries = f->claim->tries + 1,
                                 .why = str_from(why) };

        if (verdict == SINK_RETRY) {
                int64_t ms = failed(o, f, now);

                outcome.state = is_hopeless(o, f->claim, now) ? SPOOL_DEAD : SPOOL_PENDING;
                outcome.next_at = now + ms;
        } else {
                outcome.state = verdict == SINK_DELIVERED ? SPOOL_DELIVERED : SPOOL_DEAD;
                o->good = true;
                o->n_failed = o->n_rests = 0;
        }
        o->counters.retries += outcome.state == SPOOL_PENDING;
        if (outcome.state == SPOOL_DEAD)
                *(verdict == SINK_NOBODY ? &o->counters.unseen
                  : f->claim->seq        ? &o->counters.dead
                                         : &o->counters.lost) += 1;
        return outcome;
}

static void on_settled(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        Outlet *o = userdata;
        Flight *f = &o->flights[id % SINK_QUEUE];
        int64_t now = o->options.clock();
        SpoolOutcome outcome;

        if (!id) { /* it cannot be opened */
                log_error("sink " STR_FMT ": %s", STR_ARG(sink_name(sink)), why);
                o->said_at = now;
                return;
        }
        o->bytes -= f->bytes;
        if (o->ending) {
                store_release(f->claim);
                return;
        }
        outcome = outcome_of(o, f, verdict, why, now);
        store_settle(o->store, f->claim, &outcome);
        say(o, verdict, outcome.state == SPOOL_DEAD, why, now);
        o->options.news(o->options.userdata);
}

int outlet_new(Outlet **ret, const ConfigSink *sink, const ConfigSpool *retry, Store *store,
               const OutletOptions *options) {
        Outlet *o = calloc(1, sizeof(*o));
        int r;

        if (!o)
                return -ENOMEM;
        o->retry = retry;
        o->options = *options;
        o->next_id = 1;
        o->good = true;
        o->store = store_ref(store);
        o->stored = store_sink(store, sink->name);
        r = o->stored ? sink_new(&o->sink, sink->ops, sink->name, &sink->conf, options->loop, on_settled, o)
                      : -ENOMEM;
        if (r < 0) {
                if (!o->said_at)
                        log_error("sink " STR_FMT ": %s", STR_ARG(sink->name), strerror(-r));
                outlet_free(o);
                return r;
        }
        *ret = o;
        return 0;
}

Outlet *outlet_free(Outlet *o) {
        if (!o)
                return NULL;
        o->ending = true;
        sink_free(o->sink);
        store_unref(o->store);
        free(o);
        return NULL;
}

StoreSink *outlet_store_sink(const Outlet *o) { return o->stored; }
void outlet_lines(Outlet *o, Str node, Str lines) { sink_lines(o->sink, node, lines); }
void outlet_lines_give_up(Outlet *o) { sink_lines_give_up(o->sink); }
size_t outlet_pending(const Outlet *o) { return sink_pending(o->sink) + sink_lines_pending(o->sink); }

/* How many more the sink may have. */
static size_t room(const Outlet *o, int64_t now) {
        size_t n = sink_pending(o->sink), max = o->n_rests && !o->good ? 1 : OUTLET_WINDOW;

        if (now < o->rest_until || n >= max || o->bytes >= OUTLET_BYTES)
                return 0;
        return max - n < sink_room(o->sink) ? max - n : sink_room(o->sink);
}

/* To a sink that has room. The claim ends with what the sink says. */
static void offer(Outlet *o, Alert *alert, Claim *claim) {
        Flight *f = &o->flights[o->next_id++ % SINK_QUEUE];

        *f = (Flight){ .claim = claim, .bytes = alert->arena.used, .round = o->round };
        o->bytes += f->bytes;
        (void)sink_offer(o->sink, alert);
}

void outlet_offer(Outlet *o, const StoreItem *item, int64_t now) {
        bool waits = store_next_due(o->stored) <= now;
        Claim *claim;

        if (item->seq && (waits || !room(o, now))) {
                store_expect(o->stored, now);
                return;
        }
        claim = sink_room(o->sink) ? store_claim(o->stored, item->seq, item->in_memory, 0, now) : NULL;
        if (claim)
                offer(o, item->alert, claim);
        else if (item->seq)
                store_expect(o->stored, now);
        else
                o->counters.lost++;
}

typedef struct {
        Outlet *outlet;
        int64_t now;
} Feeding;

static bool on_due(void *userdata, bool in_memory, const SpoolDue *due) {
        Feeding *f = userdata;
        Alert *alert;
        Claim *claim;
        int r;

        if (!room(f->outlet, f->now))
                return false;
        claim = store_claim(f->outlet->stored, due->seq, in_memory, due->tries, due->at);
        if (!claim)
                return false;
        r = alert_unpack(&alert, due->packed);
        if (r < 0) {
                store_release(claim);
                return false;
        }
        if (r == ALERT_E_BAD) {
                store_note_unreadable(f->outlet->store);
                store_settle(f->outlet->store, claim,
                             &(SpoolOutcome){ .state = SPOOL_DEAD, .why = STR("it cannot be read back") });
                f->outlet->options.news(f->outlet->options.userdata);
                return true;
        }
        offer(f->outlet, alert, claim);
        alert_unref(alert);
        return true;
}

/* A few at a time would read over what is in hands again and again. */
static bool can_feed(const Outlet *o, int64_t now) {
        size_t n = room(o, now);

        return n && (n >= OUTLET_WINDOW / 2 || !sink_pending(o->sink));
}

void outlet_feed(Outlet *o, int64_t now) {
        Feeding f = { o, now };

        if (can_feed(o, now) && store_next_due(o->stored) <= now)
                (void)store_each_due(o->store, o->stored, now, on_due, &f);
}

int64_t outlet_next(const Outlet *o) {
        int64_t at = store_next_due(o->stored);

        if (at < o->rest_until)
                at = o->rest_until;
        return can_feed(o, at) ? at : INT64_MAX;
}

bool outlet_is_behind(const Outlet *o, int64_t now) {
        return store_next_due(o->stored) <= now && now >= o->rest_until;
}

static void prefix(Buf *out, Str name, Str lines) {
        while (lines.n) {
                const char *nl = memchr(lines.p, '\n', lines.n);
                size_t n = (size_t)(nl + 1 - lines.p);

                buf_printf(out, "sink_" STR_FMT "_", STR_ARG(name));
                buf_put(out, lines.p, n);
                lines = (Str){ lines.p + n, lines.n - n };
        }
}

void outlet_print_counters(const Outlet *o, Buf *out, bool only_loss) {
        Buf lines = BUF_INIT;

        counter_print(&lines, sink_counter_descs, sink_n_counter_descs, sink_counters(o->sink), only_loss);
        counter_print(&lines, outlet_counter_descs, outlet_n_counter_descs, &o->counters, only_loss);
        if (sink_lines_counters(o->sink))
                counter_print(&lines, sink_lines_counter_descs, sink_lines_n_counter_descs,
                              sink_lines_counters(o->sink), only_loss);
        if (!only_loss) {
                StoreCounts counts = store_count_open(o->store, o->stored);
                int64_t rests = o->rest_until - o->options.clock();

                buf_printf(&lines, "waiting %llu\ndead_letters %llu\nrests_ms %llu\n",
                           (unsigned long long)counts.n[SPOOL_PENDING],
                           (unsigned long long)counts.n[SPOOL_DEAD],
                           rests > 0 ? (unsigned long long)rests : 0ull);
        }
        prefix(out, sink_name(o->sink), buf_view(&lines));
        buf_done(&lines);
}

void outlet_print_why(const Outlet *o, Buf *out) {
        if (!o->said[0])
                return;
        buf_printf(out, "why\t" STR_FMT "\t", STR_ARG(sink_name(o->sink)));
        for (const char *p = o->said; *p; p++) /* words of the far end */
                buf_putc(out, *p == '\n' ? ' ' : *p);
        buf_putc(out, '\n');
}
