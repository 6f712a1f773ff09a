/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/log.h"
#include "role/deliver/store.h"

#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 30000

LIST_HEAD(Claims, Claim);

struct StoreSink {
        StoreSink *next;
        Store *store;
        char *name;
        struct Claims claims;
        size_t n_claims; /* those that were settled and are not written too */
        int64_t next_due;
};

struct Store {
        unsigned n_refs;
        char *path; /* NULL: memory only */
        SpoolLimits limits;
        Spool *file; /* NULL: there is none, or it could not be opened */
        Spool *memory;
        bool broken; /* there should be a file; it was said that it cannot be used */
        int64_t retry_at, retry_ms;
        StoreSink *sinks;
        StoreSink **known_sinks; /* NULL: not said yet */
        size_t n_known_sinks;
        struct Claims settled; /* not written yet */
        StoreCounters counters;
};

const CounterDesc store_counter_descs[] = {
        { "spool_repeats", "alerts whose id was known: not delivered again", offsetof(StoreCounters, repeats),
          false },
        { "spool_in_memory", "alerts that could not be put into the file at once",
          offsetof(StoreCounters, in_memory), false },
        { "spool_moved", "alerts that were put into the file later", offsetof(StoreCounters, moved), false },
        { "spool_unspooled", "alerts that could be kept nowhere", offsetof(StoreCounters, unspooled), true },
        { "spool_failures", "times that the file could not be used", offsetof(StoreCounters, failures),
          false },
        { "spool_corrupt", "corrupt files that were set aside", offsetof(StoreCounters, corrupt), true },
        { "spool_unreadable", "alerts that could not be read back", offsetof(StoreCounters, unreadable),
          true },
};
const size_t store_n_counter_descs = ARRAY_SIZE(store_counter_descs);

static Str name_of(const StoreSink *sink) { return str_from(sink->name); }
static bool is_usable(const Store *s) { return s->file && !s->broken; }

const char *store_path(const Store *s) { return s->path; }
bool store_is_durable(const Store *s) { return is_usable(s); }
bool store_has_news(const Store *s) { return !LIST_EMPTY(&s->settled); }
int64_t store_next_try(const Store *s) { return s->broken ? s->retry_at : INT64_MAX; }
int64_t store_next_due(const StoreSink *sink) { return sink->next_due; }
void store_expect(StoreSink *sink, int64_t at) {
        if (at < sink->next_due)
                sink->next_due = at;
}
void store_note_unreadable(Store *s) { s->counters.unreadable++; }

static void all_may_be_due(Store *s) {
        for (StoreSink *sink = s->sinks; sink; sink = sink->next)
                sink->next_due = 0;
}

static void put_off(Store *s, const char *why, int64_t now) {
        s->counters.failures++;
        if (!s->broken) {
                log_error("spool %s: %s: alerts are kept in memory until it can be used", s->path, why);
                s->retry_ms = RETRY_MIN_MS;
        } else if (s->retry_ms < RETRY_MAX_MS) {
                s->retry_ms = 2 * s->retry_ms < RETRY_MAX_MS ? 2 * s->retry_ms : RETRY_MAX_MS;
        }
        s->broken = true;
        s->retry_at = now + s->retry_ms;
}

/* Of a file that is there no more. */
static void disown(struct Claims *claims) {
        Claim *c;

        LIST_FOREACH(c, claims, others)
        if (!c->in_memory)
                c->seq = 0;
}

/* True: another one can be begun in its place. */
static bool set_aside(Store *s, int64_t now) {
        Buf name = BUF_INIT;
        int r;

        for (StoreSink *sink = s->sinks; sink; sink = sink->next)
                disown(&sink->claims);
        disown(&s->settled);
        s->file = spool_free(s->file);
        r = spool_set_aside(s->path, now, &name);
        if (r == 0 && buf_z(&name)) {
                s->counters.corrupt++;
                log_error("spool %s is corrupt: it is now %s, and a new one is begun", s->path, name.p);
        }
        buf_done(&name);
        return r == 0;
}

static void bury(Store *s, Spool *spool, int64_t now) {
        Str *names = calloc(s->n_known_sinks + 1, sizeof(*names));
        uint64_t n;

        if (!names)
                return;
        for (size_t i = 0; i < s->n_known_sinks; i++)
                names[i] = name_of(s->known_sinks[i]);
        spool_begin(spool, false);
        spool_fix_clock(spool, now);
        n = spool_bury_others(spool, names, s->n_known_sinks,
                              STR("the configuration has no such sink any more"));
        if (spool_commit(spool, now) == 0 && n)
                log_warning("spool: %llu deliveries are dead: the configuration has no such sink any more",
                            (unsigned long long)n);
        free(names);
}

