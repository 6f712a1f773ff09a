/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "meaning/process.h"

typedef struct Entry Entry;
struct Entry {
        Entry *chain;
        Entry *newer, *older;
        uint64_t hash;
        int64_t pid;
        size_t size; /* of this allocation */
        Str node;
        Process process;
        char text[];
};

struct ProcessTable {
        Entry **buckets;
        size_t n_buckets, n, max, bytes, max_bytes;
        Entry *newest, *oldest;
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
        *ret = t;
        return 0;
}

ProcessTable *process_table_free(ProcessTable *t) {
        if (!t)
                return NULL;
        for (Entry *e = t->newest, *next; e; e = next) {
                next = e->older;
                free(e);
        }
        free(t->buckets);
        free(t);
        return NULL;
}

uint64_t process_table_dropped(const ProcessTable *t) { return t->dropped; }

static uint64_t key_hash(Str node, int64_t pid) {
        return hash_bytes(node.p, node.n, hash_u64((uint64_t)pid));
}

static Entry **find(const ProcessTable *t, uint64_t hash, Str node, int64_t pid) {
        Entry **at = &t->buckets[hash & (t->n_buckets - 1)];

        while (*at && ((*at)->hash != hash || (*at)->pid != pid || !str_eq((*at)->node, node)))
                at = &(*at)->chain;
        return at;
}

bool process_find(const ProcessTable *t, Str node, int64_t pid, Process *ret) {
        Entry *e = *find(t, key_hash(node, pid), node, pid);

        if (e)
                *ret = e->process;
        return e != NULL;
}

static void list_remove(ProcessTable *t, Entry *e) {
        *(e->newer ? &e->newer->older : &t->newest) = e->older;
        *(e->older ? &e->older->newer : &t->oldest) = e->newer;
}

static void list_add(ProcessTable *t, Entry *e) {
        e->newer = NULL;
        e->older = t->newest;
        *(t->newest ? &t->newest->newer : &t->oldest) = e;
        t->newest = e;
}

static void forget(ProcessTable *t, Entry *e) {
        Entry **at = &t->buckets[e->hash & (t->n_buckets - 1)];

        while (*at != e)
                at = &(*at)->chain;
        *at = e->chain;
        list_remove(t, e);
        t->n--;
        t->bytes -= e->size;
        free(e);
}

static Str put(char **at, Str s) {
        Str kept = { *at, s.n };

        if (!s.p)
                return STR_NULL;
        if (s.n)
                memcpy(*at, s.p, s.n);
        *at += s.n;
        return kept;
}

static Str cut(Str s) {
        if (s.n > PROCESS_TEXT_MAX)
                s.n = PROCESS_TEXT_MAX;
        return s;
}

static int set(ProcessTable *t, uint64_t hash, Str node, int64_t pid, Str exe, Str line) {
        Entry *e, *old;
        size_t size;
        char *at;

        exe = cut(exe);
        line = cut(line);
        size = sizeof(*e) + node.n + exe.n + line.n;
        e = malloc(size);
        if (!e)
                return -ENOMEM;
        at = e->text;
        *e = (Entry){ .hash = hash, .pid = pid, .size = size };
        e->node = put(&at, node);
        e->process.exe = put(&at, exe);
        e->process.command_line = put(&at, line);
        old = *find(t, hash, node, pid);
        if (old)
                forget(t, old);
        while (t->n && (t->n >= t->max || t->bytes + size > t->max_bytes)) {
                forget(t, t->oldest);
                t->dropped++;
        }
        e->chain = t->buckets[hash & (t->n_buckets - 1)];
        t->buckets[hash & (t->n_buckets - 1)] = e;
        list_add(t, e);
        t->n++;
        t->bytes += size;
        return 0;
}

int process_exec(ProcessTable *t, Str node, int64_t pid, Str exe, Str command_line) {
        return set(t, key_hash(node, pid), node, pid, exe, command_line);
}

int process_seen(ProcessTable *t, Str node, int64_t pid, Str exe, Str title) {
        uint64_t hash = key_hash(node, pid);
        Entry *e = *find(t, hash, node, pid);

        if (!e)
                return set(t, hash, node, pid, exe, title);
        if (!str_eq(e->process.exe, cut(exe)))
                return set(t, hash, node, pid, exe, STR_NULL);
        list_remove(t, e);
        list_add(t, e);
        return 0;
}
