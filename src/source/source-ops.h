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
/* A stream of frames starts so; no text does. */
static inline bool binary_starts(const char *p, size_t n) {
        return n && (unsigned char)p[0] <= 1; /* ver 0 or 1; big-endian machines: its first byte is 0 */
}

/* A descriptor with lines, or with such frames. All zero but for @fd, which is borrowed. */
typedef struct {
        int fd;
        bool started;
        Binary *binary; /* NULL: lines, or nothing has been read */
        ssize_t (*read)(void *read_data, int fd, char *into,
                        size_t room); /* NULL: read(2); see SourceOptions */
        void *read_data;
} Stream;
/* As read(2): lines. */
ssize_t stream_read(Stream *stream, SourceCounters *counters, char *into, size_t room);
void stream_reset(Stream *stream, int fd); /* for another descriptor; -1: none */
