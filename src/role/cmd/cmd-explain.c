/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert explain: of one event, for every rule, whether it matched and why. */
#include <unistd.h>
#include "base/log.h"
#include "role/args.h"
#include "role/cmd/explain-show.h"
#include "role/input.h"
#include "role/role.h"
#include "role/rules.h"

#define MAX_RULE_PATHS 256
#define MAX_VIEWS      8 /* shown without --all; one event can create thousands of files */

typedef struct {
        const char *rules[MAX_RULE_PATHS], *only[MAX_RULE_PATHS];
        size_t n_rules, n_only;
        const char *format, *expand, *scope, *fire, *max_line;
        bool all;
} Options;

typedef struct {
        const Options *options;
        const ShowFormat *format;
        Explain *explain;
        const Event *event; /* the part that is told */
        ShowLeft left;
        size_t n_views; /* of it, so far */
        Buf out;
        int error;
} Run;

/* By id, name or title. */
static bool is_meant(const char *word, const RuleInfo *info) {
        return str_eqz(info->id, word) || str_eqz(info->name, word) || str_eqz(info->title, word);
}

static bool is_chosen(const Options *o, const RuleInfo *info) {
        for (size_t i = 0; i < o->n_only; i++)
                if (is_meant(o->only[i], info))
                        return true;
        return !o->n_only;
}

static void flush(Run *run) {
        int r = buf_maybe_flush(&run->out);

        if (r < 0 && !run->error)
                run->error = r;
}

static void finish_part(Run *run) {
        if (run->event)
                run->format->left(&run->out, run->event, &run->left);
        run->left = (ShowLeft){ 0 };
        run->n_views = 0;
        flush(run);
}

static void on_part(void *userdata, const Event *event) {
        Run *run = userdata;

        finish_part(run);
        if (run->event && run->format == &show_text)
                buf_putc(&run->out, '\n');
        run->event = event;
        run->format->event(&run->out, event);
}

static void on_view(void *userdata, const ExplainView *v) {
        Run *run = userdata;

        if (run->n_views++ >= MAX_VIEWS && !run->options->all) {
                run->left.views++;
                return;
        }
        run->format->view(&run->out, run->event, v);
        flush(run);
}

/* A correlation none of whose rules matched has nothing to say about the event. */
static bool is_quiet(const Explanation *e) {
        for (size_t i = 0; i < e->n_parts; i++)
                if (e->parts[i].hit)
                        return false;
        return e->correlation && e->verdict != EXPLAIN_HIT;
}

static void on_rule(void *userdata, const Explanation *e) {
        Run *run = userdata;
        bool detail = run->options->all || run->options->n_only;

        if (!is_chosen(run->options, e->rule))
                return;
        if (!detail && e->verdict == EXPLAIN_OTHER_TYPE)
                run->left.types++;
        else if (!detail && e->verdict == EXPLAIN_OTHER_CATEGORY)
                run->left.categories++;
        else if (!detail && is_quiet(e))
                run->left.correlations++;
        else
                run->format->rule(&run->out, run->event, e);
        flush(run);
}

static void on_event(void *userdata, const Event *event) {
        Run *run = userdata;
        int r = explain_add(run->explain, event);

        if (r && !run->error)
                run->error = r;
}

static int run_explain(Run *run, RuleSet *set, const RecordId *id, const char *name, InputOptions *input,
                       char *const *paths, size_t n_paths) {
        ExplainOutput out = { .event = on_part, .view = on_view, .rule = on_rule, .userdata = run };
        size_t n_parts = 0, n_more = 0;
        int status, r = explain_new(&run->explain, set, id);

        if (r) {
                log_error("%s", strerror(-r));
                return STATUS_INPUT;
        }
        buf_attach(&run->out, STDOUT_FILENO);
        status = input_run(input, paths, n_paths);
        if (!run->error)
                run->error = explain_finish(run->explain, &out, &n_parts, &n_more);
        finish_part(run);
        r = buf_flush(&run->out);
        run->error = run->error ? run->error : r;
        if (n_more)
                log_warning("the event came in %zu more parts, which are not explained", n_more);
        if (!n_parts && !run->error)
                log_error("there is no event %s", name);
        run->explain = explain_free(run->explain);
        status = role_worse(status, n_parts ? STATUS_DONE : STATUS_NOTHING);
        return role_worse(status, role_output(run->error));
}

static bool knows(const RuleSet *set, const char *word) {
        const RuleInfo *info;

        for (size_t i = 0; (info = rule_set_info(set, i)); i++)
                if (is_meant(word, info))
                        return true;
        return false;
}

static int check_only(const Options *o, const RuleSet *set) {
        for (size_t i = 0; i < o->n_only; i++)
                if (!knows(set, o->only[i])) {
                        log_error("no rule that was loaded has the id, name or title %s", o->only[i]);
                        return STATUS_USAGE;
                }
        return STATUS_DONE;
}

static int choose(const char *command, const Options *o, RuleOptions *options, Run *run) {
        if (!o->n_rules)
                return role_usage(command, "say which rules to explain: --rules PATH");
        if (!rules_scope(str_from(o->scope), &options->scope))
                return role_usage(command, "--scope is context, record or event, not %s", o->scope);
        options->placeholders = o->expand;
        options->correlation_edge = !strcmp(o->fire, "edge");
        if (!options->correlation_edge && strcmp(o->fire, "each") != 0)
                return role_usage(command, "--corr-fire is each or edge, not %s", o->fire);
        run->format = !strcmp(o->format, "json") ? &show_json : &show_text;
        if (run->format == &show_text && strcmp(o->format, "text") != 0)
                return role_usage(command, "--format is text or json, not %s", o->format);
        return 0;
}

int cmd_explain(int argc, char **argv) {
        Options o = { .format = "text", .scope = "context", .fire = "each" };
        const ArgsOption table[] = {
                { "rules", .value = o.rules, .n_values = &o.n_rules, .max_values = MAX_RULE_PATHS },
                { "rule", .value = o.only, .n_values = &o.n_only, .max_values = MAX_RULE_PATHS },
                { "all", .flag = &o.all },
                { "format", .value = &o.format },
                { "expand", .value = &o.expand },
                { "scope", .value = &o.scope },
                { "corr-fire", .value = &o.fire },
                { "max-line", .value = &o.max_line },
        };
        Run run = { .options = &o, .out = BUF_INIT };
        InputOptions input = { .mode = EVENT_WHOLE, .event = on_event, .userdata = &run };
        RuleOptions options = { 0 };
        RulesReport report;
        RuleSet *set = NULL;
        RecordId id;
        size_t n;
        int status = args_parse(argc, argv, table, ARRAY_SIZE(table), &n), r;

        status = status ? status : choose(argv[0], &o, &options, &run);
        if (status)
                return status;
        if (!n || !event_id_parse(str_from(argv[1]), &id))
                return role_usage(argv[0], "say which event to explain: [node/]sec.ms:serial");
        if (o.max_line && !args_size(o.max_line, &input.max_line))
                return role_usage(argv[0], "--max-line %s is no size", o.max_line);
        r = rules_load(&set, o.rules, o.n_rules, &options, true, &report);
        if (r) {
                log_error("rules: %s", strerror(-r));
                return STATUS_USAGE;
        }
        status = check_only(&o, set);
        if (!status)
                status = run_explain(&run, set, &id, argv[1], &input, argv + 2, n - 1);
        buf_done(&run.out);
        status = role_worse(status, rule_set_stats(set)->refused ? STATUS_USAGE : STATUS_DONE);
        rule_set_unref(set);
        return status;
}
