/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <auparse.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "event/event.h"
#include "fuzz/rng.h"
#include "fuzz/sides.h"
#include "record/count.h"
#include "source/line.h"

static void add(Listing *l, Entry e) {
        if (l->n == l->cap) {
                size_t cap = l->cap ? l->cap * 2 : 256;
                Entry *v = realloc(l->v, cap * sizeof(*v));

                if (!v) {
                        l->failed = true;
                        return;
                }
                l->v = v;
                l->cap = cap;
        }
        l->v[l->n++] = e;
}

void listing_done(Listing *l) {
        free(l->v);
        *l = (Listing){ 0 };
}

static void library_event(auparse_state_t *au, auparse_cb_event_t what, void *userdata) {
        Entry e = { .first = true };

        if (what != AUPARSE_CB_EVENT_READY || auparse_first_record(au) <= 0)
                return;
        do {
                e.type = auparse_get_type(au);
                e.n_fields = auparse_get_num_fields(au);
                add(userdata, e);
                e.first = false;
        } while (auparse_next_record(au) > 0);
}

void sides_library(const Case *c, Listing *ret) {
        auparse_state_t *au = auparse_init(AUSOURCE_FEED, NULL);
        Buf line = BUF_INIT;

        ret->n = 0;
        ret->failed = !au;
        if (!au)
                return;
        auparse_add_callback(au, library_event, ret, NULL);
        for (size_t i = 0; i < c->n; i++) {
                buf_clear(&line);
                buf_str(&line, buf_view(&c->line[i]));
                if (!c->unended || i + 1 < c->n)
                        buf_putc(&line, '\n');
                if (line.n && auparse_feed(au, line.p, line.n) < 0)
                        ret->failed = true;
        }
        auparse_flush_feed(au);
        auparse_destroy(au);
        ret->failed |= line.failed;
        buf_done(&line);
}

static void our_event(void *userdata, const Event *event) {
        bool bad, first = true;

        for (const Record *r = event->records; r; r = r->next) {
                add(userdata,
                    (Entry){ .first = first,
                             .type = r->type,
                             .n_fields = r->n_fields >= 0 ? (uint32_t)r->n_fields : count_fields(r, &bad) });
                first = false;
        }
}

/* The memory that lines lie in: as in a reader's buffer anything may follow a line, and after
 * event_detach() its text is gone. */
typedef struct {
        Rng rng;
        char *line[CASE_LINES];
        size_t size[CASE_LINES];
        size_t n;
} Lent;

static void make_slack(Rng *rng, char *p) {
        static const char *const patterns[] = {
                "",
                ":123): k=v key=41 msg='a=b",
                "=====================================",
                "00000000000000000000:1): ",
                "\n",
                "\nnode=x type=AVC msg=audit(1.1:1):  { a }",
                " x=y",
                "\x1Dx=y",
        };
        const char *s = RNG_PICK(rng, patterns);
        size_t n = strlen(s);

        memset(p, 0, STR_SLACK);
        for (size_t i = 0; i < STR_SLACK; i++)
                p[i] = n ? s[i % n] : 0;
}

static bool lend(Lent *l, const Buf *line, Str *ret) {
        char *p = malloc(line->n + STR_SLACK);

        if (!p)
                return false;
        if (line->n)
                memcpy(p, line->p, line->n);
        make_slack(&l->rng, p + line->n);
        l->line[l->n] = p;
        l->size[l->n++] = line->n + STR_SLACK;
        *ret = (Str){ p, line->n };
        return true;
}

static void take_back(Lent *l) {
        while (l->n) {
                l->n--;
                memset(l->line[l->n], ' ', l->size[l->n]);
                free(l->line[l->n]);
        }
}

static void feed_lent(EventAssembler *a, const Case *c, Listing *ret) {
        Lent lent = { .rng = { c->noise } };
        size_t n = c->unended ? c->n - 1 : c->n; /* dropping it is the reader's task */
        Str line;

        for (size_t i = 0; i < n; i++) {
                if (!lend(&lent, &c->line[i], &line)) {
                        ret->failed = true;
                        break;
                }
                event_add(a, line);
                if (rng_one_in(&lent.rng, 4)) {
                        event_detach(a);
                        take_back(&lent);
                }
        }
        event_flush(a);
        take_back(&lent);
}

static void recycle(void *userdata) { event_detach(userdata); }

static int fd_with(const Case *c) {
        int fd = memfd_create("case", MFD_CLOEXEC);
        Buf text = BUF_INIT;
        bool ok;

        if (fd < 0)
                return fd;
        case_text(c, &text);
        ok = !text.failed && write(fd, text.p, text.n) == (ssize_t)text.n && lseek(fd, 0, SEEK_SET) == 0;
        buf_done(&text);
        if (!ok) {
                close(fd);
                return -1;
        }
        return fd;
}

static void feed_reader(EventAssembler *a, const Case *c, Listing *ret) {
        LineOptions options = { .recycle = recycle, .userdata = a };
        LineReader *reader = NULL;
        int fd = fd_with(c);
        Str line;

        if (fd < 0 || line_reader_new(&reader, fd, &options) < 0) {
                ret->failed = true;
        } else {
                while (line_reader_fill(reader) == 0)
                        while (line_reader_next(reader, &line, NULL))
                                event_add(a, line);
                event_flush(a);
        }
        line_reader_free(reader);
        if (fd >= 0)
                close(fd);
}

void sides_ours(const Case *c, Listing *ret) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        EventAssembler *a;

        limits.open_events = 1024; /* more than CASE_LINES, so none acts; tables are smaller */
        ret->n = 0;
        ret->failed = false;
        if (event_assembler_new(&a, EVENT_AUPARSE, &limits, our_event, ret) < 0) {
                ret->failed = true;
                return;
        }
        if (c->by_reader)
                feed_reader(a, c, ret);
        else
                feed_lent(a, c, ret);
        event_assembler_free(a);
}

static bool same(const Listing *a, const Listing *b, size_t i) {
        return i < a->n && i < b->n && a->v[i].first == b->v[i].first && a->v[i].type == b->v[i].type &&
               a->v[i].n_fields == b->v[i].n_fields;
}

bool sides_same(const Listing *a, const Listing *b) {
        if (a->n != b->n)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!same(a, b, i))
                        return false;
        return true;
}

static void show_entry(const Listing *l, size_t i, Buf *out) {
        char text[64] = "-";

        if (i < l->n)
                snprintf(text, sizeof(text), "%s type %d, %u fields", l->v[i].first ? "*" : " ", l->v[i].type,
                         l->v[i].n_fields);
        buf_printf(out, "%-32s", text);
}

void sides_show(const Listing *library, const Listing *ours, Buf *out) {
        buf_printf(out, "  %-32s%-32s(*: starts an event)\n", "libauparse", "aulert");
        for (size_t i = 0; i < library->n || i < ours->n; i++) {
                buf_putz(out, same(library, ours, i) ? "  " : "! ");
                show_entry(library, i, out);
                show_entry(ours, i, out);
                buf_putc(out, '\n');
        }
}
