/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "role/supervisor/watchdog.h"

enum { RESTS = 0, AT_WORK = 1 }; /* beats */

static Child waiting; /* a process that waits for ever, in the place of an engine */

static int start_waiting(void **state) {
        uint64_t ran;

        waiting = (Child){ .pid = fork() };
        while (!waiting.pid)
                pause();
        while (waiting.pid > 0 && child_state(&waiting, &ran) != 'S')
                usleep(1000);
        return waiting.pid > 0 ? 0 : -1;
}

static int end_waiting(void **state) {
        kill(waiting.pid, SIGKILL);
        return waitpid(waiting.pid, NULL, 0) == waiting.pid ? 0 : -1;
}

static void pass(unsigned ms) {
        uint64_t until = clock_monotonic_ns() + ms * NS_PER_MS;

        while (clock_monotonic_ns() < until)
                usleep(1000);
}

static bool look(Watchdog *w, uint64_t beat, bool input_waits) {
        return watchdog_look(w, &waiting, beat, input_waits);
}

static void who_waits_at_every_look_is_stuck(void **state) {
        Watchdog w;

        watchdog_begin(&w);
        assert_false(look(&w, AT_WORK, false));
        for (unsigned i = 1; i * WATCH_MS < WATCH_STUCK_MS; i++) {
                pass(WATCH_MS);
                assert_false(look(&w, AT_WORK, false));
        }
        pass(WATCH_MS);
        assert_true(look(&w, AT_WORK, false));
}

/* Whoever looks was not let for long; the engine may have gone to wait a moment ago. */
static void a_look_that_comes_late_proves_nothing(void **state) {
        const struct {
                uint64_t beat;
                bool input_waits;
        } rows[] = { { AT_WORK, false }, { RESTS, true } };

        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
                Watchdog w;

                watchdog_begin(&w);
                assert_false(look(&w, rows[i].beat + 2, rows[i].input_waits));
                pass(WATCH_STUCK_MS + WATCH_MS);
                assert_false(look(&w, rows[i].beat + 2, rows[i].input_waits));
        }
}

static void who_has_nothing_to_do_is_not_stuck(void **state) {
        Watchdog w;

        watchdog_begin(&w);
        for (unsigned i = 0; i < 5; i++) {
                assert_false(look(&w, RESTS, false));
                pass(WATCH_MS);
        }
}

/* Whoever has made a child with vfork(2) waits for it in the kernel, as for a disk or for a place in the audit's backlog. */
static pid_t start_held(void) {
        Child held = { .pid = fork() };
        uint64_t ran;

        assert_true(held.pid >= 0);
        if (!held.pid) {
                setpgid(0, 0);
                if (vfork() == 0)
                        for (;;)
                                pause();
                _exit(1);
        }
        while (child_state(&held, &ran) != 'D')
                usleep(1000);
        return held.pid;
}

static void who_is_held_by_the_kernel_is_not_stuck(void **state) {
        Child held = { .pid = start_held() };
        bool stuck = false;
        Watchdog w;

        watchdog_begin(&w);
        for (unsigned i = 0; i * WATCH_MS <= 2 * WATCH_STUCK_MS; i++) {
                stuck |= watchdog_look(&w, &held, AT_WORK, true);
                pass(WATCH_MS);
        }
        assert_int_equal(kill(-held.pid, SIGKILL), 0);
        assert_int_equal(waitpid(held.pid, NULL, 0), held.pid);
        assert_false(stuck);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(who_waits_at_every_look_is_stuck),
                cmocka_unit_test(a_look_that_comes_late_proves_nothing),
                cmocka_unit_test(who_has_nothing_to_do_is_not_stuck),
                cmocka_unit_test(who_is_held_by_the_kernel_is_not_stuck),
        };

        return cmocka_run_group_tests(tests, start_waiting, end_waiting);
}
