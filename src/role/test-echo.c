/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"
#include "role/echo.h"

typedef struct {
        Echo *echo;
        bool own;
} Asked;

static void ask(void *userdata, const Event *event) {
        Asked *a = userdata;

        a->own = echo_is_own(a->echo, event);
}

static bool is_own(Echo *echo, const char *node, const char *body) {
        Asked asked = { .echo = echo };
        EventAssembler *a;
        char line[1024];
        int n = snprintf(line, sizeof(line) - RECORD_SLACK,
                         "%s%s%stype=SYSCALL msg=audit(1700000000.000:1): %s", node[0] ? "node=" : "", node,
                         node[0] ? " " : "", body);

        assert_int_equal(event_assembler_new(&a, EVENT_DEFAULT, NULL, ask, &asked), 0);
        assert_int_equal(event_add(a, (Str){ line, (size_t)n }), 0);
        event_flush(a);
        event_assembler_free(a);
        return asked.own;
}

static void ours_is_told_by_process_and_user(void **state) {
        const EchoSelf self = { 100, { 64991, -1 } };
        char host[256] = "", longer[300], other[300];
        Echo *e;

        assert_int_equal(gethostname(host, sizeof(host) - 1), 0);
        snprintf(longer, sizeof(longer), "%s.example.com", host);
        snprintf(other, sizeof(other), "%sx", host);
        assert_int_equal(echo_new(&e, &self), 0);
        assert_true(is_own(e, "", "syscall=1 ppid=1 pid=100 auid=0 uid=0"));
        assert_true(is_own(e, "", "syscall=1 ppid=100 pid=101 auid=0 uid=0"));
        assert_true(is_own(e, "", "syscall=1 ppid=7 pid=8 auid=0 uid=64991"));
        assert_true(is_own(e, host, "syscall=1 ppid=7 pid=8 auid=0 uid=64991"));
        assert_true(is_own(e, longer, "syscall=1 ppid=7 pid=8 auid=0 uid=64991"));
        assert_false(is_own(e, other, "syscall=1 ppid=7 pid=8 auid=0 uid=64991"));
        assert_false(is_own(e, "elsewhere", "syscall=1 ppid=100 pid=8 auid=0 uid=0"));
        assert_false(is_own(e, "", "syscall=1 ppid=7 pid=8 auid=100 uid=100"));
        assert_false(is_own(e, "", "syscall=1 ppid=7 pid=1000 auid=64991 uid=4294967295 gid=64991"));
        assert_false(is_own(e, "", "pid=7 uid=0 msg='pid=100 uid=64991 res=success'"));
        assert_false(is_own(NULL, "", "syscall=1 ppid=1 pid=100 auid=0 uid=0"));
        echo_free(e);
}

static void each_rule_tells_once_in_a_time(void **state) {
        const EchoSelf self = { 100, { -1, -1 } };
        uint64_t now = 5 * NS_PER_S;
        char rule[32];
        unsigned n = 0;
        Echo *e;

        assert_int_equal(echo_new(&e, &self), 0);
        assert_true(echo_tells(e, STR("a"), now));
        assert_false(echo_tells(e, STR("a"), now + 1));
        assert_true(echo_tells(e, STR("b"), now + 1));
        assert_false(echo_tells(e, STR("a"), now + ECHO_MS * NS_PER_MS - 1));
        assert_true(echo_tells(e, STR("a"), now + ECHO_MS * NS_PER_MS));
        now *= 100000;
        for (unsigned round = 0; round < 3; round++)
                for (unsigned i = 0; i < 2 * ECHO_RULES; i++) {
                        snprintf(rule, sizeof(rule), "rule-%u", i);
                        n += echo_tells(e, str_from(rule), now);
                }
        assert_int_equal(n, ECHO_RULES); /* no more than that, however many rules there are */
        echo_free(e);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(ours_is_told_by_process_and_user),
                cmocka_unit_test(each_rule_tells_once_in_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
