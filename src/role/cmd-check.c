/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert check: says what is wrong with rules, before anybody relies on them. */
#include <unistd.h>
#include "base/log.h"
#include "role/args.h"
#include "role/role.h"
#include "role/rules.h"

static int summary(const RuleSetStats *s, const RulesReport *report) {
        Buf out = BUF_INIT;
        int r;

        buf_attach(&out, STDOUT_FILENO);
        buf_printf(&out,
                   "%llu rules are fine, %llu refused, %llu skipped (for other products or services), %llu "
                   "warnings\n",
                   (unsigned long long)s->loaded, (unsigned long long)s->refused,
                   (unsigned long long)s->skipped, (unsigned long long)report->warnings);
        r = buf_flush(&out);
        buf_done(&out);
        return r ? STATUS_INPUT : STATUS_DONE;
}

int cmd_check(int argc, char **argv) {
        const char *expand = NULL;
        const ArgsOption table[] = { { "expand", .value = &expand } };
        RuleOptions options = { 0 };
        RulesReport report;
        RuleSet *set = NULL;
        size_t n;
        int status = args_parse(argc, argv, table, ARRAY_SIZE(table), &n), r;

        if (status)
                return status;
        if (!n)
                return role_usage(argv[0], "say what to check: aulert check PATH...");
        options.placeholders = expand;
        r = rules_load(&set, (const char *const *)argv + 1, n, &options, false, &report);
        if (r) {
                log_error("rules: %s", strerror(-r));
                return STATUS_USAGE;
        }
        status = summary(rule_set_stats(set), &report);
        status = role_worse(status, report.errors ? STATUS_USAGE : STATUS_DONE);
        rule_set_unref(set);
        return status;
}
