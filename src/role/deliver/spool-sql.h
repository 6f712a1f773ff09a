/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What spool.c, spool-open.c and spool-read.c share: the statements, and how one is run. */
#include <sqlite3.h>
#include "role/deliver/spool.h"

typedef enum {
        SPOOL_SQL_BEGIN,
        SPOOL_SQL_COMMIT,
        SPOOL_SQL_ROLLBACK,
        SPOOL_SQL_KNOWS,
        SPOOL_SQL_PUT,
        SPOOL_SQL_BODY,
        SPOOL_SQL_ADD,
        SPOOL_SQL_COPY,
        SPOOL_SQL_SETTLE,
        SPOOL_SQL_RESTATE,
        SPOOL_SQL_FIX_CLOCK,
        SPOOL_SQL_SINKS,
        SPOOL_SQL_OF_SINK,
        SPOOL_SQL_BURY,
        SPOOL_SQL_OLDEST,
        SPOOL_SQL_LEAST,
        SPOOL_SQL_DELETE,
        SPOOL_SQL_DELETE_BODY,
        SPOOL_SQL_DELETE_DELIVERIES,
        SPOOL_SQL_PAGES,
        SPOOL_SQL_FREE_PAGES,
        SPOOL_SQL_ALERTS,
        SPOOL_SQL_LAST,
        SPOOL_SQL_DUE,
        SPOOL_SQL_NEXT,
        SPOOL_SQL_DEAD,
        SPOOL_SQL_OPEN,
        SPOOL_SQL_COUNT,
        SPOOL_SQL_ALL,
        SPOOL_SQL_DELIVERIES,
        SPOOL_SQL_HOLD,
        SPOOL_SQL_LET_GO,
        SPOOL_SQL_HELD,
        _SPOOL_SQL_N,
} SpoolSql;

struct Spool {
        sqlite3 *db;
        sqlite3_stmt *statements[_SPOOL_SQL_N];
        SpoolLimits limits;
        SpoolCounters counters, before; /* @before: at the beginning of the transaction */
        int64_t next_seq;
        uint64_t n_alerts, n_alerts_before;
        uint64_t page_size;
        uint64_t n_put; /* in this transaction */
        int error;      /* sticks until the end of the transaction */
        bool durable;   /* as the connection is set */
        char why[SPOOL_WHY];
};

/* Binds by @format: i int64_t, t Str as text, b Str as a blob. NULL: an error sticks. */
sqlite3_stmt *spool_sql(Spool *s, SpoolSql which, const char *format, ...);
bool spool_row(Spool *s, sqlite3_stmt *st); /* false: no more, or an error; was reset */
void spool_run(Spool *s, SpoolSql which, const char *format, ...);       /* one without rows */
int64_t spool_number(Spool *s, SpoolSql which, const char *format, ...); /* of the first row; 0: none */
Str spool_column(sqlite3_stmt *st, int column);                          /* until the next row */
int spool_fail(Spool *s, int rc);                                        /* notes it */
