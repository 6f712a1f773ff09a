/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a rule is said, at the right place, and does not harm the others. */
#include <errno.h>
#include "rule/files.h"
#include "rule/test-said.h"
#include "rule/yaml-tree.h"

static const Row mistakes[] = {
        { HEAD "  s: {a0|contain: x}\n  condition: s\n", 5, 10, "contains" },
        { HEAD "  s: {a0|contains|re: x}\n  condition: s\n", 5, 19, "first" },
        { HEAD "  s: {a0|contians: x}\n  condition: s\n", 5, 10, "write contains" },
        { HEAD "  s: {a0|frobnicate: x}\n  condition: s\n", 5, 10, "one of all contains" },
        { HEAD "  s: {a0|re: 'a(b'}\n  condition: s\n", 5, 18, "at its character 4" },
        { HEAD "  s: {a0|re: '\xC3\xA9)'}\n  condition: s\n", 5, 16, "at its character 2" },
        { HEAD "  s: {\xC3\xA9|foo: x}\n  condition: s\n", 5, 9, "unknown modifier" },
        { HEAD "  \xC3\xA9: {a0: x}\n  condition: \"\xC3\xA9 and \xF0\x9F\x98\x80 or x\"\n", 6, 21,
          "\xF0\x9F\x98\x80" },
        { HEAD "  s: {a0: *foo}\n  condition: s\n", 5, 11, "begins with * in quotes" },
        { HEAD "  s: {a0: *}\n  condition: s\n", 5, 12, "begins with * in quotes" },
        { HEAD "  s:\n    a0: %foo\n  condition: s\n", 6, 9, "begins with %" },
        { HEAD "  s:\n    a0: 'foo\n  condition: s\n", 6, 9, "close the quotes" },
        { HEAD "  s:\n    a0: \"C:\\W\"\n  condition: s\n", 6, 12, "single quotes" },
        { HEAD "  s:\n    a0: a: b\n  condition: s\n", 6, 10, "in quotes" },
        { HEAD "  s:\n    a0: 'a' or\n  condition: s\n", 6, 13, "in quotes as a whole" },
        { HEAD "  s:\n    a0: - x\n", 6, 9, "on the line after its key" },
        { "\"title\" t\n", 1, 9, "in quotes as a whole" },
        { HEAD "  s: {a0: [x}\n", 5, 13, "\"[\"" },
        { HEAD "  s: {a0: x}\n  condition: s\n# \xC3\xA9 \xE9\n", 7, 5, "UTF-8" },
        { HEAD "\ts: {a0: x}\n", 5, 1, "blanks, not tabs" },
        { HEAD "  r: &r {a0: x}\n  s:\n    <<: *r\n  condition: r and s\n", 7, 5, "merges no maps" },
        { "title: t\nid: x\nlogsource: {product: linux}\ndetections: {s: {a0: x}, condition: s}\n", 4, 1,
          "\"detection\"" },
        { HEAD "  s: {a0: [x, null]}\n  condition: s\n", 5, 15, "list" },
        { HEAD "  s: {a0|contains: null}\n  condition: s\n", 5, 20, "modifier" },
        { HEAD "  s: {a0: []}\n  condition: s\n", 5, 11, "empty list" },
        { HEAD "  s: {a0: x}\n  condition: s and t\n", 6, 20, "\"t\"" },
        { HEAD "  s: {a0: x}\n  condition: s and 1 of u*\n", 6, 25, "u*" },
        { HEAD "  selection: {a0: x}\n  condition: selecton\n", 6, 14, "write \"selection\"" },
        { HEAD "  a1: {a0: x}\n  b1: {a0: y}\n  condition: nothing\n", 7, 14, "write \"a1\" or \"b1\"" },
        { HEAD "  selection: {a0: x}\n  condition: 1 of selectoin*\n", 6, 19, "\"selection\"" },
        { HEAD "  s: {a0: x}\n  t: {a1: x}\n  condition: s near t\n", 7, 16, "correlation" },
        { HEAD "  s: {a0: x}\n  condition: s and not s\n", 6, 14, "never" },
        { HEAD "  s: {a0: x}\n  t: {a0: x}\n  condition: s and not t\n", 7, 14, "never" },
        { HEAD "  s1: {a0: x}\n  s2: {a0: y}\n  condition: 1 of s* and not 1 of s*\n", 7, 14, "never" },
        { HEAD "  s: {a0: x, a0|exists: false}\n  condition: s\n", 6, 14, "never" },
        { "title: f\nlogsource: {product: linux}\nfilter: {rules: any, s: {a0: x}, condition: not s "
          "and "
          "s}\n",
          3, 45, "never" },
        { HEAD "  s: {a0: x}\n  condition: (s\n", 6, 16, "\")\"" },
        { HEAD "  s: {a0: x}\n  condition: s | count() > 3\n", 6, 16, "correlation" },
        { HEAD "  s: {a0: x}\n", 5, 3, "condition" },
        { HEAD "  s: {a0: x}\n  s: {a1: x}\n  condition: s\n", 6, 3, "twice" },
        { HEAD "  s: {pid|gt: '5'}\n  condition: s\n", 5, 15, "number" },
        { HEAD "  s: {a0|exists: yes}\n  condition: s\n", 5, 18, "true or false" },
        { HEAD "  s: {a0|expand: '%none%'}\n  condition: s\n", 5, 18, "%none%" },
        { HEAD "  s: {a0: {b: c}}\n  condition: s\n", 5, 11, "list" },
        { HEAD "  s: {a0: [[x]]}\n  condition: s\n", 5, 12, "list" },
        { HEAD "  s: ['']\n  condition: s\n", 5, 7, "keyword" },
        { HEAD "  s: {a0|base64: 'x*'}\n  condition: s\n", 5, 18, "wildcards" },
        { "title: t\nid: x\nlogsource: {product: linux}\n", 1, 1, "detection" },
        { "action: global\ntitle: t\n", 1, 9, "action" },
        { "action: reset\n", 1, 9, "action" },
        { "action: [x]\ntitle: [y]\n", 1, 9, "action" },
        { "title: c\ncorrelation:\n  type: event_count\n  rules: [nobody]\n  timespan: 1h\n  "
          "condition: {gte: 1}\n",
          4, 11, "no rule" },
        { "title: c\ncorrelation:\n  type: count\n", 3, 9, "event_count" },
        { "title: c\nname: c\ncorrelation:\n  type: event_count\n  rules: [c]\n  timespan: 1h\n  "
          "condition: {gte: 1}\n",
          5, 11, "circle" },
        { "a: [b\n", 2, 1, "YAML" },
        { "taxonomy: ecs\n" HEAD "  s: {a0: x}\n  condition: s\n", 1, 11, "taxonomy" },
        { "title: f\nfilter: {rules: [], s: {a0: x}, condition: not s}\n", 2, 17, "rules: any" },
        { "title: c\nlogsource: {product: linux}\ncorrelation: {}\ndetection: {s: {a0: x}, condition: s}\n",
          4, 12, "---" },
        { "title: c\ncorrelation: {}\nfilter: {rules: any, s: {a0: x}, condition: not s}\n", 3, 9, "---" },
        { "title: c\ncorrelation:\n", 2, 13, "must be a map" },
        { HEAD "  s: {a0: x}\n  condition: s)\n", 6, 15, "no \"(\" opened" },
        { HEAD "  s: {a0: x}\n  condition: '!s'\n", 6, 15, "write \"not\"" },
        { "title: f\nfilter: {rules: [~], s: {a0: x}, condition: not s}\n", 2, 18, "ids or names" },
        { "title: f\nfilter: {rules: [[a]], s: {a0: x}, condition: not s}\n", 2, 18, "ids or names" },
        { "title: t\nid: [x]\nlogsource: {product: linux}\ndetection: {s: {a0: x}, condition: s}\n", 2, 5,
          "\"id\" is one text" },
        { "title: {a: b}\nid: x\nlogsource: {product: linux}\ndetection: {s: {a0: x}, condition: s}\n", 1, 8,
          "\"title\" is one text" },
};

