/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every allocation of the library fails once, in turn: it answers -ENOMEM, leaves the result alone, leaks nothing, and the stream
 * goes on with the loss counted. */
#include <errno.h>
#include <aulert/feed.h>
#include "base/test-support.h"

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

static const char lines[] =
        "node=a type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=257 success=yes a1=7 auid=0 uid=0 "
        "key=\"k\"\n"
        "node=a type=CWD msg=audit(1.000:1): cwd=\"/root\"\n"
        "node=b type=USER_LOGIN msg=audit(1.000:1): pid=1 uid=0 msg='op=login acct=\"ann\" res=failed'\n"
        "node=a type=PROCTITLE msg=audit(1.000:1): proctitle=636174002F\n"
        "node=a type=SYSCALL msg=audit(1.000:2): arch=c000003e syscall=257 uid=4000000\n";
#define N_LINES 5u

/* 0 or -ENOMEM, and the text is untouched in the latter case. */
static void check(int r, AulertText *text) {
        static const char untouched[] = "untouched";

        assert_true(r == 0 || r == -ENOMEM);
        if (r)
                assert_true(failed && (!text->data || !strcmp(text->data, untouched)));
        *text = (AulertText){ untouched, 9 };
}

static void on_event(void *userdata, AulertEvent *e) {
        AulertText t = { NULL, 0 };
        AulertResult result;

        for (const AulertRecord *r = aulert_event_first(e); r; r = aulert_record_next(r)) {
                const AulertField *f;

                ++*(uint64_t *)userdata;
                for (size_t i = 0; (f = aulert_event_field(e, r, i)); i++)
                        check(aulert_event_interpret(e, f, &t), &t);
        }
        check(aulert_event_actor(e, &t), &t);
        check(aulert_event_object(e, &t), &t);
        check(aulert_event_sentence(e, &t), &t);
        check(aulert_event_json(e, &t), &t);
        check(aulert_event_text(e, &t), &t);
        check(aulert_event_escape(e, (AulertText){ "x\n", 2 }, AULERT_ESCAPE_TERMINAL, &t), &t);
        assert_true(aulert_event_result(e, &result) == 0 || failed);
        assert_true(aulert_event_has_key(e, "k") >= 0 || failed);
}

static uint64_t sum_of_losses(const AulertFeed *feed) {
        uint64_t sum = 0, value;
        const char *name;
        int loss;

        for (size_t i = 0; (name = aulert_feed_counter(feed, i, &value, &loss)); i++)
                sum += loss ? value : 0;
        return sum;
}

/* A line for which the buffer must grow, and one behind it; what is lost of the first is not joined to the second. */
static void push_long(AulertFeed *feed) {
        static const char head[] = "type=USER msg=audit(1.000:3): a=",
                          last[] = "type=USER msg=audit(1.000:4): a=1\n";
        static char text[600000];

        memset(text, 'A', sizeof(text));
        memcpy(text, head, strlen(head));
        text[sizeof(text) - 1] = '\n';
        assert_int_equal(aulert_feed_push(feed, text, sizeof(text)), 0);
        assert_int_equal(aulert_feed_push(feed, last, strlen(last)), 0);
}

static bool run(long n) {
        AulertFeed *feed = NULL;
        uint64_t seen = 0;
        int r;

        failed = false;
        countdown = n;
        r = aulert_feed_new(&feed, NULL, on_event, &seen);
        assert_int_equal(r, failed ? -ENOMEM : 0);
        if (r == 0) {
                for (size_t i = 0; i < strlen(lines); i += 50)
                        assert_int_equal(aulert_feed_push(feed, lines + i,
                                                          strlen(lines) - i < 50 ? strlen(lines) - i : 50),
                                         0);
                push_long(feed);
                aulert_feed_flush(feed);
                assert_int_equal(seen + sum_of_losses(feed), N_LINES + 2);
        } else {
                assert_null(feed);
        }
        countdown = -1;
        aulert_feed_free(feed);
        return failed;
}

static void each_allocation_fails_once(void **state) {
        long n = 0;

        while (run(n))
                assert_in_range(++n, 0, 100000);
        print_message("%ld allocations\n", n);
        assert_in_range(n, 30, 100000);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(each_allocation_fails_once) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
