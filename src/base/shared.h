/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Memory that processes of ours share, and that outlives each of them: a memfd whose size is sealed, so that nobody who holds it can
 * take a page away from another. */
#include <stddef.h>

/* A new one of @size bytes, zeros; @name is seen in /proc. Its descriptor, closed on exec, or -errno. */
int shared_make(const char *name, size_t size);

/* @protection: of mmap(2). 0; -errno; -EINVAL: it is not of that size. Unmap it with munmap(2). */
int shared_map(int fd, size_t size, int protection, char **ret);