/* The place is where the mistake is, and the text says what to write instead. */
static void mistakes_are_told_with_place_and_advice(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(mistakes); i++) {
                Said said;
                RuleSet *set = load(mistakes[i].yaml, &said);

                if (said.errors != 1 || said.line != mistakes[i].line || said.column != mistakes[i].column ||
                    !strstr(said.text, mistakes[i].says))
                        fail_msg("row %zu: %u errors, first at %u:%u: %s", i, said.errors, said.line,
                                 said.column, said.text);
                assert_int_equal(rule_set_stats(set)->refused, 1);
                assert_int_equal(rule_set_stats(set)->loaded, 0);
                rule_set_unref(set);
        }
}

static void a_refused_rule_leaves_the_others(void **state) {
        Said said;
        RuleSet *set = load(
                HEAD
                "  s: {a0|nope: x}\n  condition: s\n---\n"
                "title: good\nlogsource: {product: linux}\ndetection: {s: {a0: x}, condition: s}\n---\n"
                "title: other\nlogsource: {product: windows}\ndetection: {s: {a0|nope: x}, condition: s}\n",
                &said);

        assert_int_equal(rule_set_stats(set)->loaded, 1);
        assert_int_equal(rule_set_stats(set)->refused, 1);
        assert_int_equal(rule_set_stats(set)->skipped, 1);
        assert_string_equal(rule_set_info(set, 0)->id.p, "good");
        rule_set_unref(set);
}

