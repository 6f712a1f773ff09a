/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a plugin is behind with, beyond its queue, in a file without a name: first in, first out.
 *
 * Where several plugins share an input that can be read once, the slow one leaves here what the others want already. The
 * file is made when it is first needed, in $TMPDIR, else /var/tmp; what was taken out again gives its room on the disk
 * back. */
#include <stdbool.h>
#include <sys/types.h>
#include "base/buf.h"

#define SPILL_MAX (1ull << 30) /* bytes, that wait */

typedef struct {
        int fd;                /* -1: no file yet */
        off_t from, to, freed; /* [from, to) waits; [0, freed) is no longer on the disk */
        Buf last; /* the item that the file did not take: it waits here, and no more are taken before it is gone */
} Spill;

#define SPILL_INIT ((Spill){ .fd = -1, .last = BUF_INIT })

void spill_done(Spill *s);

bool spill_has_room(const Spill *s); /* spill_put() would take an item */
/* An item is a uint32 length and as many bytes. 0; -errno: the file cannot be made or written, but the item is kept. -ENOMEM:
 * it is not. */
int spill_put(Spill *s, Str item);
/* Appends the oldest items, some hundred KiB of them, to @into. Their number, or -errno. */
int spill_take(Spill *s, Buf *into);
