/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert: the command line. One row a command; what it does is in role/cmd/cmd-NAME.c. */
#include <signal.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/log.h"
#include "base/std.h"
#include "role/role.h"

#define INPUT_HELP                                          \
        "Reads FILE... in order, or stdin; - is stdin.\n\n" \
        "  --max-line SIZE    longest line that is read (1M), others are dropped and counted\n"

#define SOURCE_HELP                                                                                \
        "  --source SOURCE    stdin; unix:PATH: what auditd's af_unix plugin offers; file:PATH:\n" \
        "                     a log that grows; netlink: from the kernel (CAP_AUDIT_READ)\n"       \
        "  --from WHERE       of file:PATH: end (default), start, or seconds since the epoch\n"

typedef struct {
        const char *name, *arguments, *summary, *help;
        RoleFn run;
} Command;

static const Command commands[] = {
        { "records", "[FILE...]", "list every record with its type and number of fields", INPUT_HELP,
          cmd_records },
        { "events", "[--source SOURCE] [--format text|json] [FILE...]",
          "whole events with their interpreted fields",
          INPUT_HELP SOURCE_HELP "  --format FORMAT    text for people, or json: one object a line\n",
          cmd_events },
        { "watch", "[--rules PATH]... [--source SOURCE] [FILE...]", "alerts on the terminal, as they happen",
          INPUT_HELP
          "  --rules PATH       a rule, or a folder of them (our own rules); may come again\n" SOURCE_HELP
          "  --format FORMAT    text, or json: one alert a line\n",
          cmd_watch },
        { "test", "--rules PATH... [--format tsv|text|json] [FILE...], or --suite DIR...",
          "run rules over captures and list every hit",
          "  --rules PATH       a rule file, or a directory of them; may come again\n"
          "  --format FORMAT    text, json (one object a line), or tsv: rule and event, sorted\n"
          "  --expand FILE      values for placeholders (name: value, or a list)\n"
          "  --scope SCOPE      what a rule sees: context (a record, with what its event adds),\n"
          "                     record, or event (search identifiers may be met by several records)\n"
          "  --corr-fire WHEN   each: a correlation hits whenever it holds; edge: when it begins to\n"
          "  --plain            ask every rule about every record: slow, for comparison\n"
          "  --suite DIR        instead: run the tests of rules, NAME.test.yml, below DIR; output is "
          "TAP\n" INPUT_HELP,
          cmd_test },
        { "explain", "--rules PATH... [--rule ID]... [--format text|json] EVENT-ID [FILE...]",
          "say why each rule matched an event, or did not",
          "EVENT-ID is [node/]sec.ms:serial; without a node, that of any node.\n\n"
          "  --rules PATH       a rule file, or a directory of them; may come again\n"
          "  --rule ID          only this rule, by its id, name or title; may come again\n"
          "  --all              list rules too that look at other types of records or categories\n"
          "  --format FORMAT    text for people, or json: one object a line\n"
          "  --expand FILE      values for placeholders (name: value, or a list)\n"
          "  --scope SCOPE      context, record or event, as for aulert test\n"
          "  --corr-fire WHEN   each or edge, as for aulert test\n" INPUT_HELP,
          cmd_explain },
        { "check", "[PATH...]", "say what is wrong with rules and configurations",
          "PATH is a rule, a directory of rules, or a configuration, whose rules are checked with\n"
          "it; without one, the installed configuration. Each problem as\n"
          "file:line:column: error: what, and what to write instead.\n\n"
          "  --expand FILE      values for placeholders (name: value, or a list)\n",
          cmd_check },
        { "run", "[CONFIG]", "the plugin: what auditd starts",
          "Reads records from stdin (or the configured source) and delivers alerts as CONFIG says\n"
          "(" AULERT_CONFIG "). SIGHUP reloads it, SIGUSR1 logs the counters,\n"
          "SIGTERM and the end of the input end it.\n",
          cmd_run },
        { "status", "[--format text|json] [CONFIG]", "ask the running service how it is and what was lost",
          "Asks the aulert run that CONFIG configures (" AULERT_CONFIG "); only root and\n"
          "the group of its socket may. Exit status 3: none is running.\n\n"
          "  --format FORMAT    text for people, or json: one object\n",
          cmd_status },
        { "notify", "[--config CONFIG] SINK", "send a test alert through a sink and say what happened",
          "SINK is the name of a sink of CONFIG (" AULERT_CONFIG ").\n", cmd_notify },
};

