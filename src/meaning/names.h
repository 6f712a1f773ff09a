/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Names of users and groups, without waiting for a name service.
 *
 * /etc/passwd and /etc/group are read at the start, and again when they changed. An id that they lack is
 * asked of the name service at most NAMES_BUDGET times a second, never again within NAMES_KEEP_S, and not
 * at all for a while after an answer that took long: any container's ids would otherwise cost thousands of
 * look-ups a second. What was not asked is unknown(N), as what is not known, and counted. Both caches are
 * bounded: NAMES_CACHE ids each. */
#include "base/str.h"

#define NAMES_BUDGET 64u
#define NAMES_KEEP_S 60u
#define NAMES_CACHE  1024u
#define NAMES_MAX    64u /* longer names are cut to one byte less, as libauparse does */

typedef enum { NAMES_USER, NAMES_GROUP, _NAMES_N } NamesOf;

typedef struct Names Names;

/* NULL: the files of this system. A file that cannot be read is an empty one. 0 or -ENOMEM. */
int names_new(Names **ret, const char *passwd, const char *group);
Names *names_free(Names *n); /* returns NULL */

/* Reads a file again when its time, size or inode differ. Out of memory: the old contents stay. */
void names_refresh(Names *n);

/* "root", "unset" (4294967295), or "unknown(N)" with N as a signed number. Lent until the next call. */
Str names_of(Names *n, NamesOf of, uint32_t id);

/* The file has that name. The name service is not asked. */
bool names_known(const Names *n, NamesOf of, Str name);

/* The name service is asked no more. For a process that must not touch files or sockets. */
void names_only_snapshot(Names *n);

void names_count(const Names *n, uint64_t *ret_lookups, uint64_t *ret_skipped);
