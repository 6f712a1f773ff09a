/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which records of a log are taken, and which were taken before. A record is a letter, which is also its time: A is of the first second, Z of the
 * 26th, a of the 61st. The supervisor and the process that reads the log are this program. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>
#include "role/engine/catch-up.h"

#define START 1700000000
#define LINE  100u

typedef struct {
        CatchUp c;
        sd_event *loop;
        int control; /* the supervisor's end */
        IpcRoom room;
        Buf taken; /* letters of what came from the log */
        unsigned n_gaps;
        bool done;
        int64_t last_ms;
} Scene;

static size_t put_line(char line[LINE], char letter) {
        int second = letter >= 'a' ? 61 + letter - 'a' : 1 + letter - 'A';

        return (size_t)snprintf(line, LINE, "type=X msg=audit(%d.500:%d): is=%c", START + second, letter,
                                letter);
}

static bool is_free(void *userdata) { return true; }
static void nothing(void *userdata) {}
static void on_done(void *userdata) { ((Scene *)userdata)->done = true; }
static void on_tell(void *userdata, Alert *alert) { ((Scene *)userdata)->n_gaps++; }
static void on_line(void *userdata, Str line) { buf_putc(&((Scene *)userdata)->taken, line.p[line.n - 1]); }

static const CatchUpHooks hooks = { .is_free = is_free,
                                    .rescue = nothing,
                                    .line = on_line,
                                    .turn = nothing,
                                    .recycle = nothing,
                                    .done = on_done,
                                    .tell = on_tell };

static void begin(Scene *s) {
        assert_int_equal(catch_up_open(&s->c, s->loop, 4096, &s->last_ms, &hooks, s), 0);
}

static int set_up(void **state) {
        Scene *s = calloc(1, sizeof(*s));
        int pair[2];

        assert_non_null(s);
        assert_int_equal(ipc_pair(pair), 0);
        s->control = fcntl(pair[0], F_DUPFD_CLOEXEC, 32);
        assert_int_equal(dup2(pair[1], IPC_FD_CONTROL), IPC_FD_CONTROL);
        for (size_t i = 0; i < 2; i++)
                if (pair[i] != IPC_FD_CONTROL)
                        close(pair[i]);
        assert_true(sd_event_new(&s->loop) >= 0);
        s->taken = BUF_INIT;
        begin(s);
        *state = s;
        return 0;
}

static int tear_down(void **state) {
        Scene *s = *state;

        catch_up_close(&s->c);
        sd_event_unref(s->loop);
        close(s->control);
        close(IPC_FD_CONTROL);
        buf_done(&s->taken);
        free(s);
        return 0;
}

/* The input gives these: how many of them are new. */
static unsigned input(Scene *s, const char *letters) {
        unsigned n_new = 0;
        char line[LINE];

        for (; *letters; letters++) {
                size_t n = put_line(line, *letters);

                n_new += catch_up_is_new(&s->c, (Str){ line, n });
        }
        return n_new;
}

static IpcType receive(Scene *s, int sock) {
        IpcMessage m;

        return ipc_receive(sock, &s->room, &m) > 0 ? m.type : _IPC_NONE;
}

static void give(int sock, const char *letters, size_t n, bool end) {
        Buf bytes = BUF_INIT;
        char line[LINE];

        for (size_t i = 0; i < n; i++) {
                put_line(line, letters[i]);
                buf_putz(&bytes, line);
                buf_putc(&bytes, '\n');
        }
        assert_int_equal(ipc_send(sock, IPC_LOG_BYTES, end, 0, n ? buf_view(&bytes) : STR(""), -1), 0);
        buf_done(&bytes);
}

static void turn(Scene *s) { assert_true(sd_event_run(s->loop, 0) >= 0); }

/* One reader of the log, which gives these; | begins another piece. At ! it dies, at ? it is dead when the piece before is taken: another
 * one is asked for. */
static void read_pieces(Scene *s, const char *log) {
        int pair[2];
        bool more = true;

        assert_int_equal(receive(s, s->control), IPC_CATCH_UP);
        assert_int_equal(ipc_pair(pair), 0);
        catch_up_link(&s->c, pair[1]);
        while (more && *log != '!' && *log != '?') {
                size_t n = strcspn(log, "|!?");

                assert_int_equal(receive(s, pair[0]), IPC_LOG_MORE);
                more = log[n];
                give(pair[0], log, n, !more);
                log += n + (log[n] == '|');
                if (*log != '?')
                        turn(s);
        }
        close(pair[0]);
        if (more)
                turn(s);
}

