/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "role/deliver/spool-sql.h"

#define VERSION "2"

/* The alert itself stands apart, so that a change of its state does not write it again. */
static const char schema[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE alerts (seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, level INTEGER NOT NULL,"
        " at INTEGER NOT NULL, state INTEGER NOT NULL);"
        "CREATE INDEX settled ON alerts (state, seq) WHERE state > 0;"
        "CREATE INDEX pending ON alerts (level, seq) WHERE state = 0;"
        "CREATE TABLE bodies (seq INTEGER PRIMARY KEY, packed BLOB NOT NULL);"
        "CREATE TABLE deliveries (alert INTEGER NOT NULL, sink TEXT NOT NULL, state INTEGER NOT NULL,"
        " tries INTEGER NOT NULL, next_at INTEGER NOT NULL, why TEXT NOT NULL, PRIMARY KEY (alert, sink))"
        " WITHOUT ROWID;"
        "CREATE INDEX due ON deliveries (sink, next_at, alert) WHERE state = 0;"
        "CREATE TABLE held (id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
        "PRAGMA user_version = " VERSION ";"
        "COMMIT;";

/* Version 2 began without it: so that who counts what waits and what is dead does not read what was delivered. */
static const char dead_index[] =
        "CREATE INDEX IF NOT EXISTS dead ON deliveries (alert, sink) WHERE state = 2;";

static const char settings[] = "PRAGMA locking_mode = EXCLUSIVE;" /* no second process; no shared memory */
                               "PRAGMA temp_store = MEMORY;"
                               "PRAGMA cache_size = -2048;"
                               "PRAGMA journal_mode = WAL;"
                               "PRAGMA journal_size_limit = 4194304;" /* SPOOL_LOG_MAX */
                               "PRAGMA synchronous = FULL;";

static int exec(Spool *s, const char *sql) {
        int rc = s->error ? SQLITE_OK : sqlite3_exec(s->db, sql, NULL, NULL, NULL);

        return rc == SQLITE_OK ? s->error : spool_fail(s, rc);
}

/* The first column of the first row of some SQL, as a number; text that is none is 0. */
static int ask(Spool *s, const char *sql, int64_t *ret, Str wanted) {
        sqlite3_stmt *st = NULL;
        int rc = s->error ? SQLITE_MISUSE : sqlite3_prepare_v2(s->db, sql, -1, &st, NULL);

        if (rc == SQLITE_OK)
                rc = sqlite3_step(st);
        if (rc == SQLITE_ROW) {
                *ret = wanted.n ? str_eq(spool_column(st, 0), wanted) : sqlite3_column_int64(st, 0);
                rc = SQLITE_OK;
        }
        sqlite3_finalize(st);
        return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : spool_fail(s, rc);
}

/* Before SQLite: it would make it readable to others. */
static int touch(Spool *s, const char *path) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

        if (fd < 0) {
                snprintf(s->why, sizeof(s->why), "%s", strerror(errno));
                return s->error = SPOOL_E_UNUSABLE;
        }
        close(fd);
        return 0;
}

static int check(Spool *s) {
        int64_t version = 0, sound = 0, n_tables = 0, page_size = 4096;

        ask(s, "PRAGMA quick_check(1)", &sound, STR("ok"));
        if (!s->error && !sound)
                return spool_fail(s, SQLITE_CORRUPT);
        ask(s, "PRAGMA user_version", &version, STR(""));
        ask(s, "SELECT count(*) FROM sqlite_schema", &n_tables, STR(""));
        if (!s->error && !version && !n_tables)
                exec(s, schema);
        else if (!s->error && version != atoi(VERSION)) {
                snprintf(s->why, sizeof(s->why), "it is no spool of this version of aulert");
                return s->error = SPOOL_E_UNUSABLE;
        }
        exec(s, dead_index);
        ask(s, "PRAGMA page_size", &page_size, STR(""));
        s->page_size = (uint64_t)page_size;
        return s->error;
}

static int start(Spool *s, const char *path) {
        int rc;

        if (path && touch(s, path))
                return s->error;
        rc = sqlite3_open_v2(path ? path : ":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
                             NULL);
        if (rc != SQLITE_OK)
                return spool_fail(s, rc);
        sqlite3_extended_result_codes(s->db, 1);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        s->durable = true;
        exec(s, settings);
        if (check(s))
                return s->error;
        s->n_alerts = (uint64_t)spool_number(s, SPOOL_SQL_ALERTS, "");
        s->next_seq = spool_number(s, SPOOL_SQL_LAST, "") + 1;
        return s->error;
}

int spool_open(Spool **ret, const char *path, const SpoolLimits *limits, char ret_why[static SPOOL_WHY]) {
        Spool *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->limits = *limits;
        r = start(s, path);
        if (r) {
                memcpy(ret_why, s->why, SPOOL_WHY);
                spool_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

Spool *spool_free(Spool *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < ARRAY_SIZE(s->statements); i++)
                sqlite3_finalize(s->statements[i]);
        sqlite3_close(s->db);
        free(s);
        return NULL;
}

int spool_set_aside(const char *path, int64_t now, Buf *ret_name) {
        static const char *const suffixes[] = { "-wal", "-journal", "-shm", "" };
        Buf from = BUF_INIT, to = BUF_INIT;
        int r = 0;

        for (size_t i = 0; i < ARRAY_SIZE(suffixes) && r == 0; i++) {
                buf_clear(&from);
                buf_clear(&to);
                buf_printf(&from, "%s%s", path, suffixes[i]);
                buf_printf(&to, "%s.corrupt-%lld%s", path, (long long)now, suffixes[i]);
                if (!buf_z(&from) || !buf_z(&to))
                        r = -ENOMEM;
                else if (rename(from.p, to.p) < 0 && errno != ENOENT)
                        r = -errno;
        }
        buf_str(ret_name, buf_view(&to));
        buf_done(&from);
        buf_done(&to);
        return r;
}
