/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Where records come from: one descriptor to wait on, one function in the place of read(2).
 *
 *   stdin         lines as auditd writes them to a plugin; or its binary format, told apart by the first byte
 *   file:PATH     follows a log: survives rotation, truncation and removal
 *   unix:PATH     what auditd's af_unix plugin offers, in either format; connects again when the other side goes
 *   netlink       the kernel's multicast group of audit records (CAP_AUDIT_READ)
 *
 * Whatever a source reads, it gives lines to LineReader (source_read() is its hook). A source never blocks
 * once it is open and live; a regular file on stdin is read to its end. What a source loses, it counts. */
#include <stdio.h>
#include <sys/types.h>
#include "base/counter.h"
#include "base/str.h"

typedef struct Source Source;

typedef enum {
        SOURCE_FROM_END,   /* only what is written from now on */
        SOURCE_FROM_START, /* of the file that is there */
        SOURCE_FROM_TIME,  /* records from that second on, rotated files (PATH.1, PATH.2 …) included */
        SOURCE_FROM_PLACE, /* where another one has stopped, rotated files included */
} SourceFrom;

/* file: how far it has been read: which file and the offset behind the last byte given out. */
typedef struct {
        uint64_t dev, ino, offset;
} SourcePlace;

typedef struct {
        SourceFrom from;  /* files only */
        int64_t from_sec; /* SOURCE_FROM_TIME: seconds since the epoch */
        /* SOURCE_FROM_PLACE: the file may have another name by now, or none; so it is well to have it open. */
        SourcePlace place;
        int file;       /* of that place, borrowed; -1, or another file: it is looked for by its number */
        bool unended;   /* the last byte before it ended no line */
        bool again;     /* file, unix: one was here before us; what cannot be opened now is tried again */
        bool reconnect; /* unix: connect again, with back-off, when the other side goes; else that is the end */
        /* stdin: in the place of read(2) of its descriptor; NULL: read(2). */
        ssize_t (*read)(void *read_data, int fd, char *into, size_t room);
        void *read_data;
} SourceOptions;

typedef struct {
        uint64_t reconnects; /* unix: connections made after the first */
        uint64_t
                missed; /* unix: serials passed over from one connection to the next: that many events at most */
        uint64_t overruns;   /* netlink: the kernel dropped records because we were slow (ENOBUFS), times */
        uint64_t foreign;    /* netlink: messages that the kernel did not send, dropped */
        uint64_t cut;        /* netlink: records longer than the kernel makes them, cut */
        uint64_t bad_frames; /* binary: places where no header stood; what follows up to the next is lost */
        uint64_t skipped_bytes; /* binary: lost that way */
        uint64_t rotations;     /* file: times another file took the place of the one that was read */
        uint64_t
                rotations_missed; /* file: times the one that was read could not be found among the rotated */
        uint64_t truncations; /* file: times it was shorter than what had been read: read from its start */
} SourceCounters;

extern const CounterDesc source_counter_descs[];
extern const size_t source_n_counter_descs;

/* True when @spec is one of the words above; @ret_why: what is wrong with it otherwise (static text). */
bool source_spec_valid(const char *spec, const char **ret_why);

/* @options may be NULL. 0; -EINVAL: no such source; -errno of what failed (-EPERM: netlink without
 * CAP_AUDIT_READ, -EISDIR, -ENOTSUP: file: of what is no regular file). stdin is put into non-blocking mode when it is a pipe or a socket. */
int source_open(Source **ret, const char *spec, const SourceOptions *options);
/* The same on a descriptor that somebody else opened, for "stdin" in another place; borrowed. */
int source_from_fd(Source **ret, int fd, const SourceOptions *options);
Source *source_close(Source *s); /* returns NULL */

/* To wait on for reading (level-triggered; epoll descriptors among them), -1 for a regular file on stdin: it can
 * always be read. The same for the life of the source. */
int source_fd(const Source *s);
bool source_is_live(const Source *s);   /* may be silent for a while and then go on: not a regular file */
bool source_is_socket(const Source *s); /* a stream whose other side signals and closes, as auditd */

/* As read(2): bytes of lines, 0 at the end, -1 and errno; EAGAIN: nothing now. @room: at least
 * SOURCE_ROOM. */
#define SOURCE_ROOM 16384u
ssize_t source_read(void *source, char *into, size_t room);

/* False: not a file. */
bool source_place(const Source *s, SourcePlace *ret);
int source_place_fd(
        const Source
                *s); /* what is being read of a file: borrowed, until the next source_read(); -1: nothing */

/* stdin: bytes that were read and are not given out yet, because a frame of the binary format is not whole. Less than 0: that many that
 * are still to come belong to what was given out. INT64_MAX: which of both it is, the next bytes tell. */
int64_t source_held(const Source *s);

const SourceCounters *source_counters(const Source *s);
