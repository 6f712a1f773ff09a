/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <unistd.h>
#include "base/buf.h"
#include "record/count.h"
#include "role/args.h"
#include "role/input.h"
#include "role/role.h"

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

static int on_idle(void *userdata) { return buf_flush(&((Listing *)userdata)->out); }

int cmd_records(int argc, char **argv) {
        static Listing l;
        const char *max_line = NULL;
        const ArgsOption options[] = { { "max-line", .value = &max_line } };
        InputOptions input = { .mode = EVENT_AUPARSE, .event = on_event, .idle = on_idle, .userdata = &l };
        size_t n;
        int r;

        r = args_parse(argc, argv, options, ARRAY_SIZE(options), &n);
        if (r)
                return r;
        if (max_line && !args_size(max_line, &input.max_line))
                return role_usage(argv[0], "--max-line %s is no size", max_line);
        buf_attach(&l.out, STDOUT_FILENO);
        r = input_run(&input, argv + 1, n);
        return role_worse(r, role_output(buf_flush(&l.out)));
}
