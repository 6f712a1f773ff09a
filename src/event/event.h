/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Puts records together into events.
 *
 * An event is all records with the same (node, sec, ms, serial). Records of different events interleave;
 * serial order is not time order. Three modes:
 *
 * EVENT_DEFAULT: an event is delivered at once when a record arrives that ends one (event_type_is_last()),
 * else when the clock of its node has advanced by the end-of-event timeout since the event opened, or when
 * event_age() says that that much time has passed without input, or at event_flush(). No node's clock ends
 * another node's events; a clock that is set back ends none. A record that arrives after its event was
 * delivered is delivered in an event of its own, marked late. An EOE record whose event was delivered
 * before is consumed, and counted.
 *
 * EVENT_WHOLE: for a file that is read as a whole. Events end with event_flush() (or at a limit): their
 * records may stand anywhere in it. They are delivered in order of (time, serial, arrival).
 *
 * EVENT_AUPARSE: exactly what the feed interface of libauparse 3.0.9 does (order, splitting, dropped
 * records), which is what the listing of `aulert records` is compared with. Deferred delivery of that
 * interface is not reproduced: an event is delivered when the library would have it ready, in the same
 * order. Forged lines (source/forged.h) are an exception: neither mode takes them for records.
 *
 * Memory is bounded by EventLimits: what reaches a limit is delivered early as EVENT_END_LIMIT or dropped,
 * and counted. Time is linear in the number of records, whatever they say.
 *
 * Texts are borrowed: event_add() does not copy. Before the caller reuses the memory that the lines are in
 * it calls event_detach(), which copies what open events still need. */
#include "base/counter.h"
#include "record/record.h"

typedef enum {
        EVENT_END_TERMINAL, /* a record that ends an event, or EOE */
        EVENT_END_TIMEOUT,  /* the node's clock or the monotonic clock went on by the timeout */
        EVENT_END_EOF,      /* the input ended */
        EVENT_END_LIMIT,    /* a limit of EventLimits */
} EventEnd;

typedef struct {
        RecordId id;
        Record *records; /* in order of arrival; at least one */
        uint32_t n_records;
        EventEnd ended;
        bool late;   /* an event of the same identity was delivered before */
        bool forges; /* a record with RECORD_FORGES is among them */
} Event;

typedef enum { EVENT_DEFAULT, EVENT_WHOLE, EVENT_AUPARSE } EventMode;

typedef struct {
        size_t open_events;   /* all nodes together; full: the longest open is delivered as EVENT_END_LIMIT */
        size_t event_records; /* of one event; full: delivered as EVENT_END_LIMIT, what follows is late */
        size_t event_bytes;   /* text of one event; same policy */
        size_t total_bytes;   /* text of all open events that had to be copied; same policy as open_events */
        size_t nodes; /* whose clocks are kept; full: the longest silent goes, its events delivered before */
        uint32_t timeout_ms; /* end-of-event timeout, auditd.conf end_of_event_timeout (2 s) */
} EventLimits;

#define EVENT_LIMITS_DEFAULT                      \
        ((EventLimits){ .open_events = 32768,     \
                        .event_records = 65536,   \
                        .event_bytes = 16u << 20, \
                        .total_bytes = 40u << 20, \
                        .nodes = 16384,           \
                        .timeout_ms = 2000 })

typedef struct {
        uint64_t lines;        /* given to event_add() */
        uint64_t bad_header;   /* no record: no "type=… msg=audit(…)" header; dropped */
        uint64_t bad_unparsed; /* compatibility mode: libauparse drops it (no field, too many permissions) */
        uint64_t forged;       /* parts of a socket's path that poses as records (source/forged.h); dropped */
        uint64_t
                path_lines; /* parts of one that has a newline, and nothing that looks like a record; dropped */
        uint64_t records;   /* delivered in events */
        uint64_t events;    /* delivered */
        uint64_t eoe;       /* EOE records that only ended an event that was delivered already */
        uint64_t late_records;                    /* delivered, but after their event */
        uint64_t end_timeout, end_eof, end_limit; /* events that ended so */
        uint64_t limit_open, limit_records, limit_bytes, limit_total,
                limit_nodes;  /* times each limit acted */
        uint64_t no_memory;   /* records dropped because memory could not be had */
        uint64_t torn;        /* events with a SYSCALL record that ended by time: their end did not come */
        uint64_t serial_gaps; /* not EVENT_AUPARSE: numbers of events that are missing (serials.h) */
} EventCounters;