/* Each would have taken the file with it; the columns and lines count from its start. */
static void a_wrong_document_leaves_the_others(void **state) {
        static const Row rows[] = {
                { "id: y\nid: z\n", 8, 1, "twice" },
                { "id: 'y\n", 7, 5, "close the quotes" },
                { "id: [y\n", 8, 1, "\"[\"" },
                { "id: *y\n", 7, 5, "begins with *" },
                { "id: y\n x: z\n", 8, 3, "in quotes" },
                { "\tid: y\n", 7, 1, "not tabs" },
                { "id: \xC3\xA9\xE9\n", 7, 6, "UTF-8" },
                { "id: |\n  ---\nid: y\n", 9, 1, "twice" },
                { "id: \"y\n ---\n\"\nid: y\n", 10, 1, "twice" },
                { "? [a]\n: y\n", 7, 3, "plain" },
        };
        static const char *const marks[] = { "---\n", "--- # next\n", "...\n---\n" };
        static const char rule[] = HEAD "  s: {a0: \xC3\xA9}\n  condition: s\n";

        for (size_t i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(marks); i++) {
                const Row *row = &rows[i / ARRAY_SIZE(marks)];
                unsigned line = row->line + (i % ARRAY_SIZE(marks) == 2);
                Buf yaml = BUF_INIT;
                RuleSet *set;
                Said said;

                buf_printf(&yaml, "%s%s%s---\n%s", rule, marks[i % ARRAY_SIZE(marks)], row->yaml, rule);
                memcpy(strstr(yaml.p + sizeof(rule), "id: x"), "id: q", 5);
                set = load(buf_z(&yaml), &said);
                if (said.errors != 1 || said.line != line + 1 || said.column != row->column ||
                    !strstr(said.text, row->says) || rule_set_stats(set)->loaded != 2)
                        fail_msg("row %zu: %u errors, %u rules, first at %u:%u: %s", i, said.errors,
                                 (unsigned)rule_set_stats(set)->loaded, said.line, said.column, said.text);
                rule_set_unref(set);
                buf_done(&yaml);
        }
}

static void not_every_wrong_document_is_told(void **state) {
        Buf yaml = BUF_INIT;
        RuleSet *set;
        Said said;

        for (unsigned i = 0; i < 10 * YAML_MAX_BAD; i++)
                buf_putz(&yaml, "---\na: 1\na: 2\n");
        set = load(buf_z(&yaml), &said);
        assert_int_equal(said.errors, YAML_MAX_BAD + 1);
        assert_int_equal(rule_set_stats(set)->refused, YAML_MAX_BAD + 1);
        rule_set_unref(set);
        buf_done(&yaml);
}

