/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>
#include "role/args.h"
#include "role/config/settings.h"
#include "role/deliver/route.h"

static void note(void *userdata, const char *file, unsigned line, unsigned column, const char *text) {
        buf_printf(userdata, "%u:%u: %s\n", line, column, text);
}

/* The configuration is read from memory, by a name that leads there. */
static int load(const char *text, Config **ret, Buf *said) {
        int fd = memfd_create("config", MFD_CLOEXEC), r;
        char path[64];

        assert_true(fd >= 0);
        assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        r = config_load(ret, path, note, said);
        close(fd);
        return r;
}

static const struct {
        const char *text, *said;
} mistakes[] = {
        { "", "1:1: the file is empty" },
        { "- a\n", "1:1: the configuration must be a map" },
        { "source: stdin\nrules: 'a\n",
          "2:8: not valid YAML: found unexpected end of stream while scanning a quoted scalar; close "
          "the quotes" },
        { "source: stdin\nnonsense: yes\n", "2:1: nonsense is unknown in the configuration" },
        { "source: stdin\nsource: stdin\n", "2:1: source comes twice" },
        { "source: tcp\n",
          "1:9: a source is stdin, file:PATH, unix:PATH or netlink, or here kafka:TOPIC, not tcp" },
        { "source: [stdin]\n", "1:9: source must be a text" },
        { "rules: []\n", "1:8: rules must not be empty" },
        { "rules: [a, {b: c}]\n", "1:12: rules must be a text" },
        { "sinks: popup\n", "1:8: sinks must be a map" },
        { "sinks:\n  popup: { users: active }\n", "2:10: a sink needs type" },
        { "sinks:\n  popup: { type: fax }\n", "2:18: there is no type of sink fax" },
        { "sinks:\n  popup: { type: desktop, colour: red }\n",
          "2:27: colour is unknown in a sink of type desktop" },
        { "sinks:\n  popup: { type: desktop, timeout: soon }\n", "2:36: timeout must be a duration" },
        { "sinks:\n  popup: { type: desktop, icon: [a, b] }\n", "2:33: icon must be a text" },
        { "routes:\n  - { to: [popup] }\n",
          "2:11: there is no sink popup: name one that stands under sinks:" },
        { "routes: { to: popup }\n", "1:9: routes must be a list" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { match: { level: loud }, to: j }\n",
          "3:23: loud is no level" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { match: { colour: red }, to: j }\n",
          "3:16: colour is unknown in match" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { match: { level: low } }\n",
          "3:5: a route needs to" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { to: j, once: { per: user } }\n",
          "3:20: once needs both" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { to: j, once: { per: shoe, in: 5m } }\n",
          "3:27: once per shoe?" },
        { "status: { socket: here }\n", "1:19: the path of a socket starts with /" },
        { "status: { losses: 10ms }\n", "1:19: losses must be at least 1s" },
        { "metrics: { every: 5s }\n", "1:10: metrics needs file, listen or both" },
        { "metrics: { file: aulert.txt }\n", "1:18: the name of the file must end with .prom" },
        { "metrics: { listen: \"0.0.0.0:9765\" }\n", "1:20: listen must be an address of this machine only" },
        { "metrics: { listen: \"[::]:9765\" }\n", "1:20: listen must be an address of this machine only" },
        { "metrics: { listen: \"localhost:9765\" }\n",
          "1:20: listen must be an address of this machine only" },
        { "metrics: { listen: \"127.0.0.1:80\" }\n", "1:20: listen must be an address of this machine only" },
        { "metrics: { listen: \"127.0.0.1\" }\n", "1:20: listen must be an address of this machine only" },
        { "metrics: { file: a.prom, every: 10ms }\n", "1:33: every must be at least 1s" },
        { "status: { except: [serial_gaps, dead, records] }\n", "1:39: records is no counter of losses" },
        { "status: [ off ]\n", "1:9: status must be a map" },
        { "sinks: { \"a\\tb\": { type: journal } }\n", "1:10: the name of a sink has no control" },
        { "catch_up: audit.log\n", "1:11: the path of the log starts with /" },
        { "catch_up: /log\nspool: memory\n", "1:1: catch_up: needs a spool on disk" },
        { "catch_up: /log\nsource: kafka:x\nkafka: { brokers: [b] }\n",
          "1:1: catch_up: not with source: kafka:x" },
        { "limits: { line: lots }\n", "1:17: line must be a number" },
        { "limits: { line: 0 }\n", "1:17: line must be a number" },
        { "sinks: { j: { type: journal, quiet: late } }\n",
          "1:37: quiet hours are as 22:00-07:00, not late" },
        { "sinks: { j: { type: journal, quiet: { except: [low] } } }\n", "1:37: quiet needs at" },
        { "sinks: { j: { type: journal, quiet: \"25:00-07:00\" } }\n", "1:37: quiet hours are" },
        { "sinks: { j: { type: journal, rate: 10 } }\n", "1:36: a rate is a number" },
        { "sinks: { j: { type: journal, rate: 0/m } }\n", "1:36: a rate is a number" },
        { "sinks: { j: { type: journal, rate: 5/x } }\n", "1:36: a rate is a number" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { match: { not: {} }, to: j }\n",
          "3:21: not must not be empty" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { match: { not: { not: {} } }, to: j }\n",
          "3:23: not is unknown in not" },
        { "sinks: { j: { type: journal } }\nroutes:\n  - { match: { host_group: web }, to: j }\n",
          "3:28: there is no host group web" },
        { "host_groups: [web]\n", "1:14: host_groups must be a map" },
        { "spool: [a]\n", "1:8: spool must be a map" },
        { "spool: { size: 1M }\n", "1:10: size is unknown in spool; known are: path, max_size" },
        { "spool: { max_size: 64K }\n", "1:20: max_size must be at least 1M" },
        { "spool: { retry_for: long }\n", "1:21: retry_for must be a duration" },
        { "spool: { tries: 0 }\n", "1:17: tries must be a number" },
        { "redact: { off: perhaps }\n", "1:16: off must be true or false" },
        { "redact: { add: [\"prog x\"] }\n", "1:16: prog x: write a name" },
        { "redact: { less: a }\n", "1:11: less is unknown in redact" },
        { "events: { to: log }\n", "1:9: events must be a list" },
        { "events: [ { to: log } ]\n", "1:17: there is no sink log" },
        { "sinks: { j: { type: journal } }\nevents: [ { to: j } ]\n", "2:17: events cannot go to j" },
        { "sinks: { f: { type: file, path: /x } }\nevents: [ { match: { type: LOGIN_USER }, to: f } ]\n",
          "2:28: LOGIN_USER is no type of record" },
        { "sinks: { f: { type: file, path: /x } }\nevents: [ { match: { level: low }, to: f } ]\n",
          "2:22: level is unknown in match; known are: type, key, user, node, host_group, not" },
        { "sinks: { f: { type: file, path: /x } }\nevents: [ { match: { type: EXECVE } } ]\n",
          "2:11: one of events needs to" },
        { "a: [\n", "2:1: " },
        { "a: \"\\0\": b\n", "1:8: " },
};

