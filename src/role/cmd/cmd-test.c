/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert test: runs rules over captures and lists every hit. */
#include <errno.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/log.h"
#include "role/args.h"
#include "role/cmd/sorter.h"
#include "role/cmd/suite.h"
#include "role/input.h"
#include "role/role.h"
#include "role/rules.h"

#define MAX_RULE_PATHS 256

typedef struct Test Test;
struct Test {
        RuleState *state;
        Buf out, line;
        Sorter *sorter; /* tsv */
        void (*print)(Test *t, const RuleHit *hit);
        uint64_t hits;
        int error;
};

static const char *const level_names[_RULE_LEVEL_N] = { "informational", "low", "medium", "high",
                                                        "critical" };

static void print_id(Buf *out, const RuleHit *hit, void (*escape)(Buf *, Str)) {
        Buf id = BUF_INIT;

        event_id_format(&id, &hit->event->id);
        escape(out, buf_view(&id));
        out->failed |= id.failed;
        buf_done(&id);
}

static void print_tsv(Test *t, const RuleHit *hit) {
        buf_clear(&t->line);
        escape_terminal(&t->line, hit->rule->id);
        buf_putc(&t->line, '\t');
        print_id(&t->line, hit, escape_terminal);
        t->error = t->line.failed ? -ENOMEM : sorter_add(t->sorter, buf_view(&t->line));
}

static void print_text(Test *t, const RuleHit *hit) {
        print_id(&t->out, hit, escape_terminal);
        buf_printf(&t->out, " %s: ", level_names[hit->rule->level]);
        escape_terminal(&t->out, hit->rule->title);
        buf_putz(&t->out, " (");
        escape_terminal(&t->out, hit->rule->id);
        buf_putz(&t->out, ")\n");
        t->error = buf_maybe_flush(&t->out);
}

static void json(Buf *out, Str s) { escape_json(out, s); }

static void print_member(Buf *out, const char *name, Str value) {
        buf_printf(out, "\"%s\":\"", name);
        escape_json(out, value);
        buf_putz(out, "\",");
}

static void print_json(Test *t, const RuleHit *hit) {
        buf_putc(&t->out, '{');
        print_member(&t->out, "rule", hit->rule->id);
        print_member(&t->out, "title", hit->rule->title);
        print_member(&t->out, "level", str_from(level_names[hit->rule->level]));
        buf_putz(&t->out, "\"tags\":[");
        for (size_t i = 0; i < hit->rule->n_tags; i++) {
                buf_putz(&t->out, i ? ",\"" : "\"");
                escape_json(&t->out, hit->rule->tags[i]);
                buf_putc(&t->out, '"');
        }
        buf_putz(&t->out, "],\"event\":\"");
        print_id(&t->out, hit, json);
        buf_putz(&t->out, "\"}\n");
        t->error = buf_maybe_flush(&t->out);
}

static void on_hit(void *userdata, const RuleHit *hit) {
        Test *t = userdata;

        t->hits++;
        if (!t->error)
                t->print(t, hit);
}

static void on_event(void *userdata, const Event *event) {
        Test *t = userdata;
        int r = rule_state_match(t->state, event, on_hit, t);

        if (r && !t->error)
                t->error = r;
}

static int on_idle(void *userdata) {
        Test *t = userdata;

        return t->sorter ? 0 : buf_flush(&t->out);
}

typedef struct {
        const char *rules[MAX_RULE_PATHS];
        size_t n_rules;
        const char *format, *expand, *scope, *fire, *max_line;
        const char *suites[MAX_RULE_PATHS];
        size_t n_suites;
        bool plain;
} Options;

static int choose(const char *command, const Options *o, RuleOptions *options, Test *t) {
        static const struct {
                const char *name;
                void (*print)(Test *, const RuleHit *);
        } formats[] = { { "tsv", print_tsv }, { "text", print_text }, { "json", print_json } };

        if (!rules_scope(str_from(o->scope), &options->scope))
                return role_usage(command, "--scope is context, record or event, not %s", o->scope);
        options->placeholders = o->expand;
        options->plain = o->plain;
        options->correlation_edge = !strcmp(o->fire, "edge");
        if (!options->correlation_edge && strcmp(o->fire, "each"))
                return role_usage(command, "--corr-fire is each or edge, not %s", o->fire);
        for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
                if (!strcmp(o->format, formats[i].name))
                        t->print = formats[i].print;
        if (!t->print)
                return role_usage(command, "--format is tsv, text or json, not %s", o->format);
        return 0;
}

