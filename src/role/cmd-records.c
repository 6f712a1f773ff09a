/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
#include "base/buf.h"
#include "event/event.h"
#include "record/count.h"
#include "role/role.h"
#include "source/line.h"

#define CACHED_TYPES 4096

typedef struct {
        Buf out;
        Buf prefix[CACHED_TYPES + 1]; /* "record type N(NAME) has ", by type + 1 */
} Listing;

static void put_prefix(Buf *out, int type) {
        const char *name = record_type_to_name(type);

        buf_printf(out, "record type %d(%s) has ", type, name ? name : "(null)");
}

static void put_line(Listing *l, int type, uint32_t n_fields) {
        if (likely(type >= -1 && type < CACHED_TYPES)) {
                Buf *prefix = &l->prefix[type + 1];

                if (unlikely(!prefix->n))
                        put_prefix(prefix, type);
                buf_put(&l->out, prefix->p, prefix->n);
        } else {
                put_prefix(&l->out, type);
        }
        buf_u64(&l->out, n_fields);
        BUF_LIT(&l->out, " fields\n");
}

static void on_event(void *userdata, const Event *event) {
        Listing *l = userdata;
        bool bad;

        for (const Record *r = event->records; r; r = r->next)
                put_line(l, r->type, r->n_fields >= 0 ? (uint32_t)r->n_fields : count_fields(r, &bad));
        buf_maybe_flush(&l->out);
}

static void recycle(void *userdata) { event_detach(userdata); }

int cmd_records(int argc, char **argv) {
        static Listing l;
        EventAssembler *a;
        LineReader *reader;
        Str line;

        buf_attach(&l.out, STDOUT_FILENO);
        if (event_assembler_new(&a, EVENT_AUPARSE, NULL, on_event, &l) < 0 ||
            line_reader_new(&reader, STDIN_FILENO, &(LineOptions){ .recycle = recycle, .userdata = a }) < 0)
                return 3;
        while (line_reader_fill(reader) == 0)
                while (line_reader_next(reader, &line, NULL))
                        event_add(a, line);
        event_flush(a);
        buf_flush(&l.out);
        line_reader_free(reader);
        event_assembler_free(a);
        return 0;
}
