/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From records to alerts, with the rules that are installed. */
#include <errno.h>
#include <glob.h>
#include <poll.h>
#include <stdatomic.h>
#include "base/test-support.h"
#include "role/engine/engine.h"
#include "role/input.h"
#include "role/role.h"

typedef struct {
        Engine *engine;
        Buf told;
        uint64_t n_events, move_every; /* 0: never */
        bool ids;
} Desk;

static void on_alert(void *userdata, Alert *alert) {
        Desk *d = userdata;

        buf_printf(&d->told, "%s: ", alert_level_name(alert->level));
        buf_str(&d->told, alert->sentence);
        if (d->ids) {
                buf_putc(&d->told, ' ');
                buf_str(&d->told, alert->id);
                buf_str(&d->told, alert->rule_id);
        }
        buf_putc(&d->told, '\n');
}

static void start_engine(Desk *d, const char *rules) {
        size_t n_errors;

        assert_int_equal(engine_new(&d->engine, on_alert, d), 0);
        assert_int_equal(engine_load_rules(d->engine, &rules, 1, &n_errors), 0);
        assert_int_equal(n_errors, 0);
}

/* Another engine goes on. */
static void move(Desk *d) {
        Buf saved = BUF_INIT;

        assert_int_equal(engine_save(d->engine, &saved), 0);
        engine_free(d->engine);
        start_engine(d, RULES);
        assert_int_equal(engine_restore(d->engine, buf_view(&saved)), 0);
        buf_done(&saved);
}

static void on_event(void *userdata, const Event *event) {
        Desk *d = userdata;

        engine_event(d->engine, event);
        if (d->move_every && ++d->n_events % d->move_every == 0)
                move(d);
}

static void on_end(void *userdata) { engine_flush(((Desk *)userdata)->engine); }

/* Reads through the same runner as the commands; a file in memory. */
static const char *replay(Desk *d, const char *lines) {
        InputOptions input = { .event = on_event, .end = on_end, .userdata = d };
        int fd = memfd_create("lines", MFD_CLOEXEC);
        char path[64], *paths[] = { path };

        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
        buf_clear(&d->told);
        assert_int_equal(input_run(&input, paths, 1), STATUS_DONE);
        close(fd);
        return d->told.n ? buf_z(&d->told) : "";
}

static void desk_init(Desk *d, const char *rules) {
        *d = (Desk){ .told = BUF_INIT };
        start_engine(d, rules);
}

static void desk_done(Desk *d) {
        engine_free(d->engine);
        buf_done(&d->told);
}

#define SSHD "exe=\"/usr/sbin/sshd\" hostname=192.0.2.7 addr=192.0.2.7 "
#define SESSION(_ms, _pid, _acct)                                                            \
        "type=USER_START msg=audit(10." _ms ":" _ms "): pid=" _pid " uid=0 auid=0 ses=" _pid \
        " msg='op=PAM:session_open grantors=pam_unix acct=\"" _acct "\" " SSHD "terminal=ssh res=success'\n"
#define LOGIN(_ms, _pid, _id)                                                                \
        "type=USER_LOGIN msg=audit(10." _ms ":" _ms "): pid=" _pid " uid=0 auid=0 ses=" _pid \
        " msg='op=login id=" _id " " SSHD "terminal=/dev/pts/0 res=success'\n"

static void one_login_is_one_alert(void **state) {
        static const struct {
                const char *lines, *told;
        } rows[] = {
                { SESSION("100", "7", "bin"), "low: bin logged in over ssh from 192.0.2.7\n" },
                { SESSION("200", "8", "bin") LOGIN("210", "8", "2"),
                  "low: bin logged in over ssh from 192.0.2.7\n" },
                /* the most severe of the rules that one record meets speaks, and the other record adds nothing */
                { SESSION("300", "9", "root") LOGIN("310", "9", "0"),
                  "medium: root logged in over ssh from 192.0.2.7\n" },
                { "type=ANOM_ABEND msg=audit(10.400:400): auid=0 uid=0 gid=0 ses=3 pid=1 comm=\"x\" "
                  "exe=\"/x\" sig=11 "
                  "res=1\n",
                  "medium: x of root crashed with SIGSEGV\n" },
                { "type=CWD msg=audit(10.500:500): cwd=\"/\"\n", "" },
        };
        Desk d;

        desk_init(&d, RULES);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                assert_string_equal(replay(&d, rows[i].lines), rows[i].told);
        desk_done(&d);
}

