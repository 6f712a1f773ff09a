/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include "base/hash.h"
#include "event/assembler.h"

#define POOL_RECORDS    256
#define POOL_OPENS      64
#define TABLE_MIN       1024u
#define TABLE_MAX       (1u << 20)
#define NODE_BUCKETS    16384u
#define DELIVERED_SLOTS 16384u /* identities remembered to tell late records; an older one is taken for new */

struct RecordPool {
        struct RecordPool *next;
        Record v[POOL_RECORDS];
};

struct OpenPool {
        struct OpenPool *next;
        Open v[POOL_OPENS];
};

struct TextBlock {
        TextBlock *next;
        char text[];
};

int assembler_init(EventAssembler *a) {
        a->table_size = TABLE_MIN;
        a->nodes_size = NODE_BUCKETS;
        a->table = calloc(a->table_size, sizeof(*a->table));
        a->nodes = calloc(a->nodes_size, sizeof(*a->nodes));
        a->delivered = calloc(DELIVERED_SLOTS, sizeof(*a->delivered));
        return a->table && a->nodes && a->delivered ? 0 : -ENOMEM;
}

static void free_blocks(Open *o) {
        for (TextBlock *b = o->blocks, *next; b; b = next) {
                next = b->next;
                free(b);
        }
        o->blocks = NULL;
}

void assembler_done(EventAssembler *a) {
        for (Open *o = a->arrival.first; o; o = o->newer)
                free_blocks(o);
        for (Node *n = a->newest, *next; n; n = next) {
                next = n->older;
                free(n);
        }
        for (struct RecordPool *p = a->record_pools, *next; p; p = next) {
                next = p->next;
                free(p);
        }
        for (struct OpenPool *p = a->open_pools, *next; p; p = next) {
                next = p->next;
                free(p);
        }
        free(a->table);
        free(a->nodes);
        free(a->delivered);
}

static bool more_records(EventAssembler *a) {
        struct RecordPool *p = malloc(sizeof(*p));

        if (!p)
                return false;
        p->next = a->record_pools;
        a->record_pools = p;
        for (size_t i = 0; i < POOL_RECORDS; i++) {
                p->v[i].next = a->free_records;
                a->free_records = &p->v[i];
        }
        return true;
}

Record *assembler_record(EventAssembler *a) {
        Record *r;

        if (unlikely(!a->free_records) && !more_records(a))
                return NULL;
        r = a->free_records;
        a->free_records = r->next;
        return r;
}

void assembler_drop_record(EventAssembler *a, Record *r) {
        r->next = a->free_records;
        a->free_records = r;
}

static bool more_opens(EventAssembler *a) {
        struct OpenPool *p = malloc(sizeof(*p));

        if (!p)
                return false;
        p->next = a->open_pools;
        a->open_pools = p;
        for (size_t i = 0; i < POOL_OPENS; i++) {
                p->v[i].hash_next = a->free_opens;
                a->free_opens = &p->v[i];
        }
        return true;
}

static void unlink_node(EventAssembler *a, Node *n) {
        if (n->newer)
                n->newer->older = n->older;
        else
                a->newest = n->older;
        if (n->older)
                n->older->newer = n->newer;
        else
                a->oldest = n->newer;
}

static void link_newest(EventAssembler *a, Node *n) {
        n->newer = NULL;
        n->older = a->newest;
        if (a->newest)
                a->newest->newer = n;
        else
                a->oldest = n;
        a->newest = n;
}

/* Forgets the clock of the node that was silent longest. Nodes with open events stay (they are limited as events) and get
 * a second chance, so that one of them cannot shield the others. */
static void forget_node(EventAssembler *a) {
        Node *n = a->oldest, **p;

        for (int tries = 0; n->n_open && tries < 4; tries++, n = a->oldest) {
                unlink_node(a, n);
                link_newest(a, n);
        }
        if (n->n_open)
                return;
        a->counters.limit_nodes++;
        unlink_node(a, n);
        for (p = &a->nodes[n->hash % a->nodes_size]; *p != n;)
                p = &(*p)->hash_next;
        *p = n->hash_next;
        a->n_nodes--;
        free(n);
}

static Node *new_node(EventAssembler *a, Str name, uint64_t hash) {
        Node *n = calloc(1, sizeof(*n) + name.n), **bucket = &a->nodes[hash % a->nodes_size];
        char *text = (char *)(n + 1);

        if (!n)
                return NULL;
        if (a->n_nodes >= a->limits.nodes)
                forget_node(a);
        if (name.n)
                memcpy(text, name.p, name.n);
        n->name = (Str){ text, name.n };
        n->hash = hash;
        n->hash_next = *bucket;
        *bucket = n;
        a->n_nodes++;
        link_newest(a, n);
        return n;
}

