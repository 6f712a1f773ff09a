/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include "role/deliver/spool-sql.h"

/* The 0 of SPOOL_PENDING stands in the text, so that the partial indices are used. */
static const char *const texts[_SPOOL_SQL_N] = {
        [SPOOL_SQL_BEGIN] = "BEGIN IMMEDIATE",
        [SPOOL_SQL_COMMIT] = "COMMIT",
        [SPOOL_SQL_ROLLBACK] = "ROLLBACK",
        [SPOOL_SQL_KNOWS] = "SELECT seq FROM alerts WHERE id = ?1",
        [SPOOL_SQL_PUT] =
                "INSERT OR IGNORE INTO alerts (seq, id, level, at, state) VALUES (?1, ?2, ?3, ?4, ?5)",
        [SPOOL_SQL_BODY] = "INSERT INTO bodies (seq, packed) VALUES (?1, ?2)",
        [SPOOL_SQL_ADD] = "INSERT OR IGNORE INTO deliveries (alert, sink, state, tries, next_at, why)"
                          " VALUES (?1, ?2, 0, 0, ?3, '')",
        [SPOOL_SQL_COPY] = "INSERT OR IGNORE INTO deliveries (alert, sink, state, tries, next_at, why)"
                           " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        [SPOOL_SQL_SETTLE] = "UPDATE deliveries SET state = ?3, tries = ?4, next_at = ?5, why = ?6"
                             " WHERE alert = ?1 AND sink = ?2",
        [SPOOL_SQL_RESTATE] = "UPDATE alerts SET state = CASE"
                              " WHEN EXISTS (SELECT 1 FROM deliveries WHERE alert = ?1 AND state = 0) THEN 0"
                              " WHEN EXISTS (SELECT 1 FROM deliveries WHERE alert = ?1 AND state = 2) THEN 2"
                              " ELSE 1 END WHERE seq = ?1",
        [SPOOL_SQL_FIX_CLOCK] = "UPDATE deliveries SET next_at = ?1 WHERE state = 0 AND next_at > ?2",
        [SPOOL_SQL_SINKS] = "SELECT DISTINCT sink FROM deliveries WHERE state = 0 AND sink > ?1"
                            " ORDER BY sink LIMIT 1",
        [SPOOL_SQL_OF_SINK] = "SELECT alert FROM deliveries WHERE state = 0 AND sink = ?1 LIMIT 1",
        [SPOOL_SQL_BURY] = "UPDATE deliveries SET state = 2, why = ?3 WHERE alert = ?1 AND sink = ?2",
        [SPOOL_SQL_OLDEST] = "SELECT seq, at FROM alerts WHERE state > 0 AND state = ?1 ORDER BY seq LIMIT 1",
        [SPOOL_SQL_LEAST] = "SELECT seq FROM alerts WHERE state = 0 ORDER BY level, seq LIMIT 1",
        [SPOOL_SQL_DELETE] = "DELETE FROM alerts WHERE seq = ?1",
        [SPOOL_SQL_DELETE_BODY] = "DELETE FROM bodies WHERE seq = ?1",
        [SPOOL_SQL_DELETE_DELIVERIES] = "DELETE FROM deliveries WHERE alert = ?1",
        [SPOOL_SQL_PAGES] = "PRAGMA page_count",
        [SPOOL_SQL_FREE_PAGES] = "PRAGMA freelist_count",
        [SPOOL_SQL_ALERTS] = "SELECT count(*) FROM alerts",
        [SPOOL_SQL_LAST] = "SELECT max(seq) FROM alerts",
        [SPOOL_SQL_DUE] =
                "SELECT d.alert, d.tries, a.at, b.packed FROM deliveries d"
                " JOIN alerts a ON a.seq = d.alert JOIN bodies b ON b.seq = d.alert"
                " WHERE d.state = 0 AND d.sink = ?1 AND d.next_at <= ?2 ORDER BY d.next_at, d.alert",
        [SPOOL_SQL_NEXT] = "SELECT next_at FROM deliveries WHERE state = 0 AND sink = ?1 AND next_at > ?2"
                           " ORDER BY next_at LIMIT 1",
        [SPOOL_SQL_DEAD] =
                "SELECT d.alert, a.id, d.sink, d.why, d.tries FROM deliveries d"
                " JOIN alerts a ON a.seq = d.alert WHERE d.state = 2 ORDER BY d.alert DESC LIMIT ?1",
        [SPOOL_SQL_OPEN] = "SELECT (SELECT count(*) FROM deliveries WHERE state = 0 AND sink = ?1),"
                           " (SELECT count(*) FROM deliveries WHERE state = 2 AND sink = ?1)",
        [SPOOL_SQL_COUNT] = "SELECT sink, state, count(*) FROM deliveries GROUP BY sink, state",
        [SPOOL_SQL_ALL] = "SELECT a.seq, a.id, a.level, a.at, a.state, b.packed FROM alerts a"
                          " JOIN bodies b ON b.seq = a.seq ORDER BY a.seq",
        [SPOOL_SQL_DELIVERIES] = "SELECT sink, state, tries, next_at, why FROM deliveries WHERE alert = ?1",
        [SPOOL_SQL_HOLD] = "INSERT OR REPLACE INTO held (id, data) VALUES (?1, ?2)",
        [SPOOL_SQL_LET_GO] = "DELETE FROM held WHERE id = ?1",
        [SPOOL_SQL_HELD] = "SELECT id, data FROM held ORDER BY id",
};