static const Row likely[] = {
        { "title: t\ndetection: {s: {a0: x}, condition: s}\n", 1, 1, "logsource" },
        { "title: t\nlogsource: linux\ndetection: {s: {a0: x}, condition: s}\n", 2, 12, "logsource" },
        { "title: t\nlogsorce: {product: linux}\ndetecton: {s: {a0: x}, condition: s}\n", 2, 1, "logsource" },
        { "title: some text\npages: 5\n", 0, 0, "" },
        { HEAD "  s: {type: PATH, acct: root}\n  condition: s\n", 5, 19,
          "PATH records have no field \"acct\"" },
        { HEAD "  s:\n  - {type: SYSCALL, name|contains: x}\n  condition: s\n", 6, 21, "type: PATH" },
        { HEAD "  s: {type: [SYSCALL, PATH], name: x}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {type: [USER_CMD, PATH], cmd: x}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {type: P*, acct: x}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {type: PATH, acct: null}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {type: PATH, acct|exists: false}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {type: PATH, exe: /a, auid: 0, UID: x, cwd: /, subj_apparmor: x}\n  condition: s\n", 0,
          0, "" },
        { HEAD "  s: {type: [EXECVE, PAHT]}\n  condition: s\n", 5, 22, "write PATH" },
        { HEAD "  s: {type: 'UNKNOWN[1423]'}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {Image: /bin/sh}\n  condition: s\n", 5, 7, "category: process_creation" },
        { HEAD "  s: {SYSCALL: exceve}\n  condition: s\n", 5, 16, "execve" },
        { HEAD "  s: {SYSCALL: 59}\n  condition: s\n", 5, 16, "syscall: 59" },
        { HEAD "  s: {syscall: 59, SYSCALL: openat}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {SYSCALL: [openat, openat2999]}\n  condition: s\n", 0, 0, "" },
        { "title: t\nlogsource: {category: network_connection}\ndetection:\n  s: {DestinationHostname: x}\n"
          "  condition: s\n",
          4, 7, "\"DestinationHostname\"" },
        { "title: t\nlogsource: {category: process_creation}\ndetection:\n  s: {image|endswith: x}\n"
          "  condition: s\n",
          4, 7, "write Image" },
        { "title: t\nlogsource: {category: file_event}\ndetection:\n  s: {TargetFilename: x, auid: 0, exe: "
          "y}\n"
          "  condition: s\n",
          0, 0, "" },
        { HEAD "  s: {a0: x}\n  t: {a1: x}\n  condition: s\n", 6, 3, "never uses \"t\"" },
        { HEAD "  s: {a0: x}\n  timeframe: 5m\n  condition: s\n", 6, 14, "timespan" },
        { "title: f\nlogsource: {product: linux}\nfilter: {rules: any, s: {a0: x}, condition: s}\n", 3, 45,
          "not selection" },
        { "title: f\nlogsource: {product: linux}\nfilter: {rules: any, s: {a0: x}, condition: NOT s}\n", 0, 0,
          "" },
        { "title: f\nlogsource: {product: linux}\nfilter: {rules: any, nots: {a0: x}, condition: nots}\n", 3,
          48, "not selection" },
        { HEAD "  s: {a0: x}\n  condition: s\n---\ntitle: f\nlogsource: {category: file_event}\n"
               "filter: {rules: [x], s: {Image: y}, condition: not s}\n",
          10, 18, "not for this rule" },
        { "- title: t\n", 1, 1, "is no map" },
        { "title: t\nlogsource: {product: linux, service: [sshd]}\ndetection: {s: {a0: x}, condition: s}\n",
          2, 38, "\"service\" is one text" },
        { "title: t\ntags: aulert.login\nlogsource: {product: linux}\ndetection: {s: {a0: x}, condition: "
          "s}\n",
          2, 7, "write it as [text" },
        { "title: f\nlogsource: {produkt: linux}\nfilter: {rules: any, s: {a0: x}, condition: not s}\n", 2,
          13, "write product" },
        { "title: f\nlogsource: linux\nfilter: {rules: any, s: {a0: x}, condition: not s}\n", 2, 12,
          "says nothing about logs" },
        { "title: f\nlogsource: {product: [linux]}\nfilter: {rules: any, s: {a0: x}, condition: not s}\n", 2,
          22, "\"product\" is one text" },
        { "title: f\nfilter: {rules: [any], s: {a0: x}, condition: not s}\n", 2, 18, "write \"rules: any\"" },
        { HEAD "  s: {timestamp|hour: 24}\n  condition: s\n", 5, 23, "from 0 to 23" },
        { HEAD "  s: {timestamp|month|gte: 0}\n  condition: s\n", 5, 28, "from 1 to 12" },
        { HEAD "  s: {timestamp|week: 53, timestamp|minute: 0, timestamp|year: 2400}\n  condition: s\n", 0, 0,
          "" },
        { HEAD "  s:\n    a0: |\n      x\n  condition: s\n", 6, 9, "write |-" },
        { HEAD "  s:\n    a0: [\"x\\n\", y]\n    a1: >-\n      x\n  condition: |\n    s\n", 0, 0, "" },
        { HEAD "  s: {a0 |contains: x}\n  condition: s\n", 5, 7, "no field has a blank" },
        { HEAD "  s: {a0: x}\n  filter_y: {a1: y}\n  condition: s and filter_y\n", 6, 3, "not filter_y" },
        { HEAD "  s: {a0: x}\n  filter_y: {a1: y}\n  condition: s and not (not 1 of filter*)\n", 6, 3,
          "not filter_y" },
        { HEAD "  s: {a0: x}\n  filter_y: {a1: y}\n  condition: s and not 1 of filter*\n", 0, 0, "" },
        { HEAD "  s: {a0: x}\n  condition: s or not s\n", 6, 14, "always" },
        { HEAD "  s: {type: PATH}\n  t: {type: CWD}\n  condition: s and t\n", 7, 14, "two types" },
        { HEAD "  s: {type: PATH}\n  t: {type: CWD}\n  condition: s or t\n", 0, 0, "" },
        { HEAD "  s: {type: PATH}\n  t: {type|startswith: p}\n  condition: s and t\n", 0, 0, "" },
        { HEAD "  s: {a0|all: [x, y]}\n  condition: s\n", 0, 0, "" },
        { HEAD "  s: {a0: null}\n  t: {a0|exists: true}\n  condition: s and t\n", 0, 0, "" },
        { "title: t\nlogsource: {category: process_creation}\ndetection:\n  s: {Image|all: [/a, "
          "/b]}\n"
          "  condition: s\n",
          5, 14, "two values" },
};

