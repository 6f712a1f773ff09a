/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert events: whole events with their interpreted fields, as text or as JSON. */
#include <unistd.h>
#include "base/log.h"
#include "meaning/event-json.h"
#include "meaning/event-text.h"
#include "role/args.h"
#include "role/input.h"
#include "role/role.h"

typedef struct {
        Buf out;
        Meaning *meaning;
        int (*print)(Buf *out, Meaning *m, const Event *event);
        int error;
} Events;

static void on_event(void *userdata, const Event *event) {
        Events *e = userdata;
        int r = e->error ? 0 : e->print(&e->out, e->meaning, event);

        if (r == 0)
                r = buf_maybe_flush(&e->out);
        if (r < 0 && !e->error)
                e->error = r;
}

static int on_idle(void *userdata) {
        Events *e = userdata;
        int r = buf_flush(&e->out);

        if (r < 0 && !e->error)
                e->error = r;
        return e->error;
}

int cmd_events(int argc, char **argv) {
        const char *format = "text";
        InputWords words = { 0 };
        const ArgsOption options[] = { { "format", .value = &format },
                                       { "max-line", .value = &words.max_line },
                                       { "source", .value = &words.source },
                                       { "from", .value = &words.from } };
        Events e = { .out = BUF_INIT };
        InputOptions input = { .event = on_event, .idle = on_idle, .userdata = &e };
        size_t n;
        int r;

        r = args_parse(argc, argv, options, ARRAY_SIZE(options), &n);
        r = r ? r : input_take_words(&input, &words, argv[0], n);
        if (r)
                return r;
        if (!strcmp(format, "json"))
                e.print = event_json;
        else if (!strcmp(format, "text"))
                e.print = event_text;
        else
                return role_usage(argv[0], "--format is text or json, not %s", format);

        r = meaning_new(&e.meaning);
        if (r < 0) {
                log_error("%s", strerror(-r));
                return STATUS_INPUT;
        }
        buf_attach(&e.out, STDOUT_FILENO);
        r = input_run(&input, argv + 1, n);
        r = role_worse(r, role_output(e.error));
        meaning_free(e.meaning);
        buf_done(&e.out);
        return r;
}
