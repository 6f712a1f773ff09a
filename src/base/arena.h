/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* A bump allocator: many small pieces, one free.
 *
 * For what is built once and lives together (a loaded rule set, a configuration, an event's texts). Pieces
 * are aligned to 16 bytes and never freed one by one. Not for untrusted sizes without a limit: give one. */
#include "base/str.h"

typedef struct ArenaBlock ArenaBlock;

typedef struct {
        ArenaBlock *blocks;
        char *next, *end;
        size_t used;  /* bytes handed out */
        size_t limit; /* 0: none; beyond it arena_alloc() returns NULL */
} Arena;

#define ARENA_INIT ((Arena){ 0 })

void *arena_alloc(Arena *a, size_t n);       /* zeroed; NULL on ENOMEM or at the limit */
Str arena_str(Arena *a, Str s);              /* a copy with a NUL behind it; .p NULL on failure */
char *arena_strdup(Arena *a, const char *z); /* NULL on failure */
void arena_reset(Arena *a);                  /* forgets all pieces, keeps one block for reuse */
void arena_done(Arena *a);                   /* frees everything; the arena is as new */
