/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/deliver/spool-sql.h"

/* Outside of a transaction an error ends what is being read, and nothing else. */
static int end(Spool *s, sqlite3_stmt *st) {
        int r = s->error;

        sqlite3_reset(st);
        s->error = 0;
        return r;
}

int spool_each_due(Spool *s, Str sink, int64_t now, SpoolDueFn fn, void *userdata) {
        sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_DUE, "ti", sink, now);

        while (spool_row(s, st)) {
                const SpoolDue due = { .seq = sqlite3_column_int64(st, 0),
                                       .tries = (uint32_t)sqlite3_column_int64(st, 1),
                                       .at = sqlite3_column_int64(st, 2),
                                       .packed = spool_column(st, 3) };

                if (!fn(userdata, &due))
                        break;
        }
        return end(s, st);
}

int64_t spool_next_at(Spool *s, Str sink, int64_t after) {
        sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_NEXT, "ti", sink, after);
        int64_t at = spool_row(s, st) ? sqlite3_column_int64(st, 0) : INT64_MAX;

        end(s, st);
        return at;
}

void spool_each_held(Spool *s, void (*fn)(void *userdata, uint64_t id, Str data), void *userdata) {
        sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_HELD, "");

        while (spool_row(s, st))
                fn(userdata, (uint64_t)sqlite3_column_int64(st, 0), spool_column(st, 1));
        end(s, st);
}

void spool_dead(Spool *s, size_t max, void (*fn)(void *userdata, const SpoolRow *row), void *userdata) {
        sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_DEAD, "i", (int64_t)max);

        while (spool_row(s, st))
                fn(userdata, &(SpoolRow){ .seq = sqlite3_column_int64(st, 0),
                                          .id = spool_column(st, 1),
                                          .sink = spool_column(st, 2),
                                          .why = spool_column(st, 3),
                                          .state = SPOOL_DEAD,
                                          .tries = (uint32_t)sqlite3_column_int64(st, 4) });
        end(s, st);
}

void spool_count_open(Spool *s, Str sink, uint64_t *ret_pending, uint64_t *ret_dead) {
        sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_OPEN, "t", sink);
        bool there = spool_row(s, st);

        *ret_pending = there ? (uint64_t)sqlite3_column_int64(st, 0) : 0;
        *ret_dead = there ? (uint64_t)sqlite3_column_int64(st, 1) : 0;
        end(s, st);
}

void spool_count(Spool *s, void (*fn)(void *userdata, Str sink, SpoolState state, uint64_t n),
                 void *userdata) {
        sqlite3_stmt *st = spool_sql(s, SPOOL_SQL_COUNT, "");

        while (spool_row(s, st)) {
                int64_t state = sqlite3_column_int64(st, 1);

                if (state >= 0 && state < _SPOOL_STATE_N)
                        fn(userdata, spool_column(st, 0), (SpoolState)state,
                           (uint64_t)sqlite3_column_int64(st, 2));
        }
        end(s, st);
}
