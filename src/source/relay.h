/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Bytes on their way from a process that reads a source to the one that takes them apart, in memory that outlives the first.
 *
 * They go through a stream socket. When their writer is killed only the socket knows how many of them it had taken: whoever
 * keeps both ends counts them, and tells the successor (relay_resume()), which goes on with the next byte. A note says what
 * belongs to them and must not be lost, or done twice, either: how far the source has been read. It changes together with the bytes,
 * by one store: killed before, the successor reads them again; killed behind, it has them.
 *
 * What writers count is there too. One writer. Memory: RELAY_BYTES, and 8 bytes for each partition of Kafka that is in use. */
#include "source/source.h"

#define RELAY_BYTES      (256u << 10)
#define RELAY_ROOM       (64u << 10) /* so much can always be put in when relay_send() has sent all */
#define RELAY_PARTITIONS 65536u
#define RELAY_COUNTERS   32u

typedef struct {
        uint64_t end;   /* of the bytes, counted from the first one ever */
        uint64_t whole; /* behind the last end of a line */
        bool placed;
        SourcePlace place; /* file: of the source behind the bytes */
        bool given;
        int32_t partition; /* kafka: of the message that these are the last bytes of */
        int64_t next;      /* offset behind that message; while it is not all in: of it */
        uint64_t part;     /* bytes of it that are in, while it is not all in */
} RelayNote;

typedef struct {
        uint64_t sent; /* at least so many bytes were taken by the socket */
        uint32_t which;
        RelayNote notes[2];
        uint64_t counters
                [RELAY_COUNTERS]; /* of all writers together, as they count: a successor goes on from there */
        int64_t next[RELAY_PARTITIONS]; /* of the last message of each, and one more; 0: none */
} RelayShared;

typedef struct {
        RelayShared *shared;
        char *bytes; /* RELAY_BYTES; place N is at N % RELAY_BYTES */
} Relay;

/* A new one, a sealed memfd; its descriptor or -errno. */
int relay_make(void);
/* 0 or -errno; -EINVAL: not one. */
int relay_map(Relay *ret, int fd);
void relay_unmap(Relay *r);

/* For a successor, and the first: the socket has taken that many bytes. */
void relay_resume(Relay *r, uint64_t taken);

const RelayNote *relay_note(const Relay *r);
size_t relay_room(const Relay *r);
/* True: the last byte that was put in ends no line. */
static inline bool relay_is_unended(const Relay *r) { return relay_note(r)->end != relay_note(r)->whole; }
/* @bytes, at most relay_room() (and none: only the note), with what @note says but for end and whole. */
void relay_put(Relay *r, Str bytes, const RelayNote *note);

/* Nobody can go on where the last line stops: it is dropped as far as it was not sent, else it gets its end. True: there was one. */
bool relay_drop_rest(Relay *r);

/* What is there, but the start of a line that is not whole, as long as there is room for RELAY_ROOM more. 0: all was sent;
 * -EAGAIN: the socket takes nothing now; -errno. */
int relay_send(Relay *r, int sock);

/* Behind the last message of @partition that was put in; -1: none was. */
int64_t relay_next(const Relay *r, int32_t partition);
