/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include "base/arena.h"
#include "base/hash.h"
#include "meaning/names.h"

#define SLOW_NS 5000000ull /* an answer that takes longer makes us pause a hundred times as long */

/* What the file says. */
typedef struct {
        Str *names; /* open addressing; .p NULL is free */
        uint32_t *ids;
        Str *known;    /* all names, as a set: several may have one id */
        size_t n, cap; /* lines read; of all three arrays, a power of two, or 0 */
        Arena arena;
} Table;

/* What the name service said. */
typedef struct {
        uint64_t until_ns; /* 0: free */
        uint32_t id;
        bool known;
        char name[NAMES_MAX];
} Answer;

typedef struct {
        const char *path;
        struct stat seen;
        Table table;
        Answer answers[NAMES_CACHE];
} Source;

struct Names {
        Source sources[_NAMES_N];
        uint64_t second, paused_until_ns;
        uint32_t left;
        bool only_snapshot;
        uint64_t lookups, skipped;
        char shown[NAMES_MAX];
};

static void table_done(Table *t) {
        free(t->names);
        free(t->ids);
        free(t->known);
        arena_done(&t->arena);
        *t = (Table){ 0 };
}

static size_t table_slot(const Table *t, uint32_t id) {
        size_t i = hash_u64(id) & (t->cap - 1);

        while (t->names[i].p && t->ids[i] != id)
                i = (i + 1) & (t->cap - 1);
        return i;
}

static size_t known_slot(const Table *t, Str name) {
        size_t i = hash_str(name) & (t->cap - 1);

        while (t->known[i].p && !str_eq(t->known[i], name))
                i = (i + 1) & (t->cap - 1);
        return i;
}

static int table_grow(Table *t) {
        Table bigger = { .cap = t->cap ? 2 * t->cap : 256, .n = t->n };

        bigger.names = calloc(bigger.cap, sizeof(*bigger.names));
        bigger.ids = calloc(bigger.cap, sizeof(*bigger.ids));
        bigger.known = calloc(bigger.cap, sizeof(*bigger.known));
        if (!bigger.names || !bigger.ids || !bigger.known) {
                table_done(&bigger);
                return -ENOMEM;
        }
        for (size_t i = 0; i < t->cap; i++) {
                size_t slot;

                if (t->known[i].p)
                        bigger.known[known_slot(&bigger, t->known[i])] = t->known[i];
                if (!t->names[i].p)
                        continue;
                slot = table_slot(&bigger, t->ids[i]);
                bigger.names[slot] = t->names[i];
                bigger.ids[slot] = t->ids[i];
        }
        free(t->names);
        free(t->ids);
        free(t->known);
        bigger.arena = t->arena;
        *t = bigger;
        return 0;
}

static int table_add(Table *t, uint32_t id, Str name) {
        size_t slot;

        if (2 * t->n >= t->cap && table_grow(t))
                return -ENOMEM;
        name = arena_str(&t->arena, name);
        if (!name.p)
                return -ENOMEM;
        t->n++;
        t->known[known_slot(t, name)] = name;
        slot = table_slot(t, id);
        if (t->names[slot].p) /* the first line with an id counts, as in nss_files */
                return 0;
        t->names[slot] = (Str){ name.p, name.n < NAMES_MAX ? name.n : NAMES_MAX - 1 };
        t->ids[slot] = id;
        return 0;
}

/* name:password:id:… in both files. False: the line is something else (a comment, an NIS entry). */
static bool parse_line(char *line, Str *ret_name, uint32_t *ret_id) {
        char *name_end = strchr(line, ':'), *id, *id_end;
        uint64_t v;

        if (!name_end || name_end == line || strchr("+-#", *line))
                return false;
        id = strchr(name_end + 1, ':');
        id_end = id ? strchr(id + 1, ':') : NULL;
        if (!id_end || !str_u64((Str){ id + 1, (size_t)(id_end - id) - 1 }, 10, &v) || v > UINT32_MAX)
                return false;
        *ret_name = (Str){ line, (size_t)(name_end - line) };
        *ret_id = (uint32_t)v;
        return true;
}

static int table_read(Table *t, FILE *f) {
        char *line = NULL;
        size_t cap = 0;
        int r = 0;

        while (!r && getline(&line, &cap, f) > 0) {
                Str name;
                uint32_t id;

                if (parse_line(line, &name, &id))
                        r = table_add(t, id, name);
        }
        free(line);
        return r;
}