extern const CounterDesc event_counter_descs[];
extern const size_t event_n_counter_descs;
/* Of the same struct, for who reads a stream that should be whole: what somebody has chosen from has gaps. */
extern const CounterDesc event_gap_counter_descs[];
extern const size_t event_n_gap_counter_descs;

/* The event and its records are lent until the function returns. It must not call the assembler. */
typedef void (*EventFn)(void *userdata, const Event *event);

typedef struct EventAssembler EventAssembler;

/* @limits NULL: EVENT_LIMITS_DEFAULT; copied. @fn is called from within event_add(), event_age() and
 * event_flush(). 0 or -ENOMEM. */
int event_assembler_new(EventAssembler **ret, EventMode mode, const EventLimits *limits, EventFn fn,
                        void *userdata);
/* Open events are dropped: flush first. Returns NULL. */
EventAssembler *event_assembler_free(EventAssembler *a);

enum {
        _EVENT_E_SUCCESS,
        EVENT_E_NO_RECORD, /* the line is not a record: counted in bad_header, nothing else happens */
        EVENT_E_NO_END,    /* as above: the header has no "):" */
        EVENT_E_DROPPED,   /* counted in no_memory or bad_unparsed */
        EVENT_E_FORGED,    /* counted in forged: the line was made by a newline in the path of a socket */
        EVENT_E_PATH,      /* the same, counted in path_lines: nobody tried to forge anything */
};

/* One line without its newline; RECORD_SLACK readable bytes follow. 0, EVENT_E_…; never negative: bad data
 * is not an error of ours. May deliver. */
int event_add(EventAssembler *a, Str line);

/* Copies what open events borrow from lines given so far: afterwards the caller may overwrite them. */
void event_detach(EventAssembler *a);

/* @now_ns: CLOCK_MONOTONIC. Tells the time of the records that are about to be added (live input only;
 * never called: no monotonic ageing). */
void event_set_now(EventAssembler *a, uint64_t now_ns);

/* Ends the events that opened the timeout or longer before @now_ns. To be called when no input waits. */
void event_age(EventAssembler *a, uint64_t now_ns);

/* When event_age() next has something to do, CLOCK_MONOTONIC ns; UINT64_MAX: nothing is open. */
uint64_t event_next_deadline(const EventAssembler *a);

/* When the event that has been open for the longest time opened, CLOCK_MONOTONIC ns as event_set_now() said; UINT64_MAX: none is open. */
uint64_t event_oldest_ns(const EventAssembler *a);

/* Ends and delivers everything, oldest first. */
void event_flush(EventAssembler *a);

/* The open events as lines, each with its newline, in an order in which event_add() makes the same of them. They end as what their time
 * says from then on. For who goes on elsewhere with what was begun here. */
void event_open_lines(const EventAssembler *a, Buf *out);
/* What is remembered of events that were delivered, to tell late records: @ret is lent; it means something where hash_secret is the
 * same. False from the other: not of that size. */
Str event_delivered(const EventAssembler *a);
bool event_set_delivered(EventAssembler *a, Str delivered);

const EventCounters *event_counters(const EventAssembler *a);

/* Appends "gaps NUMBER NODE" lines, with tabs between: nodes whose events have gaps in their numbers, that heard last first, at most
 * @max. The node, an attacker's text, is empty where records name none. */
void event_print_gaps(const EventAssembler *a, Buf *out, size_t max);

/* Upstream's list of types that are the last record of their event (linux-audit lib:
 * audit_is_last_record(), 4.0.3), less 1406–1419, which a kernel may write before the SYSCALL record of the
 * same event. */
bool event_type_is_last(int type);

/* "[node/]sec.ms:serial", the form in which event ids are shown. Not escaped: the node is an attacker's
 * text. */
void event_id_format(Buf *out, const RecordId *id);

/* Reads that form; ret->node borrows from @text. False, and *ret untouched, when it is something else. */
bool event_id_parse(Str text, RecordId *ret);

const char *event_end_name(EventEnd ended); /* "terminal", "timeout", "eof", "limit" */
