/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Memory that outlives the engine: what it has read, how far it is, and its state.
 *
 * The supervisor makes it (a sealed memfd, so that nobody can make it shorter) and hands it to each engine in turn. The
 * engine writes every byte that it reads to the ring, and puts down what it is doing before it does it. When it dies, its
 * successor takes the last state that was kept (a place of the ring belongs to it), reads from there what the ring has, and
 * then goes on reading where the dead one stopped. What killed it is known from what it had put down, and is left out.
 *
 * One writer, the engine; the supervisor looks at beat and work, and writes only while no engine runs. It trusts none of it. */
#include "base/str.h"
#include "record/record.h"

#define RING_BYTES      (8u << 20)
#define RING_STATE_MAX  (32u << 20) /* a larger state is not kept, and counted */
#define RING_LINE_HEAD  96u
#define RING_NODE_MAX   255u
#define RING_POISON_MAX 32u /* more: the oldest is forgotten, and may kill again */

/* The start of a line, which holds its type and its event. */
typedef struct {
        uint32_t n; /* of the whole line; 0: none */
        char head[RING_LINE_HEAD];
} RingLine;

typedef struct {
        int64_t sec;
        uint64_t serial;
        uint32_t ms;
        uint16_t n_node;
        bool set;
        char node[RING_NODE_MAX];
} RingEvent;

/* What must not be met again. */
typedef struct {
        RingEvent event; /* when set: this event; else: */
        RingLine line;   /* this line */
} RingPoison;

typedef struct {
        uint64_t head;   /* bytes ever put in */
        uint64_t begun;  /* not 0: an engine has been here */
        uint64_t blank;  /* what stands from head to here is RING_BLANK, or what a read(2) has put there */
        uint64_t ending; /* not 0: its input has ended, and it waits for deliver: not stuck */
        uint64_t beat;   /* rises when a turn of the engine's loop starts and when it ends: odd: within one */
        RingLine line;   /* at hand */
        RingEvent event; /* at hand */
        uint32_t n_state; /* which of the two states counts: 1 or 2; 0: none */
        struct {
                uint64_t place; /* the first byte that the state does not know */
                uint64_t seq;   /* of its last alert */
                uint64_t bytes;
        } states[2];
        uint64_t secret[2]; /* of hash.h; the state depends on it */
        int64_t taken_ms; /* time of the last record that was taken, where somebody wants to know (catch-up.h); 0: none */
        uint32_t n_poison; /* ever; the last RING_POISON_MAX of them are kept, by the supervisor */
        RingPoison poison[RING_POISON_MAX];
} RingShared;

typedef struct {
        RingShared *shared;
        char *bytes;     /* RING_BYTES */
        char *states[2]; /* RING_STATE_MAX each */
} Ring;

/* A new one; its descriptor or -errno. */
int ring_make(void);
/* Its descriptor anew, with which it can only be read (deliver's). The descriptor or -errno. */
int ring_open_to_read(int fd);
/* 0 or -errno; -EINVAL: not one. */
int ring_map(Ring *ret, int fd);
int ring_map_to_read(Ring *ret, int fd); /* nothing in it can be written */
void ring_unmap(Ring *r);

/* For an engine that starts: finds what the one before had read when it was killed within read(2). */
void ring_begin(Ring *r);

/* read(2) into the ring, at most @room and RING_READ_MAX bytes. We may be killed at any moment, also between the kernel's copy and the note of
 * how much it was: so what stands behind the head is blank before, as far as `blank` of RingShared says, and a successor finds the end of
 * what was read (RING_BLANK is no byte that a record ends with: the kernel writes bytes above 0x7f in hexadecimal). */
#define RING_READ_MAX (128u << 10)
#define RING_BLANK    '\xff'
ssize_t ring_read(Ring *r, int fd, size_t room, const char **ret);

/* Copies from place @from on; returns how much (0: nothing is there any more or yet). What was overwritten
 * meanwhile is skipped: *from moves. */
size_t ring_get(const Ring *r, uint64_t *from, char *into, size_t room);

/* Where to go on at @place or, where that was overwritten, behind the first end of a line that is left; adds what is passed over to *passed. */
uint64_t ring_next_line(const Ring *r, uint64_t place, uint64_t *passed);

void ring_note_event(Ring *r, const RecordId *id);
static inline void ring_end_event(Ring *r) { r->shared->event.set = false; }
static inline void ring_note_line(Ring *r, Str line) {
        RingLine *at = &r->shared->line;

        memcpy(at->head, line.p, line.n < RING_LINE_HEAD ? line.n : RING_LINE_HEAD);
        at->n = (uint32_t)line.n;
}
static inline void ring_end_line(Ring *r) { r->shared->line.n = 0; }
static inline void ring_beat(Ring *r) { __atomic_add_fetch(&r->shared->beat, 1, __ATOMIC_RELEASE); }

/* What the engine had at hand becomes something that its successor leaves out. False: it had nothing. For the supervisor, while no
 * engine runs. */
bool ring_blame(Ring *r);
/* What was read and the state are given up; the next engine starts with what comes. 〃 */
void ring_forget(Ring *r);
/* How many that were blamed are kept, and one of them. */
size_t ring_n_poison(const Ring *r);
const RingPoison *ring_poison(const Ring *r, size_t i);
bool ring_is_poison_event(const Ring *r, const RecordId *id);
bool ring_is_poison_line(const Ring *r, Str line);

/* Where the next state can be written, and then to be made the one that counts. */
unsigned ring_free_state(const Ring *r); /* 0 or 1 */
void ring_keep_state(Ring *r, unsigned i, uint64_t place, uint64_t seq, size_t bytes);
/* Puts one that an earlier run has left, in a sealed memfd, into a ring that no engine has had; into another one nothing. 0 or -errno. */
int ring_take_state(Ring *r, int fd);
/* The one that counts; false: there is none. */
bool ring_state(const Ring *r, Str *ret, uint64_t *ret_place, uint64_t *ret_seq);
