/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every allocation fails once, in turn: constructors report it and leak nothing, and the stream goes on with the loss counted.
 * The linker sends malloc, calloc and realloc of our code here (--wrap). */
#include <errno.h>
#include "base/test-support.h"
#include "event/event.h"
#include "meaning/meaning.h"
#include "record/field.h"
#include "source/line.h"

/* volatile: with the whole program in sight the compiler assumes that malloc changes no variable of ours. */
static volatile long countdown = -1; /* allocations that still succeed; negative: all */
static volatile bool failed;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool must_fail(void) {
        if (countdown < 0 || countdown-- > 0)
                return false;
        failed = true;
        return true;
}

void *__wrap_malloc(size_t n) { return must_fail() ? NULL : __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return must_fail() ? NULL : __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { return must_fail() ? NULL : __real_realloc(p, n); }

/* Runs @fn with the first, second, third … allocation failing until a run needs no more of them. Returns how many there were. */
static int each_allocation(void (*fn)(void)) {
        for (int n = 0;; n++) {
                failed = false;
                countdown = n;
                fn();
                countdown = -1;
                if (!failed)
                        return n;
                assert_in_range(n, 0, 10000);
        }
}

static void ignore_event(void *userdata, const Event *event) { ++*(uint64_t *)userdata; }

static void make_reader(void) {
        LineReader *r = (LineReader *)0x1;
        int k = line_reader_new(&r, 0, NULL);

        assert_int_equal(k, failed ? -ENOMEM : 0);
        if (k < 0)
                assert_ptr_equal(r, (LineReader *)0x1); /* untouched on failure */
        else
                line_reader_free(r);
}

static void make_assembler(void) {
        EventAssembler *a = NULL;
        uint64_t n = 0;
        int k = event_assembler_new(&a, EVENT_DEFAULT, NULL, ignore_event, &n);

        assert_int_equal(k, failed ? -ENOMEM : 0);
        event_assembler_free(a);
}

/* Two nodes, events that stay open, a detach: whatever fails, each record is delivered or counted. */
static void run_stream(EventMode mode) {
        const EventCounters *c;
        EventAssembler *a;
        uint64_t events = 0;
        long armed = countdown;
        char line[160];

        countdown = -1;
        assert_int_equal(event_assembler_new(&a, mode, NULL, ignore_event, &events), 0);
        countdown = armed;
        for (int i = 0; i < 300; i++) {
                snprintf(line, sizeof(line) - STR_SLACK, "node=n%d type=%s msg=audit(1.000:%d): a=1", i % 2,
                         i % 3 ? "SYSCALL" : "PROCTITLE", i % 150);
                event_add(a, str_from(line));
                event_detach(a);
        }
        event_flush(a);
        c = event_counters(a);
        assert_int_equal(c->lines, 300);
        assert_int_equal(c->records + c->bad_header + c->forged + c->path_lines + c->bad_unparsed + c->eoe +
                                 c->no_memory,
                         300);
        assert_int_equal(c->events, events);
        event_assembler_free(a);
}

static void run_default(void) { run_stream(EVENT_DEFAULT); }
static void run_whole(void) { run_stream(EVENT_WHOLE); }
static void run_auparse(void) { run_stream(EVENT_AUPARSE); }

static void split_fields(void) {
        FieldVec vec = FIELD_VEC_INIT;
        Record r = { .text = test_guarded(STR("a=1 b=2"), 0), .type = 1300 };
        int k = field_split(&vec, &r);

        assert_int_equal(k, failed ? -ENOMEM : 0);
        field_vec_done(&vec);
}

static void grow_buffer(void) {
        Buf b = BUF_INIT;

        buf_printf(&b, "%0*d", 10000, 7);
        buf_putc(&b, 'x');
        if (failed) {
                assert_true(b.failed);
                assert_int_equal(b.error, ENOMEM);
                assert_null(buf_z(&b));
        }
        buf_done(&b);
}

static void test_each(void **state) {
        static const struct {
                const char *name;
                void (*fn)(void);
                int at_least;
        } rows[] = {
                { "reader", make_reader, 2 },           { "assembler", make_assembler, 4 },
                { "default stream", run_default, 100 }, { "whole stream", run_whole, 100 },
                { "auparse stream", run_auparse, 100 }, { "fields", split_fields, 1 },
                { "buffer", grow_buffer, 1 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                int n = each_allocation(rows[i].fn);

                print_message("%s: %d allocations\n", rows[i].name, n);
                assert_in_range(n, rows[i].at_least, 100000);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_each) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