/* What of @log is taken; read up to @first, if that is not NULL, by a reader that dies. Lent. */
static const char *catch_up(Scene *s, const char *first, const char *log) {
        buf_clear(&s->taken);
        s->done = false;
        catch_up_start(&s->c);
        if (first)
                read_pieces(s, first);
        read_pieces(s, log);
        assert_true(s->done);
        return s->taken.n ? buf_z(&s->taken) : "";
}

/* Another run, with what this one has stored. */
static void start_anew(Scene *s) {
        Buf bytes = BUF_INIT;
        Unpack from;

        seen_save(s->c.seen, &bytes);
        catch_up_close(&s->c);
        s->c = (CatchUp){ 0 };
        begin(s);
        from = UNPACK_INIT(buf_view(&bytes));
        assert_true(seen_restore(s->c.seen, &from));
        buf_done(&bytes);
}

static void what_follows_is_taken(void **state) {
        Scene *s = *state;

        input(s, "ABC");
        assert_string_equal(catch_up(s, NULL, "ABCDE"), "DE");
        assert_int_equal(s->n_gaps, 0);
}

static void what_stands_before_all_known_was_finished(void **state) {
        Scene *s = *state;

        input(s, "CDE");
        assert_string_equal(catch_up(s, NULL, "ABCDEF"), "F");
        assert_int_equal(s->c.counters.log_seen, 5);
}

/* auditd has dropped them for us, and has logged them. */
static void holes_among_known_are_filled(void **state) {
        static const struct {
                const char *known, *log, *taken;
        } rows[] = {
                { "ABDE", "ABCDE", "C" },      { "ABEF", "ABCDEF", "CD" }, { "ACEG", "ABCDEFG", "BDF" },
                { "ABDE", "A|B|C|D|E|", "C" }, { "ABDE", "AB|CD|E", "C" }, { "BCF", "ABCDEFGH", "DEGH" },
                { "ABCZ", "ABCYXZ", "YX" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Scene *s = *state;

                input(s, rows[i].known);
                assert_string_equal(catch_up(s, NULL, rows[i].log), rows[i].taken);
                assert_int_equal(s->n_gaps, 0);
                tear_down(state);
                set_up(state);
        }
}

static void what_was_filled_is_known(void **state) {
        Scene *s = *state;

        input(s, "ABDEGH");
        assert_string_equal(catch_up(s, NULL, "ABCDEFGH"), "CF");
        assert_string_equal(catch_up(s, NULL, "ABCDEFGH"), "");
        start_anew(s);
        assert_string_equal(catch_up(s, NULL, "ABCDEFGH"), "");
}

/* What comes last in the log is known best, and not the hole that was filled last. */
static void an_old_hole_makes_nothing_forgotten(void **state) {
        Scene *s = *state;

        input(s, "ABz");
        assert_string_equal(catch_up(s, NULL, "ABCz"), "C");
        start_anew(s);
        assert_string_equal(catch_up(s, NULL, "ABCz"), "");
}

static void a_reader_that_dies_changes_nothing(void **state) {
        static const struct {
                const char *known, *first, *log, *taken;
        } rows[] = {
                { "ABDE", "!", "ABCDEF", "CF" },    { "ABDE", "AB!", "ABCDEF", "CF" },
                { "ABDE", "ABC!", "ABCDEF", "CF" }, { "ABDE", "AB|CDEF!", "ABCDEF", "CF" },
                { "ABDE", "ABC?", "ABCDEF", "CF" }, { "CDE", "ABCD!", "ABCDEF", "F" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Scene *s = *state;

                input(s, rows[i].known);
                assert_string_equal(catch_up(s, rows[i].first, rows[i].log), rows[i].taken);
                assert_int_equal(s->n_gaps, 0);
                tear_down(state);
                set_up(state);
        }
}

static void a_log_without_what_is_known_is_a_gap(void **state) {
        Scene *s = *state;

        input(s, "AC");
        assert_string_equal(catch_up(s, NULL, "EFBG"), "EFBG"); /* one with a clock that was set back */
        assert_int_equal(s->n_gaps, 1);
}

static void the_input_has_again_what_the_log_gave(void **state) {
        Scene *s = *state;

        input(s, "ABD");
        assert_string_equal(catch_up(s, NULL, "ABCDEF"), "CEF");
        assert_int_equal(input(s, "DCEF"), 0);
        assert_int_equal(input(s, "GH"), 2);
        assert_int_equal(s->c.counters.input_seen, 4);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(what_follows_is_taken, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_stands_before_all_known_was_finished, set_up, tear_down),
                cmocka_unit_test_setup_teardown(holes_among_known_are_filled, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_was_filled_is_known, set_up, tear_down),
                cmocka_unit_test_setup_teardown(an_old_hole_makes_nothing_forgotten, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_reader_that_dies_changes_nothing, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_log_without_what_is_known_is_a_gap, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_input_has_again_what_the_log_gave, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
