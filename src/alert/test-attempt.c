/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "alert/attempt.h"
#include "alert/test-capture.h"
#include "base/clock.h"
#include "base/test-support.h"

/* As a rule about logins would: every USER_LOGIN, and sessions that sshd and login open. */
static const Str tags[] = { STR_INIT("aulert.login") };
static RuleInfo rule = {
        .id = STR_INIT("r"), .title = STR_INIT("TITLE"), .level = RULE_LOW, .tags = tags, .n_tags = 1
};

typedef struct {
        Meaning *m;
        Attempts *t;
        Buf told;  /* sentences, each with '|' behind it */
        bool auth; /* failed USER_AUTH hit too */
        bool move; /* after each event all goes on in another process */
} Desk;

static void tell(void *userdata, Alert *a) {
        Desk *d = userdata;

        buf_str(&d->told, a->sentence);
        buf_putc(&d->told, '|');
}

static bool hits(const Desk *d, const Record *r) {
        Str body = record_body(r);
        bool session = memmem(body.p, body.n, "op=PAM:session_open", 19) &&
                       (memmem(body.p, body.n, "sshd", 4) || memmem(body.p, body.n, "/login\"", 7));

        return r->type == AUDIT_USER_LOGIN || (r->type == AUDIT_USER_START && session) ||
               (d->auth && r->type == AUDIT_USER_AUTH && memmem(body.p, body.n, "res=failed", 10));
}

static void move(Desk *d) {
        Buf saved = BUF_INIT, again = BUF_INIT;
        Attempts *next;
        Unpack in;

        assert_int_equal(attempts_new(&next, d->m, tell, d), 0);
        assert_int_equal(attempts_save(d->t, &saved), 0);
        in = UNPACK_INIT(buf_view(&saved));
        assert_int_equal(attempts_restore(next, &in), 0);
        assert_int_equal(unpack_end(&in), 0);
        assert_int_equal(attempts_save(next, &again), 0);
        assert_int_equal(again.n, saved.n);
        attempts_free(d->t);
        d->t = next;
        buf_done(&saved);
        buf_done(&again);
}

static void on_event(void *userdata, const Event *event) {
        RuleHit hit = { .rule = &rule, .event = event, .record = event->records };
        Desk *d = userdata;
        Alert *a;

        if (d->move)
                move(d);
        attempts_see(d->t, event);
        if (!hits(d, event->records))
                return;
        assert_int_equal(alert_new(&a, &hit, d->m, NULL), 0);
        attempts_add(d->t, a);
        alert_unref(a);
}

static void desk_init(Desk *d) {
        *d = (Desk){ .told = BUF_INIT };
        assert_int_equal(meaning_new(&d->m), 0);
        assert_int_equal(attempts_new(&d->t, d->m, tell, d), 0);
}

static void desk_done(Desk *d) {
        attempts_free(d->t);
        meaning_free(d->m);
        buf_done(&d->told);
}

static const char *told(Desk *d) { return d->told.n ? buf_z(&d->told) : ""; }

static void captures_give_one_alert_each(void **state) {
        static const struct {
                const char *capture, *told;
        } rows[] = {
                { "ssh-tty-ok.log", "e2eu logged in over ssh from 127.0.0.1|" },
                { "ssh-pw-ok.log", "e2eu logged in over ssh from 127.0.0.1|" },
                { "ssh-root-refused.log", "failed login as root over ssh from 127.0.0.1|" },
                { "ssh-unknown-user.log",
                  "failed login over ssh as \"nosuchuser\" (no such user) from 127.0.0.1|" },
                { "ssh-notallowed.log", "failed login over ssh as \"daemon\" (not allowed) from 127.0.0.1|" },
                { "login-bad.log", "failed login as e2eu on pts/0|" },
                { "login-unknown.log", "failed login as \"nosuch9\" (no such user) on pts/0|" },
                { "systemd-login.log", "e2eu logged in|" },
                { "faillock-1.log", "failed login as e2eu over ssh from 127.0.0.1|" },
        };

        for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
                Buf name = BUF_INIT;
                Desk d;

                desk_init(&d);
                /* with a rule for failed USER_AUTH too, the attempt is still one */
                d.auth = i >= ARRAY_SIZE(rows) && !strstr(rows[i % ARRAY_SIZE(rows)].told, "\"");
                buf_printf(&name, "enriched/%s", rows[i % ARRAY_SIZE(rows)].capture);
                assert_true(capture_replay(buf_z(&name), on_event, &d));
                attempts_flush(d.t);
                assert_string_equal(told(&d), rows[i % ARRAY_SIZE(rows)].told);
                desk_done(&d);
                buf_done(&name);
        }
}

#define SSHD  "exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=sshd "
#define UNSET "uid=0 auid=4294967295 ses=4294967295 "
#define FAILED(_at, _pid, _acct)                                                                       \
        "type=USER_LOGIN msg=audit(" _at "): pid=" _pid " " UNSET "msg='op=login acct=" _acct " " SSHD \
        "res=failed'\n"
