/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "meaning/process.h"

/* What one event said. */
typedef struct Change Change;
struct Change {
        Change *older;
        ProcessTime at;
        size_t size;  /* of this allocation */
        bool certain; /* the command line is that of the program: from an execve, or worked out */
        Process process;
        char text[];
};

typedef struct Entry Entry;
struct Entry {
        Entry *chain;
        Entry *newer, *older;
        uint64_t hash;
        int64_t pid;
        Change *newest;   /* never NULL */
        ProcessTime last; /* the last event that said the same */
        uint64_t moved;   /* ProcessTable.tick when it was put in front */
        uint32_t n_changes;
        uint32_t n_node;
        char node[];
};

struct ProcessTable {
        Entry **buckets;
        size_t n_buckets, n, max, bytes, max_bytes;
        Entry *newest, *oldest;
        uint64_t tick; /* processes ever added */
        int64_t settled_ms;
        uint64_t dropped;
};

int process_table_new(ProcessTable **ret, size_t max, size_t max_bytes) {
        ProcessTable *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->n_buckets = 64;
        while (t->n_buckets < max)
                t->n_buckets *= 2;
        t->buckets = calloc(t->n_buckets, sizeof(*t->buckets));
        if (!t->buckets) {
                free(t);
                return -ENOMEM;
        }
        t->max = max;
        t->max_bytes = max_bytes;
        t->settled_ms = INT64_MIN;
        *ret = t;
        return 0;
}

static void free_changes(ProcessTable *t, Entry *e, Change *c) {
        for (Change *older; c; c = older) {
                older = c->older;
                t->bytes -= c->size;
                e->n_changes--;
                free(c);
        }
}

ProcessTable *process_table_free(ProcessTable *t) {
        if (!t)
                return NULL;
        for (Entry *e = t->newest, *next; e; e = next) {
                next = e->older;
                free_changes(t, e, e->newest);
                free(e);
        }
        free(t->buckets);
        free(t);
        return NULL;
}

uint64_t process_table_dropped(const ProcessTable *t) { return t->dropped; }
void process_settle(ProcessTable *t, int64_t time_ms) { t->settled_ms = time_ms; }

static uint64_t key_hash(Str node, int64_t pid) {
        return node.n ? hash_bytes(node.p, node.n, hash_u64((uint64_t)pid)) : hash_u64((uint64_t)pid);
}

static Entry *find(const ProcessTable *t, uint64_t hash, Str node, int64_t pid) {
        Entry *e = t->buckets[hash & (t->n_buckets - 1)];

        while (e && (e->hash != hash || e->pid != pid || !str_eq((Str){ e->node, e->n_node }, node)))
                e = e->chain;
        return e;
}

static bool before(const ProcessTime *a, const ProcessTime *b) {
        if (a->time_ms != b->time_ms)
                return a->time_ms < b->time_ms;
        return a->serial != b->serial ? a->serial < b->serial : a->order < b->order;
}

static Str cut(Str s) {
        if (s.n > PROCESS_TEXT_MAX)
                s.n = PROCESS_TEXT_MAX;
        return s;
}

/* ---- what was known after a change ---- */

/* A program that was seen, not started: what an earlier change said about the same one counts; a title only where nothing is earlier. */
static Process known_after(const Change *c) {
        Process known = c->process;

        while (!c->certain && c->older && str_eq(c->older->process.exe, c->process.exe))
                c = c->older;
        known.command_line = c->certain || !c->older ? c->process.command_line : STR_NULL;
        return known;
}

bool process_find(const ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Process *ret) {
        const Entry *e = find(t, key_hash(node, pid), node, pid);
        const Change *c = e ? e->newest : NULL;

        while (c && !before(&c->at, at))
                c = c->older;
        if (!c)
                return false;
        *ret = known_after(c);
        return true;
}

/* ---- the order in which processes were heard from ---- */

static void list_remove(ProcessTable *t, Entry *e) {
        *(e->newer ? &e->newer->older : &t->newest) = e->older;
        *(e->older ? &e->older->newer : &t->oldest) = e->newer;
}

static void list_add(ProcessTable *t, Entry *e) {
        e->newer = NULL;
        e->older = t->newest;
        *(t->newest ? &t->newest->newer : &t->oldest) = e;
        t->newest = e;
        e->moved = t->tick;
}

/* The order is kept roughly: a process that is heard from all the time need not be moved each time. */
static void touch(ProcessTable *t, Entry *e) {
        if (t->tick - e->moved <= t->max / 16)
                return;
        list_remove(t, e);
        list_add(t, e);
}

static void forget(ProcessTable *t, Entry *e) {
        Entry **at = &t->buckets[e->hash & (t->n_buckets - 1)];

        while (*at != e)
                at = &(*at)->chain;
        *at = e->chain;
        list_remove(t, e);
        t->n--;
        t->bytes -= sizeof(*e) + e->n_node;
        free_changes(t, e, e->newest);
        free(e);
}

