/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/test-support.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "meaning/proc.h"

static int64_t now_ms(void) { return (int64_t)time(NULL) * 1000 + 1000; }

static void our_own_program_is_known(void **state) {
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof(self));
        Proc *p;

        assert_true(n > 0);
        assert_int_equal(proc_new(&p, "/proc"), 0);
        assert_true(str_eq(proc_program(p, getpid(), now_ms()), (Str){ self, (size_t)n }));
        assert_int_equal(proc_counters(p)->found, 1);
        proc_free(p);
}

/* Its number was another process's then. */
static void a_process_that_started_later_is_not_the_one(void **state) {
        Proc *p;

        assert_int_equal(proc_new(&p, "/proc"), 0);
        assert_null(proc_program(p, getpid(), now_ms() - 3600 * 1000).p);
        assert_null(proc_program(p, 0, now_ms()).p);
        assert_null(proc_program(p, INT32_MAX, now_ms()).p);
        assert_int_equal(proc_counters(p)->gone, 2);
        proc_free(p);
}

static void questions_are_limited(void **state) {
        Proc *p;

        assert_int_equal(proc_new(&p, "/proc"), 0);
        for (unsigned i = 0; i < 20 * PROC_PER_SECOND; i++)
                proc_program(p, getpid(), now_ms());
        assert_true(proc_counters(p)->limited > 0);
        assert_int_equal(proc_counters(p)->found + proc_counters(p)->limited, 20 * PROC_PER_SECOND);
        proc_free(p);
}

static void write_stat(const char *dir, const char *text) {
        char path[300];
        FILE *f;

        snprintf(path, sizeof(path), "%s/7/stat", dir);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        fclose(f);
}

/* The name of a program may hold anything; what is no number of ticks tells nothing. */
static void odd_stats_are_read_or_refused(void **state) {
        char dir[] = "/tmp/aulert-test-proc-XXXXXX", path[300];
        Proc *p;

        assert_non_null(mkdtemp(dir));
        snprintf(path, sizeof(path), "%s/7", dir);
        assert_int_equal(mkdir(path, 0700), 0);
        snprintf(path, sizeof(path), "%s/7/exe", dir);
        assert_int_equal(symlink("/bin/x y", path), 0);
        assert_int_equal(proc_new(&p, dir), 0);
        write_stat(dir, "7 (a ) (b 1 2) S 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 0 23\n");
        assert_true(str_eq(proc_program(p, 7, now_ms()), STR("/bin/x y")));
        write_stat(dir, "7 (a) S 3 4 5\n");
        assert_null(proc_program(p, 7, now_ms()).p);
        write_stat(dir, "");
        assert_null(proc_program(p, 7, now_ms()).p);
        proc_free(p);
        unlink(path);
        snprintf(path, sizeof(path), "%s/7/stat", dir);
        unlink(path);
        snprintf(path, sizeof(path), "%s/7", dir);
        rmdir(path);
        rmdir(dir);
        assert_int_equal(proc_new(&p, dir), -ENOENT);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(our_own_program_is_known),
                cmocka_unit_test(a_process_that_started_later_is_not_the_one),
                cmocka_unit_test(questions_are_limited),
                cmocka_unit_test(odd_stats_are_read_or_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
