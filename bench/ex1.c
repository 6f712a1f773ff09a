/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The yardstick: what a first realtime plugin on libauparse's feed does with its standard input.
 *
 * select() and fgets() a line, feed it, and for each event that the library hands out print one line a
 * record. `aulert records` has to print the same bytes, so this is the oracle of its differential test
 * as well as the other side of its benchmark.
 *
 * --feed-lines reads with getline() and feeds explicit lengths, so that a NUL does not swallow what
 * follows it, and without select(). Limit otherwise: fgets() hands over at most a message of auditd at
 * a time. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <auparse.h>
#include <libaudit.h>

static void print_event(auparse_state_t *au, auparse_cb_event_t what, void *userdata) {
        if (what != AUPARSE_CB_EVENT_READY || auparse_first_record(au) <= 0)
                return;
        do {
                int type = auparse_get_type(au);

                printf("record type %d(%s) has %u fields\n", type, audit_msg_type_to_name(type),
                       auparse_get_num_fields(au));
        } while (auparse_next_record(au) > 0);
}

/* Waits for input; while events are open only so long that the library can end those that are over. */
static int wait_input(auparse_state_t *au) {
        for (;;) {
                struct timeval patience = { .tv_sec = 3 };
                bool open = auparse_feed_has_data(au);
                fd_set set;
                int r;

                FD_ZERO(&set);
                FD_SET(0, &set);
                r = select(1, &set, NULL, NULL, open ? &patience : NULL);
                if (r > 0)
                        return 0;
                if (r == 0)
                        auparse_feed_age_events(au);
                else if (errno != EINTR)
                        return -errno;
        }
}

static int feed_as_plugins_do(auparse_state_t *au) {
        char line[MAX_AUDIT_MESSAGE_LENGTH + 1];

        while (!feof(stdin) && !ferror(stdin)) {
                int r = wait_input(au);

                if (r < 0)
                        return r;
                if (fgets(line, sizeof(line), stdin))
                        auparse_feed(au, line, strlen(line));
        }
        return ferror(stdin) ? -EIO : 0;
}

static int feed_lines(auparse_state_t *au) {
        char *line = NULL;
        size_t size = 0;
        ssize_t n;

        while ((n = getline(&line, &size, stdin)) > 0)
                auparse_feed(au, line, (size_t)n);
        free(line);
        return ferror(stdin) ? -EIO : 0;
}

int main(int argc, char **argv) {
        bool lines = argc == 2 && !strcmp(argv[1], "--feed-lines");
        auparse_state_t *au;
        int r;

        if (argc > 1 && !lines) {
                fprintf(stderr, "usage: %s [--feed-lines] <CAPTURE\n", argv[0]);
                return 2;
        }
        au = auparse_init(AUSOURCE_FEED, NULL);
        if (!au)
                return 3;
        auparse_add_callback(au, print_event, NULL, NULL);
        r = lines ? feed_lines(au) : feed_as_plugins_do(au);
        auparse_flush_feed(au);
        auparse_destroy(au);
        if (r < 0 || fflush(stdout)) {
                fprintf(stderr, "ex1: %s\n", strerror(r < 0 ? -r : errno));
                return 3;
        }
        return 0;
}