static void make_room(ProcessTable *t, const Entry *keep) {
        while (t->oldest && t->oldest != keep && (t->n > t->max || t->bytes > t->max_bytes)) {
                forget(t, t->oldest);
                t->dropped++;
        }
}

static Entry *add_entry(ProcessTable *t, uint64_t hash, Str node, int64_t pid) {
        Entry *e = malloc(sizeof(*e) + node.n), **bucket = &t->buckets[hash & (t->n_buckets - 1)];

        if (!e)
                return NULL;
        *e = (Entry){ .chain = *bucket, .hash = hash, .pid = pid, .n_node = (uint32_t)node.n };
        if (node.n)
                memcpy(e->node, node.p, node.n);
        *bucket = e;
        t->tick++;
        list_add(t, e);
        t->n++;
        t->bytes += sizeof(*e) + node.n;
        return e;
}

/* ---- changes ---- */

static Str put(char **at, Str s) {
        Str kept = { *at, s.n };

        if (!s.p)
                return STR_NULL;
        if (s.n)
                memcpy(*at, s.p, s.n);
        *at += s.n;
        return kept;
}

static Change *change_new(const ProcessTime *at, Str exe, Str line, bool certain) {
        Str e = cut(exe), l = cut(line);
        size_t size = sizeof(Change) + e.n + l.n;
        Change *c = malloc(size);
        char *text;

        if (!c)
                return NULL;
        text = c->text;
        *c = (Change){ .at = *at, .size = size, .certain = certain };
        c->process.exe = put(&text, e);
        c->process.command_line = put(&text, l);
        return c;
}

static void insert(ProcessTable *t, Entry *e, Change *c) {
        Change **at = &e->newest;

        while (*at && before(&c->at, &(*at)->at))
                at = &(*at)->older;
        c->older = *at;
        *at = c;
        e->n_changes++;
        t->bytes += c->size;
}

/* @c becomes the earliest that is remembered, with what the forgotten ones say about it. */
static void forget_before(ProcessTable *t, Entry *e, Change *c) {
        Process known = known_after(c);

        if (known.command_line.p != c->process.command_line.p) {
                Change *baked = change_new(&c->at, known.exe, known.command_line, true), **at = &e->newest;

                if (!baked)
                        return;
                while (*at != c)
                        at = &(*at)->older;
                baked->older = c->older;
                *at = baked;
                t->bytes += baked->size - c->size;
                free(c);
                c = baked;
        }
        c->certain = true;
        free_changes(t, e, c->older);
        c->older = NULL;
}

static void prune(ProcessTable *t, Entry *e) {
        Change *c = e->newest;

        while (c->older && c->at.time_ms >= t->settled_ms)
                c = c->older;
        if (c->older)
                forget_before(t, e, c);
        if (e->n_changes <= PROCESS_CHANGES_MAX)
                return;
        for (c = e->newest; c->older->older;)
                c = c->older;
        forget_before(t, e, c);
        t->dropped++;
}

/* The newest change was said again, last at e->last; @c belongs between. */
static int say_again(ProcessTable *t, Entry *e, const ProcessTime *at) {
        Change *again;

        if (!e->newest || !before(&e->newest->at, at) || !before(at, &e->last))
                return 0;
        again = change_new(&e->last, e->newest->process.exe, STR_NULL, false);
        if (!again)
                return -ENOMEM;
        insert(t, e, again);
        return 0;
}

static int add(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe, Str line,
               bool certain) {
        uint64_t hash = key_hash(node, pid);
        Entry *e = find(t, hash, node, pid);
        Change *c = change_new(at, exe, line, certain);

        if (!c)
                return -ENOMEM;
        if (!e) {
                e = add_entry(t, hash, node, pid);
                if (!e) {
                        free(c);
                        return -ENOMEM;
                }
                e->last = *at;
        } else if (say_again(t, e, at)) {
                free(c);
                return -ENOMEM;
        }
        insert(t, e, c);
        if (before(&e->last, at))
                e->last = *at;
        touch(t, e);
        prune(t, e);
        make_room(t, e);
        return 0;
}

int process_exec(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe, Str command_line) {
        return add(t, at, node, pid, exe, command_line, true);
}

int process_seen(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe, Str title) {
        return add(t, at, node, pid, exe, title, false);
}

bool process_same(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe) {
        Entry *e = find(t, key_hash(node, pid), node, pid);

        if (!e || !before(&e->newest->at, at) || !str_eq(e->newest->process.exe, cut(exe)))
                return false;
        if (before(&e->last, at))
                e->last = *at;
        touch(t, e);
        return true;
}