static int finish(Test *t) {
        int r = t->error ? t->error : rule_state_flush(t->state, on_hit, t);

        r = r ? r : t->error;
        if (!r && t->sorter)
                r = sorter_finish(t->sorter, &t->out);
        return r ? r : buf_flush(&t->out);
}

static void report_losses(Test *t) {
        Buf text = BUF_INIT;

        counter_print(&text, rule_counter_descs, rule_n_counter_descs, rule_counters(t->state), true);
        for (size_t i = 0; i < text.n; i++)
                if (text.p[i] == '\n')
                        text.p[i] = i + 1 < text.n ? ',' : '\0';
        if (text.n && buf_z(&text))
                log_warning("limits were reached: %s", text.p);
        buf_done(&text);
}

static int run(Test *t, RuleSet *set, InputOptions *input, char *const *paths, size_t n) {
        int status, r = rule_state_new(&t->state, set);

        if (!r && t->print == print_tsv)
                r = sorter_new(&t->sorter, SORTER_BYTES);
        if (r) {
                log_error("%s", strerror(-r));
                return STATUS_INPUT;
        }
        buf_attach(&t->out, STDOUT_FILENO);
        status = input_run(input, paths, n);
        status = role_worse(status, role_output(finish(t)));
        report_losses(t);
        return role_worse(status, t->hits ? STATUS_DONE : STATUS_NOTHING);
}

static void report_rules(const RuleSet *set) {
        const RuleSetStats *s = rule_set_stats(set);
        Buf b = BUF_INIT;

        buf_attach(&b, STDERR_FILENO);
        buf_printf(
                &b,
                "aulert: rules: %llu loaded, %llu refused, %llu skipped (for other products or services)\n",
                (unsigned long long)s->loaded, (unsigned long long)s->refused,
                (unsigned long long)s->skipped);
        buf_flush(&b);
        buf_done(&b);
}

/* Test files say themselves what is tested, and how. */
static int run_suites(const char *command, const Options *o, size_t n_files) {
        if (n_files || o->n_rules || o->expand || o->max_line || o->plain || strcmp(o->format, "text") != 0 ||
            strcmp(o->scope, "context") != 0 || strcmp(o->fire, "each") != 0)
                return role_usage(command, "--suite goes with no other option and no file");
        return suite_run(o->suites, o->n_suites);
}

int cmd_test(int argc, char **argv) {
        Options o = { .format = "text", .scope = "context", .fire = "each" };
        const ArgsOption table[] = {
                { "rules", .value = o.rules, .n_values = &o.n_rules, .max_values = MAX_RULE_PATHS },
                { "format", .value = &o.format },
                { "expand", .value = &o.expand },
                { "scope", .value = &o.scope },
                { "corr-fire", .value = &o.fire },
                { "plain", .flag = &o.plain },
                { "max-line", .value = &o.max_line },
                { "suite", .value = o.suites, .n_values = &o.n_suites, .max_values = MAX_RULE_PATHS },
        };
        Test t = { .out = BUF_INIT, .line = BUF_INIT };
        InputOptions input = { .mode = EVENT_WHOLE, .event = on_event, .idle = on_idle, .userdata = &t };
        RuleOptions options = { 0 };
        RulesReport report;
        RuleSet *set = NULL;
        size_t n;
        int r = args_parse(argc, argv, table, ARRAY_SIZE(table), &n), status;

        r = r ? r : choose(argv[0], &o, &options, &t);
        if (r)
                return r;
        if (o.n_suites)
                return run_suites(argv[0], &o, n);
        if (!o.n_rules)
                return role_usage(argv[0], "say which rules to test: --rules PATH");
        if (o.max_line && !args_size(o.max_line, &input.max_line))
                return role_usage(argv[0], "--max-line %s is no size", o.max_line);
        r = rules_load(&set, o.rules, o.n_rules, &options, false, &report);
        if (r) {
                log_error("rules: %s", strerror(-r));
                return STATUS_USAGE;
        }
        report_rules(set);
        status = run(&t, set, &input, argv + 1, n);
        status = role_worse(status, rule_set_stats(set)->refused ? STATUS_USAGE : STATUS_DONE);
        rule_state_free(t.state);
        sorter_free(t.sorter);
        buf_done(&t.out);
        buf_done(&t.line);
        rule_set_unref(set);
        return status;
}
