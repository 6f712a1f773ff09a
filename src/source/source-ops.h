/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The inside of a Source: what source.c and the kinds of sources share. */
#include "source/source.h"

typedef struct {
        const char *name; /* the word before ':' */
        bool has_path;
        /* 0 or -errno; sets s->fd, s->live and its own state. */
        int (*open)(Source *s, const char *path, const SourceOptions *options);
        ssize_t (*read)(Source *s, char *into, size_t room);
        void (*close)(Source *s);
        bool (*place)(const Source *s, SourcePlace *ret); /* NULL: none */
        int (*file)(const Source *s);                     /* 〃 */
        int64_t (*held)(const Source *s);                 /* NULL: nothing ever */
} SourceOps;

struct Source {
        const SourceOps *ops;
        int fd; /* to wait on */
        bool live, is_socket;
        void *state;
        SourceCounters counters;
};

extern const SourceOps source_stdin, source_unix, source_file, source_netlink;

/* Appends `type=NAME msg=` and the text up to its first NUL, newlines as blanks, and a newline: a line as
 * auditd writes it (auditd's format_event()). Returns its length, 0: @room is too small. */
size_t source_format(char *into, size_t room, unsigned type, const char *text, size_t n, bool with_type);

/* Takes the binary frames of auditd's dispatcher apart. */
typedef struct Binary Binary;
int binary_new(Binary **ret, SourceCounters *counters);
Binary *binary_free(Binary *b); /* returns NULL */
/* Where to read more frames to; never NULL, never no room. */
char *binary_space(Binary *b, size_t *ret_room);
void binary_add(Binary *b, size_t n); /* that many bytes have been read there */
/* Complete frames as lines; 0: none is complete. */
size_t binary_lines(Binary *b, char *into, size_t room);
int64_t binary_held(const Binary *b); /* as source_held() */
/* The most that may be read there so that all frames which it completes become lines in @room: what is held back is not told
 * by the descriptor. At least 1. */
size_t binary_most(const Binary *b, size_t room);
void binary_restart(Binary *b); /* another stream follows */
#define BINARY_HEADER 16u
/* A stream of frames starts so; no text does. @p: BINARY_HEADER bytes. */
bool binary_starts(const char *p);

/* A descriptor with lines, or with such frames. All zero but for @fd, which is borrowed. */
typedef struct {
        int fd;
        bool started;
        Binary *binary;           /* NULL: lines, or nothing has been read */
        Binary *spare;            /* to become @binary; NULL: it is made then */
        char head[BINARY_HEADER]; /* of a stream that may be one of frames */
        unsigned n_head;
        ssize_t (*read)(void *read_data, int fd, char *into,
                        size_t room); /* NULL: read(2); see SourceOptions */
        void *read_data;
} Stream;
/* As read(2): lines. */
ssize_t stream_read(Stream *stream, SourceCounters *counters, char *into, size_t room);
void stream_reset(Stream *stream, int fd); /* for another descriptor; -1: none */
/* As stream_reset(), once it has ended, but its reader and memory stay; a frame that was never whole is counted. */
void stream_restart(Stream *stream, SourceCounters *counters);
int64_t stream_held(const Stream *stream); /* as source_held() */