static void mistakes_are_told_with_their_place(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
                Buf said = BUF_INIT;
                Config *c = NULL;

                assert_int_equal(load(mistakes[i].text, &c, &said), CONFIG_E_BAD);
                assert_null(c);
                if (!said.n || strncmp(buf_z(&said), mistakes[i].said, strlen(mistakes[i].said)) != 0)
                        fail_msg("%s: said \"%s\"", mistakes[i].text, said.n ? buf_z(&said) : "nothing");
                buf_done(&said);
        }
}

/* Of sinks that get events the default route says nothing. */
static void events_are_read(void **state) {
        Buf said = BUF_INIT;
        Config *c;

        assert_int_equal(load("host_groups: { web: [w1, w2] }\n"
                              "sinks:\n  a: { type: file, path: /x }\n  j: { type: journal }\n"
                              "events:\n"
                              "  - { match: { type: [EXECVE], node: n, host_group: web, user: [u, 1000],\n"
                              "             not: { key: k, user: root } }, to: a }\n"
                              "  - { to: a }\n",
                              &c, &said),
                         0);
        assert_int_equal(c->n_events, 2);
        assert_int_equal(c->events[0].match.nodes.n, 3);
        assert_true(str_eq(c->events[0].match.nodes.v[2], STR("w2")));
        assert_int_equal(c->events[0].n_not, 1);
        assert_int_equal(c->events[0].match.users.n, 2);
        assert_true(str_eq(c->events[0].not [0].users.v[0], STR("root")));
        assert_int_equal(c->routes[0].n_to, 1);
        assert_int_equal(c->routes[0].to[0], 1);
        config_free(c);
        buf_done(&said);
}