/* 0: s->file is there. */
static int open_file(Store *s, int64_t now) {
        char why[SPOOL_WHY] = "out of memory";
        int r = spool_open(&s->file, s->path, &s->limits, why);

        if (r == SPOOL_E_CORRUPT && set_aside(s, now))
                r = spool_open(&s->file, s->path, &s->limits, why);
        if (r) {
                put_off(s, why, now);
                return r;
        }
        if (s->known_sinks)
                bury(s, s->file, now);
        all_may_be_due(s);
        return 0;
}

int store_new(Store **ret, const char *path, const SpoolLimits *limits, int64_t now) {
        SpoolLimits small = *limits;
        char why[SPOOL_WHY];
        Store *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->n_refs = 1;
        s->limits = *limits;
        s->path = path ? strdup(path) : NULL;
        small.max_size = STORE_MEMORY_BYTES;
        small.max_alerts = STORE_MEMORY_ALERTS;
        if ((path && !s->path) || spool_open(&s->memory, NULL, &small, why) != 0) {
                store_unref(s);
                return -ENOMEM;
        }
        if (path)
                (void)open_file(s, now);
        *ret = s;
        return 0;
}

Store *store_ref(Store *s) {
        s->n_refs++;
        return s;
}

Store *store_unref(Store *s) {
        if (!s || --s->n_refs)
                return NULL;
        for (StoreSink *next, *sink = s->sinks; sink; sink = next) {
                next = sink->next;
                free(sink->name);
                free(sink);
        }
        for (Claim *c; (c = LIST_FIRST(&s->settled));) {
                LIST_REMOVE(c, others);
                free(c);
        }
        free(s->known_sinks);
        spool_free(s->file);
        spool_free(s->memory);
        free(s->path);
        free(s);
        return NULL;
}

bool store_knows(Store *s, Str id) {
        bool known = (s->file && spool_knows(s->file, id)) ||
                     (spool_n_alerts(s->memory) && spool_knows(s->memory, id));

        s->counters.repeats += known;
        return known;
}

StoreSink *store_sink(Store *s, Str name) {
        StoreSink *sink = s->sinks;

        while (sink && !str_eq(name_of(sink), name))
                sink = sink->next;
        if (sink)
                return sink;
        sink = calloc(1, sizeof(*sink));
        if (sink)
                sink->name = strndup(name.p, name.n);
        if (!sink || !sink->name) {
                free(sink);
                return NULL;
        }
        sink->store = s;
        sink->next = s->sinks;
        return s->sinks = sink;
}

int store_set_sinks(Store *s, StoreSink *const *sinks, size_t n, int64_t now) {
        StoreSink **copy = calloc(n + 1, sizeof(*copy));

        if (!copy)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++)
                copy[i] = sinks[i];
        free(s->known_sinks);
        s->known_sinks = copy;
        s->n_known_sinks = n;
        if (is_usable(s))
                bury(s, s->file, now);
        bury(s, s->memory, now);
        all_may_be_due(s);
        return 0;
}

Claim *store_claim(StoreSink *sink, int64_t seq, bool in_memory, uint32_t tries, int64_t at) {
        Claim *c = calloc(1, sizeof(*c));

        if (!c)
                return NULL;
        *c = (Claim){ .sink = sink, .seq = seq, .at = at, .in_memory = in_memory, .tries = tries };
        LIST_INSERT_HEAD(&sink->claims, c, others);
        sink->n_claims++;
        return c;
}

static void end_claim(Claim *c) {
        LIST_REMOVE(c, others);
        c->sink->n_claims--;
        free(c);
}

void store_release(Claim *c) {
        c->sink->next_due = 0;
        end_claim(c);
}

void store_settle(Store *s, Claim *c, const SpoolOutcome *outcome) {
        size_t n = outcome->why.n < sizeof(c->why) ? outcome->why.n : sizeof(c->why) - 1;

        memcpy(c->why, outcome->why.n ? outcome->why.p : "", n);
        c->outcome = *outcome;
        c->outcome.why = (Str){ c->why, n };
        LIST_REMOVE(c, others);
        LIST_INSERT_HEAD(&s->settled, c, others);
}

static void write_settled(Store *s, Spool *spool, bool in_memory) {
        const Claim *c;

        LIST_FOREACH(c, &s->settled, others)
        if (c->in_memory == in_memory && c->seq)
                spool_settle(spool, c->seq, name_of(c->sink), &c->outcome);
}

