/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert check: says what is wrong with rules and configurations, before anybody relies on them. */
#include <stdlib.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/log.h"
#include "role/args.h"
#include "role/config/config-read.h"
#include "role/places.h"
#include "role/role.h"
#include "role/rules.h"

static int summary(const RuleSetStats *s, const RulesReport *report) {
        Buf out = BUF_INIT;
        int r;

        buf_attach(&out, STDOUT_FILENO);
        buf_printf(&out,
                   "rules: %llu fine, %llu refused, %llu skipped (for other products or services); warnings: "
                   "%llu\n",
                   (unsigned long long)s->loaded, (unsigned long long)s->refused,
                   (unsigned long long)s->skipped, (unsigned long long)report->warnings);
        r = buf_flush(&out);
        buf_done(&out);
        return role_output(r);
}

typedef struct {
        const char **rules; /* paths; borrowed from the arguments and the configurations */
        size_t n_rules;
        Config **configs;
        size_t n_configs;
        int status;
} Check;

/* A list that grows by @more pointers; the old one stays what it was when there is no memory. */
static void *grow(void *list, size_t n, size_t more) {
        return reallocarray(list, n + more + 1, sizeof(void *));
}

static int add_rules(Check *c, const char *const *paths, size_t n) {
        const char **rules = grow(c->rules, c->n_rules, n);

        if (!rules)
                return -ENOMEM;
        c->rules = rules;
        for (size_t i = 0; i < n; i++)
                c->rules[c->n_rules++] = paths[i];
        return 0;
}

static void say(void *userdata, const char *file, unsigned line, unsigned column, const char *text) {
        Buf out = BUF_INIT;

        buf_attach(&out, STDERR_FILENO);
        escape_terminal(&out, str_from(file));
        buf_printf(&out, ":%u:%u: error: ", line, column);
        escape_terminal(&out, str_from(text));
        buf_putc(&out, '\n');
        buf_flush(&out);
        buf_done(&out);
}

/* Its rules are checked too, when it can be understood. */
static int add_config(Check *c, const char *path) {
        Config **configs = grow(c->configs, c->n_configs, 1), *config = NULL;
        int r;

        if (!configs)
                return -ENOMEM;
        c->configs = configs;
        r = config_load(&config, path, say, NULL);
        if (r) {
                if (r < 0)
                        log_error("%s: %s", path, strerror(-r));
                c->status = STATUS_USAGE;
                return 0;
        }
        c->configs[c->n_configs++] = config;
        printf("%s: configuration is fine\n", path);
        return add_rules(c, config->rules, config->n_rules);
}

static int check_rules(Check *c, const RuleOptions *options) {
        RulesReport report;
        RuleSet *set = NULL;
        int r = rules_load(&set, c->rules, c->n_rules, options, false, &report);

        if (r)
                return r;
        c->status = role_worse(c->status, summary(rule_set_stats(set), &report));
        c->status = role_worse(c->status, report.errors ? STATUS_USAGE : STATUS_DONE);
        rule_set_unref(set);
        return 0;
}

static int check_all(Check *c, const char *const *paths, size_t n, const RuleOptions *options) {
        const char *usual[] = { places_config() };
        int r = n ? 0 : add_config(c, usual[0]);

        for (size_t i = 0; i < n && r == 0; i++)
                r = config_is_one(paths[i]) ? add_config(c, paths[i]) : add_rules(c, &paths[i], 1);
        fflush(stdout);
        return r || !c->n_rules ? r : check_rules(c, options);
}

int cmd_check(int argc, char **argv) {
        RuleOptions options = { 0 };
        const ArgsOption table[] = { { "expand", .value = &options.placeholders } };
        Check c = { .status = STATUS_DONE };
        size_t n;
        int status = args_parse(argc, argv, table, ARRAY_SIZE(table), &n), r;

        if (status)
                return status;
        r = check_all(&c, (const char *const *)argv + 1, n, &options);
        if (r)
                log_error("rules: %s", strerror(-r));
        for (size_t i = 0; i < c.n_configs; i++)
                config_free(c.configs[i]);
        free(c.configs);
        free(c.rules);
        return r ? STATUS_USAGE : c.status;
}