static void likely_mistakes_are_warned_about(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(likely); i++) {
                Said said;

                rule_set_unref(load(likely[i].yaml, &said));
                if (said.errors || !said.warnings != !*likely[i].says || said.line != likely[i].line ||
                    said.column != likely[i].column || !strstr(said.text, likely[i].says))
                        fail_msg("row %zu: %u errors, %u warnings, first at %u:%u: %s", i, said.errors,
                                 said.warnings, said.line, said.column, said.text);
        }
}

/* A table of truth has limits: what is beyond them is let through, quickly. */
static void a_condition_too_large_to_judge_is_not_judged(void **state) {
        Buf yaml = BUF_INIT;
        Said said;

        buf_putz(&yaml, HEAD);
        for (int i = 0; i < 40; i++)
                buf_printf(&yaml, "  s%d: {a0: x%d}\n", i, i);
        buf_putz(&yaml, "  condition: all of s* and not 1 of s*\n");
        rule_set_unref(load(buf_z(&yaml), &said));
        assert_int_equal(said.errors + said.warnings, 0);
        buf_done(&yaml);
}

/* YAML 1.2.2, section 10.3.2 (core schema) and sigma-semantics C1. */
static void scalars_have_the_kinds_of_the_core_schema(void **state) {
        static const struct {
                const char *yaml;
                YamlKind kind;
        } rows[] = {
                { "yes", YAML_TEXT },        { "no", YAML_TEXT },       { "on", YAML_TEXT },
                { "true", YAML_BOOL },       { "False", YAML_BOOL },    { "'true'", YAML_TEXT },
                { "~", YAML_NULL },          { "null", YAML_NULL },     { "\"\"", YAML_TEXT },
                { "0100755", YAML_INT },     { "0x1F", YAML_INT },      { "0o17", YAML_INT },
                { "+5", YAML_INT },          { "1_000", YAML_TEXT },    { "1.5", YAML_FLOAT },
                { ".5", YAML_FLOAT },        { "1e3", YAML_FLOAT },     { ".", YAML_TEXT },
                { "2024-01-01", YAML_TEXT }, { "12:30:45", YAML_TEXT }, { "!!str 5", YAML_TEXT },
                { "-", YAML_TEXT },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Arena arena = ARENA_INIT;
                YamlFile file;
                YamlError e;
                char text[64];

                snprintf(text, sizeof(text), "{k: %s}", rows[i].yaml);
                if (!strcmp(rows[i].yaml, "-"))
                        snprintf(text, sizeof(text), "k: '-'");
                assert_int_equal(yaml_read(&file, &arena, str_from(text), &e), 0);
                if (yaml_get(file.docs[0], "k")->kind != rows[i].kind)
                        fail_msg("%s is kind %d", rows[i].yaml, yaml_get(file.docs[0], "k")->kind);
                arena_done(&arena);
        }
}

