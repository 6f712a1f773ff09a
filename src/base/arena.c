/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "base/arena.h"

#define BLOCK (16u << 10)

struct ArenaBlock {
        ArenaBlock *next;
        size_t size;
        _Alignas(16) char data[];
};

static bool add_block(Arena *a, size_t n) {
        size_t size = n > BLOCK ? n : BLOCK;
        ArenaBlock *b = malloc(sizeof(*b) + size);

        if (!b)
                return false;
        b->next = a->blocks;
        b->size = size;
        a->blocks = b;
        a->next = b->data;
        a->end = b->data + size;
        return true;
}

void *arena_alloc(Arena *a, size_t n) {
        size_t want = (n + 15) & ~(size_t)15;
        void *p;

        if (want < n || (a->limit && want > a->limit - a->used))
                return NULL;
        if ((size_t)(a->end - a->next) < want && !add_block(a, want))
                return NULL;
        p = a->next;
        a->next += want;
        a->used += want;
        return memset(p, 0, want);
}

Str arena_str(Arena *a, Str s) {
        char *p = arena_alloc(a, s.n + 1);

        if (!p)
                return STR_NULL;
        if (s.n)
                memcpy(p, s.p, s.n);
        return (Str){ p, s.n };
}

char *arena_strdup(Arena *a, const char *z) { return (char *)arena_str(a, str_from(z)).p; }

void arena_reset(Arena *a) {
        ArenaBlock *keep = a->blocks;

        if (!keep)
                return;
        for (ArenaBlock *b = keep->next, *next; b; b = next) {
                next = b->next;
                free(b);
        }
        keep->next = NULL;
        a->next = keep->data;
        a->end = keep->data + keep->size;
        a->used = 0;
}

void arena_done(Arena *a) {
        for (ArenaBlock *b = a->blocks, *next; b; b = next) {
                next = b->next;
                free(b);
        }
        *a = (Arena){ .limit = a->limit };
}