static void bad_rules_leave_the_old_ones(void **state) {
        const char *nowhere = "/nonexistent/rules";
        size_t n_errors = 0;
        Desk d;

        desk_init(&d, RULES);
        assert_int_equal(engine_load_rules(d.engine, &nowhere, 1, &n_errors), 0);
        assert_true(n_errors > 0);
        assert_true(engine_n_rules(d.engine) > 0);
        assert_string_equal(replay(&d, SESSION("100", "7", "bin")),
                            "low: bin logged in over ssh from 192.0.2.7\n");
        desk_done(&d);
}

static void replay_captures(Desk *d, uint64_t move_every) {
        InputOptions input = { .event = on_event, .end = on_end, .userdata = d };
        glob_t files = { 0 };

        desk_init(d, RULES);
        d->ids = true;
        d->move_every = move_every;
        assert_int_equal(glob(CAPTURES "/rules/*.log", 0, NULL, &files), 0);
        assert_int_equal(glob(CAPTURES "/enriched/*.log", GLOB_APPEND, NULL, &files), 0);
        assert_int_equal(input_run(&input, files.gl_pathv, files.gl_pathc), STATUS_DONE);
        globfree(&files);
}

static void a_successor_tells_what_is_left(void **state) {
        Desk whole, cut;

        replay_captures(&whole, 0);
        replay_captures(&cut, 13);
        assert_true(whole.told.n > 2000 && cut.n_events > 500);
        assert_string_equal(buf_z(&cut.told), buf_z(&whole.told));
        desk_done(&whole);
        desk_done(&cut);
}

static void foreign_bytes_are_refused(void **state) {
        Buf saved = BUF_INIT;
        Desk d;

        replay_captures(&d, 0);
        assert_int_equal(engine_save(d.engine, &saved), 0);
        assert_int_equal(engine_restore(d.engine, STR("")), PACK_E_BAD);
        assert_int_equal(engine_restore(d.engine, STR("no state of ours, but long enough for one")),
                         PACK_E_BAD);
        for (size_t i = 0; i < saved.n; i += 1 + saved.n / 200) {
                saved.p[i] = (char)(saved.p[i] ^ 4);
                assert_int_equal(engine_restore(d.engine, buf_view(&saved)), PACK_E_BAD);
                assert_int_equal(engine_restore(d.engine, (Str){ saved.p, i }), PACK_E_BAD);
                saved.p[i] = (char)(saved.p[i] ^ 4);
        }
        assert_int_equal(engine_restore(d.engine, buf_view(&saved)), 0);
        buf_done(&saved);
        desk_done(&d);
}

/* ---- rules that are loaded while events come ---- */

static const char *const rules_path = RULES;

typedef struct {
        atomic_bool begun, may_end, dropped;
        bool broken;
} Slow;

/* Takes as long as the test wants it to. */
static int load_slowly(void *job, RuleSet **ret, const RuleOptions *options, RuleDiagFn diag,
                       void *userdata) {
        static const RuleFile files[] = {
                { "new.yml",
                  STR_INIT("title: new\nid: new\nlevel: critical\nlogsource: {product: linux, service: "
                           "auditd}\n"
                           "detection: {s: {type: USER_START}, condition: s}\n---\n"
                           "title: bad\nlogsource: {product: linux, service: auditd}\ndetection: {condition: "
                           "s}\n"),
                  0 },
                { "bad.yml",
                  STR_INIT("title: bad\nlogsource: {product: linux, service: auditd}\ndetection: 7\n"), 0 },
        };
        Slow *slow = job;

        atomic_store(&slow->begun, true);
        while (!atomic_load(&slow->may_end) && !options->stop(userdata))
                usleep(1000);
        return slow->broken ? rule_set_load_files(ret, &files[1], 1, options, diag, userdata)
                            : rule_set_load_files(ret, files, 2, options, diag, userdata);
}