/* Each row would need memory or time far beyond its own size. */
static void hostile_yaml_is_refused(void **state) {
        Buf bomb = BUF_INIT, deep = BUF_INIT;
        const Buf *rows[] = { &bomb, &deep };

        buf_putz(&bomb, "a: &a [x, x, x, x, x, x, x, x, x]\n");
        for (char c = 'b'; c <= 'k'; c++)
                buf_printf(&bomb, "%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c - 1, c - 1,
                           c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
        for (int i = 0; i < 10000; i++)
                buf_putc(&deep, '[');
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Arena arena = ARENA_INIT;
                YamlFile file;
                YamlError e;

                assert_int_equal(yaml_read(&file, &arena, buf_view(rows[i]), &e), YAML_E_BAD);
                assert_true(arena.used < (1u << 20));
                arena_done(&arena);
        }
        buf_done(&bomb);
        buf_done(&deep);
}

static void a_condition_cannot_grow_without_end(void **state) {
        Buf yaml = BUF_INIT;
        Said said;

        buf_putz(&yaml, HEAD);
        for (int i = 0; i < 1000; i++)
                buf_printf(&yaml, "  s%d: {a0: x%d}\n", i, i);
        buf_putz(&yaml, "  condition: 1 of s*");
        for (int i = 0; i < 1000; i++)
                buf_putz(&yaml, " or all of s*");
        buf_putc(&yaml, '\n');
        rule_set_unref(load(buf_z(&yaml), &said));
        assert_int_equal(said.errors, 1);
        assert_non_null(strstr(said.text, "too large"));
        buf_clear(&yaml);
        buf_putz(&yaml, HEAD "  s: {a0: x}\n  condition: ");
        for (int i = 0; i < 100000; i++)
                buf_putc(&yaml, '(');
        rule_set_unref(load(buf_z(&yaml), &said));
        assert_int_equal(said.errors, 1);
        buf_done(&yaml);
}

/* Each of them is for each of the rules; those that go too far are told and left out, and the rest is loaded. */
/* It is this rule that is refused, and no error of loading. */
static void values_too_many_refuse_their_rule(void **state) {
        static const char *const makes_more[] = { "a0|base64offset", "a0|base64offset|neq",
                                                  "'|base64offset'" };

        for (size_t i = 0; i < ARRAY_SIZE(makes_more); i++) {
                Buf yaml = BUF_INIT;
                RuleSet *set;
                Said said;

                buf_printf(&yaml, HEAD "  s: {%s: [", makes_more[i]);
                for (unsigned k = 0; k < 70000; k++)
                        buf_printf(&yaml, "v%u,", k);
                buf_putz(&yaml, "]}\n  condition: s\n---\ntitle: t\nid: y\nlogsource: {product: linux}\n"
                                "detection: {s: {a0: x}, condition: s}\n");
                set = load(buf_z(&yaml), &said);
                assert_int_equal(said.errors, 1);
                assert_int_equal(said.line, 5);
                assert_non_null(strstr(said.text, "too large"));
                assert_int_equal(rule_set_stats(set)->loaded, 1);
                rule_set_unref(set);
                buf_done(&yaml);
        }
}

static void filters_times_rules_are_bounded(void **state) {
        enum { RULES_N = 1100, FILTERS_N = 1000, FIT = 1000000 / RULES_N };
        Buf yaml = BUF_INIT;
        RuleSet *set;
        Said said;

        for (int i = 0; i < RULES_N; i++)
                buf_printf(&yaml,
                           "title: r%d\nlogsource: {product: linux}\ndetection: {s: {a0: x%d}, condition: "
                           "s}\n---\n",
                           i, i);
        for (int i = 0; i < FILTERS_N; i++)
                buf_printf(&yaml, "title: f%d\nfilter: {rules: any, s: {a1: y%d}, condition: not s}\n---\n",
                           i, i);
        set = load(buf_z(&yaml), &said);
        buf_done(&yaml);
        assert_int_equal(rule_set_stats(set)->loaded, RULES_N);
        assert_int_equal(rule_set_stats(set)->refused, FILTERS_N - FIT);
        assert_int_equal(said.errors, FILTERS_N - FIT);
        assert_non_null(strstr(said.text, "1000000 times"));
        rule_set_unref(set);
}

typedef struct {
        RuleFile files[256];
        size_t n;
} Bundle;

static int collect(void *userdata, const RuleFile *f) {
        Bundle *b = userdata;

        assert_true(b->n < 256);
        b->files[b->n++] =
                (RuleFile){ strdup(f->path),
                            { f->text.n ? memcpy(malloc(f->text.n), f->text.p, f->text.n) : malloc(1),
                              f->text.n },
                            f->error };
        return 0;
}