#define TRIED(_at, _pid, _acct)                                                                           \
        "type=USER_AUTH msg=audit(" _at "): pid=" _pid " " UNSET "msg='op=PAM:authentication acct=" _acct \
        " " SSHD "res=failed'\n"
#define SESSION(_at, _pid, _ses)                                                  \
        "type=USER_START msg=audit(" _at "): pid=" _pid " uid=0 auid=0 ses=" _ses \
        " msg='op=PAM:session_open acct=\"root\" " SSHD "res=success'\n"
#define LOGIN(_at, _pid, _ses)                                                    \
        "type=USER_LOGIN msg=audit(" _at "): pid=" _pid " uid=0 auid=0 ses=" _ses \
        " msg='op=login id=0 " SSHD "res=success'\n"
#define HIDDEN "28696E76616C6964207573657229" /* (invalid user) */

static const struct {
        const char *what, *lines, *before_flush, *told;
} streams[] = {
        { "three failures of one attempt",
          FAILED("10.000:1", "7", "\"root\"") FAILED("12.000:2", "7", "\"root\"")
                  FAILED("15.000:3", "7", "\"root\""),
          "failed login as root over ssh from 192.0.2.7|", "" },
        { "two connections", FAILED("10.000:1", "7", "\"root\"") FAILED("10.000:2", "8", "\"root\""),
          "failed login as root over ssh from 192.0.2.7|failed login as root over ssh from "
          "192.0.2.7|",
          "" },
        { "a wrong password, then the right one",
          TRIED("10.000:1", "7", "\"root\"") FAILED("10.100:2", "7", "\"root\"") SESSION("20.000:3", "7", "4")
                  LOGIN("20.100:4", "7", "4"),
          "failed login as root over ssh from 192.0.2.7|root logged in over ssh from 192.0.2.7|", "" },
        { "two logins of one pid, as sessions tell", LOGIN("10.000:1", "7", "4") LOGIN("11.000:2", "7", "5"),
          "root logged in over ssh from 192.0.2.7|root logged in over ssh from 192.0.2.7|", "" },
        { "a pid that comes again after minutes",
          FAILED("10.000:1", "7", "\"root\"") FAILED("131.000:2", "7", "\"root\""),
          "failed login as root over ssh from 192.0.2.7|failed login as root over ssh from "
          "192.0.2.7|",
          "" },
        { "a login, then a failure of the same pid",
          LOGIN("10.000:1", "7", "4") FAILED("30.000:2", "7", "\"root\""),
          "root logged in over ssh from 192.0.2.7|failed login as root over ssh from 192.0.2.7|", "" },
        { "the name came before", TRIED("10.000:1", "7", "\"oracle\"") FAILED("10.010:2", "7", HIDDEN),
          "failed login over ssh as \"oracle\" (no such user) from 192.0.2.7|", "" },
        { "the name comes in time", FAILED("10.000:1", "7", HIDDEN) TRIED("10.900:2", "7", "\"oracle\""),
          "failed login over ssh as \"oracle\" (no such user) from 192.0.2.7|", "" },
        { "the name comes too late",
          FAILED("10.000:1", "7", HIDDEN) TRIED("11.500:2", "8", "\"x\"")
                  TRIED("11.600:3", "7", "\"oracle\""),
          "failed login over ssh as an unknown user from 192.0.2.7|", "" },
        { "the name never comes", FAILED("10.000:1", "7", HIDDEN), "",
          "failed login over ssh as an unknown user from 192.0.2.7|" },
        { "the name is another's", FAILED("10.000:1", "7", HIDDEN) TRIED("10.010:2", "8", "\"oracle\""), "",
          "failed login over ssh as an unknown user from 192.0.2.7|" },
        { "another machine's pid",
          FAILED("10.000:1", "7", HIDDEN) "node=b " TRIED("10.010:2", "7", "\"oracle\""), "",
          "failed login over ssh as an unknown user from 192.0.2.7|" },
        { "another machine's clock does not end the wait",
          FAILED("10.000:1", "7", HIDDEN) "node=b " TRIED("99.000:2", "9", "\"x\"")
                  TRIED("10.500:3", "7", "\"oracle\""),
          "failed login over ssh as \"oracle\" (no such user) from 192.0.2.7|", "" },
        { "no pid at all",
          "type=USER_LOGIN msg=audit(1.000:1): msg='op=login acct=\"root\" " SSHD "res=failed'\n",
          "failed login as root over ssh from 192.0.2.7|", "" },
        { "an absurd clock", FAILED("99999999999.000:1", "7", HIDDEN) FAILED("0.000:2", "7", "\"root\""),
          "failed login over ssh as an unknown user from 192.0.2.7|"
          "failed login as root over ssh from 192.0.2.7|",
          "" },
};

