/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Explanations agree with what rules do, and name the test that decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "rule/explain.h"

#define MAX_IDS 64

static void quiet(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                  const char *text) {
        if (kind == RULE_DIAG_ERROR)
                fail_msg("%s:%u:%u: %s", file, line, column, text);
}

static RuleSet *load(const char *yaml, const RuleOptions *options) {
        char path[] = "/tmp/aulert-test-explain-XXXXXX";
        const char *paths[] = { path, RULES };
        int fd = mkstemp(path);
        RuleSet *set = NULL;

        assert_true(fd >= 0);
        assert_int_equal(write(fd, yaml, strlen(yaml)), strlen(yaml));
        close(fd);
        assert_int_equal(rule_set_load(&set, paths, options->refused ? 2 : 1, options, quiet, NULL), 0);
        unlink(path);
        return set;
}

static void refused(void *userdata, Str what) {}

/* With these options the starter rules are loaded too. */
static const RuleOptions with_starters = { .refused = refused };
static const RuleOptions alone = { 0 };

/* Lines with the bytes behind them that scanning may read. */
static void read_lines(char *text, EventFn fn, void *userdata) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        EventAssembler *a;

        assert_int_equal(event_assembler_new(&a, EVENT_DEFAULT, &limits, fn, userdata), 0);
        for (char *p = text, *end; *p; p = end + 1) {
                end = strchr(p, '\n');
                assert_non_null(end);
                event_add(a, (Str){ p, (size_t)(end - p) });
        }
        event_flush(a);
        event_assembler_free(a);
}

static char *slurp(const char *path) {
        FILE *f = fopen(path, "re");
        char *text = calloc(1, (1u << 20) + STR_SLACK);

        if (!f)
                fail_msg("%s", path);
        assert_true(fread(text, 1, 1u << 20, f) < 1u << 20);
        fclose(f);
        return text;
}

/* ---- the same verdicts as the engine's ---- */

typedef struct {
        RuleState *state;
        Buf *hits;     /* "rule event\n", in order */
        RecordId *ids; /* of all events */
        size_t n_ids;
} Engine;

static void note(Buf *hits, const RuleInfo *rule, const RecordId *id) {
        Buf line = BUF_INIT;

        buf_str(&line, rule->id);
        buf_putc(&line, ' ');
        event_id_format(&line, id);
        buf_putc(&line, '\n');
        assert_false(line.failed);
        if (!hits->n || !memmem(hits->p, hits->n, line.p, line.n))
                buf_str(hits, buf_view(&line));
        buf_done(&line);
}

static void on_hit(void *userdata, const RuleHit *hit) {
        note(((Engine *)userdata)->hits, hit->rule, &hit->event->id);
}

static void on_event(void *userdata, const Event *event) {
        Engine *e = userdata;

        assert_true(e->n_ids < MAX_IDS);
        e->ids[e->n_ids++] = event->id;
        assert_int_equal(rule_state_match(e->state, event, on_hit, e), 0);
}

typedef struct {
        Explain *explain;
        const Event *event;
        Buf *hits;
        uint64_t n_rules;
} Told;

static void on_add(void *userdata, const Event *event) {
        assert_int_equal(explain_add(((Told *)userdata)->explain, event), 0);
}

static void on_part(void *userdata, const Event *event) { ((Told *)userdata)->event = event; }
static void on_view(void *userdata, const ExplainView *v) {}

