/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the table against its definition: what was told is put in order, and followed step by step. */
#include "base/test-support.h"
#include "meaning/process.h"

typedef struct {
        ProcessTime at;
        int64_t pid;
        bool exec;
        const char *exe, *line;
} Told;

static uint64_t random_state = 1;

static unsigned draw(unsigned n) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(random_state >> 33) % n;
}

static int by_time(const void *a, const void *b) {
        const ProcessTime *x = &((const Told *)a)->at, *y = &((const Told *)b)->at;

        return x->time_ms != y->time_ms ? (x->time_ms > y->time_ms) - (x->time_ms < y->time_ms)
                                        : (x->serial > y->serial) - (x->serial < y->serial);
}

static void tell(ProcessTable *t, const Told *told) {
        Str exe = str_from(told->exe), line = told->line ? str_from(told->line) : STR_NULL;

        if (told->exec)
                assert_int_equal(process_exec(t, &told->at, STR(""), told->pid, exe, line), 0);
        else if (!process_same(t, &told->at, STR(""), told->pid, exe))
                assert_int_equal(process_seen(t, &told->at, STR(""), told->pid, exe, line), 0);
}

/* @v in order. */
static bool expected(const Told *v, size_t n, int64_t time_ms, int64_t pid, Process *ret) {
        bool known = false;

        for (size_t i = 0; i < n && v[i].at.time_ms < time_ms; i++) {
                Str exe = str_from(v[i].exe), line = v[i].line ? str_from(v[i].line) : STR_NULL;

                if (v[i].pid != pid)
                        continue;
                if (!known || v[i].exec)
                        *ret = (Process){ exe, line };
                else if (!str_eq(ret->exe, exe))
                        *ret = (Process){ exe, STR_NULL };
                known = true;
        }
        return known;
}

static void compare(const ProcessTable *t, const Told *v, size_t n, int64_t time_ms) {
        for (int64_t pid = 0; pid < 4; pid++) {
                Process want, got;
                bool known = expected(v, n, time_ms, pid, &want);

                assert_int_equal(process_find(t, &(ProcessTime){ time_ms, 0, 0 }, STR(""), pid, &got), known);
                if (!known)
                        continue;
                assert_true(str_eq(got.exe, want.exe));
                assert_int_equal(got.command_line.p == NULL, want.command_line.p == NULL);
                assert_true(str_eq(got.command_line, want.command_line));
        }
}

/* The table goes on in another process. */
static ProcessTable *moved(ProcessTable *t) {
        Buf saved = BUF_INIT, again = BUF_INIT;
        ProcessTable *next;
        Unpack in;

        assert_int_equal(process_table_save(t, &saved), 0);
        process_table_free(t);
        assert_int_equal(process_table_new(&next, 100, 1 << 20), 0);
        in = UNPACK_INIT(buf_view(&saved));
        assert_int_equal(process_table_restore(next, &in), 0);
        assert_int_equal(unpack_end(&in), 0);
        assert_int_equal(process_table_save(next, &again), 0);
        assert_true(str_eq(buf_view(&saved), buf_view(&again)));
        buf_done(&saved);
        buf_done(&again);
        return next;
}

/* @late: in disorder, where each process runs one program between two execs, as processes do. */
static void one_history(bool late) {
        static const char *const exes[] = { "/bin/a", "/bin/b", "/bin/c" }, *const lines[] = { "x", "y z",
                                                                                               NULL, "" };
        const char *runs[4] = { exes[0], exes[1], exes[2], exes[0] };
        Told v[60], given[60];
        ProcessTable *t;

        for (unsigned i = 0; i < 60; i++) {
                unsigned pid = draw(4);
                bool exec = draw(4) == 0;

                if (exec || !late)
                        runs[pid] = exes[draw(3)];
                v[i] = (Told){ { 10 * i, i, i }, pid, exec, runs[pid], lines[draw(4)] };
        }
        memcpy(given, v, sizeof(v));
        for (unsigned i = 0; late && i < 60; i++)
                given[i].at.time_ms += (int64_t)draw(100);
        qsort(given, 60, sizeof(*given), by_time);
        assert_int_equal(process_table_new(&t, 100, 1 << 20), 0);
        for (unsigned i = 0; i < 60; i++) {
                given[i].at = v[given[i].at.serial].at;
                tell(t, &given[i]);
                if (!draw(20))
                        t = moved(t);
                if (!late) {
                        process_settle(t, given[i].at.time_ms - 100);
                        compare(t, v, 60 < i + 1 ? 60 : i + 1, given[i].at.time_ms + 1);
                }
        }
        for (int64_t ms = late ? 0 : 550; ms <= 600; ms += 5)
                compare(t, v, 60, ms);
        process_table_free(t);
}

