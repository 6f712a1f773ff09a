/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <arpa/inet.h>
#include <cmocka.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <unistd.h>
#include "base/clock.h"
#include "role/engine/echo.h"
#include "role/supervisor/node-names.h"

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
        const EchoSelf self = { .pid = 100, .uids = { 64991, -1 } };
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

/* What auditd.conf says of node=, and only that. */
static bool is_here(const char *conf, const char *node) {
        EchoSelf self = { .pid = 100, .uids = { 64991, -1 }, .n_nodes = 1, .nodes = { "of-before" } };
        bool here;
        Echo *e;

        node_names_of(&self, str_from(conf));
        assert_int_equal(echo_new(&e, &self), 0);
        here = is_own(e, node, "syscall=1 ppid=7 pid=8 auid=0 uid=64991");
        echo_free(e);
        return here;
}

static void a_made_up_name_is_ours_when_auditd_says_so(void **state) {
        assert_true(is_here("# x\nname_format = USER\nname = made-up\n", "made-up"));
        assert_true(is_here("  NAME=made-up \r\nName_Format=user", "made-up"));
        assert_false(is_here("name_format = user\nname = made-up\n", "made-up.example.com"));
        assert_false(is_here("name_format = user\nname = made-up\n", "made"));
        assert_false(is_here("name_format = user\n#name = made-up\n", "made-up"));
        assert_false(is_here("name_format = user\nname =\n", "of-before"));
        assert_false(is_here("name_format = hostname\nname = made-up\n", "made-up"));
        assert_false(is_here("", "127.0.0.1"));
        assert_false(is_here("name_format", "name_format"));
}

/* One of loopback is everybody's, where others send their events too. */
static void an_address_is_ours_when_no_other_machine_can_have_it(void **state) {
        struct ifaddrs *all;
        char text[INET_ADDRSTRLEN];

        assert_true(is_here("name_format = numeric\n", "127.0.1.1"));
        assert_true(is_here("name_format = numeric\n", "::1"));
        assert_false(is_here("tcp_listen_port = 60\nname_format = numeric\n", "127.0.1.1"));
        assert_false(is_here("name_format = numeric\n", "192.0.2.77")); /* RFC 5737: nobody's */
        assert_false(is_here("name_format = hostname\n", "127.0.1.1"));
        assert_int_equal(getifaddrs(&all), 0);
        for (struct ifaddrs *a = all; a; a = a->ifa_next)
                if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET && !(a->ifa_flags & IFF_LOOPBACK)) {
                        inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)a->ifa_addr)->sin_addr, text,
                                  sizeof(text));
                        assert_true(is_here("tcp_listen_port = 60\nname_format = numeric\n", text));
                        assert_false(is_here("name_format = fqd\n", text));
                }
        freeifaddrs(all);
}

/* The stamps of is_own() are of 1700000000. */
static void a_number_is_ours_since_our_start(void **state) {
        const struct {
                int64_t since;
                bool own;
        } cases[] = {
                { 1699999999, true }, { 1700000001, true }, { 1700000002, false }, { INT64_MAX, false }
        };
        Echo *e;

        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
                const EchoSelf self = { .pid = 100, .since = cases[i].since, .uids = { 64991, -1 } };

                assert_int_equal(echo_new(&e, &self), 0);
                assert_int_equal(is_own(e, "", "syscall=1 ppid=1 pid=100 auid=0 uid=0"), cases[i].own);
                assert_int_equal(is_own(e, "", "syscall=1 ppid=100 pid=7 auid=0 uid=0"), cases[i].own);
                assert_true(is_own(e, "", "syscall=1 ppid=7 pid=8 auid=0 uid=64991"));
                echo_free(e);
        }
}

static void each_rule_tells_once_in_a_time(void **state) {
        const EchoSelf self = { .pid = 100, .uids = { -1, -1 } };
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
                cmocka_unit_test(a_made_up_name_is_ours_when_auditd_says_so),
                cmocka_unit_test(an_address_is_ours_when_no_other_machine_can_have_it),
                cmocka_unit_test(a_number_is_ours_since_our_start),
                cmocka_unit_test(each_rule_tells_once_in_a_time),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
