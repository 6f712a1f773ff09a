/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "alert/alert-pack.h"
#include "role/deliver/spool-sql.h"

#define ID_BYTES   16u
#define PRUNE_MIN  64u /* alerts that one transaction may remove, or four for each that it brought */
#define PRUNE_STEP 16u /* between two looks at the size */
#define WHY_MAX    200u

const CounterDesc spool_counter_descs[] = {
        { "spool_put", "alerts put into the spool", offsetof(SpoolCounters, put), false },
        { "spool_expired", "settled alerts removed because of their age", offsetof(SpoolCounters, expired),
          false },
        { "spool_pruned_delivered", "delivered alerts removed for room",
          offsetof(SpoolCounters, pruned_delivered), false },
        { "spool_pruned_dead", "dead letters removed for room", offsetof(SpoolCounters, pruned_dead), true },
        { "spool_pruned_pending", "alerts removed for room before every sink had them",
          offsetof(SpoolCounters, pruned_pending), true },
};
const size_t spool_n_counter_descs = ARRAY_SIZE(spool_counter_descs);

const SpoolCounters *spool_counters(const Spool *s) { return &s->counters; }
const char *spool_why(const Spool *s) { return s->why; }
uint64_t spool_n_alerts(const Spool *s) { return s->n_alerts; }

uint64_t spool_size(Spool *s) {
        int64_t n = spool_number(s, SPOOL_SQL_PAGES, "") - spool_number(s, SPOOL_SQL_FREE_PAGES, "");

        return n > 0 ? (uint64_t)n * s->page_size : 0;
}

static void set_durable(Spool *s, bool durable) {
        int rc;

        if (s->durable == durable)
                return;
        rc = sqlite3_exec(s->db, durable ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL,
                          NULL, NULL);
        if (rc == SQLITE_OK)
                s->durable = durable;
        else
                spool_fail(s, rc);
}

void spool_begin(Spool *s, bool durable) {
        s->error = 0;
        s->n_put = 0;
        s->before = s->counters;
        s->n_alerts_before = s->n_alerts;
        set_durable(s, durable);
        spool_run(s, SPOOL_SQL_BEGIN, "");
}

static Str id_of(Str hex, char into[static ID_BYTES]) {
        return (Str){ into, hex.n == 2 * ID_BYTES ? str_unhex(into, hex) : 0 };
}

bool spool_knows(Spool *s, Str id) {
        char bytes[ID_BYTES];
        bool found = spool_number(s, SPOOL_SQL_KNOWS, "b", id_of(id, bytes));

        if (sqlite3_get_autocommit(s->db))
                s->error = 0; /* no transaction: nothing sticks */
        return found;
}

/* One row of alerts and one of bodies. */
static int put(Spool *s, Str id, int64_t level, int64_t at, int64_t state, Str packed, int64_t *ret_seq) {
        int64_t seq = s->next_seq;

        spool_run(s, SPOOL_SQL_PUT, "ibiii", seq, id, level, at, state);
        if (s->error)
                return s->error;
        if (!sqlite3_changes(s->db))
                return SPOOL_E_KNOWN;
        spool_run(s, SPOOL_SQL_BODY, "ib", seq, packed);
        s->next_seq++;
        s->n_put++;
        s->n_alerts++;
        s->counters.put++;
        *ret_seq = seq;
        return s->error;
}

int spool_put(Spool *s, const Alert *alert, bool pending, int64_t now, int64_t *ret_seq) {
        Buf packed = BUF_INIT;
        char id[ID_BYTES];
        int r = alert_pack(&packed, alert);

        if (r < 0)
                s->error = r;
        else
                r = put(s, id_of(alert->id, id), alert->level, now, pending ? SPOOL_PENDING : SPOOL_DELIVERED,
                        buf_view(&packed), ret_seq);
        buf_done(&packed);
        return r;
}

void spool_add(Spool *s, int64_t seq, Str sink, int64_t now) {
        spool_run(s, SPOOL_SQL_ADD, "iti", seq, sink, now);
}

void spool_settle(Spool *s, int64_t seq, Str sink, const SpoolOutcome *o) {
        Str why = { o->why.p, o->why.n < WHY_MAX ? o->why.n : WHY_MAX };

        spool_run(s, SPOOL_SQL_SETTLE, "itiiit", seq, sink, (int64_t)o->state, (int64_t)o->tries, o->next_at,
                  why);
        if (o->state != SPOOL_PENDING)
                spool_run(s, SPOOL_SQL_RESTATE, "i", seq);
}

void spool_hold(Spool *s, uint64_t id, Str data) {
        if (data.n)
                spool_run(s, SPOOL_SQL_HOLD, "ib", (int64_t)id, data);
        else
                spool_run(s, SPOOL_SQL_LET_GO, "i", (int64_t)id);
}

static bool is_among(Str sink, const Str *sinks, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (str_eq(sinks[i], sink))
                        return true;
        return false;
}

static uint64_t bury(Spool *s, Str sink, Str why) {
        uint64_t n = 0;
        int64_t seq;

        while ((seq = spool_number(s, SPOOL_SQL_OF_SINK, "t", sink))) {
                spool_run(s, SPOOL_SQL_BURY, "itt", seq, sink, why);
                spool_run(s, SPOOL_SQL_RESTATE, "i", seq);
                n++;
        }
        return n;
}