/* What is said about the names must be what makes the verdict. */
static void on_rule(void *userdata, const Explanation *e) {
        Told *t = userdata;

        t->n_rules++;
        if (e->verdict == EXPLAIN_HIT && !e->silent)
                note(t->hits, e->rule, &t->event->id);
        if (e->verdict != EXPLAIN_NO_HIT || e->correlation)
                return;
        assert_non_null(e->failed);
        assert_int_equal(e->failed_item == NULL, e->failed->node->holds);
        if (e->failed_item)
                assert_false(e->failed_item->holds);
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Lines in the order of their bytes. */
static char *sorted(Buf *b) {
        char *lines[4096], *copy = strdup(b->n ? buf_z(b) : ""), *out = calloc(1, b->n + 1);
        size_t n = 0;

        for (char *line = strtok(copy, "\n"); line; line = strtok(NULL, "\n"))
                lines[n++] = line;
        if (n)
                qsort(lines, n, sizeof(*lines), by_text);
        for (size_t i = 0; i < n; i++)
                strcat(strcat(out, lines[i]), "\n");
        free(copy);
        return out;
}

#define MANY                                                                                              \
        "title: shell\nid: shell\nlogsource: {category: process_creation}\n"                              \
        "detection: {s: {ParentImage|endswith: sh}, t: {CommandLine|contains: ls}, condition: s and not " \
        "t}\n"                                                                                            \
        "---\ntitle: net\nid: net\nlogsource: {category: network_connection}\n"                           \
        "detection: {s: {DestinationPort|gt: 0}, condition: s}\n"                                         \
        "---\ntitle: file\nid: file\nlogsource: {category: file_event}\n"                                 \
        "detection: {s: {TargetFilename|startswith: /tmp}, condition: s}\n"                               \
        "---\ntitle: text\nid: text\nlogsource: {product: linux}\n"                                       \
        "detection: {s: ['bash', 'sshd'], t: {type: SYSCALL}, condition: s and not t}\n"                  \
        "---\ntitle: parts\nid: parts\nlogsource: {product: linux, service: auditd}\n"                    \
        "detection: {s: {type: SYSCALL, exe|contains: /}, t: {type: PATH, name|re: '^/(usr|lib)'}, "      \
        "condition: s and t}\n"                                                                           \
        "---\ntitle: own\nid: own\nlogsource: {product: linux, service: auditd}\n"                        \
        "detection: {s: {type: CWD, exe|endswith: [ls, dash]}, condition: s}\n"                           \
        "---\ntitle: often\nid: often\ncorrelation: {type: event_count, rules: [own], group-by: [auid], " \
        "timespan: 1m, condition: {gte: 2}}\n"

static void ask_engine(Engine *e, RuleSet *set, char *text) {
        assert_int_equal(rule_state_new(&e->state, set), 0);
        read_lines(text, on_event, e);
        assert_int_equal(rule_state_flush(e->state, on_hit, e), 0);
        rule_state_free(e->state);
}

static size_t count_rules(const RuleSet *set) {
        size_t n = 0;

        while (rule_set_info(set, n))
                n++;
        return n;
}

static void ask_explain(Buf *hits, RuleSet *set, char *text, RecordId id) {
        Told t = { .hits = hits };
        ExplainOutput out = { on_part, on_view, on_rule, &t };
        size_t parts, more;

        id.node = STR("");
        assert_int_equal(explain_new(&t.explain, set, &id), 0);
        read_lines(text, on_add, &t);
        assert_int_equal(explain_finish(t.explain, &out, &parts, &more), 0);
        assert_int_equal(parts, 1);
        assert_int_equal(more, 0);
        assert_int_equal(t.n_rules, count_rules(set));
        explain_free(t.explain);
}

/* Both ways over a capture; true: something was hit. */
static bool agree(const char *capture, RuleScope scope) {
        RuleOptions options = with_starters;
        Buf wanted = BUF_INIT, got = BUF_INIT, path = BUF_INIT;
        RecordId ids[MAX_IDS];
        Engine e = { .hits = &wanted, .ids = ids };
        char *text, *a, *b;
        RuleSet *set;
        bool any;

        options.scope = scope;
        set = load(MANY, &options);
        buf_printf(&path, "%s/%s", CAPTURES, capture);
        text = slurp(buf_z(&path));
        ask_engine(&e, set, text);
        for (size_t i = 0; i < e.n_ids; i++)
                ask_explain(&got, set, text, ids[i]);
        a = sorted(&wanted);
        b = sorted(&got);
        assert_string_equal(b, a);
        any = *a;
        free(a);
        free(b);
        free(text);
        buf_done(&wanted);
        buf_done(&got);
        buf_done(&path);
        rule_set_unref(set);
        return any;
}

/* The engine is compiled; explanations come from the definitions. */
static void verdicts_are_those_of_the_engine(void **state) {
        static const char *const captures[] = { "enriched/exec-shell.log",
                                                "raw/exec-shell.log",
                                                "enriched/ssh-tty-ok.log",
                                                "enriched/sudo-badpw.log",
                                                "enriched/ssh-root-refused.log",
                                                "enriched/net.log",
                                                "raw/useradd.log",
                                                "enriched/file-ops.log" };
        size_t n_any = 0;

        for (RuleScope scope = RULE_SCOPE_CONTEXT; scope <= RULE_SCOPE_EVENT; scope++)
                for (size_t i = 0; i < ARRAY_SIZE(captures); i++)
                        n_any += agree(captures[i], scope);
        assert_true(n_any > ARRAY_SIZE(captures)); /* else there was nothing to compare */
}

/* ---- what is said ---- */

typedef struct {
        Explain *explain;
        Buf text;
} Said;

static void say_add(void *userdata, const Event *event) {
        assert_int_equal(explain_add(((Said *)userdata)->explain, event), 0);
}

static void say_event(void *userdata, const Event *event) {}
static void say_view(void *userdata, const ExplainView *v) {}

/* "VERDICT RECORD (condition) name: field|modifier wanted,… = value,… <from> decided" */
static void say_rule(void *userdata, const Explanation *e) {
        Buf *b = &((Said *)userdata)->text;
        const ExplainNode *item = e->failed_item;

        buf_printf(b, "%d ", e->verdict);
        if (e->record)
                buf_str(b, record_type_name(e->record));
        buf_putz(b, " (");
        buf_str(b, e->condition);
        buf_putz(b, ")");
        if (e->failed) {
                buf_putz(b, " ");
                buf_str(b, e->failed->name);
        }
        if (!item)
                return;
        buf_putz(b, ": ");
        buf_str(b, item->field);
        buf_putz(b, "|");
        buf_str(b, item->modifier);
        for (size_t i = 0; i < item->n_wanted; i++) {
                buf_putz(b, i ? "," : " ");
                buf_str(b, item->wanted[i]);
        }
        buf_putz(b, " =");
        for (size_t i = 0; i < item->n_values; i++) {
                buf_putz(b, i ? "," : " ");
                buf_str(b, item->values[i]);
        }
        if (item->from.n) {
                buf_putz(b, " <");
                buf_str(b, item->from);
                buf_putz(b, ">");
        }
        buf_printf(b, " %zu", item->decided);
}

#define HEAD "title: t\nid: x\nlogsource: {product: linux, service: auditd}\ndetection:\n"
#define FILES                                                                                         \
        "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=257 success=yes exit=3 ppid=1 pid=2 " \
        "auid=1000 "                                                                                  \
        "comm=\"cat\" exe=\"/usr/bin/cat\"\n"                                                         \
        "type=CWD msg=audit(1.000:1): cwd=\"/root\"\n"                                                \
        "type=PATH msg=audit(1.000:1): item=0 name=\"/etc/shadow\" nametype=NORMAL\n"                 \
        "type=PATH msg=audit(1.000:1): item=1 name=\"b*r\" nametype=NORMAL\n"                         \
        "type=PROCTITLE msg=audit(1.000:1): proctitle=\"cat\"\n"

static void the_first_test_that_failed_is_named(void **state) {
        static const struct {
                const char *rule, *said;
        } rows[] = {
                /* verdict 0: a hit, 1: none, 2: other types of records */
                { "  s: {type: PATH, name: /etc/shadow}\n  condition: s\n", "0 PATH (s)" },
                { "  s: {type: PATH, name: /etc/passwd}\n  condition: s\n",
                  "1 PATH (s) s: name| /etc/passwd = /etc/shadow 1" },
                { "  s: {type: EXECVE, a0: x}\n  condition: s\n", "2  ()" },
                { "  s: {type: PATH}\n  f: {type: EXECVE}\n  condition: s and f\n", "2  ()" },
                { "  s: {type: PATH, nametype: NORMAL, exe|endswith: [/vi, /ed], name: x}\n  condition: s\n",
                  "1 PATH (s) s: exe|endswith /vi,/ed = /usr/bin/cat <SYSCALL> 2" },
                { "  s: {type: PATH, exe|contains|all: [usr, sbin, cat]}\n  condition: s\n",
                  "1 PATH (s) s: exe|contains|all usr,sbin,cat = /usr/bin/cat <SYSCALL> 1" },
                { "  s: {type: PATH, uid: 0}\n  condition: s\n", "1 PATH (s) s: uid| 0 = 1" },
                { "  s: {type: PATH, exe|endswith|neq: [/vi, /cat]}\n  condition: s\n",
                  "1 PATH (s) s: exe|endswith|neq /vi,/cat = /usr/bin/cat <SYSCALL> 1" },
                { "  s: {type: PATH, exe|exists: false}\n  condition: s\n",
                  "1 PATH (s) s: exe|exists false = /usr/bin/cat <SYSCALL> 0" },
                { "  s: {type: PATH, name|re|i: ^/ETC/P}\n  condition: s\n",
                  "1 PATH (s) s: name|re|i ^/ETC/P = /etc/shadow 1" },
                { "  s: {type: PATH, item|gt: 1}\n  condition: s\n", "1 PATH (s) s: item|gt 1 = 0 1" },
                { "  s: {type: PATH, name: null}\n  condition: s\n",
                  "1 PATH (s) s: name| null = /etc/shadow 1" },
                { "  s: {type: PATH, name|fieldref|endswith: cwd}\n  condition: s\n",
                  "1 PATH (s) s: name|fieldref|endswith cwd = /etc/shadow 1" },
                { "  s: {type: PATH, item: '1', name|cased: ['B\\*R', b?]}\n  condition: s\n",
                  "1 PATH (s) s: name|cased B\\*R,b? = b*r 2" },
                { "  s: [foo, bar]\n  condition: s\n", NULL },
                /* of an OR the branch that came closest, of an AND the first */
                { "  s: {type: PATH, name: a, item: 7}\n  t: {type: PATH, name: b}\n  condition: s or t\n",
                  "1 PATH (s or t) t: name| b = /etc/shadow 1" },
                { "  s:\n    - {type: PATH, name: a, item: 7}\n    - {type: PATH, item: 5}\n  condition: s\n",
                  "1 PATH (s) s: item| 5 = 0 1" },
                { "  s: {type: PATH, name: b}\n  t: {type: PATH, item: 9}\n  condition: all of them\n",
                  "1 PATH (s and t) s: name| b = /etc/shadow 1" },
                { "  s: {type: PATH, name: b, item: 9}\n  t: {nametype: x}\n  condition: s and t\n",
                  "1 PATH (s and t) s: name| b = /etc/shadow 1" },
                /* a record's own value comes from nowhere else */
                { "  s: {type: SYSCALL, exe: x}\n  condition: s\n",
                  "1 SYSCALL (s) s: exe| x = /usr/bin/cat 1" },
                /* a name that must not hold */
                { "  s: {type: PATH}\n  f_a: {exe: /usr/bin/x}\n  f_b: {exe: /usr/bin/cat}\n"
                  "  condition: s and not 1 of f_*\n",
                  "1 PATH (s and not (f_a or f_b)) f_b" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                char yaml[2048], log[sizeof(FILES) + STR_SLACK] = FILES;
                RecordId id = { .sec = 1, .serial = 1, .node = STR("") };
                ExplainOutput out = { say_event, say_view, say_rule, NULL };
                Said said = { .text = BUF_INIT };
                size_t parts, more;
                RuleSet *set;

                snprintf(yaml, sizeof(yaml), "%s%s", HEAD, rows[i].rule);
                set = load(yaml, &alone);
                assert_int_equal(explain_new(&said.explain, set, &id), 0);
                read_lines(log, say_add, &said);
                out.userdata = &said;
                assert_int_equal(explain_finish(said.explain, &out, &parts, &more), 0);
                assert_int_equal(parts, 1);
                if (rows[i].said)
                        assert_string_equal(buf_z(&said.text), rows[i].said);
                else
                        assert_non_null(
                                strstr(buf_z(&said.text), "1 SYSCALL (s) s: | foo,bar = type=SYSCALL"));
                explain_free(said.explain);
                rule_set_unref(set);
                buf_done(&said.text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(verdicts_are_those_of_the_engine),
                cmocka_unit_test(the_first_test_that_failed_is_named),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
