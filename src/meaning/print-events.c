/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* print-events json|thorough|text <CAPTURE: events as JSON (thorough: without anything remembered) or as
 * text, for tests of the writers without the command around them. */
#include <stdio.h>
#include <unistd.h>
#include "meaning/event-json.h"
#include "meaning/event-state.h"
#include "meaning/event-text.h"
#include "source/line.h"

typedef struct {
        Buf out;
        Meaning *meaning;
        bool json;
        int error;
} Printer;

static void print(void *userdata, const Event *event) {
        Printer *p = userdata;
        int r = p->json ? event_json(&p->out, p->meaning, event) : event_text(&p->out, p->meaning, event);

        if (r)
                p->error = r;
        buf_maybe_flush(&p->out);
}

static void recycle(void *assembler) { event_detach(assembler); }

int main(int argc, char **argv) {
        Printer p = { .out = BUF_INIT, .json = argc > 1 && strcmp(argv[1], "text") };
        EventAssembler *a;
        LineReader *reader;
        Str line;

        buf_attach(&p.out, STDOUT_FILENO);
        if (meaning_new(&p.meaning) || event_assembler_new(&a, EVENT_DEFAULT, NULL, print, &p) ||
            line_reader_new(&reader, STDIN_FILENO, &(LineOptions){ .recycle = recycle, .userdata = a }))
                return 1;
        meaning_event_state(p.meaning)->thorough = argc > 1 && !strcmp(argv[1], "thorough");
        while (line_reader_fill(reader) == 0)
                while (line_reader_next(reader, &line, NULL))
                        event_add(a, line);
        event_flush(a);
        if (buf_flush(&p.out))
                p.error = -1;
        line_reader_free(reader);
        event_assembler_free(a);
        meaning_free(p.meaning);
        buf_done(&p.out);
        return p.error ? 1 : 0;
}