uint64_t spool_bury_others(Spool *s, const Str *sinks, size_t n, Str why) {
        Buf sink = BUF_INIT; /* the last one that was looked at */
        uint64_t n_buried = 0;

        for (;;) {
                sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_SINKS, "t", buf_view(&sink));

                if (!spool_row(s, st))
                        break;
                buf_clear(&sink);
                buf_str(&sink, spool_column(st, 0));
                sqlite3_reset(st);
                if (sink.failed)
                        break;
                if (!is_among(buf_view(&sink), sinks, n))
                        n_buried += bury(s, buf_view(&sink), why);
        }
        buf_done(&sink);
        return n_buried;
}

void spool_fix_clock(Spool *s, int64_t now) {
        spool_run(s, SPOOL_SQL_FIX_CLOCK, "ii", now, now + SPOOL_DELAY_MAX);
}

static void forget(Spool *s, int64_t seq) {
        spool_run(s, SPOOL_SQL_DELETE_DELIVERIES, "i", seq);
        spool_run(s, SPOOL_SQL_DELETE_BODY, "i", seq);
        spool_run(s, SPOOL_SQL_DELETE, "i", seq);
        s->n_alerts -= s->n_alerts > 0;
}

/* The oldest in that state, when it is older than that. */
static bool expire(Spool *s, SpoolState state, int64_t before) {
        sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_OLDEST, "i", (int64_t)state);
        int64_t seq, at;

        if (!spool_row(s, st))
                return false;
        seq = sqlite3_column_int64(st, 0);
        at = sqlite3_column_int64(st, 1);
        sqlite3_reset(st);
        if (at >= before)
                return false;
        forget(s, seq);
        s->counters.expired++;
        return !s->error;
}

static bool is_too_many(const Spool *s) { return s->limits.max_alerts && s->n_alerts > s->limits.max_alerts; }
static bool is_too_big(Spool *s) { return s->limits.max_size && spool_size(s) > s->limits.max_size; }

static bool prune_one(Spool *s) {
        int64_t seq = spool_number(s, SPOOL_SQL_OLDEST, "i", (int64_t)SPOOL_DELIVERED);
        uint64_t *counter = &s->counters.pruned_delivered;

        if (!seq) {
                seq = spool_number(s, SPOOL_SQL_OLDEST, "i", (int64_t)SPOOL_DEAD);
                counter = &s->counters.pruned_dead;
        }
        if (!seq) {
                seq = spool_number(s, SPOOL_SQL_LEAST, "");
                counter = &s->counters.pruned_pending;
        }
        if (!seq || s->error)
                return false;
        forget(s, seq);
        *counter += !s->error;
        return !s->error;
}

static void prune(Spool *s, int64_t now) {
        uint64_t n_left = 4 * s->n_put > PRUNE_MIN ? 4 * s->n_put : PRUNE_MIN;

        while (n_left && s->limits.keep_ms && expire(s, SPOOL_DELIVERED, now - s->limits.keep_ms))
                n_left--;
        while (n_left && s->limits.keep_dead_ms && expire(s, SPOOL_DEAD, now - s->limits.keep_dead_ms))
                n_left--;
        while (n_left && is_too_many(s) && prune_one(s))
                n_left--;
        while (n_left && is_too_big(s))
                for (unsigned i = 0; i < PRUNE_STEP && n_left; i++, n_left--)
                        if (!prune_one(s))
                                return;
}

int spool_commit(Spool *s, int64_t now) {
        int r;

        if (!s->error)
                prune(s, now);
        spool_run(s, SPOOL_SQL_COMMIT, "");
        r = s->error;
        if (r) {
                s->counters = s->before;
                s->n_alerts = s->n_alerts_before;
                s->error = 0;
                if (!sqlite3_get_autocommit(s->db))
                        sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
                s->error = 0;
        }
        return r;
}

/* The deliveries of one alert, under its new number. */
static void copy_deliveries(Spool *to, Spool *from, int64_t old, int64_t seq) {
        sqlite3_stmt *st = spool_sql(from, SPOOL_SQL_DELIVERIES, "i", old);

        while (spool_row(from, st))
                spool_run(to, SPOOL_SQL_COPY, "itiiit", seq, spool_column(st, 0), sqlite3_column_int64(st, 1),
                          sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3), spool_column(st, 4));
}

void spool_copy(Spool *to, Spool *from, void (*moved)(void *userdata, int64_t old, int64_t new),
                void *userdata) {
        sqlite3_stmt *st = spool_sql(from, SPOOL_SQL_ALL, "");

        while (!to->error && spool_row(from, st)) {
                int64_t old = sqlite3_column_int64(st, 0), seq = 0;
                int r = put(to, spool_column(st, 1), sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3),
                            sqlite3_column_int64(st, 4), spool_column(st, 5), &seq);

                if (r == 0)
                        copy_deliveries(to, from, old, seq);
                moved(userdata, old, seq);
        }
        sqlite3_reset(st);
        if (from->error && !to->error)
                to->error = from->error;
        from->error = 0;
}

void spool_clear(Spool *s) {
        sqlite3_exec(s->db, "DELETE FROM deliveries; DELETE FROM bodies; DELETE FROM alerts", NULL, NULL,
                     NULL);
        s->n_alerts = 0;
}