static void drop(void *job) { atomic_store(&((Slow *)job)->dropped, true); }

static void start(Desk *d, Slow *slow) {
        assert_int_equal(engine_load_start(d->engine, &(LoaderJob){ load_slowly, drop, slow }), 0);
        while (!atomic_load(&slow->begun))
                usleep(1000);
}

static bool has_ended(const Engine *e, int wait_ms) {
        struct pollfd p = { .fd = engine_load_fd(e), .events = POLLIN };

        return poll(&p, 1, wait_ms) == 1;
}

static const char *one_session(Desk *d, unsigned n) {
        Buf line = BUF_INIT;
        const char *told;

        buf_printf(
                &line,
                "type=USER_START msg=audit(%u.000:%u): pid=%u uid=0 auid=0 ses=%u msg='op=PAM:session_open "
                "grantors=pam_unix acct=\"bin\" " SSHD "terminal=ssh res=success'\n",
                1000 * n, n, n, n);
        told = replay(d, buf_z(&line));
        buf_done(&line);
        return told;
}

static void events_are_matched_while_rules_load(void **state) {
        Slow slow = { 0 }, other = { 0 };
        size_t n_errors;
        Desk d;

        desk_init(&d, RULES);
        assert_int_equal(engine_load_fd(d.engine), -1);
        start(&d, &slow);
        for (unsigned i = 1; i <= 500; i++)
                assert_string_equal(one_session(&d, i), "low: bin logged in over ssh from 192.0.2.7\n");
        assert_false(has_ended(d.engine, 0));
        assert_int_equal(engine_load_start(d.engine, &(LoaderJob){ load_slowly, drop, &other }), -EBUSY);
        assert_true(other.dropped && !other.begun && !slow.dropped);
        atomic_store(&slow.may_end, true);
        assert_true(has_ended(d.engine, 120000));
        assert_string_equal(one_session(&d, 501), "low: bin logged in over ssh from 192.0.2.7\n");
        assert_int_equal(engine_load_finish(d.engine, &n_errors), 0);
        assert_int_equal(n_errors, 2);
        assert_true(slow.dropped);
        assert_int_equal(engine_load_fd(d.engine), -1);
        assert_int_equal(engine_n_rules(d.engine), 1);
        assert_string_equal(one_session(&d, 502), "critical: bin logged in over ssh from 192.0.2.7\n");
        desk_done(&d);
}

static void loaded_rules_that_are_all_broken_are_not_used(void **state) {
        Slow slow = { .broken = true, .may_end = true };
        uint64_t n_rules;
        size_t n_errors;
        Desk d;

        desk_init(&d, RULES);
        n_rules = engine_n_rules(d.engine);
        start(&d, &slow);
        assert_int_equal(engine_load_finish(d.engine, &n_errors), 0);
        assert_true(n_errors > 0);
        assert_true(engine_n_rules(d.engine) == n_rules);
        assert_string_equal(one_session(&d, 1), "low: bin logged in over ssh from 192.0.2.7\n");
        desk_done(&d);
}

static void an_engine_that_ends_does_not_wait_for_rules(void **state) {
        Slow slow = { 0 };
        LoaderJob paths;
        Desk d;

        desk_init(&d, RULES);
        start(&d, &slow);
        desk_done(&d); /* would wait forever */
        assert_true(slow.dropped && !slow.may_end);
        desk_init(&d, RULES);
        assert_true(loader_job_paths(&paths, &rules_path, 1));
        assert_int_equal(engine_load_start(d.engine, &paths), 0);
        assert_int_equal(engine_load_finish(d.engine, NULL), 0);
        assert_string_equal(one_session(&d, 1), "low: bin logged in over ssh from 192.0.2.7\n");
        desk_done(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(one_login_is_one_alert),
                cmocka_unit_test(bad_rules_leave_the_old_ones),
                cmocka_unit_test(events_are_matched_while_rules_load),
                cmocka_unit_test(loaded_rules_that_are_all_broken_are_not_used),
                cmocka_unit_test(an_engine_that_ends_does_not_wait_for_rules),
                cmocka_unit_test(a_successor_tells_what_is_left),
                cmocka_unit_test(foreign_bytes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
