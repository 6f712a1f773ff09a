/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A line for each record: its type and how many fields it has. A plugin of auditd; reads a log on stdin too. */
#include <aulert/plugin.h>
#include <stdio.h>
#include <string.h>

static void on_event(void *userdata, AulertEvent *event) {
        for (const AulertRecord *r = aulert_event_first(event); r; r = aulert_record_next(r)) {
                int type = aulert_record_type(r);
                const char *name = aulert_type_name(type);

                printf("record type %d(%s) has %u fields\n", type, name ? name : "(null)",
                       (unsigned)aulert_record_count_fields(r));
        }
}

static void on_idle(void *userdata) { fflush(stdout); }

int main(void) {
        AulertFeedOptions options = { .size = sizeof(options), .auparse = 1 };
        AulertPlugin plugin = {
                .size = sizeof(plugin), .event = on_event, .idle = on_idle, .options = &options
        };
        int r;

        setvbuf(stdout, NULL, _IOFBF, 64 << 10); /* on_idle() writes out what is there */
        r = aulert_plugin_run(&plugin);

        if (r < 0)
                fprintf(stderr, "records: %s\n", strerror(-r));
        return r < 0 || ferror(stdout) ? 3 : 0;
}
