/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Runs a fuzz target over files: the corpus as an ordinary test. Folders stand for the files in them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/buf.h"
#include "fuzz/target.h"

static int run_fd(int fd, const char *path) {
        Buf b = BUF_INIT;
        ssize_t n = 0;
        char *exact;

        while (buf_reserve(&b, 65536) && (n = read(fd, b.p + b.n, 65536)) > 0)
                b.n += (size_t)n;
        if (n < 0 || b.failed) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                buf_done(&b);
                return -1;
        }
        /* exactly as long as the input, so that reading beyond it shows */
        exact = malloc(b.n ? b.n : 1);
        CHECK(exact);
        memcpy(exact, b.p, b.n);
        LLVMFuzzerTestOneInput((const uint8_t *)exact, b.n);
        free(exact);
        buf_done(&b);
        return 1;
}

/* The number of files that were run, or -1. */
static int run_file(int dir, const char *path) {
        int fd = openat(dir, path, O_RDONLY | O_CLOEXEC), n;
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0) {
                fprintf(stderr, "%s: %s\n", path, strerror(errno));
                if (fd >= 0)
                        close(fd);
                return -1;
        }
        n = S_ISREG(st.st_mode) ? run_fd(fd, path) : 0;
        close(fd);
        return n;
}

static int run_folder(DIR *dir) {
        int n = 0, r;

        for (struct dirent *e; (e = readdir(dir));) {
                r = run_file(dirfd(dir), e->d_name);
                if (r < 0)
                        return r;
                n += r;
        }
        return n;
}

int main(int argc, char **argv) {
        int n = 0;

        for (int i = 1; i < argc; i++) {
                DIR *dir = opendir(argv[i]);
                int r = dir ? run_folder(dir) : run_file(AT_FDCWD, argv[i]);

                if (dir)
                        closedir(dir);
                if (r < 0)
                        return 1;
                n += r;
        }
        printf("%d inputs\n", n);
        return n ? 0 : 1;
}
