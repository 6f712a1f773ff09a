/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "alert/alert-pack.h"
#include "role/deliver/spool.h"

#define NOW 1000000000000

static const SpoolLimits none;
static char folder[] = "/tmp/test-spool-XXXXXX";
static char path[64];

static int make_folder(void **state) {
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof(path), "%s/spool.db", folder);
        return 0;
}

static int clear_folder(void **state) {
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", folder);
        return system(command);
}

static int forget_file(void **state) {
        char name[80];

        unlink(path);
        snprintf(name, sizeof(name), "%s-wal", path);
        unlink(name);
        return 0;
}

static Alert *alert(const char *unique, RuleLevel level) {
        Alert *a;

        assert_int_equal(alert_new_own(&a, &(AlertOwn){ .kind = ALERT_TEST,
                                                        .level = level,
                                                        .rule_id = STR("r"),
                                                        .title = STR("t"),
                                                        .sentence = STR("said"),
                                                        .unique = str_from(unique) }),
                         0);
        return a;
}

static Spool *opened(const char *at, const SpoolLimits *limits) {
        char why[SPOOL_WHY] = "";
        Spool *s = NULL;

        if (spool_open(&s, at, limits, why))
                fail_msg("%s", why);
        return s;
}

/* Puts one for the sinks "a" and "b" within a transaction. */
static int put(Spool *s, const char *unique, RuleLevel level, int64_t now, int64_t *ret_seq) {
        Alert *a = alert(unique, level);
        int r = spool_put(s, a, true, now, ret_seq);

        if (r == 0) {
                spool_add(s, *ret_seq, STR("a"), now);
                spool_add(s, *ret_seq, STR("b"), now);
        }
        alert_unref(a);
        return r;
}

static int64_t put_alone(Spool *s, const char *unique, RuleLevel level, int64_t now) {
        int64_t seq = 0;

        spool_begin(s, true);
        assert_int_equal(put(s, unique, level, now, &seq), 0);
        assert_int_equal(spool_commit(s, now), 0);
        return seq;
}

static void settle(Spool *s, int64_t seq, const char *sink, SpoolState state, int64_t next_at, int64_t now) {
        spool_begin(s, false);
        spool_settle(
                s, seq, str_from(sink),
                &(SpoolOutcome){ .state = state, .tries = 1, .next_at = next_at, .why = STR("because") });
        assert_int_equal(spool_commit(s, now), 0);
}

static bool note_due(void *userdata, const SpoolDue *due) {
        Alert *a;

        assert_int_equal(alert_unpack(&a, due->packed), 0);
        assert_true(str_eq(a->sentence, STR("said")));
        alert_unref(a);
        buf_printf(userdata, "%lld/%u ", (long long)due->seq, due->tries);
        return true;
}

static void expect_due(Spool *s, const char *sink, int64_t now, const char *wanted) {
        Buf due = BUF_INIT;

        assert_int_equal(spool_each_due(s, str_from(sink), now, note_due, &due), 0);
        assert_string_equal(due.n ? buf_z(&due) : "", wanted);
        buf_done(&due);
}

static void note_count(void *userdata, Str sink, SpoolState state, uint64_t n) {
        buf_printf(userdata, STR_FMT "%d:%llu ", STR_ARG(sink), state, (unsigned long long)n);
}

static void expect_counts(Spool *s, const char *wanted) {
        Buf counts = BUF_INIT;

        spool_count(s, note_count, &counts);
        assert_string_equal(counts.n ? buf_z(&counts) : "", wanted);
        buf_done(&counts);
}

static void what_is_pending_is_due_until_it_is_settled(void **state) {
        Spool *s = opened(NULL, &none);

        assert_int_equal(put_alone(s, "1", RULE_LOW, NOW), 1);
        assert_int_equal(put_alone(s, "2", RULE_LOW, NOW + 1), 2);
        expect_due(s, "a", NOW + 1, "1/0 2/0 ");
        expect_due(s, "a", NOW, "1/0 ");
        expect_due(s, "c", NOW + 1, "");
        settle(s, 1, "a", SPOOL_DELIVERED, 0, NOW);
        settle(s, 2, "a", SPOOL_PENDING, NOW + 1000, NOW);
        expect_due(s, "a", NOW + 999, "");
        assert_int_equal(spool_next_at(s, STR("a"), NOW), NOW + 1000);
        assert_int_equal(spool_next_at(s, STR("a"), NOW + 1000), INT64_MAX);
        expect_due(s, "a", NOW + 1000, "2/1 ");
        expect_due(s, "b", NOW + 1, "1/0 2/0 ");
        settle(s, 2, "b", SPOOL_DEAD, 0, NOW);
        expect_counts(s, "a0:1 a1:1 b0:1 b2:1 ");
        spool_free(s);
}

