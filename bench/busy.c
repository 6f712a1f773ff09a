/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens a file so many times a second: the load of the live benchmark, one audited event a call. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define NS      1000000000ull
#define AT_ONCE 16 /* calls between two looks at the clock */

static uint64_t now_ns(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t)t.tv_sec * NS + (uint64_t)t.tv_nsec;
}

int main(int argc, char **argv) {
        uint64_t start = now_ns(), n = argc == 3 ? strtoull(argv[1], NULL, 10) : 0;
        uint64_t rate = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;

        if (!n || !rate) {
                fprintf(stderr, "usage: %s CALLS CALLS_A_SECOND\n", argv[0]);
                return 2;
        }
        for (uint64_t i = 0; i < n; i++) {
                int fd = open("/etc/hostname", O_RDONLY | O_CLOEXEC);

                if (fd >= 0)
                        close(fd);
                if (i % AT_ONCE == AT_ONCE - 1) {
                        uint64_t due = start + (i + 1) * NS / rate;
                        struct timespec t = { (time_t)(due / NS), (long)(due % NS) };

                        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
                }
        }
        printf("%.0f\n", (double)n * NS / (double)(now_ns() - start));
        return 0;
}
