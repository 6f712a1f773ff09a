/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Asks libauparse what one value means, and remembers the answer.
 *
 * libauparse interprets a field of a record, so a small record is made for it that holds the value and
 * what its meaning depends on: the type of the record and, for arguments of system calls, arch, syscall,
 * a0 and a1. Answers are cached under exactly that. Which arguments are shown as plain hexadecimal digits,
 * so that nobody needs to be asked, is found out by trying a few values the first time that a system call
 * is seen; so pointers never reach the cache.
 *
 * It never passes user or group ids to the library, which would ask the name service for each. The cache
 * is bounded: LIBRARY_CACHE answers of at most LIBRARY_ANSWER_MAX bytes; longer ones are asked for each
 * time. A Library belongs to one thread; libauparse's global state is asked by one of them at a time. */
#include "record/field.h"

#define LIBRARY_CACHE      4096u
#define LIBRARY_ANSWER_MAX 1024u

typedef struct Library Library;

typedef struct {
        int type;          /* of the record */
        Str arch, syscall; /* as logged; empty where the record has none */
        int machine;       /* of @arch, or negative */
        uint32_t number;   /* of @syscall, UINT32_MAX: the record has none */
        uint64_t a0, a1;
} LibraryContext;

int library_new(Library **ret); /* 0 or -ENOMEM */
Library *library_free(Library *l);

/* What libauparse says to the value of a field outside of system call arguments. @value: as in the record,
 * quotes included. False: nothing else than the value itself, or the value in its quotes. *ret is lent
 * until the next call. */
bool library_field(Library *l, const LibraryContext *c, Str name, Str value, Str *ret);

typedef enum {
        ARGUMENT_HEX,   /* shown as 0x… */
        ARGUMENT_USER,  /* a user id, hexadecimal */
        ARGUMENT_GROUP, /* a group id, hexadecimal */
        ARGUMENT_ASK,   /* library_argument() knows */
} ArgumentForm;

/* How argument @n (0..3) of the system call in @c is shown. */
ArgumentForm library_argument_form(Library *l, const LibraryContext *c, unsigned n);

/* As library_field(), for "a0" to "a3". */
bool library_argument(Library *l, const LibraryContext *c, unsigned n, Str value, Str *ret);

/* The name of the system call itself: socketcall and ipc carry the name of their first argument. */
bool library_syscall(Library *l, const LibraryContext *c, Str value, Str *ret);

void library_count(const Library *l, uint64_t *ret_hits, uint64_t *ret_misses);