static void a_repeat_is_known(void **state) {
        Spool *s = opened(path, &none);
        Alert *a = alert("1", RULE_LOW), *b = alert("2", RULE_LOW);
        int64_t seq = 77;

        put_alone(s, "1", RULE_LOW, NOW);
        settle(s, 1, "a", SPOOL_DELIVERED, 0, NOW);
        spool_free(s);
        s = opened(path, &none);
        assert_true(spool_knows(s, a->id));
        assert_false(spool_knows(s, b->id));
        spool_begin(s, true);
        assert_int_equal(put(s, "1", RULE_LOW, NOW, &seq), SPOOL_E_KNOWN);
        assert_int_equal(seq, 77);
        assert_int_equal(put(s, "2", RULE_LOW, NOW, &seq), 0);
        assert_int_equal(seq, 2);
        assert_int_equal(spool_commit(s, NOW), 0);
        expect_due(s, "a", NOW, "2/0 ");
        expect_due(s, "b", NOW, "1/0 2/0 ");
        assert_int_equal(spool_counters(s)->put, 1);
        alert_unref(a);
        alert_unref(b);
        spool_free(s);
}

static void what_is_committed_survives_a_kill(void **state) {
        struct stat st;
        Spool *s;
        pid_t child = fork();

        if (!child) {
                int64_t seq;

                s = opened(path, &none);
                put_alone(s, "1", RULE_LOW, NOW);
                settle(s, 1, "a", SPOOL_DELIVERED, 0, NOW);
                spool_begin(s, true);
                put(s, "2", RULE_LOW, NOW, &seq);
                kill(getpid(), SIGKILL);
        }
        assert_int_equal(waitpid(child, NULL, 0), child);
        s = opened(path, &none);
        expect_due(s, "a", NOW, "");
        expect_due(s, "b", NOW, "1/0 ");
        assert_int_equal(spool_n_alerts(s), 1);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        spool_free(s);
}