/* What SQLite says where the system says no more. */
static const char *words(int rc, int system) {
        switch (rc & 0xFF) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return "another process uses it";
        case SQLITE_FULL: return strerror(ENOSPC);
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY: return system ? strerror(system) : sqlite3_errstr(rc);
        default: return sqlite3_errstr(rc);
        }
}

int spool_fail(Spool *s, int rc) {
        if (s->error)
                return s->error;
        snprintf(s->why, sizeof(s->why), "%s", words(rc, s->db ? sqlite3_system_errno(s->db) : 0));
        switch (rc & 0xFF) {
        case SQLITE_NOMEM: s->error = -ENOMEM; break;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: s->error = SPOOL_E_CORRUPT; break;
        default: s->error = SPOOL_E_UNUSABLE;
        }
        return s->error;
}

static sqlite3_stmt *bind(Spool *s, SpoolSql which, const char *format, va_list ap) {
        sqlite3_stmt *st = s->statements[which];
        int rc = SQLITE_OK;

        if (s->error)
                return NULL;
        if (!st) {
                rc = sqlite3_prepare_v3(s->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, &st, NULL);
                s->statements[which] = st;
        }
        for (int i = 1; *format && rc == SQLITE_OK; format++, i++) {
                if (*format == 'i') {
                        rc = sqlite3_bind_int64(st, i, va_arg(ap, int64_t));
                } else {
                        Str text = va_arg(ap, Str);

                        rc = *format == 't' ? sqlite3_bind_text(st, i, text.n ? text.p : "", (int)text.n,
                                                                SQLITE_STATIC)
                                            : sqlite3_bind_blob(st, i, text.n ? text.p : "", (int)text.n,
                                                                SQLITE_STATIC);
                }
        }
        if (rc == SQLITE_OK)
                return st;
        spool_fail(s, rc);
        return NULL;
}

sqlite3_stmt *spool_sql(Spool *s, SpoolSql which, const char *format, ...) {
        sqlite3_stmt *st;
        va_list ap;

        va_start(ap, format);
        st = bind(s, which, format, ap);
        va_end(ap);
        return st;
}

bool spool_row(Spool *s, sqlite3_stmt *st) {
        int rc;

        if (!st)
                return false;
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
                return true;
        if (rc != SQLITE_DONE)
                spool_fail(s, rc);
        sqlite3_reset(st);
        return false;
}

void spool_run(Spool *s, SpoolSql which, const char *format, ...) {
        sqlite3_stmt *st;
        va_list ap;

        va_start(ap, format);
        st = bind(s, which, format, ap);
        va_end(ap);
        while (spool_row(s, st))
                ;
}

int64_t spool_number(Spool *s, SpoolSql which, const char *format, ...) {
        sqlite3_stmt *st;
        int64_t n = 0;
        va_list ap;

        va_start(ap, format);
        st = bind(s, which, format, ap);
        va_end(ap);
        if (spool_row(s, st)) {
                n = sqlite3_column_int64(st, 0);
                sqlite3_reset(st);
        }
        return n;
}

Str spool_column(sqlite3_stmt *st, int column) {
        const void *p = sqlite3_column_blob(st, column);

        return (Str){ p ? p : "", p ? (size_t)sqlite3_column_bytes(st, column) : 0 };
}