/* What another process has read gives the same set, errors included. */
static void files_may_have_been_read_elsewhere(void **state) {
        const char *paths[] = { RULES, "/nonexistent/rules" };
        static Bundle b;
        Said here = { 0 }, there = { 0 };
        RuleSet *a, *c;

        assert_int_equal(rule_set_load(&a, paths, 2, NULL, hear, &here), 0);
        assert_int_equal(rule_files_walk(paths, 2, collect, &b), 0);
        assert_int_equal(rule_set_load_files(&c, b.files, b.n, NULL, hear, &there), 0);
        assert_true(rule_set_stats(a)->loaded > 20);
        assert_memory_equal(rule_set_stats(a), rule_set_stats(c), sizeof(RuleSetStats));
        assert_int_equal(here.errors, 1);
        assert_int_equal(there.errors, 1);
        assert_string_equal(here.text, there.text);
        for (size_t i = 0; rule_set_info(a, i); i++) {
                assert_true(str_eq(rule_set_info(a, i)->id, rule_set_info(c, i)->id));
                assert_true(str_eq(rule_set_info(a, i)->file, rule_set_info(c, i)->file));
        }
        rule_set_unref(a);
        rule_set_unref(c);
        for (size_t i = 0; i < b.n; i++) {
                free((char *)b.files[i].path);
                free((char *)b.files[i].text.p);
        }
}

static void put(const char *dir, const char *name, const char *text) {
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        f = fopen(path, "w");
        assert_non_null(f);
        assert_int_not_equal(fputs(text, f), EOF);
        assert_int_equal(fclose(f), 0);
}

/* They may lead anywhere, also in a circle; a rule that is not loaded is told. */
static void links_are_told_and_not_followed(void **state) {
        static const char *const names[] = { "a.yml", "b.yml", "loop", "other" };
        char dir[] = "/tmp/aulert-test-load-XXXXXX", path[128];
        const char *paths[] = { dir };
        Said said = { 0 };
        RuleSet *set;

        assert_non_null(mkdtemp(dir));
        put(dir, "a.yml", HEAD "  s: {type: SYSCALL}\n  condition: s\n");
        snprintf(path, sizeof(path), "%s/b.yml", dir);
        assert_int_equal(symlink("a.yml", path), 0);
        snprintf(path, sizeof(path), "%s/loop", dir);
        assert_int_equal(symlink(".", path), 0);
        snprintf(path, sizeof(path), "%s/other", dir);
        assert_int_equal(symlink("/etc/passwd", path), 0);
        assert_int_equal(rule_set_load(&set, paths, 1, NULL, hear, &said), 0);
        assert_int_equal(rule_set_stats(set)->loaded, 1);
        assert_int_equal(rule_set_stats(set)->refused, 0);
        assert_int_equal(said.errors, 0);
        assert_int_equal(said.warnings, 2);
        assert_non_null(strstr(said.text, "link"));
        rule_set_unref(set);
        for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
                snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
                assert_int_equal(unlink(path), 0);
        }
        assert_int_equal(rmdir(dir), 0);
}

static bool at_once(void *userdata) { return true; }

static void loading_can_be_stopped(void **state) {
        const char *paths[] = { RULES };
        RuleSet *set = NULL;
        Said said = { 0 };

        assert_int_equal(rule_set_load(&set, paths, 1, &(RuleOptions){ .stop = at_once }, hear, &said),
                         -ECANCELED);
        assert_null(set);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(mistakes_are_told_with_place_and_advice),
                cmocka_unit_test(a_refused_rule_leaves_the_others),
                cmocka_unit_test(a_wrong_document_leaves_the_others),
                cmocka_unit_test(not_every_wrong_document_is_told),
                cmocka_unit_test(likely_mistakes_are_warned_about),
                cmocka_unit_test(a_condition_too_large_to_judge_is_not_judged),
                cmocka_unit_test(scalars_have_the_kinds_of_the_core_schema),
                cmocka_unit_test(hostile_yaml_is_refused),
                cmocka_unit_test(a_condition_cannot_grow_without_end),
                cmocka_unit_test(files_may_have_been_read_elsewhere),
                cmocka_unit_test(values_too_many_refuse_their_rule),
                cmocka_unit_test(filters_times_rules_are_bounded),
                cmocka_unit_test(links_are_told_and_not_followed),
                cmocka_unit_test(loading_can_be_stopped),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