static Node *find_node(EventAssembler *a, Str name) {
        uint64_t hash = hash_str(name);

        for (Node *n = a->nodes[hash % a->nodes_size]; n; n = n->hash_next) {
                if (n->hash == hash && str_eq(n->name, name)) {
                        unlink_node(a, n);
                        link_newest(a, n);
                        return n;
                }
        }
        return new_node(a, name, hash);
}

Node *assembler_node(EventAssembler *a, Str name) {
        if (likely(a->newest && str_eq(a->newest->name, name)))
                return a->newest;
        return find_node(a, name);
}

static bool open_is(const Open *o, const RecordId *id, const Node *node) {
        return o->event.id.serial == id->serial && o->event.id.sec == id->sec && o->event.id.ms == id->ms &&
               o->node == node;
}

Open *assembler_find(EventAssembler *a, const RecordId *id, const Node *node, uint64_t *ret_hash) {
        uint64_t hash;

        if (likely(a->last && open_is(a->last, id, node)))
                return a->last;
        hash = hash_mix(id->serial ^ hash_secret[0] ^ node->hash,
                        ((uint64_t)id->sec * 1000 + id->ms) ^ hash_secret[1]);
        for (Open *o = a->table[hash & (a->table_size - 1)]; o; o = o->hash_next)
                if (o->hash == hash && open_is(o, id, node))
                        return o;
        *ret_hash = hash;
        return NULL;
}

/* Few events are open at a time, and a small table stays in the cache. Without memory the chains grow instead. */
static void grow_table(EventAssembler *a) {
        size_t size = a->table_size * 2;
        Open **table = calloc(size, sizeof(Open *));

        if (!table)
                return;
        for (Open *o = a->arrival.first; o; o = o->newer)
                if (o->in_table) {
                        o->hash_next = table[o->hash & (size - 1)];
                        table[o->hash & (size - 1)] = o;
                }
        free(a->table);
        a->table = table;
        a->table_size = size;
}

static void link_open(EventAssembler *a, Open *o) {
        Open **bucket = &a->table[o->hash & (a->table_size - 1)];
        OpenList *mine = &o->node->open;

        o->hash_next = *bucket;
        *bucket = o;
        o->in_table = true;
        o->older = a->arrival.last;
        *(a->arrival.last ? &a->arrival.last->newer : &a->arrival.first) = o;
        a->arrival.last = o;
        o->node_older = mine->last;
        *(mine->last ? &mine->last->node_newer : &mine->first) = o;
        mine->last = o;
}

static void unlink_open(EventAssembler *a, Open *o) {
        OpenList *mine = &o->node->open;

        assembler_untable(a, o);
        *(o->older ? &o->older->newer : &a->arrival.first) = o->newer;
        *(o->newer ? &o->newer->older : &a->arrival.last) = o->older;
        *(o->node_older ? &o->node_older->node_newer : &mine->first) = o->node_newer;
        *(o->node_newer ? &o->node_newer->node_older : &mine->last) = o->node_older;
        o->node->n_open--;
        a->n_open--;
        a->total_bytes -= o->owned_bytes;
}

void assembler_untable(EventAssembler *a, Open *o) {
        Open **p = &a->table[o->hash & (a->table_size - 1)];

        if (a->last == o)
                a->last = NULL;
        if (!o->in_table)
                return;
        while (*p != o)
                p = &(*p)->hash_next;
        *p = o->hash_next;
        o->in_table = false;
}

Open *assembler_open(EventAssembler *a, const RecordId *id, Node *node, uint64_t hash) {
        uint64_t *seen = &a->delivered[hash % DELIVERED_SLOTS];
        Open *o;

        if (unlikely(a->n_open >= a->limits.open_events)) {
                a->counters.limit_open++;
                assembler_end(a, a->arrival.first, EVENT_END_LIMIT);
        }
        if (unlikely(!a->free_opens) && !more_opens(a))
                return NULL;
        o = a->free_opens;
        a->free_opens = o->hash_next;
        if (unlikely(a->n_open >= a->table_size && a->table_size < TABLE_MAX))
                grow_table(a);
        *o = (Open){
                .event = { .id = *id, .late = *seen == hash },
                .node = node,
                .hash = hash,
                .opened_ns = a->now_ns,
                .opened_progress_ms = node->progress_ms,
        };
        o->event.id.node = node->name;
        node->n_open++;
        a->n_open++;
        link_open(a, o);
        return o;
}

bool assembler_is_full(EventAssembler *a, const Open *o, const Record *r) {
        if (o->event.n_records >= a->limits.event_records) {
                a->counters.limit_records++;
                return true;
        }
        if (o->text_bytes + r->text.n > a->limits.event_bytes && o->event.n_records) {
                a->counters.limit_bytes++;
                return true;
        }
        return false;
}

