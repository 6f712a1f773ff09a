/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Values and words that are legal and surely a mistake draw a warning at their place; what may be meant draws none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "rule/rule.h"

typedef struct {
        unsigned column, n;
        char text[400];
} Said;

static void hear(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                 const char *text) {
        Said *s = userdata;

        if (s->n++)
                return;
        s->column = column;
        snprintf(s->text, sizeof(s->text), "%u:%s", line, text);
}

typedef struct {
        const char *yaml;
        unsigned column;
        const char *says; /* "": nothing */
} Row;

static void check(const char *head, const Row *row) {
        char text[1000];
        Said said = { 0 };
        RuleSet *set = NULL;
        RuleFile file = { .path = "x.yml", .text = { text, 0 } };

        file.text.n = (size_t)snprintf(text, sizeof(text), "%s%s", head, row->yaml);
        assert_int_equal(rule_set_load_files(&set, &file, 1, NULL, hear, &said), 0);
        rule_set_unref(set);
        if (said.n != !!*row->says || said.column != row->column || !strstr(said.text, row->says))
                fail_msg("%s: said %u times, at %u: %s", row->yaml, said.n, said.column, said.text);
}

static void values_that_a_field_never_has(void **state) {
        static const Row rows[] = {
                { "{uid: root}, condition: s}", 22, "\"UID: root\"" },
                { "{type: PATH, ouid: [0, root]}, condition: s}", 39, "\"OUID: root\"" },
                { "{auid: unset}, condition: s}", 23, "\"auid: 4294967295\"" },
                { "{auid: -1}, condition: s}", 23, "\"auid: 4294967295\"" },
                { "{auid: 4294967295, uid: 'r*', gid|startswith: r}, condition: s}", 0, "" },
                { "{AUID: unset, UID: root}, condition: s}", 0, "" },
                { "{EUID: 0}, condition: s}", 23, "\"euid: 0\"" },
                { "{success: true}, condition: s}", 26, "write yes" },
                { "{success: False}, condition: s}", 26, "write no" },
                { "{success: yes}, condition: s}", 0, "" },
                { "{exit: EACCES}, condition: s}", 23, "-13" },
                { "{exit: [-13, 0]}, condition: s}", 0, "" },
                { "{arch: x86_64}, condition: s}", 23, "\"ARCH: x86_64\"" },
                { "{arch: b64}, condition: s}", 23, "c000003e" },
                { "{arch: C000003E, ARCH: x86_64}, condition: s}", 0, "" },
                { "{type: SYSCALL, a0: 0x26}, condition: s}", 36, "write 26" },
                { "{type: EXECVE, a0: 0x26}, condition: s}", 0, "" },
                { "{a0: 0x26}, condition: s}", 0, "" },
                { "{type: [PATH, eoe]}, condition: s}", 30, "no rule sees them" },
                { "{a0: '%admins%'}, condition: s}", 21, "\"a0|expand\"" },
                { "{a0|contains: ['100%', '%d %s%', '%%']}, condition: s}", 0, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check("title: t\nid: x\nlogsource: {product: linux, service: auditd}\ndetection: {s: ",
                      &rows[i]);
}

static void names_of_fields_in_the_wrong_case(void **state) {
        static const Row rows[] = {
                { "{Type: PATH}, condition: s}", 17, "write type" },
                { "{type: PATH, Name|endswith: x}, condition: s}", 29, "write name" },
                { "{EXE: /bin/sh}, condition: s}", 17, "write exe" },
                { "{syscall: 2, SYSCALL: open, saddr: x, SADDR: y}, condition: s}", 0, "" },
                { "{Unit: x, Acct: y}, condition: s}", 0, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check("title: t\nid: x\nlogsource: {product: linux, service: auditd}\ndetection: {s: ",
                      &rows[i]);
}

static void logsources_that_were_meant(void **state) {
        static const Row rows[] = {
                { "{product: linux, services: auditd}", 29, "write service" },
                { "{product: linux, categry: file_event}", 29, "write category" },
                { "{product: linux, service: audit}", 38, "write auditd" },
                { "{category: process-creation}", 23, "write process_creation" },
                { "{product: linux, category: auditd}", 39, "\"service: auditd\"" },
                { "{product: linux, service: auditd, definition: x, source: y}", 0, "" },
                { "{product: linux, service: sshd}", 0, "" },
                { "{product: linux, category: file_delete}", 0, "" },
                { "{product: windows, service: audit}", 0, "" },
                { "{product: linus, service: auditd}", 22, "write linux" },
                { "{product: Linxu}", 22, "write linux" },
                { "{product: lunix, category: process_creation}", 22, "write linux" },
                { "{product: auditd}", 22, "write linux" },
                { "{product: macos}", 0, "" },
                { "{product: zeek}", 0, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check("title: t\nid: x\ndetection: {s: {x: y}, condition: s}\nlogsource: ", &rows[i]);
}

static void correlations_of_nothing(void **state) {
        static const Row rows[] = {
                { "event_count, aliases: {who: {x: acct}}, condition: {gte: 2}}", 70, "group-by" },
                { "event_count, aliases: {who: {x: acct}}, group-by: who, condition: {gte: 2}}", 0, "" },
                { "value_count, group-by: [a0, a1], condition: {field: a1, gte: 2}}", 99, "another field" },
                { "value_count, group-by: [a0], condition: {field: [a0, a1], gte: 2}}", 0, "" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check("title: t\nid: x\nlogsource: {product: linux}\ndetection: {s: {a0: y}, condition: s}\n"
                      "---\ntitle: c\ncorrelation: {rules: [x], timespan: 1m, type: ",
                      &rows[i]);
}

static void words_that_are_missing(void **state) {
        static const Row rows[] = {
                { "{a0: x}, condition: all s*}", 40, "write \"all of s*\"" },
                { "{a0: x}, condition: not any them}", 44, "write \"any of them\"" },
                { "{a0: x}, Condition: s}", 25, "write \"condition: selection\"" },
                { "{a0|base64offset|contains: x}, condition: s}", 43, "longer" },
                { "{a0|base64offset|contains: xy}, condition: s}", 0, "" },
                { "{a0|cidr: 'fe80::1/10'}, condition: s}", 26, "write its first address: fe80::/10" },
                { "{a0|cidr: 10.1.2.255/23}, condition: s}", 26, "10.1.2.0/23" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
                check("title: t\nid: x\nlogsource: {product: linux, service: auditd}\ndetection: {s: ",
                      &rows[i]);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(values_that_a_field_never_has),
                cmocka_unit_test(names_of_fields_in_the_wrong_case),
                cmocka_unit_test(logsources_that_were_meant),
                cmocka_unit_test(correlations_of_nothing),
                cmocka_unit_test(words_that_are_missing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
