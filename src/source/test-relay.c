/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "source/relay.h"

#define KILLS 300u
#define LAST \
        5000u /* lines that the last writer writes, each its number; those before it write until they are killed */

static int memory, ends[2];

static int set_up(void **state) {
        memory = relay_make();
        return memory < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0 ? -1 : 0;
}

static int tear_down(void **state) {
        close(memory);
        close(ends[0]);
        close(ends[1]);
        return 0;
}

static Relay map(uint64_t taken) {
        Relay r;

        assert_int_equal(relay_map(&r, memory), 0);
        relay_resume(&r, taken);
        return r;
}

static void put(Relay *r, const char *text) { relay_put(r, str_from(text), relay_note(r)); }

static void expect(const char *text) {
        char got[64] = "";

        assert_true(recv(ends[0], got, sizeof(got) - 1, MSG_DONTWAIT) >= 0 || errno == EAGAIN);
        assert_string_equal(got, text);
}

static void what_ends_no_line_waits(void **state) {
        Relay r = map(0);

        put(&r, "a\nb");
        assert_int_equal(relay_send(&r, ends[1]), 0);
        expect("a\n");
        assert_true(relay_is_unended(&r));
        put(&r, "\n");
        assert_false(relay_is_unended(&r));
        assert_int_equal(relay_send(&r, ends[1]), 0);
        expect("b\n");
        put(&r, "lost");
        assert_true(relay_drop_rest(&r));
        assert_false(relay_drop_rest(&r));
        put(&r, "c\n");
        assert_int_equal(relay_send(&r, ends[1]), 0);
        expect("c\n");
        relay_unmap(&r);
}

/* Counts what comes out; the last byte of it. */
static char send_all(Relay *r, uint64_t *n) {
        char bytes[4096] = "";
        ssize_t k = 0;
        int e;

        do {
                e = relay_send(r, ends[1]);
                while ((k = recv(ends[0], bytes, sizeof(bytes) - 1, MSG_DONTWAIT)) > 0) {
                        *n += (uint64_t)k;
                        bytes[sizeof(bytes) - 1] = bytes[k - 1];
                }
        } while (e == -EAGAIN);
        assert_int_equal(e, 0);
        return bytes[sizeof(bytes) - 1];
}

static void a_line_without_end_goes_out_in_pieces(void **state) {
        static char piece[RELAY_ROOM];
        Relay r = map(0);
        uint64_t n = 0;

        memset(piece, 'x', sizeof(piece));
        for (unsigned i = 0; i < 64; i++) {
                assert_true(relay_room(&r) >= RELAY_ROOM);
                relay_put(&r, (Str){ piece, sizeof(piece) }, relay_note(&r));
                (void)send_all(&r, &n);
        }
        assert_true(n >= 60 * sizeof(piece));
        assert_true(relay_drop_rest(&r));
        assert_int_equal(send_all(&r, &n), '\n');
        assert_int_equal(n, r.shared->sent);
        relay_unmap(&r);
}

static void a_message_that_is_in_is_known(void **state) {
        Relay r = map(0);

        assert_int_equal(relay_next(&r, 0), -1);
        relay_put(&r, STR("x\n"), &(RelayNote){ .given = true, .partition = 7, .next = 12 });
        relay_put(&r, STR("y\n"), &(RelayNote){ .given = true, .partition = 0, .next = 0 });
        assert_int_equal(relay_next(&r, 7), 12);
        assert_int_equal(relay_next(&r, 0), 0);
        assert_int_equal(relay_next(&r, 1), -1);
        assert_int_equal(relay_next(&r, -1), -1);
        assert_int_equal(relay_next(&r, RELAY_PARTITIONS), -1);
        r.shared->next[0] = 0; /* as if we had been killed before we wrote it */
        relay_unmap(&r);
        r = map(0);
        assert_int_equal(relay_next(&r, 0), 0);
        relay_unmap(&r);
}

/* Goes on behind the last number that is in. */
static void write_lines(uint64_t taken, int64_t count) {
        Relay r = map(taken);
        RelayNote note = *relay_note(&r);
        int64_t stop = count == INT64_MAX ? count : note.next + count;
        char text[32];

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (note.next < stop) {
                snprintf(text, sizeof(text), "%lld\n", (long long)note.next);
                note.next++;
                note.given = true;
                relay_put(&r, str_from(text), &note);
                while (relay_send(&r, ends[1]) == -EAGAIN)
                        poll(&(struct pollfd){ ends[1], POLLOUT, 0 }, 1, -1);
        }
        _exit(0);
}

typedef struct {
        uint64_t n, next;
        char line[32];
        size_t used;
} Reader;

/* Each number once, in order, in whole lines. */
static void read_lines(Reader *in, int wait_ms) {
        char bytes[65536];
        ssize_t n;

        if (poll(&(struct pollfd){ ends[0], POLLIN, 0 }, 1, wait_ms) <= 0)
                return;
        n = recv(ends[0], bytes, sizeof(bytes), MSG_DONTWAIT);
        assert_true(n > 0);
        in->n += (uint64_t)n;
        for (ssize_t i = 0; i < n; i++) {
                assert_true(in->used < sizeof(in->line) - 1);
                in->line[in->used++] = bytes[i];
                if (bytes[i] != '\n')
                        continue;
                in->line[in->used - 1] = 0;
                assert_int_equal(strtoull(in->line, NULL, 10), in->next);
                in->next++;
                in->used = 0;
        }
}

static pid_t start_writer(const Reader *in, int64_t count) {
        int waits = 0;
        pid_t pid;

        assert_int_equal(ioctl(ends[0], FIONREAD, &waits), 0);
        pid = fork();
        if (!pid)
                write_lines(in->n + (uint64_t)waits, count);
        assert_true(pid > 0);
        return pid;
}

static void kill_writer(pid_t pid) {
        nanosleep(&(struct timespec){ .tv_nsec = rand() % 300000 }, NULL); /* somewhere within a turn */
        kill(pid, SIGKILL);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_killed_writer_is_followed_by_the_next_byte(void **state) {
        Reader in = { 0 };
        uint64_t before = 0;
        unsigned n_killed = 0;
        pid_t pid = start_writer(&in, INT64_MAX);
        Relay r;

        while (n_killed < KILLS) {
                read_lines(&in, 100);
                if (in.next < before + 10)
                        continue; /* it has hardly begun */
                before = in.next;
                kill_writer(pid);
                n_killed++;
                pid = start_writer(&in, n_killed < KILLS ? INT64_MAX : LAST);
        }
        while (waitpid(pid, NULL, WNOHANG) == 0)
                read_lines(&in, 10);
        for (before = in.n + 1; before != in.n;) {
                before = in.n;
                read_lines(&in, 0);
        }
        r = map(in.n);
        assert_int_equal(in.next, relay_note(&r)->next);
        assert_true(in.next >= LAST + 10 * KILLS);
        relay_unmap(&r);
        assert_int_equal(in.used, 0);
        assert_int_equal(recv(ends[0], in.line, 1, MSG_DONTWAIT), -1);
}

#define WITH_RELAY(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void) {
        const struct CMUnitTest tests[] = {
                WITH_RELAY(what_ends_no_line_waits),
                WITH_RELAY(a_line_without_end_goes_out_in_pieces),
                WITH_RELAY(a_message_that_is_in_is_known),
                WITH_RELAY(a_killed_writer_is_followed_by_the_next_byte),
        };

        srand(1);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