static void fold_streams(bool move) {
        for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
                Desk d;

                desk_init(&d);
                d.move = move;
                capture_replay_text(streams[i].lines, on_event, &d);
                if (strcmp(told(&d), streams[i].before_flush) != 0)
                        fail_msg("%s: told \"%s\"", streams[i].what, told(&d));
                buf_clear(&d.told);
                attempts_flush(d.t);
                if (strcmp(told(&d), streams[i].told) != 0)
                        fail_msg("%s: at the end told \"%s\"", streams[i].what, told(&d));
                desk_done(&d);
        }
}

static void streams_are_folded(void **state) { fold_streams(false); }
static void a_successor_folds_on(void **state) { fold_streams(true); }

static void foreign_bytes_are_refused(void **state) {
        size_t n_taken = 0;
        Buf saved = BUF_INIT;
        Desk d;

        desk_init(&d);
        capture_replay_text(FAILED("10.000:1", "7", HIDDEN) FAILED("10.000:2", "8", "\"root\"")
                                    LOGIN("10.100:4", "9", "4") FAILED("10.000:5", "6", HIDDEN),
                            on_event, &d);
        buf_clear(&d.told);
        assert_int_equal(attempts_save(d.t, &saved), 0);
        for (size_t n = 0; n < saved.n; n += 7) {
                Unpack in = UNPACK_INIT(((Str){ saved.p, n }));

                assert_int_equal(attempts_restore(d.t, &in), PACK_E_BAD);
        }
        for (unsigned i = 0; i < 500; i++) {
                Str copy = test_mangled(buf_view(&saved), i);
                Unpack in = UNPACK_INIT(copy);

                n_taken += !attempts_restore(d.t, &in);
                free((char *)copy.p);
        }
        assert_true(n_taken > 0 && n_taken < 500);
        attempts_flush(d.t);
        assert_non_null(strstr(told(&d), "failed login over ssh as an unknown user from 192.0.2.7|"));
        buf_done(&saved);
        desk_done(&d);
}

static void a_nameless_failure_waits_a_second(void **state) {
        uint64_t at;
        Desk d;

        desk_init(&d);
        assert_true(attempts_deadline(d.t) == UINT64_MAX);
        capture_replay_text(FAILED("10.000:1", "7", HIDDEN), on_event, &d);
        at = attempts_deadline(d.t);
        assert_true(at > clock_monotonic_ns() && at <= clock_monotonic_ns() + NS_PER_S);
        attempts_age(d.t, at - 1);
        assert_string_equal(told(&d), "");
        attempts_age(d.t, at);
        assert_string_equal(told(&d), "failed login over ssh as an unknown user from 192.0.2.7|");
        assert_true(attempts_deadline(d.t) == UINT64_MAX);
        assert_int_equal(attempts_counters(d.t)->nameless, 1);
        desk_done(&d);
}

/* What is more severe than what was told must not be folded away. */
static void a_higher_level_is_told(void **state) {
        Desk d;

        desk_init(&d);
        capture_replay_text(FAILED("10.000:1", "7", "\"root\""), on_event, &d);
        rule.level = RULE_HIGH;
        capture_replay_text(FAILED("11.000:2", "7", "\"root\"") FAILED("12.000:3", "7", "\"root\""), on_event,
                            &d);
        rule.level = RULE_LOW;
        capture_replay_text(FAILED("13.000:4", "7", "\"root\""), on_event, &d);
        assert_string_equal(told(&d), "failed login as root over ssh from 192.0.2.7|"
                                      "failed login as root over ssh from 192.0.2.7|");
        assert_int_equal(attempts_counters(d.t)->folded, 2);
        desk_done(&d);
}

/* More processes than there is room for: every one is told, and memory stays as it was. */
static void many_processes_are_all_told(void **state) {
        const unsigned n = 3 * ATTEMPT_ENTRIES;
        size_t n_told = 0;
        Buf lines = BUF_INIT;
        Desk d;

        desk_init(&d);
        for (unsigned i = 0; i < n; i++)
                buf_printf(&lines,
                           "type=USER_LOGIN msg=audit(10.000:%u): pid=%u " UNSET "msg='op=login acct=" HIDDEN
                           " " SSHD "res=failed'\n",
                           i + 1, i);
        capture_replay_text(buf_z(&lines), on_event, &d);
        attempts_flush(d.t);
        for (size_t i = 0; i < d.told.n; i++)
                n_told += d.told.p[i] == '|';
        assert_int_equal(n_told, n);
        assert_int_equal(attempts_counters(d.t)->waited, n);
        assert_int_equal(attempts_counters(d.t)->forgotten, n - ATTEMPT_ENTRIES);
        buf_done(&lines);
        desk_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(captures_give_one_alert_each),      cmocka_unit_test(streams_are_folded),
                cmocka_unit_test(a_nameless_failure_waits_a_second), cmocka_unit_test(a_higher_level_is_told),
                cmocka_unit_test(many_processes_are_all_told),       cmocka_unit_test(a_successor_folds_on),
                cmocka_unit_test(foreign_bytes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