/* Parts of the program that it starts itself, as aulert --role NAME. */
static const struct {
        const char *name;
        RoleFn run;
} roles[] = {
        { "intake", role_intake },   { "notify", role_notify }, { "engine", role_engine },
        { "deliver", role_deliver }, { "source", role_source }, { "log", role_log },
};

static int print(int fd, const Buf *text) {
        Buf out = *text;

        buf_attach(&out, fd);
        return role_output(buf_flush(&out));
}

static int help(void) {
        Buf out = BUF_INIT;
        int status;

        buf_putz(&out, "Tells people what happens on their machines, from the Linux audit stream.\n\n");
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
                buf_printf(&out, "  aulert %-8s %s\n", commands[i].name, commands[i].summary);
        buf_putz(&out,
                 "\naulert COMMAND --help says more about one; aulert --version tells the version.\n"
                 "Exit status: 0 done, 1 nothing found, 2 bad usage, configuration or rule,\n"
                 "3 input could not be read, or output not written; where several apply, the highest.\n");
        status = print(STDOUT_FILENO, &out);
        buf_done(&out);
        return status;
}

static int help_command(const Command *c) {
        Buf out = BUF_INIT;
        int status;

        buf_printf(&out, "aulert %s %s\n\n%s\n\n%s", c->name, c->arguments, c->summary, c->help);
        status = print(STDOUT_FILENO, &out);
        buf_done(&out);
        return status;
}

static int version(void) {
        Buf out = BUF_INIT;
        int status;

        buf_putz(&out, "aulert " AULERT_VERSION "\n");
        status = print(STDOUT_FILENO, &out);
        buf_done(&out);
        return status;
}

/* How many letters must change, come or go to make one word of the other; 9 where a word is too long to be meant. */
static unsigned distance(const char *a, const char *b) {
        enum { MAX = 16 };
        unsigned row[MAX + 1];
        size_t n_a = strlen(a), n_b = strlen(b);

        if (n_a > MAX || n_b > MAX)
                return 9;
        for (unsigned k = 0; k <= n_b; k++)
                row[k] = k;
        for (size_t i = 1; i <= n_a; i++) {
                unsigned corner = row[0];

                row[0] = (unsigned)i;
                for (size_t k = 1; k <= n_b; k++) {
                        unsigned best = corner + (a[i - 1] != b[k - 1]);

                        corner = row[k];
                        if (row[k] + 1 < best)
                                best = row[k] + 1;
                        if (row[k - 1] + 1 < best)
                                best = row[k - 1] + 1;
                        row[k] = best;
                }
        }
        return row[n_b];
}

static int unknown(const char *word) {
        const char *nearest = NULL;
        unsigned best = 3;

        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                unsigned d = distance(word, commands[i].name);

                if (d < best) {
                        best = d;
                        nearest = commands[i].name;
                }
        }
        if (nearest)
                log_error("there is no command %s; did you mean %s?", word, nearest);
        else
                log_error("there is no command %s (aulert --help lists them)", word);
        return STATUS_USAGE;
}

static int run_role(int argc, char **argv) {
        for (size_t i = 0; i < ARRAY_SIZE(roles); i++)
                if (argc > 0 && !strcmp(argv[0], roles[i].name))
                        return roles[i].run(argc, argv);
        log_error("--role is for the program itself");
        return STATUS_USAGE;
}

static bool asks_help(int argc, char **argv) {
        for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
                if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
                        return true;
        return false;
}

static int run_command(int argc, char **argv) {
        for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
                if (strcmp(argv[0], commands[i].name))
                        continue;
                return asks_help(argc, argv) ? help_command(&commands[i]) : commands[i].run(argc, argv);
        }
        return unknown(argv[0]);
}

int main(int argc, char **argv) {
        if (!std_hold())
                return STATUS_INPUT;
        log_open("aulert");
        signal(SIGPIPE, SIG_IGN); /* a broken pipe is an error of write(2), met where it happens */
        if (argc < 2) {
                log_error("no command given (aulert --help lists them)");
                return STATUS_USAGE;
        }
        if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
                return help();
        if (!strcmp(argv[1], "--version"))
                return version();
        if (!strcmp(argv[1], "--role"))
                return run_role(argc - 2, argv + 2);
        return run_command(argc - 1, argv + 1);
}
