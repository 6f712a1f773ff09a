/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert watch: alerts on the terminal as they happen; needs no configuration. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/args.h"
#include "role/engine/engine.h"
#include "role/input.h"
#include "role/places.h"
#include "role/role.h"

typedef struct {
        Engine *engine;
        Buf out;
        bool json, color;
        int error;
} Watch;

static void on_alert(void *userdata, Alert *alert) {
        Watch *w = userdata;
        int r;

        if (w->json)
                alert_json(&w->out, alert);
        else
                alert_text(&w->out, alert, w->color);
        r = buf_maybe_flush(&w->out);
        if (r < 0 && !w->error)
                w->error = r;
}

static void on_event(void *userdata, const Event *event) { engine_event(((Watch *)userdata)->engine, event); }

static int on_idle(void *userdata) {
        Watch *w = userdata;
        int r;

        if (engine_deadline(w->engine) != UINT64_MAX)
                engine_age(w->engine, clock_monotonic_ns());
        r = buf_flush(&w->out);
        if (r < 0 && !w->error)
                w->error = r;
        return w->error;
}

static void on_end(void *userdata) { engine_flush(((Watch *)userdata)->engine); }
static uint64_t on_deadline(void *userdata) { return engine_deadline(((Watch *)userdata)->engine); }

/* no-color.org: a variable of that name that is not empty switches colour off. */
static bool wants_color(void) {
        const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

        return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

static int load(Watch *w, const char **rules, size_t n_rules) {
        Buf own = BUF_INIT;
        size_t n_errors = 0;
        int r;

        if (!n_rules) {
                rules[0] = places_rules(&own);
                n_rules = !!rules[0];
        }
        r = engine_load_rules(w->engine, rules, n_rules, &n_errors);
        buf_done(&own);
        if (r < 0) {
                log_error("rules: %s", strerror(-r));
                return STATUS_USAGE;
        }
        if (!engine_n_rules(w->engine))
                log_error("no rule to watch with");
        return n_errors || !engine_n_rules(w->engine) ? STATUS_USAGE : STATUS_DONE;
}

/* Not a file, which may tell of long ago or of another machine. */
static bool is_live(const char *source, size_t n_paths) {
        struct stat st;

        if (source)
                return strncmp(source, "file:", 5) != 0;
        return !n_paths && fstat(STDIN_FILENO, &st) == 0 && !S_ISREG(st.st_mode);
}

static int watch(Watch *w, InputOptions *input, const char **rules, size_t n_rules, char *const *paths,
                 size_t n_paths) {
        int status, r = engine_new(&w->engine, on_alert, w);

        if (r < 0) {
                log_error("%s", strerror(-r));
                return STATUS_USAGE;
        }
        if (is_live(input->source, n_paths))
                engine_use_proc(w->engine);
        buf_attach(&w->out, STDOUT_FILENO);
        status = load(w, rules, n_rules);
        if (engine_n_rules(w->engine))
                status = role_worse(status, input_run(input, paths, n_paths));
        status = role_worse(status, role_output(w->error));
        engine_free(w->engine);
        buf_done(&w->out);
        return status;
}

int cmd_watch(int argc, char **argv) {
        const char *rules[64], *format = "text";
        InputWords words = { 0 };
        size_t n_rules = 0, n;
        const ArgsOption options[] = {
                { "rules", .value = rules, .n_values = &n_rules, .max_values = ARRAY_SIZE(rules) },
                { "format", .value = &format },
                { "max-line", .value = &words.max_line },
                { "source", .value = &words.source },
                { "from", .value = &words.from },
        };
        Watch w = { .out = BUF_INIT, .color = wants_color() };
        InputOptions input = {
                .event = on_event, .idle = on_idle, .end = on_end, .deadline = on_deadline, .userdata = &w
        };
        int r;

        r = args_parse(argc, argv, options, ARRAY_SIZE(options), &n);
        if (r)
                return r;
        if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
                return role_usage(argv[0], "--format is text or json, not %s", format);
        r = input_take_words(&input, &words, argv[0], n);
        if (r)
                return r;
        w.json = !strcmp(format, "json");
        return watch(&w, &input, rules, n_rules, argv + 1, n);
}
