/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include "base/hash.h"
#include "meaning/process.h"

/* What one event said. */
typedef struct Change Change;
struct Change {
        Change *older;
        ProcessTime at;
        size_t size;  /* of this allocation; 0: it is part of its Entry's */
        bool certain; /* the command line is that of the program: from an execve, or worked out */
        Process process;
        char text[];
};

typedef struct Entry Entry;
struct Entry {
        Entry *newer, *older;
        uint64_t hash;
        int64_t pid;
        Change *newest;   /* never NULL */
        ProcessTime last; /* the last event that said the same */
        uint64_t moved;   /* ProcessTable.tick when it was put in front */
        uint32_t n_changes;
        uint32_t n_node;
        size_t size; /* of this allocation: behind the name of the node stands the first Change */
        char node[];
};

struct ProcessTable {
        /* Open addressing; a tag is part of the hash, so that only the entry that is looked for is looked at. */
        uint32_t *tags; /* 0: the slot is empty */
        Entry **slots;
        size_t n_slots, n, max, bytes, max_bytes;
        Entry *newest, *oldest;
        uint64_t tick; /* processes ever added */
        int64_t settled_ms;
        uint64_t dropped;
};

int process_table_new(ProcessTable **ret, size_t max, size_t max_bytes) {
        ProcessTable *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->n_slots = 64;
        while (t->n_slots < max * 2)
                t->n_slots *= 2;
        t->tags = calloc(t->n_slots, sizeof(*t->tags));
        t->slots = calloc(t->n_slots, sizeof(Entry *));
        if (!t->tags || !t->slots) {
                process_table_free(t);
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
                if (c->size)
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
        free(t->tags);
        free(t->slots);
        free(t);
        return NULL;
}

uint64_t process_table_dropped(const ProcessTable *t) { return t->dropped; }

int64_t process_table_since(const ProcessTable *t) {
        return t->n < t->max && t->bytes < t->max_bytes - t->max_bytes / 16 ? INT64_MIN
                                                                            : t->oldest->last.time_ms;
}

void process_settle(ProcessTable *t, int64_t time_ms) { t->settled_ms = time_ms; }

static uint64_t key_hash(Str node, int64_t pid) {
        return node.n ? hash_bytes(node.p, node.n, hash_u64((uint64_t)pid)) : hash_u64((uint64_t)pid);
}

static uint32_t tag_of(uint64_t hash) { return (uint32_t)hash ? (uint32_t)hash : 1; }

static Entry *find(const ProcessTable *t, uint64_t hash, Str node, int64_t pid) {
        uint32_t tag = tag_of(hash);

        for (size_t i = tag & (t->n_slots - 1); t->tags[i]; i = (i + 1) & (t->n_slots - 1)) {
                Entry *e = t->slots[i];

                if (t->tags[i] == tag && e->hash == hash && e->pid == pid &&
                    str_eq((Str){ e->node, e->n_node }, node))
                        return e;
        }
        return NULL;
}

static void put_slot(ProcessTable *t, Entry *e) {
        uint32_t tag = tag_of(e->hash);
        size_t i = tag & (t->n_slots - 1);

        while (t->tags[i])
                i = (i + 1) & (t->n_slots - 1);
        t->tags[i] = tag;
        t->slots[i] = e;
}

/* What stands behind @e and would not be found past an empty slot moves up. */
static void clear_slot(ProcessTable *t, const Entry *e) {
        size_t mask = t->n_slots - 1, hole = tag_of(e->hash) & mask;

        while (t->slots[hole] != e)
                hole = (hole + 1) & mask;
        for (size_t i = (hole + 1) & mask; t->tags[i]; i = (i + 1) & mask) {
                size_t home = t->tags[i] & mask;

                if (((i - home) & mask) < ((i - hole) & mask))
                        continue;
                t->tags[hole] = t->tags[i];
                t->slots[hole] = t->slots[i];
                hole = i;
        }
        t->tags[hole] = 0;
        t->slots[hole] = NULL;
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
        clear_slot(t, e);
        list_remove(t, e);
        t->n--;
        t->bytes -= e->size;
        free_changes(t, e, e->newest);
        free(e);
}

static void make_room(ProcessTable *t, const Entry *keep) {
        while (t->oldest && t->oldest != keep && (t->n > t->max || t->bytes > t->max_bytes)) {
                forget(t, t->oldest);
                t->dropped++;
                /* the next to go, which nobody has looked at for long */
                if (t->oldest) {
                        __builtin_prefetch(&t->slots[tag_of(t->oldest->hash) & (t->n_slots - 1)]);
                        __builtin_prefetch(t->oldest->newer);
                }
        }
}

/* ---- changes ---- */

static size_t change_size(Str exe, Str line) { return sizeof(Change) + cut(exe).n + cut(line).n; }

static void change_init(Change *c, const ProcessTime *at, Str exe, Str line, bool certain) {
        char *text = c->text;

        *c = (Change){ .at = *at, .certain = certain };
        c->process.exe = str_put(&text, cut(exe));
        c->process.command_line = str_put(&text, cut(line));
}

static Change *change_new(const ProcessTime *at, Str exe, Str line, bool certain) {
        size_t size = change_size(exe, line);
        Change *c = malloc(size);

        if (!c)
                return NULL;
        change_init(c, at, exe, line, certain);
        c->size = size;
        return c;
}

/* @room: for what stands behind the name of the node. */
static Entry *add_entry(ProcessTable *t, uint64_t hash, Str node, int64_t pid, size_t room) {
        size_t size = sizeof(Entry) + node.n + alignof(Change) - 1 + room;
        Entry *e = malloc(size);

        if (!e)
                return NULL;
        *e = (Entry){ .hash = hash, .pid = pid, .n_node = (uint32_t)node.n, .size = size };
        if (node.n)
                memcpy(e->node, node.p, node.n);
        put_slot(t, e);
        t->tick++;
        list_add(t, e);
        t->n++;
        t->bytes += size;
        return e;
}

static Change *first_change(Entry *e) {
        size_t at = sizeof(*e) + e->n_node;

        return (Change *)((char *)e + (at + alignof(Change) - 1) / alignof(Change) * alignof(Change));
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
                if (c->size)
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

/* A process of which nothing was known: most are heard from once, so that all of it is one piece. */
static int add_process(ProcessTable *t, uint64_t hash, const ProcessTime *at, Str node, int64_t pid, Str exe,
                       Str line, bool certain) {
        Entry *e = add_entry(t, hash, node, pid, change_size(exe, line));

        if (!e)
                return -ENOMEM;
        change_init(first_change(e), at, exe, line, certain);
        insert(t, e, first_change(e));
        e->last = *at;
        make_room(t, e);
        return 0;
}

static int add(ProcessTable *t, const ProcessTime *at, Str node, int64_t pid, Str exe, Str line,
               bool certain) {
        uint64_t hash = key_hash(node, pid);
        Entry *e = find(t, hash, node, pid);
        Change *c;

        if (!e)
                return add_process(t, hash, at, node, pid, exe, line, certain);
        c = change_new(at, exe, line, certain);
        if (!c)
                return -ENOMEM;
        if (say_again(t, e, at)) {
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

/* ---- from one process of ours to the next ---- */

#define SAVE_TAG      PACK_TAG('P', 'R', 'O', 'C')
#define SAVE_VERSION  1
#define NODE_MAX      4096u
#define PLACE_BYTES   24u
#define CHANGE_BYTES  (PLACE_BYTES + 1 + 4 + 4)
#define PROCESS_BYTES (4 + 8 + PLACE_BYTES + 8 + 4 + CHANGE_BYTES)

static void save_place(Buf *out, const ProcessTime *at) {
        pack_i64(out, at->time_ms);
        pack_u64(out, at->serial);
        pack_u64(out, at->order);
}

static ProcessTime restore_place(Unpack *in) {
        int64_t time_ms = unpack_time(in);
        uint64_t serial = unpack_u64(in);

        return (ProcessTime){ time_ms, serial, unpack_u64(in) };
}

/* The oldest first, so that the next one can be put in front. */
static void save_changes(Buf *out, const Entry *e) {
        const Change *v[PROCESS_CHANGES_MAX + 1];
        size_t n = 0;

        for (const Change *c = e->newest; c && n < ARRAY_SIZE(v); c = c->older)
                v[n++] = c;
        pack_u32(out, (uint32_t)n);
        while (n--) {
                save_place(out, &v[n]->at);
                pack_u8(out, v[n]->certain);
                pack_text(out, v[n]->process.exe);
                pack_text(out, v[n]->process.command_line);
        }
}

int process_table_save(const ProcessTable *t, Buf *out) {
        size_t begun = pack_begin(out, SAVE_TAG, SAVE_VERSION);

        pack_u64(out, t->tick);
        pack_i64(out, t->settled_ms);
        pack_u32(out, (uint32_t)t->n);
        for (const Entry *e = t->oldest; e; e = e->newer) {
                pack_text(out, (Str){ e->node, e->n_node });
                pack_i64(out, e->pid);
                save_place(out, &e->last);
                pack_u64(out, e->moved);
                save_changes(out, e);
        }
        pack_end(out, begun);
        return out->failed ? -ENOMEM : 0;
}

static int restore_changes(ProcessTable *t, Entry *e, Unpack *in) {
        uint32_t n = unpack_count(in, CHANGE_BYTES);

        if (!n || n > PROCESS_CHANGES_MAX)
                return PACK_E_BAD;
        while (n--) {
                ProcessTime at = restore_place(in);
                bool certain = unpack_bool(in);
                Str exe = unpack_text(in, PROCESS_TEXT_MAX), line = unpack_text(in, PROCESS_TEXT_MAX);
                Change *c;

                if (in->bad || (e->newest && before(&at, &e->newest->at)))
                        return PACK_E_BAD;
                c = change_new(&at, exe, line, certain);
                if (!c)
                        return -ENOMEM;
                insert(t, e, c);
        }
        return 0;
}

static int restore_entry(ProcessTable *t, Unpack *in) {
        Str node = unpack_text(in, NODE_MAX);
        int64_t pid = unpack_i64(in);
        ProcessTime last = restore_place(in);
        uint64_t moved = unpack_u64(in), hash = key_hash(node, pid);
        Entry *e;
        int r;

        if (in->bad || find(t, hash, node, pid))
                return PACK_E_BAD;
        e = add_entry(t, hash, node, pid, 0);
        if (!e)
                return -ENOMEM;
        e->last = last;
        e->moved = moved;
        r = restore_changes(t, e, in);
        if (!r)
                make_room(t, e);
        return r;
}

static int restore_all(ProcessTable *t, Unpack *in) {
        uint64_t tick = unpack_u64(in);
        uint32_t n;
        int r = 0;

        t->settled_ms = unpack_time_or_never(in);
        n = unpack_count(in, PROCESS_BYTES);
        while (n-- && !r)
                r = restore_entry(t, in);
        t->tick = tick;
        return r ? r : unpack_end(in);
}

int process_table_restore(ProcessTable *t, Unpack *in) {
        Unpack part = unpack_part(in, SAVE_TAG, SAVE_VERSION);
        ProcessTable *fresh, old;
        int r = process_table_new(&fresh, t->max, t->max_bytes);

        if (r)
                return r;
        r = restore_all(fresh, &part);
        if (!r) {
                fresh->dropped += t->dropped;
                old = *t;
                *t = *fresh;
                *fresh = old;
        }
        process_table_free(fresh);
        return r;
}