static void two_do_not_use_one_file(void **state) {
        Spool *s = opened(path, &none), *other = NULL;
        int status;
        pid_t child = fork();

        if (!child) { /* locks are the process's */
                char why[SPOOL_WHY];

                _exit(spool_open(&other, path, &none, why) == SPOOL_E_UNUSABLE &&
                                      !strcmp(why, "another process uses it")
                              ? 0
                              : 1);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        spool_free(s);
}

static void room_is_made_in_the_order_of_worth(void **state) {
        const SpoolLimits limits = { .max_alerts = 4 };
        Spool *s = opened(NULL, &limits);

        put_alone(s, "1", RULE_HIGH, NOW);
        put_alone(s, "2", RULE_LOW, NOW);
        put_alone(s, "3", RULE_LOW, NOW);
        put_alone(s, "4", RULE_LOW, NOW);
        settle(s, 4, "a", SPOOL_DELIVERED, 0, NOW);
        settle(s, 4, "b", SPOOL_DELIVERED, 0, NOW);
        settle(s, 3, "a", SPOOL_DEAD, 0, NOW);
        settle(s, 3, "b", SPOOL_DELIVERED, 0, NOW);
        put_alone(s, "5", RULE_LOW, NOW);
        expect_counts(s, "a0:3 a2:1 b0:3 b1:1 ");
        assert_int_equal(spool_counters(s)->pruned_delivered, 1);
        put_alone(s, "6", RULE_LOW, NOW);
        assert_int_equal(spool_counters(s)->pruned_dead, 1);
        put_alone(s, "7", RULE_LOW, NOW);
        assert_int_equal(spool_counters(s)->pruned_pending, 1);
        expect_due(s, "a", NOW, "1/0 5/0 6/0 7/0 ");
        spool_free(s);
}

static void the_file_keeps_to_its_size(void **state) {
        const SpoolLimits limits = { .max_size = 256 << 10 };
        Spool *s = opened(path, &limits);
        struct stat st;
        int64_t seq;

        for (unsigned i = 0; i < 100; i++) {
                spool_begin(s, true);
                for (unsigned k = 0; k < 50; k++) {
                        char unique[16];

                        snprintf(unique, sizeof(unique), "%u", 50 * i + k);
                        assert_int_equal(put(s, unique, RULE_LOW, NOW, &seq), 0);
                }
                assert_int_equal(spool_commit(s, NOW), 0);
                assert_true(spool_size(s) <= limits.max_size);
        }
        assert_int_equal(seq, 5000);
        assert_int_equal(spool_counters(s)->pruned_pending, 5000 - spool_n_alerts(s));
        assert_true(spool_n_alerts(s) > 300);
        spool_free(s);
        assert_int_equal(stat(path, &st), 0);
        assert_true((uint64_t)st.st_size < 2 * limits.max_size);
}

static void what_is_settled_goes_when_it_is_old(void **state) {
        const SpoolLimits limits = { .keep_ms = 1000, .keep_dead_ms = 2000 };
        Spool *s = opened(NULL, &limits);

        for (int i = 0; i < 3; i++) {
                const char *names[] = { "1", "2", "3" };

                put_alone(s, names[i], RULE_LOW, NOW);
                settle(s, i + 1, "a", SPOOL_DELIVERED, 0, NOW);
        }
        settle(s, 1, "b", SPOOL_DELIVERED, 0, NOW);
        settle(s, 2, "b", SPOOL_DEAD, 0, NOW);
        spool_begin(s, false);
        assert_int_equal(spool_commit(s, NOW + 1000), 0);
        assert_int_equal(spool_n_alerts(s), 3);
        spool_begin(s, false);
        assert_int_equal(spool_commit(s, NOW + 1001), 0);
        assert_int_equal(spool_n_alerts(s), 2);
        spool_begin(s, false);
        assert_int_equal(spool_commit(s, NOW + 9999), 0);
        assert_int_equal(spool_counters(s)->expired, 2);
        expect_counts(s, "a1:1 b0:1 ");
        spool_free(s);
}

static void note_row(void *userdata, const SpoolRow *row) {
        assert_int_equal(row->id.n, 16);
        buf_printf(userdata, "%lld " STR_FMT " " STR_FMT "; ", (long long)row->seq, STR_ARG(row->sink),
                   STR_ARG(row->why));
}

static void deliveries_to_sinks_that_are_gone_are_dead(void **state) {
        const Str sinks[] = { STR("b"), STR("c") };
        Spool *s = opened(NULL, &none);
        uint64_t pending, dead;
        Buf rows = BUF_INIT;

        put_alone(s, "1", RULE_LOW, NOW);
        put_alone(s, "2", RULE_LOW, NOW);
        settle(s, 1, "a", SPOOL_DELIVERED, 0, NOW);
        settle(s, 1, "b", SPOOL_DELIVERED, 0, NOW);
        spool_begin(s, false);
        assert_int_equal(spool_bury_others(s, sinks, 2, STR("gone")), 1);
        assert_int_equal(spool_commit(s, NOW), 0);
        expect_due(s, "a", NOW, "");
        expect_due(s, "b", NOW, "2/0 ");
        spool_dead(s, 10, note_row, &rows);
        assert_string_equal(buf_z(&rows), "2 a gone; ");
        buf_done(&rows);
        spool_count_open(s, STR("a"), &pending, &dead);
        assert_int_equal(pending * 10 + dead, 1); /* and one delivered */
        spool_count_open(s, STR("b"), &pending, &dead);
        assert_int_equal(pending * 10 + dead, 10);
        spool_count_open(s, STR("d"), &pending, &dead);
        assert_int_equal(pending * 10 + dead, 0);
        spool_free(s);
}

static void a_clock_that_was_set_back_holds_nothing_up(void **state) {
        Spool *s = opened(NULL, &none);

        put_alone(s, "1", RULE_LOW, NOW);
        settle(s, 1, "a", SPOOL_PENDING, NOW + 1000, NOW);
        expect_due(s, "a", NOW - 2 * SPOOL_DELAY_MAX, "");
        spool_begin(s, false);
        spool_fix_clock(s, NOW - 2 * SPOOL_DELAY_MAX);
        assert_int_equal(spool_commit(s, NOW), 0);
        expect_due(s, "a", NOW - 2 * SPOOL_DELAY_MAX, "1/1 ");
        spool_free(s);
}

static void note_move(void *userdata, int64_t old, int64_t new) {
        buf_printf(userdata, "%lld>%lld ", (long long)old, (long long)new);
}

static void what_was_in_memory_moves_to_the_file(void **state) {
        Spool *file = opened(path, &none), *memory = opened(NULL, &none);
        Buf moves = BUF_INIT;

        put_alone(file, "1", RULE_LOW, NOW);
        put_alone(memory, "2", RULE_LOW, NOW);
        put_alone(memory, "1", RULE_LOW, NOW);
        put_alone(memory, "3", RULE_LOW, NOW);
        settle(memory, 1, "b", SPOOL_DELIVERED, 0, NOW);
        settle(memory, 3, "a", SPOOL_PENDING, NOW + 7, NOW);
        spool_begin(file, true);
        spool_copy(file, memory, note_move, &moves);
        assert_int_equal(spool_commit(file, NOW), 0);
        spool_clear(memory);
        assert_string_equal(buf_z(&moves), "1>2 2>0 3>3 ");
        expect_due(file, "a", NOW, "1/0 2/0 ");
        expect_due(file, "a", NOW + 7, "1/0 2/0 3/1 ");
        expect_due(file, "b", NOW, "1/0 3/0 ");
        expect_due(memory, "a", NOW + 7, "");
        assert_int_equal(put_alone(memory, "9", RULE_LOW, NOW), 4); /* a number is used once */
        buf_done(&moves);
        spool_free(memory);
        spool_free(file);
}

static void write_file(const char *text, size_t n) {
        FILE *f = fopen(path, "w");

        assert_non_null(f);
        assert_int_equal(fwrite(text, 1, n, f), n);
        fclose(f);
}

static void other_files_are_told_from_spools(void **state) {
        char why[SPOOL_WHY], noise[8192];
        Buf name = BUF_INIT;
        Spool *s = NULL;

        for (size_t i = 0; i < sizeof(noise); i++)
                noise[i] = (char)(i * i >> 3);
        write_file(noise, sizeof(noise));
        assert_int_equal(spool_open(&s, path, &none, why), SPOOL_E_CORRUPT);
        assert_int_equal(spool_set_aside(path, 5, &name), 0);
        assert_int_equal(access(path, F_OK), -1);
        assert_int_equal(access(buf_z(&name), F_OK), 0);
        assert_non_null(strstr(name.p, "spool.db.corrupt-5"));
        buf_done(&name);
        s = opened(path, &none);
        for (int i = 0; i < 200; i++) {
                char unique[16];

                snprintf(unique, sizeof(unique), "%d", i);
                put_alone(s, unique, RULE_LOW, NOW);
        }
        spool_free(s);
        assert_int_equal(truncate(path, 20000), 0);
        assert_int_equal(spool_open(&s, path, &none, why), SPOOL_E_CORRUPT);
        write_file("", 0);
        s = spool_free(opened(path, &none));
        assert_int_equal(spool_open(&s, "/nonexistent/x", &none, why), SPOOL_E_UNUSABLE);
        assert_string_equal(why, "No such file or directory");
        assert_int_equal(spool_open(&s, "/tmp", &none, why), SPOOL_E_UNUSABLE);
        assert_null(s);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(what_is_pending_is_due_until_it_is_settled, forget_file),
                cmocka_unit_test_teardown(a_repeat_is_known, forget_file),
                cmocka_unit_test_teardown(what_is_committed_survives_a_kill, forget_file),
                cmocka_unit_test_teardown(two_do_not_use_one_file, forget_file),
                cmocka_unit_test_teardown(room_is_made_in_the_order_of_worth, forget_file),
                cmocka_unit_test_teardown(the_file_keeps_to_its_size, forget_file),
                cmocka_unit_test_teardown(what_is_settled_goes_when_it_is_old, forget_file),
                cmocka_unit_test_teardown(deliveries_to_sinks_that_are_gone_are_dead, forget_file),
                cmocka_unit_test_teardown(a_clock_that_was_set_back_holds_nothing_up, forget_file),
                cmocka_unit_test_teardown(what_was_in_memory_moves_to_the_file, forget_file),
                cmocka_unit_test_teardown(other_files_are_told_from_spools, forget_file),
        };

        return cmocka_run_group_tests(tests, make_folder, clear_folder);
}