static void test_knows_what_events_before_a_time_said(void **state) {
        (void)state;
        for (unsigned i = 0; i < 3000; i++)
                one_history(false);
}

static void test_does_not_mind_disorder(void **state) {
        (void)state;
        for (unsigned i = 0; i < 3000; i++)
                one_history(true);
}

static void test_forgets_who_was_silent_longest(void **state) {
        ProcessTable *t;
        Process p;

        (void)state;
        assert_int_equal(process_table_new(&t, 64, 1 << 20), 0);
        for (int64_t pid = 0; pid < 1000; pid++) {
                ProcessTime at = { pid, 0, 0 };

                assert_int_equal(process_exec(t, &at, STR("n"), pid, STR("/bin/a"), STR("a")), 0);
                process_same(t, &at, STR("n"), 0, STR("/bin/a"));
        }
        assert_int_equal(process_table_dropped(t), 1000 - 64);
        assert_true(process_find(t, &(ProcessTime){ 2000, 0, 0 }, STR("n"), 0, &p));
        assert_true(process_find(t, &(ProcessTime){ 2000, 0, 0 }, STR("n"), 999, &p));
        assert_false(process_find(t, &(ProcessTime){ 2000, 0, 0 }, STR("n"), 500, &p));
        assert_false(process_find(t, &(ProcessTime){ 2000, 0, 0 }, STR("m"), 999, &p));
        process_table_free(t);
}

static void test_one_process_cannot_fill_the_table(void **state) {
        ProcessTable *t;
        Process p;

        (void)state;
        assert_int_equal(process_table_new(&t, 64, 1 << 20), 0);
        for (int64_t i = 0; i < 100000; i++)
                assert_int_equal(process_exec(t, &(ProcessTime){ i, 0, 0 }, STR(""), 1,
                                              i % 2 ? STR("/b") : STR("/a"), STR("l")),
                                 0);
        assert_int_equal(process_table_dropped(t), 100000 - PROCESS_CHANGES_MAX);
        assert_true(process_find(t, &(ProcessTime){ 100000, 0, 0 }, STR(""), 1, &p));
        assert_true(str_eq(p.exe, STR("/b")));
        process_table_free(t);
}

static void test_foreign_bytes_are_refused(void **state) {
        Buf saved = BUF_INIT;
        ProcessTable *t;
        Process p;

        (void)state;
        assert_int_equal(process_table_new(&t, 64, 1 << 20), 0);
        for (int64_t i = 0; i < 30; i++)
                assert_int_equal(
                        process_exec(t, &(ProcessTime){ i, 0, 0 }, STR("n"), i % 10, STR("/bin/a"), STR("l")),
                        0);
        assert_int_equal(process_table_save(t, &saved), 0);
        for (size_t n = 0; n < saved.n; n++) {
                Unpack in = UNPACK_INIT(((Str){ saved.p, n }));

                assert_int_equal(process_table_restore(t, &in), PACK_E_BAD);
        }
        assert_true(process_find(t, &(ProcessTime){ 100, 0, 0 }, STR("n"), 9, &p));
        for (unsigned i = 0; i < 20000; i++) {
                Str copy = test_mangled(buf_view(&saved), i);
                Unpack in = UNPACK_INIT(copy);

                if (!process_table_restore(t, &in))
                        process_exec(t, &(ProcessTime){ 100, 0, 0 }, STR("n"), 1, STR("/bin/b"), STR("l"));
                free((char *)copy.p);
        }
        process_table_free(t);
        buf_done(&saved);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_knows_what_events_before_a_time_said),
                cmocka_unit_test(test_does_not_mind_disorder),
                cmocka_unit_test(test_forgets_who_was_silent_longest),
                cmocka_unit_test(test_one_process_cannot_fill_the_table),
                cmocka_unit_test(test_foreign_bytes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