static void all_mistakes_are_told(void **state) {
        Buf said = BUF_INIT;
        Config *c;

        assert_int_equal(load("one: 1\ntwo: 2\nsinks: { a: { type: b } }\n", &c, &said), CONFIG_E_BAD);
        assert_non_null(strstr(buf_z(&said), "1:1: one"));
        assert_non_null(strstr(said.p, "2:1: two"));
        assert_non_null(strstr(said.p, "3:21: there is no type"));
        buf_done(&said);
        assert_int_equal(config_load(&c, "/nonexistent/x", note, &said), -ENOENT);
        assert_int_equal(config_load(&c, "/proc/self", note, &said), -EISDIR);
        assert_int_equal(said.n, 0);
}

static const char good[] = "routes:\n"
                           "  - { match: { level: [high, critical] }, to: [popup, log] }\n"
                           "  - { match: { tag: login }, to: [popup], once: { per: [user, addr], in: 5m } }\n"
                           "  - { match: { key: [k1, k2], user: alice }, to: log }\n"
                           "  - { match: { rule: r9, node: n1 }, to: term }\n"
                           "sinks:\n"
                           "  popup: { type: desktop, users: [root], timeout: 500ms }\n"
                           "  log: { type: journal }\n"
                           "  term: { type: terminal }\n"
                           "rules: [rules, /abs]\n"
                           "limits: { line: 2M, open_events: 10, timeout: 3s }\n";

static void a_good_one_is_read(void **state) {
        Buf said = BUF_INIT;
        Config *c;

        assert_int_equal(load(good, &c, &said), 0);
        assert_string_equal(c->source, "stdin");
        assert_int_equal(c->n_rules, 2);
        assert_string_equal(c->rules[0], "/proc/self/fd/rules"); /* beside the file */
        assert_string_equal(c->rules[1], "/abs");
        assert_int_equal(c->n_sinks, 3);
        assert_ptr_equal(c->sinks[0].ops, &sink_desktop);
        assert_int_equal(sink_conf_find(&c->sinks[0].conf, "timeout")->number, 500);
        assert_true(str_eq(sink_conf_find(&c->sinks[0].conf, "users")->values[0], STR("root")));
        assert_int_equal(c->n_routes, 4);
        assert_int_equal(c->routes[0].match.levels, 1u << RULE_HIGH | 1u << RULE_CRITICAL);
        assert_int_equal(c->routes[1].once_ms, 300000);
        assert_int_equal(c->max_line, 2u << 20);
        assert_int_equal(c->limits.open_events, 10);
        assert_int_equal(c->limits.timeout_ms, 3000);
        config_free(c);
        assert_int_equal(load("sinks: { a: { type: journal }, b: { type: terminal } }\n", &c, &said), 0);
        assert_int_equal(c->n_routes, 1); /* everything everywhere */
        assert_int_equal(c->routes[0].n_to, 2);
        assert_true(c->n_rules == 1);
        config_free(c);
}