static bool same_file(const struct stat *a, const struct stat *b) {
        return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
               a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int source_load(Source *s) {
        Table fresh = { 0 };
        struct stat seen = { 0 };
        FILE *f = fopen(s->path, "re");
        int r = 0;

        if (f) {
                r = fstat(fileno(f), &seen) < 0 ? 0 : table_read(&fresh, f);
                fclose(f);
        }
        if (r) {
                table_done(&fresh);
                return r;
        }
        table_done(&s->table);
        s->table = fresh;
        s->seen = seen;
        memset(s->answers, 0, sizeof(s->answers)); /* a new account may have one of these ids */
        return 0;
}

int names_new(Names **ret, const char *passwd, const char *group) {
        Names *n = calloc(1, sizeof(*n));

        if (!n)
                return -ENOMEM;
        n->sources[NAMES_USER].path = passwd ? passwd : "/etc/passwd";
        n->sources[NAMES_GROUP].path = group ? group : "/etc/group";
        for (int i = 0; i < _NAMES_N; i++)
                if (source_load(&n->sources[i])) {
                        names_free(n);
                        return -ENOMEM;
                }
        *ret = n;
        return 0;
}

Names *names_free(Names *n) {
        if (!n)
                return NULL;
        for (int i = 0; i < _NAMES_N; i++)
                table_done(&n->sources[i].table);
        free(n);
        return NULL;
}

void names_refresh(Names *n) {
        for (int i = 0; i < _NAMES_N; i++) {
                struct stat now = { 0 };

                if (stat(n->sources[i].path, &now) < 0)
                        now = (struct stat){ 0 };
                if (!same_file(&now, &n->sources[i].seen))
                        (void)source_load(&n->sources[i]);
        }
}

static uint64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool ask_user(uint32_t id, char *ret, size_t n) {
        struct passwd pw, *found = NULL;
        char buf[8192];

        if (getpwuid_r(id, &pw, buf, sizeof(buf), &found) || !found)
                return false;
        snprintf(ret, n, "%s", found->pw_name);
        return true;
}

/* A group with very many members does not fit the buffer and stays unknown. */
static bool ask_group(uint32_t id, char *ret, size_t n) {
        struct group gr, *found = NULL;
        char buf[65536];

        if (getgrgid_r(id, &gr, buf, sizeof(buf), &found) || !found)
                return false;
        snprintf(ret, n, "%s", found->gr_name);
        return true;
}

static bool may_ask(Names *n, uint64_t now) {
        if (n->only_snapshot || now < n->paused_until_ns)
                return false;
        if (now / 1000000000u != n->second) {
                n->second = now / 1000000000u;
                n->left = NAMES_BUDGET;
        }
        return n->left > 0;
}

static void ask(Names *n, NamesOf of, uint32_t id, Answer *a, uint64_t now) {
        uint64_t took;

        n->left--;
        n->lookups++;
        a->id = id;
        a->known = of == NAMES_USER ? ask_user(id, a->name, sizeof(a->name))
                                    : ask_group(id, a->name, sizeof(a->name));
        took = now_ns() - now;
        a->until_ns = now + took + NAMES_KEEP_S * 1000000000ull;
        if (took > SLOW_NS)
                n->paused_until_ns = now + 101 * took;
}

static Str unknown(Names *n, uint32_t id) {
        char digits[12], *p = digits + sizeof(digits);
        int64_t v = (int32_t)id;
        uint64_t left = (uint64_t)(v < 0 ? -v : v);
        size_t len;

        do
                *--p = (char)('0' + left % 10);
        while (left /= 10);
        if (v < 0)
                *--p = '-';
        len = (size_t)(digits + sizeof(digits) - p);
        memcpy(n->shown, "unknown(", 8);
        memcpy(n->shown + 8, p, len);
        n->shown[8 + len] = ')';
        return (Str){ n->shown, 9 + len };
}

static Str answer(Names *n, NamesOf of, uint32_t id) {
        Answer *a = &n->sources[of].answers[hash_u64(id) % NAMES_CACHE];
        uint64_t now = n->only_snapshot ? 0 : now_ns();

        if (a->until_ns <= now || a->id != id) {
                if (!may_ask(n, now)) {
                        n->skipped++;
                        return unknown(n, id);
                }
                ask(n, of, id, a, now);
        }
        return a->known ? str_from(a->name) : unknown(n, id);
}

Str names_of(Names *n, NamesOf of, uint32_t id) {
        const Table *t = &n->sources[of].table;

        if (id == 0)
                return STR("root");
        if (id == UINT32_MAX)
                return STR("unset");
        if (t->cap) {
                Str name = t->names[table_slot(t, id)];

                if (name.p)
                        return name;
        }
        return answer(n, of, id);
}

bool names_known(const Names *n, NamesOf of, Str name) {
        const Table *t = &n->sources[of].table;

        return t->cap && t->known[known_slot(t, name)].p;
}

void names_only_snapshot(Names *n) { n->only_snapshot = true; }

void names_count(const Names *n, uint64_t *ret_lookups, uint64_t *ret_skipped) {
        *ret_lookups = n->lookups;
        *ret_skipped = n->skipped;
}
