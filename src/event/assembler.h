/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Inside of the assembler: what its two modes share. Nobody outside event/ includes this.
 *
 * Records and open events come from pools that never shrink below their high-water mark, bounded by the
 * limits. A text is borrowed from the reader's buffer until event_detach() copies it into a block of its
 * event. */
#include "event/event.h"
#include "event/serials.h"
#include "record/header.h"
#include "source/forged.h"

typedef struct Open Open;
typedef struct Node Node;
typedef struct TextBlock TextBlock;

typedef struct {
        Open *first, *last;
} OpenList;

/* A machine that sends records: its own clock, its own events in order of arrival. */
struct Node {
        Str name; /* owned; "" is the node of records that name none */
        uint64_t hash;
        Node *hash_next, *newer, *older; /* by when it was last heard from */
        int64_t clock_ms;                /* latest time seen, set back when time was */
        int64_t progress_ms;             /* how far the clock went forward in all */
        OpenList open;                   /* in order of arrival */
        size_t n_open;
        bool heard;
        Serials serials;
};

typedef enum { OPEN_BUILDING, OPEN_COMPLETE } OpenState;

struct Open {
        Event event;
        Record *tail;
        Record *first_borrowed; /* it and all behind it still borrow their text; NULL: none */
        Node *node;
        uint64_t hash;
        Open *hash_next;
        bool in_table;
        Open *newer, *older;           /* all open events, in order of arrival */
        Open *node_newer, *node_older; /* those of the node */
        Open *next_borrowed, *prev_borrowed;
        bool in_borrowed;
        TextBlock *blocks;
        size_t text_bytes;  /* of all its records */
        size_t owned_bytes; /* memory that it costs beyond the reader's buffer */
        uint64_t opened_ns;
        int64_t opened_progress_ms;
        /* compatibility mode */
        OpenState state;
        uint32_t slot, order_index, second_index;
        bool unchecked;
        Open *next_unchecked;
};

typedef struct {
        Open **v;
        size_t n, cap;
} OpenHeap;

struct EventAssembler {
        EventMode mode;
        EventLimits limits;
        EventFn fn;
        void *userdata;
        EventCounters counters;
        HeaderCache header;
        Forged forged;

        Record *free_records;
        struct RecordPool *record_pools;
        Open *free_opens;
        struct OpenPool *open_pools;

        Open **table; /* by identity; chained */
        size_t table_size, n_open, total_bytes;
        OpenList arrival;
        Open *last; /* the open event of the record before, or NULL */
        Open *borrowed;
        uint64_t now_ns;

        Node **nodes;
        size_t nodes_size, n_nodes;
        Node *newest, *oldest;

        uint64_t *delivered; /* hashes of identities delivered not long ago, to tell late records */

        OpenHeap order;   /* compatibility mode: by (sec, ms, serial, slot) */
        OpenHeap seconds; /* 〃: events that are building, by sec */
        uint64_t *slots;  /* 〃: bit set: free */
        size_t n_slot_words, slot_hint;
        Open *unchecked;
};

/* The modes; default_add() is EVENT_WHOLE as well. They take over the record, and return what event_add() returns. */
int default_add(EventAssembler *a, Record *r, const RecordId *id);
void whole_flush(EventAssembler *a); /* delivers all that is open, in order of (time, serial, arrival) */
int auparse_add(EventAssembler *a, Str line, Record *r,
                const RecordId *id); /* @id NULL: the header is not strict */
void auparse_flush(EventAssembler *a);
void auparse_forget(EventAssembler *a, Open *o); /* takes it out of heaps and slots */
void auparse_done(EventAssembler *a);

int assembler_init(EventAssembler *a);
void assembler_done(EventAssembler *a);

Record *assembler_record(EventAssembler *a); /* NULL: no memory */
void assembler_drop_record(EventAssembler *a, Record *r);

/* The node of that name, made if need be; heard from now. NULL: no memory. */
Node *assembler_node(EventAssembler *a, Str name);

/* The open event of that identity that still takes records, or NULL; *ret_hash is filled in any case where
 * it is NULL. */
Open *assembler_find(EventAssembler *a, const RecordId *id, const Node *node, uint64_t *ret_hash);

/* A new open event without records. NULL: no memory. Delivers others first if the limit of open events says
 * so. */
Open *assembler_open(EventAssembler *a, const RecordId *id, Node *node, uint64_t hash);
bool assembler_is_full(EventAssembler *a, const Open *o,
                       const Record *r); /* counts the limit that was reached */
void assembler_append(EventAssembler *a, Open *o, Record *r);
void assembler_untable(EventAssembler *a, Open *o); /* later records of its identity open another event */
void assembler_end(EventAssembler *a, Open *o, EventEnd ended); /* delivers it, and frees it */