static void the_spool_is_described(void **state) {
        Buf said = BUF_INIT;
        Config *c;

        assert_int_equal(load("sinks: { j: { type: journal } }\n", &c, &said), 0);
        assert_true(!c->spool.memory && !c->spool.path && !c->spool.tries);
        assert_int_equal(c->spool.max_size, 128u << 20);
        assert_int_equal(c->spool.retry_for_ms, 24 * 3600000);
        config_free(c);
        assert_int_equal(load("spool: memory\n", &c, &said), 0);
        assert_true(c->spool.memory);
        config_free(c);
        assert_int_equal(load("spool: s.db\n", &c, &said), 0);
        assert_string_equal(c->spool.path, "/proc/self/fd/s.db");
        config_free(c);
        assert_int_equal(
                load("spool: { path: /s, max_size: 2M, keep: 1h, keep_dead: 2h, retry_for: 3h, tries: 4 }\n",
                     &c, &said),
                0);
        assert_string_equal(c->spool.path, "/s");
        assert_int_equal(c->spool.max_size, 2u << 20);
        assert_int_equal(c->spool.keep_ms, 3600000);
        assert_int_equal(c->spool.keep_dead_ms, 2 * 3600000);
        assert_int_equal(c->spool.retry_for_ms, 3 * 3600000);
        assert_int_equal(c->spool.tries, 4);
        config_free(c);
}

static void alerts_find_their_sinks(void **state) {
        const Str login = STR("aulert.login"), k1 = STR("k1"), other = STR("login2");
        const struct {
                const char *to; /* indices of sinks, in order */
                Alert alert;
        } rows[] = {
                { "01", { .level = RULE_HIGH } },
                { "", { .level = RULE_LOW } },
                { "0", { .level = RULE_LOW, .tags = &login, .n_tags = 1, .user = STR("a"), .sec = 1000 } },
                { "", { .level = RULE_LOW, .tags = &login, .n_tags = 1, .user = STR("a"), .sec = 1299 } },
                { "", { .level = RULE_LOW, .tags = &login, .n_tags = 1, .user = STR("a"), .sec = 990 } },
                { "0", { .level = RULE_LOW, .tags = &login, .n_tags = 1, .user = STR("b"), .sec = 1001 } },
                { "0", { .level = RULE_LOW, .tags = &login, .n_tags = 1, .user = STR("a"), .sec = 1300 } },
                { "01", { .level = RULE_CRITICAL, .tags = &login, .n_tags = 1, .sec = 5000 } },
                { "", { .level = RULE_LOW, .tags = &other, .n_tags = 1 } },
                { "1", { .keys = &k1, .n_keys = 1, .user = STR("alice") } },
                { "", { .keys = &k1, .n_keys = 1, .user = STR("bob") } },
                { "", { .keys = &other, .n_keys = 1, .user = STR("alice") } },
                { "2", { .rule_id = STR("r9"), .node = STR("n1") } },
                { "2", { .rule_title = STR("r9"), .node = STR("n1") } },
                { "", { .rule_id = STR("r9"), .node = STR("n2") } },
        };
        Buf said = BUF_INIT;
        Router *r;
        Config *c;

        assert_int_equal(load(good, &c, &said), 0);
        assert_int_equal(router_new(&r, c), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf to = BUF_INIT;

                uint64_t sinks = router_route(r, &rows[i].alert, 0);

                for (size_t k = 0; k < c->n_sinks; k++)
                        if (sinks >> k & 1)
                                buf_u64(&to, k);
                if (!str_eqz(buf_view(&to), rows[i].to))
                        fail_msg("row %zu: to sinks \"" STR_FMT "\"", i, STR_ARG(buf_view(&to)));
                buf_done(&to);
        }
        assert_int_equal(router_counters(r)->folded, 2);
        router_free(r);
        config_free(c);
}

static void redaction_is_read(void **state) {
        Buf said = BUF_INIT;
        Config *c;

        assert_int_equal(load("redact: { add: [acme_*, \"prog -k\"], off: false }\n", &c, &said), 0);
        assert_int_equal(c->redact.n_names, 2);
        assert_true(str_eqz(c->redact.names[0], "acme_*") && str_eqz(c->redact.names[1], "prog -k"));
        assert_false(c->redact.off);
        config_free(c);
        assert_int_equal(load("redact: { add: acme, off: true }\n", &c, &said), 0);
        assert_int_equal(c->redact.n_names, 1);
        assert_true(c->redact.off);
        config_free(c);
        assert_int_equal(load("source: stdin\n", &c, &said), 0);
        assert_false(c->redact.off || c->redact.n_names);
        config_free(c);
}