void assembler_append(EventAssembler *a, Open *o, Record *r) {
        r->next = NULL;
        *(o->tail ? &o->tail->next : &o->event.records) = r;
        o->tail = r;
        o->event.n_records++;
        o->text_bytes += r->text.n;
        if (unlikely(r->flags & RECORD_FORGES))
                o->event.forges = true;
        if (!o->first_borrowed)
                o->first_borrowed = r;
        if (!o->in_borrowed) {
                o->in_borrowed = true;
                o->next_borrowed = a->borrowed;
                o->prev_borrowed = NULL;
                if (a->borrowed)
                        a->borrowed->prev_borrowed = o;
                a->borrowed = o;
        }
        a->last = o;
}

static void unborrow(EventAssembler *a, Open *o) {
        if (!o->in_borrowed)
                return;
        *(o->prev_borrowed ? &o->prev_borrowed->next_borrowed : &a->borrowed) = o->next_borrowed;
        if (o->next_borrowed)
                o->next_borrowed->prev_borrowed = o->prev_borrowed;
        o->in_borrowed = false;
}

/* Each event with one ends with PROCTITLE and EOE. */
static bool has_syscall(const Event *e) {
        const Record *r = e->records;

        for (uint32_t i = 0; i < e->n_records; i++, r = r->next)
                if (r->type == AUDIT_SYSCALL)
                        return true;
        return false;
}

static void count_delivery(EventAssembler *a, const Event *e) {
        uint64_t *const by_end[] = {
                [EVENT_END_TERMINAL] = NULL,
                [EVENT_END_TIMEOUT] = &a->counters.end_timeout,
                [EVENT_END_EOF] = &a->counters.end_eof,
                [EVENT_END_LIMIT] = &a->counters.end_limit,
        };

        a->counters.events++;
        a->counters.records += e->n_records;
        if (unlikely(e->late))
                a->counters.late_records += e->n_records;
        if (unlikely(by_end[e->ended]))
                ++*by_end[e->ended];
        if (unlikely(e->ended == EVENT_END_TIMEOUT))
                a->counters.torn += has_syscall(e);
}

static void release(EventAssembler *a, Open *o) {
        free_blocks(o);
        if (o->tail) {
                o->tail->next = a->free_records;
                a->free_records = o->event.records;
        }
        o->hash_next = a->free_opens;
        a->free_opens = o;
}

void assembler_end(EventAssembler *a, Open *o, EventEnd ended) {
        o->event.ended = ended;
        unborrow(a, o);
        unlink_open(a, o);
        if (a->mode == EVENT_AUPARSE)
                auparse_forget(a, o);
        a->delivered[o->hash % DELIVERED_SLOTS] = o->hash;
        count_delivery(a, &o->event);
        a->fn(a->userdata, &o->event);
        release(a, o);
}

/* Copies the texts that @o still borrows into one block. False: no memory. */
static bool own_texts(EventAssembler *a, Open *o) {
        size_t bytes = 0, cost = o->owned_bytes ? 0 : sizeof(*o);
        TextBlock *b;
        char *p;

        for (Record *r = o->first_borrowed; r; r = r->next) {
                bytes += r->text.n;
                cost += sizeof(*r);
        }
        b = malloc(sizeof(*b) + bytes + STR_SLACK);
        if (!b)
                return false;
        p = b->text;
        for (Record *r = o->first_borrowed; r; r = r->next) {
                memcpy(p, r->text.p, r->text.n);
                r->text.p = p;
                p += r->text.n;
        }
        memset(p, 0, STR_SLACK);
        b->next = o->blocks;
        o->blocks = b;
        o->first_borrowed = NULL;
        cost += sizeof(*b) + bytes + STR_SLACK;
        o->owned_bytes += cost;
        a->total_bytes += cost;
        return true;
}

void event_detach(EventAssembler *a) {
        while (a->borrowed) {
                Open *o = a->borrowed;

                unborrow(a, o);
                if (!own_texts(a, o))
                        assembler_end(a, o, EVENT_END_LIMIT);
        }
        while (a->total_bytes > a->limits.total_bytes) {
                a->counters.limit_total++;
                assembler_end(a, a->arrival.first, EVENT_END_LIMIT);
        }
}

Str event_delivered(const EventAssembler *a) {
        return (Str){ (const char *)a->delivered, DELIVERED_SLOTS * sizeof(*a->delivered) };
}

bool event_set_delivered(EventAssembler *a, Str delivered) {
        if (delivered.n != DELIVERED_SLOTS * sizeof(*a->delivered))
                return false;
        memcpy(a->delivered, delivered.p, delivered.n);
        return true;
}