/* One transaction in one of the two. */
static int write_to(Store *s, Spool *spool, bool in_memory, StoreItem *items, size_t n,
                    StoreSink *const *sinks, int64_t now, const StoreMore *more) {
        spool_begin(spool, (n || more) && !in_memory);
        write_settled(s, spool, in_memory);
        for (size_t i = 0; i < n; i++) {
                StoreItem *item = &items[i];
                int r;

                item->seq = 0;
                item->in_memory = in_memory;
                r = spool_put(spool, item->alert, item->sinks, now, &item->seq);
                item->known = r == SPOOL_E_KNOWN;
                for (unsigned k = 0; r == 0 && k < 64; k++)
                        if (item->sinks >> k & 1)
                                spool_add(spool, item->seq, name_of(sinks[k]), now);
        }
        if (more)
                more->write(more->userdata, spool);
        return spool_commit(spool, now);
}

/* They were written. */
static void end_settled(Store *s, bool in_memory) {
        Claim *c = LIST_FIRST(&s->settled);

        while (c) {
                Claim *next = LIST_NEXT(c, others);

                if (c->in_memory == in_memory || !c->seq) {
                        if (c->outcome.state == SPOOL_PENDING)
                                store_expect(c->sink, c->outcome.next_at);
                        end_claim(c);
                }
                c = next;
        }
}

static bool has_settled(const Store *s, bool in_memory) {
        const Claim *c;

        LIST_FOREACH(c, &s->settled, others)
        if (c->in_memory == in_memory || !c->seq)
                return true;
        return false;
}

static bool write_file(Store *s, StoreItem *items, size_t n, StoreSink *const *sinks, int64_t now,
                       const StoreMore *more) {
        int r;

        if (!is_usable(s))
                return false;
        if (!n && !more && !has_settled(s, false))
                return true;
        r = write_to(s, s->file, false, items, n, sinks, now, more);
        if (r == SPOOL_E_CORRUPT && set_aside(s, now) && open_file(s, now) == 0)
                r = write_to(s, s->file, false, items, n, sinks, now, more);
        if (r == 0)
                end_settled(s, false);
        else if (!s->broken)
                put_off(s, s->file ? spool_why(s->file) : "it cannot be renamed", now);
        return r == 0;
}

static void write_memory(Store *s, StoreItem *items, size_t n, StoreSink *const *sinks, int64_t now) {
        if (!n && !has_settled(s, true))
                return;
        if (write_to(s, s->memory, true, items, n, sinks, now, NULL) == 0) {
                end_settled(s, true);
                s->counters.in_memory += s->path ? n : 0;
                return;
        }
        for (size_t i = 0; i < n; i++)
                items[i].seq = 0;
        s->counters.unspooled += n;
}

static void on_moved(void *userdata, int64_t old, int64_t new) {
        Store *s = userdata;

        s->counters.moved += new > 0;
        for (StoreSink *sink = s->sinks; sink; sink = sink->next) {
                Claim *c;

                LIST_FOREACH(c, &sink->claims, others)
                if (c->in_memory && c->seq == old)
                        c->moved = new;
        }
}

/* Claims of what was in memory are of the file now. */
static void follow(Store *s) {
        for (StoreSink *sink = s->sinks; sink; sink = sink->next) {
                Claim *c;

                LIST_FOREACH(c, &sink->claims, others)
                if (c->in_memory) {
                        c->in_memory = false;
                        c->seq = c->moved;
                }
        }
        spool_clear(s->memory);
}

/* Is the file usable again? What is in memory goes there. */
static void recover(Store *s, int64_t now) {
        StoreCounters before = s->counters;
        int r;

        if (!s->broken || now < s->retry_at)
                return;
        if (!s->file && open_file(s, now) != 0)
                return;
        spool_begin(s->file, true);
        write_settled(s, s->file, false);
        spool_copy(s->file, s->memory, on_moved, s);
        r = spool_commit(s->file, now);
        if (r == 0) {
                end_settled(s, false);
                follow(s);
                s->broken = false;
                all_may_be_due(s);
                log_notice("spool %s can be used again: %llu alerts were put there", s->path,
                           (unsigned long long)(s->counters.moved - before.moved));
                return;
        }
        s->counters = before;
        if (r == SPOOL_E_CORRUPT)
                (void)set_aside(s, now);
        put_off(s, s->file ? spool_why(s->file) : "it was corrupt", now);
}

bool store_commit(Store *s, StoreItem *items, size_t n, StoreSink *const *sinks, int64_t now,
                  const StoreMore *more) {
        bool written;

        write_memory(s, NULL, 0, sinks, now);
        recover(s, now);
        written = write_file(s, items, n, sinks, now, more);
        if (!written)
                write_memory(s, items, n, sinks, now);
        return written || !s->path;
}