/* What the engine is given, in another process. */
static void settings_travel(void **state) {
        Buf said = BUF_INIT;
        Settings settings;
        Config *c;

        assert_int_equal(
                load("rules: [/nowhere/a, /nowhere/b]\nredact: { add: [x_*, \"p -k\"], off: true }\n", &c,
                     &said),
                0);
        assert_int_equal(
                settings_read(&settings, settings_make(c, &(EchoSelf){ .pid = 7, .uids = { 8, -1 } })), 0);
        assert_int_equal(settings.self.uids[0], 8);
        assert_int_equal(settings.n_files, 2); /* what cannot be read travels as well: the engine says so */
        assert_string_equal(settings.files[1].path, "/nowhere/b");
        assert_int_equal(settings.files[1].error, ENOENT);
        assert_int_equal(settings.redact.n_names, 2);
        assert_true(str_eqz(settings.redact.names[1], "p -k") && settings.redact.off);
        settings_done(&settings);
        config_free(c);
}

static void options_are_read(void **state) {
        static const struct {
                const char *words[6];
                int status;
                const char *left, *format;
                size_t n_rules;
                bool flag;
        } rows[] = {
                { { "c", "a", "--format", "x", "b" }, 0, "a b ", "x", 0, false },
                { { "c", "--format=y", "-" }, 0, "- ", "y", 0, false },
                { { "c", "--", "--format", "-z" }, 0, "--format -z ", "", 0, false },
                { { "c", "--rules", "1", "--rules=2" }, 0, "", "", 2, false },
                { { "c", "--flag", "f" }, 0, "f ", "", 0, true },
                { { "c", "--rules=1", "--rules=2", "--rules=3" }, 2, "", "", 2, false },
                { { "c", "--format" }, 2, "", "", 0, false },
                { { "c", "--flag=1" }, 2, "", "", 0, false },
                { { "c", "--nope" }, 2, "", "", 0, false },
                { { "c", "-n" }, 2, "", "", 0, false },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                const char *format = "", *rules[2];
                size_t n_rules = 0, n = 0;
                bool flag = false;
                const ArgsOption options[] = { { "format", .value = &format },
                                               { "flag", .flag = &flag },
                                               { "rules", .value = rules, .n_values = &n_rules,
                                                 .max_values = 2 } };
                char words[6][32], *argv[7] = { NULL };
                Buf left = BUF_INIT;
                int argc = 0;

                for (; argc < 6 && rows[i].words[argc]; argc++)
                        argv[argc] = strcpy(words[argc], rows[i].words[argc]);
                assert_int_equal(args_parse(argc, argv, options, ARRAY_SIZE(options), &n), rows[i].status);
                for (size_t k = 0; k < n; k++)
                        buf_printf(&left, "%s ", argv[1 + k]);
                assert_string_equal(left.n ? buf_z(&left) : "", rows[i].left);
                assert_string_equal(format, rows[i].format);
                assert_int_equal(n_rules, rows[i].n_rules);
                assert_int_equal(flag, rows[i].flag);
                buf_done(&left);
        }
}

static void sizes_are_read(void **state) {
        size_t n = 7;

        assert_true(args_size("10", &n) && n == 10);
        assert_true(args_size("64K", &n) && n == 65536);
        assert_true(args_size("2M", &n) && n == 2u << 20);
        n = 7;
        assert_false(args_size("", &n) || args_size("0", &n) || args_size("K", &n) || args_size("1G", &n) ||
                     args_size("-1", &n) || args_size("99999999999999999999", &n) ||
                     args_size("9999999999999999M", &n));
        assert_int_equal(n, 7);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(mistakes_are_told_with_their_place),
                cmocka_unit_test(all_mistakes_are_told),
                cmocka_unit_test(events_are_read),
                cmocka_unit_test(a_good_one_is_read),
                cmocka_unit_test(the_spool_is_described),
                cmocka_unit_test(alerts_find_their_sinks),
                cmocka_unit_test(redaction_is_read),
                cmocka_unit_test(settings_travel),
                cmocka_unit_test(options_are_read),
                cmocka_unit_test(sizes_are_read),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
