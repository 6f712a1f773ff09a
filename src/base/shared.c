/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/shared.h"

int shared_make(const char *name, size_t size) {
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), r;

        if (fd < 0)
                return -errno;
        if (ftruncate(fd, (off_t)size) < 0 ||
            fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

int shared_map(int fd, size_t size, int protection, char **ret) {
        struct stat st;
        char *p;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size != (off_t)size)
                return -EINVAL;
        p = mmap(NULL, size, protection, MAP_SHARED, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        *ret = p;
        return 0;
}