void store_each_held(Store *s, void (*fn)(void *userdata, uint64_t id, Str data), void *userdata) {
        if (s->file)
                spool_each_held(s->file, fn, userdata);
}

typedef struct {
        StoreSink *sink;
        const struct Claims *settled;
        bool in_memory, more;
        StoreDueFn fn;
        void *userdata;
} Due;

static bool is_claimed(const Due *d, int64_t seq) {
        const Claim *c;

        LIST_FOREACH(c, &d->sink->claims, others)
        if (c->seq == seq && c->in_memory == d->in_memory)
                return true;
        LIST_FOREACH(c, d->settled, others)
        if (c->seq == seq && c->in_memory == d->in_memory && c->sink == d->sink)
                return true;
        return false;
}

static bool on_due(void *userdata, const SpoolDue *due) {
        Due *d = userdata;

        if (is_claimed(d, due->seq))
                return true;
        if (d->sink->n_claims < STORE_CLAIMS_MAX && d->fn(d->userdata, d->in_memory, due))
                return true;
        d->more = true;
        return false;
}

bool store_each_due(Store *s, StoreSink *sink, int64_t now, StoreDueFn fn, void *userdata) {
        Spool *const spools[] = { s->file, s->memory };
        Due due = { .sink = sink, .settled = &s->settled, .fn = fn, .userdata = userdata };
        int64_t next = INT64_MAX;

        for (size_t i = 0; i < ARRAY_SIZE(spools) && !due.more; i++) {
                int64_t at;

                due.in_memory = i;
                if (!spools[i])
                        continue;
                (void)spool_each_due(spools[i], name_of(sink), now, on_due, &due);
                at = spool_next_at(spools[i], name_of(sink), now);
                next = at < next ? at : next;
        }
        sink->next_due = due.more ? 0 : next;
        return !due.more;
}

typedef struct {
        const StoreSink *sink;
        StoreCounts counts;
} Counting;

static void on_count(void *userdata, Str sink, SpoolState state, uint64_t n) {
        Counting *c = userdata;

        if (!c->sink || str_eq(name_of(c->sink), sink))
                c->counts.n[state] += n;
}

StoreCounts store_count(Store *s, const StoreSink *sink) {
        Counting counting = { .sink = sink };

        if (s->file)
                spool_count(s->file, on_count, &counting);
        spool_count(s->memory, on_count, &counting);
        return counting.counts;
}

StoreCounts store_count_open(Store *s, const StoreSink *sink) {
        Spool *const spools[] = { s->file, s->memory };
        StoreCounts counts = { 0 };

        for (size_t i = 0; i < ARRAY_SIZE(spools); i++) {
                uint64_t pending, dead;

                if (!spools[i])
                        continue;
                spool_count_open(spools[i], name_of(sink), &pending, &dead);
                counts.n[SPOOL_PENDING] += pending;
                counts.n[SPOOL_DEAD] += dead;
        }
        return counts;
}

static void print_sums(const Store *s, Buf *out, bool only_loss) {
        SpoolCounters sums = *spool_counters(s->memory);

        for (size_t i = 0; s->file && i < spool_n_counter_descs; i++)
                *(uint64_t *)((char *)&sums + spool_counter_descs[i].offset) +=
                        *(const uint64_t *)((const char *)spool_counters(s->file) +
                                            spool_counter_descs[i].offset);
        counter_print(out, spool_counter_descs, spool_n_counter_descs, &sums, only_loss);
}

void store_print_counters(Store *s, Buf *out, bool only_loss) {
        counter_print(out, store_counter_descs, store_n_counter_descs, &s->counters, only_loss);
        print_sums(s, out, only_loss);
        if (!only_loss)
                buf_printf(out, "spool_bytes %llu\nspool_unusable %d\n",
                           s->file ? (unsigned long long)spool_size(s->file) : 0ull, s->broken);
}

static void print_dead(void *userdata, const SpoolRow *row) {
        Buf *out = userdata;

        buf_putz(out, "dead\t");
        for (size_t i = 0; i < row->id.n; i++)
                buf_printf(out, "%02x", (unsigned char)row->id.p[i]);
        buf_printf(out, "\t%u\t" STR_FMT "\t", row->tries, STR_ARG(row->sink));
        for (size_t i = 0; i < row->why.n; i++) /* words of the far end */
                buf_putc(out, row->why.p[i] == '\n' ? ' ' : row->why.p[i]);
        buf_putc(out, '\n');
}

void store_print_dead(Store *s, Buf *out, size_t max) {
        if (s->file)
                spool_dead(s->file, max, print_dead, out);
        spool_dead(s->memory, max, print_dead, out);
}
