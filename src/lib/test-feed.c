/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The feed as its users see it: public headers only. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <aulert/plugin.h>
#include "base/buf.h"
#include "base/hash.h"
#include "base/test-support.h"

/* A fixed seed: every run asks the same. */
static uint64_t next_random(uint64_t *state) {
        *state = *state * 6364136223846793005ull + 1442695040888963407ull;
        return *state >> 33;
}

typedef struct {
        uint64_t sum; /* of the JSON of all events, in order */
        uint64_t n_events, n_records, n_late;
} Seen;

static void on_event(void *userdata, AulertEvent *event) {
        Seen *s = userdata;
        AulertText json;

        assert_int_equal(aulert_event_json(event, &json), 0);
        s->sum = hash_bytes(json.data, json.size, s->sum);
        s->n_events++;
        s->n_late += aulert_event_late(event) != 0;
        for (const AulertRecord *r = aulert_event_first(event); r; r = aulert_record_next(r))
                s->n_records++;
}

/* @chunk 0: of random sizes. */
static Seen feed_in_chunks(Str data, size_t chunk, uint64_t seed) {
        AulertFeed *feed = NULL;
        Seen seen = { 0 };

        assert_int_equal(aulert_feed_new(&feed, NULL, on_event, &seen), 0);
        while (data.n) {
                size_t n = chunk ? chunk : 1 + next_random(&seed) % (1u << next_random(&seed) % 18);

                if (n > data.n)
                        n = data.n;
                assert_int_equal(aulert_feed_push(feed, data.p, n), 0);
                data = (Str){ data.p + n, data.n - n };
        }
        aulert_feed_flush(feed);
        aulert_feed_free(feed);
        return seen;
}

/* Every capture of the folder, one behind the other. */
static void add_captures(Buf *all, const char *folder) {
        struct dirent **entries;
        int n = scandir(folder, &entries, NULL, alphasort);

        assert_true(n > 0);
        for (int i = 0; i < n; i++) {
                char path[4096];
                int fd;
                ssize_t k;

                snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
                fd = str_ends(str_from(path), STR(".log")) ? open(path, O_RDONLY) : -1;
                for (; fd >= 0 && (k = read(fd, buf_reserve(all, 65536), 65536)) > 0; all->n += (size_t)k)
                        ;
                if (fd >= 0)
                        close(fd);
                free(entries[i]);
        }
        free(entries);
}

static Buf all_captures(void) {
        Buf all = BUF_INIT;

        add_captures(&all, CAPTURES "/enriched");
        add_captures(&all, CAPTURES "/raw");
        buf_put(&all, "\0x\nno record\n\n", 14);
        return all;
}

static void any_chunks_give_the_same_events(void **state) {
        static const size_t sizes[] = { 1, 2, 3, 7, 64, 1000, 4096, 65537, 0, 0, 0, 0, 0, 0 };
        Buf all = all_captures();
        Seen whole = feed_in_chunks(buf_view(&all), all.n, 0);

        assert_true(whole.n_events > 300 && whole.n_records > whole.n_events);
        for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                Seen seen = feed_in_chunks(buf_view(&all), sizes[i], i);

                assert_int_equal(seen.n_events, whole.n_events);
                assert_int_equal(seen.sum, whole.sum);
        }
        buf_done(&all);
}

static Buf frames_of(Str text, bool formatted, size_t padded) {
        Buf frames = BUF_INIT;

        while (text.n) {
                const char *nl = memchr(text.p, '\n', text.n);
                Str line = { text.p, (size_t)(nl - text.p) };
                uint32_t head[4] = { formatted, 16, 1300, 0 };

                if (!formatted) { /* the kernel's text: behind "msg=" */
                        const char *p = memmem(line.p, line.n, " msg=", 5);

                        line = (Str){ p + 5, line.n - (size_t)(p + 5 - line.p) };
                }
                head[3] = (uint32_t)line.n;
                buf_put(&frames, head, sizeof(head));
                buf_str(&frames, line);
                for (size_t i = line.n; i < padded; i++)
                        buf_putc(&frames, 0);
                text = (Str){ nl + 1, text.n - (size_t)(nl + 1 - text.p) };
        }
        return frames;
}

static void frames_give_the_same_events_as_lines(void **state) {
        static const size_t sizes[] = { 1, 15, 16, 17, 1000, 8986, 100000, 0, 0 };
        Buf all = BUF_INIT;
        Str part;

        add_captures(&all, CAPTURES "/enriched");
        part = (Str){ all.p, 200000 < all.n ? 200000 : all.n };
        while (part.p[part.n - 1] != '\n')
                part.n--;
        for (size_t padded = 0; padded <= 8970; padded += 8970) {
                Buf frames = frames_of(part, true, padded), kernel;
                Str one = STR("type=SYSCALL msg=audit(1.000:1): a=1\ntype=SYSCALL msg=audit(1.000:2): a=1\n");
                Seen lines = feed_in_chunks(part, part.n, 0), two = feed_in_chunks(one, one.n, 0);

                kernel = frames_of(one, false, padded);
                for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
                        assert_int_equal(feed_in_chunks(buf_view(&frames), sizes[i], i).sum, lines.sum);
                        assert_int_equal(feed_in_chunks(buf_view(&kernel), sizes[i], i).sum, two.sum);
                }
                buf_done(&frames);
                buf_done(&kernel);
        }
        buf_done(&all);
}

static void *feed_in_thread(void *userdata) {
        Seen *seen = userdata;
        Buf all = all_captures();

        *seen = feed_in_chunks(buf_view(&all), 5000, 0);
        buf_done(&all);
        return NULL;
}

static void two_threads_have_two_feeds(void **state) {
        Seen seen[3];
        pthread_t threads[2];

        feed_in_thread(&seen[2]);
        for (int i = 0; i < 2; i++)
                assert_int_equal(pthread_create(&threads[i], NULL, feed_in_thread, &seen[i]), 0);
        for (int i = 0; i < 2; i++) {
                pthread_join(threads[i], NULL);
                assert_int_equal(seen[i].sum, seen[2].sum);
        }
}

#define LOGIN                                                                                      \
        "type=USER_LOGIN msg=audit(1700000000.123:7): pid=1 uid=0 auid=4294967295 ses=4294967295 " \
        "msg='op=login "                                                                           \
        "acct=\"ann\" exe=\"/usr/sbin/sshd\" hostname=? addr=192.0.2.7 terminal=sshd res=failed'\n"

static void assert_text(AulertText t, const char *wanted) {
        assert_non_null(t.data);
        assert_int_equal(t.size, strlen(wanted));
        assert_memory_equal(t.data, wanted, t.size);
}

static void ask_login(void *userdata, AulertEvent *e) {
        static const struct {
                int (*ask)(AulertEvent *, AulertText *);
                const char *wanted;
        } rows[] = { { aulert_event_actor, "ann" },
                     { aulert_event_action, "login" },
                     { aulert_event_object, "ann" },
                     { aulert_event_origin, "192.0.2.7" },
                     { aulert_event_sentence, "failed login as ann over ssh from 192.0.2.7" } };
        const AulertRecord *r = aulert_event_first(e);
        AulertResult result;
        AulertText text;

        ++*(int *)userdata;
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                assert_int_equal(rows[i].ask(e, &text), 0);
                assert_text(text, rows[i].wanted);
        }
        assert_int_equal(aulert_event_result(e, &result), 0);
        assert_int_equal(result, AULERT_RESULT_FAILED);
        assert_int_equal(aulert_event_interpret(e, aulert_event_find(e, r, "uid"), &text), 0);
        assert_text(text, "root");
        assert_text(aulert_field_raw(aulert_event_find(e, r, "acct")), "ann");
        assert_text(aulert_field_name(aulert_event_field(e, r, 0)), "pid");
        assert_null(aulert_event_field(e, r, 99));
        assert_int_equal(aulert_record_count_fields(r), 12); /* type= and the 11 that are walked */
        assert_null(aulert_event_find(e, r, "nothing"));
        assert_int_equal(aulert_event_has_key(e, "k"), 0);
        assert_int_equal(aulert_event_seconds(e), 1700000000);
        assert_int_equal(aulert_event_milliseconds(e), 123);
        assert_int_equal(aulert_event_error(e), 0);
}

static void an_event_says_who_did_what(void **state) {
        AulertFeed *feed = NULL;
        int n = 0;

        assert_int_equal(aulert_feed_new(&feed, NULL, ask_login, &n), 0);
        assert_int_equal(aulert_feed_push(feed, LOGIN, strlen(LOGIN)), 0);
        assert_int_equal(n, 1);
        aulert_feed_free(feed);
}

#define UNKNOWN                                                                                    \
        "type=USER_LOGIN msg=audit(1700000000.123:7): pid=1 uid=0 auid=4294967295 ses=4294967295 " \
        "msg='op=login acct=28696E76616C6964207573657229 exe=\"/usr/sbin/sshd\" hostname=? "       \
        "addr=192.0.2.7 terminal=sshd res=failed'\n"

static void ask_unknown(void *userdata, AulertEvent *e) {
        AulertText text;

        ++*(int *)userdata;
        assert_int_equal(aulert_event_actor(e, &text), 0);
        assert_text(text, "");
        assert_int_equal(aulert_event_object(e, &text), 0);
        assert_text(text, "");
}

/* sshd hides the name; uid=0 is its own. */
static void a_login_of_nobody_has_no_actor(void **state) {
        AulertFeed *feed = NULL;
        int n = 0;

        assert_int_equal(aulert_feed_new(&feed, NULL, ask_unknown, &n), 0);
        assert_int_equal(aulert_feed_push(feed, UNKNOWN, strlen(UNKNOWN)), 0);
        assert_int_equal(n, 1);
        aulert_feed_free(feed);
}

/* The kernel writes several keys of one rule as hexadecimal text with byte 1 between them. */
static void ask_keys(void *userdata, AulertEvent *e) {
        AulertText text;

        ++*(int *)userdata;
        assert_int_equal(aulert_event_has_key(e, "one"), 1);
        assert_int_equal(aulert_event_has_key(e, "two"), 1);
        assert_int_equal(aulert_event_has_key(e, "on"), 0);
        assert_int_equal(aulert_event_escape(e, (AulertText){ "<\033>", 3 }, AULERT_ESCAPE_MARKUP, &text), 0);
        assert_string_equal(text.data, "&lt;\\x1b&gt;");
        assert_int_equal(aulert_event_escape(e, (AulertText){ "\"\n", 2 }, AULERT_ESCAPE_JSON, &text), 0);
        assert_string_equal(text.data, "\\\"\\n");
        assert_int_equal(aulert_event_escape(e, text, (AulertEscape)77, &text), -EINVAL);
}

static void keys_and_escapes(void **state) {
        static const char lines[] =
                "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=2 key=6F6E650174776F\n"
                "type=EOE msg=audit(1.000:1): \n";
        AulertFeed *feed = NULL;
        int n = 0;

        assert_int_equal(aulert_feed_new(&feed, NULL, ask_keys, &n), 0);
        assert_int_equal(aulert_feed_push(feed, lines, strlen(lines)), 0);
        assert_int_equal(n, 1);
        aulert_feed_free(feed);
}

static uint64_t counter(const AulertFeed *feed, const char *wanted, int *ret_loss) {
        uint64_t value = 0;
        const char *name;

        for (size_t i = 0; (name = aulert_feed_counter(feed, i, &value, ret_loss)); i++)
                if (!strcmp(name, wanted))
                        return value;
        fail_msg("no counter %s", wanted);
        return 0;
}

/* Time is what the caller says: an unfinished event comes when its time-out is over, what follows is late. */
static void events_age_without_a_thread(void **state) {
        static const char open[] = "type=SYSCALL msg=audit(1.000:1): a=1\n";
        AulertFeedOptions options = { .size = sizeof(options), .timeout_ms = 500, .max_line = 100 };
        AulertFeed *feed = NULL;
        Seen seen = { 0 };
        char *big = calloc(1, 300);
        int loss;

        assert_int_equal(aulert_feed_new(&feed, &options, on_event, &seen), 0);
        assert_int_equal(aulert_feed_deadline(feed), UINT64_MAX);
        aulert_feed_age(feed, 7000000000ull);
        aulert_feed_push(feed, open, strlen(open));
        assert_int_equal(aulert_feed_deadline(feed), 7500000000ull);
        aulert_feed_age(feed, 7499999999ull);
        assert_int_equal(seen.n_events, 0);
        aulert_feed_age(feed, 7500000000ull);
        assert_int_equal(seen.n_events, 1);
        aulert_feed_push(feed, open, strlen(open));
        aulert_feed_flush(feed);
        assert_int_equal(seen.n_late, 1);
        memset(big, 'x', 299);
        big[299] = '\n';
        aulert_feed_push(feed, big, 300);
        assert_int_equal(counter(feed, "lines_too_long", &loss), 1);
        assert_true(loss);
        assert_int_equal(counter(feed, "records", &loss), 2);
        assert_false(loss);
        free(big);
        aulert_feed_free(feed);
}

static void a_feed_reads_descriptors(void **state) {
        AulertFeed *feed = NULL;
        Seen seen = { 0 };
        int fds[2];

        assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
        assert_int_equal(aulert_feed_new(&feed, NULL, on_event, &seen), 0);
        assert_int_equal(aulert_feed_read(feed, fds[0]), -EAGAIN);
        assert_int_equal(write(fds[1], LOGIN, 20), 20);
        assert_int_equal(aulert_feed_read(feed, fds[0]), 0);
        assert_int_equal(write(fds[1], &LOGIN[20], strlen(LOGIN) - 20), strlen(LOGIN) - 20);
        assert_int_equal(aulert_feed_read(feed, fds[0]), 0);
        assert_int_equal(seen.n_events, 1);
        close(fds[1]);
        assert_int_equal(aulert_feed_read(feed, fds[0]), 1);
        assert_int_equal(aulert_feed_read(feed, -1), -EBADF);
        close(fds[0]);
        aulert_feed_free(feed);
}

/* Files one after the other; a torn end is no start of what follows. */
static void a_feed_goes_on_after_an_end(void **state) {
        AulertFeed *feed = NULL;
        Seen seen = { 0 };
        int loss;

        assert_int_equal(aulert_feed_new(&feed, NULL, on_event, &seen), 0);
        for (unsigned i = 1; i <= 3; i++) {
                int fds[2];

                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
                assert_int_equal(write(fds[1], LOGIN LOGIN, strlen(LOGIN) + 20), strlen(LOGIN) + 20);
                close(fds[1]);
                assert_int_equal(aulert_feed_read(feed, fds[0]), 0);
                assert_int_equal(aulert_feed_read(feed, fds[0]), 1);
                assert_int_equal(aulert_feed_read(feed, fds[0]), 1);
                close(fds[0]);
                assert_int_equal(seen.n_events, i);
                assert_int_equal(counter(feed, "lines_unended", &loss), i);
        }
        assert_int_equal(aulert_feed_push(feed, LOGIN, strlen(LOGIN)), 0);
        assert_int_equal(seen.n_events, 4);
        assert_int_equal(counter(feed, "bad_lines", &loss), 0);
        aulert_feed_free(feed);
}

/* Who has no more use for time may say that it is over. */
static void time_has_an_end(void **state) {
        static const char open[] = "type=SYSCALL msg=audit(1.000:1): a=1\n";
        AulertFeedOptions options = { .size = sizeof(options), .timeout_ms = UINT32_MAX };
        AulertFeed *feed = NULL;
        Seen seen = { 0 };

        assert_int_equal(aulert_feed_new(&feed, &options, on_event, &seen), 0);
        aulert_feed_age(feed, UINT64_MAX);
        aulert_feed_age(feed, UINT64_MAX - 7);
        aulert_feed_push(feed, open, strlen(open));
        assert_int_equal(aulert_feed_deadline(feed), UINT64_MAX);
        aulert_feed_age(feed, UINT64_MAX - 6);
        assert_int_equal(seen.n_events, 0);
        aulert_feed_age(feed, UINT64_MAX);
        assert_int_equal(seen.n_events, 1);
        aulert_feed_free(feed);
}

static void ask_for_nothing(void *userdata, AulertEvent *e) {
        const AulertField *none = aulert_event_find(e, aulert_event_first(e), "nothing");
        AulertText text = { "x", 1 };

        ++*(int *)userdata;
        assert_null(none);
        assert_text(aulert_field_raw(none), "");
        assert_text(aulert_field_name(none), "");
        assert_text(aulert_event_node(e), "");
        assert_int_equal(aulert_event_interpret(e, none, &text), 0);
        assert_text(text, "");
        assert_int_equal(aulert_event_escape(e, text, AULERT_ESCAPE_TERMINAL, &text), 0);
        assert_string_equal(text.data, "");
}

#define CALL(_rest)                                                                                          \
        "type=SYSCALL msg=audit(1.000:1): arch=c000003e syscall=42 success=no auid=0 uid=0 exe=\"/bin/x\"\n" \
        "type=" _rest "\n"                                                                                   \
        "type=PROCTITLE msg=audit(1.000:1): proctitle=\"x\"\n"

/* Who did it is no object, unless it is about the account itself. */
static const struct {
        const char *records, *object;
} objects[] = {
        { CALL("CWD msg=audit(1.000:1): cwd=\"/\""), "" },
        { CALL("SOCKADDR msg=audit(1.000:1): saddr=02000050C00002070000000000000000"), "192.0.2.7" },
        { CALL("PATH msg=audit(1.000:1): item=0 name=\"/etc/x\" nametype=NORMAL"), "/etc/x" },
        { "type=USER_CMD msg=audit(1.000:1): pid=1 uid=0 auid=0 msg='cwd=\"/\" cmd=\"id\" "
          "exe=\"/usr/bin/sudo\" "
          "res=success'\n",
          "id" },
        { "type=LOGIN msg=audit(1.000:1): pid=1 uid=0 old-auid=4294967295 auid=0 res=1\n"
          "type=PROCTITLE msg=audit(1.000:1): proctitle=\"x\"\n",
          "root" },
};

static void ask_object(void *userdata, AulertEvent *e) {
        AulertText text;

        assert_int_equal(aulert_event_object(e, &text), 0);
        assert_text(text, *(const char **)userdata);
        *(const char **)userdata = NULL;
}

static void an_object_is_not_who_did_it(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(objects); i++) {
                const char *wanted = objects[i].object;
                AulertFeed *feed = NULL;

                assert_int_equal(aulert_feed_new(&feed, NULL, ask_object, &wanted), 0);
                assert_int_equal(aulert_feed_push(feed, objects[i].records, strlen(objects[i].records)), 0);
                assert_null(wanted);
                aulert_feed_free(feed);
        }
}

static void ask_who(void *userdata, AulertEvent *e) {
        int (*const whole[])(AulertEvent *, AulertText *) = { aulert_event_actor, aulert_event_object,
                                                              aulert_event_origin };
        AulertText text;

        ++*(int *)userdata;
        for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
                text = (AulertText){ "x", 1 };
                assert_int_equal(whole[i](e, &text), 0);
                assert_text(text, "");
        }
}

static void an_event_may_say_nothing(void **state) {
        static const char line[] = "type=USER msg=audit(1.000:1): \n";
        AulertFeed *feed = NULL;
        int n = 0;

        assert_int_equal(aulert_feed_new(&feed, NULL, ask_who, &n), 0);
        assert_int_equal(aulert_feed_push(feed, line, strlen(line)), 0);
        assert_int_equal(n, 1);
        aulert_feed_free(feed);
}

/* A record may lack any field: an outsider must not be able to end a plugin that did not ask. */
static void a_field_that_is_not_there_is_empty(void **state) {
        AulertFeed *feed = NULL;
        int n = 0;

        assert_int_equal(aulert_feed_new(&feed, NULL, ask_for_nothing, &n), 0);
        assert_int_equal(aulert_feed_push(feed, LOGIN, strlen(LOGIN)), 0);
        assert_int_equal(n, 1);
        aulert_feed_free(feed);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(any_chunks_give_the_same_events),
                cmocka_unit_test(frames_give_the_same_events_as_lines),
                cmocka_unit_test(two_threads_have_two_feeds),
                cmocka_unit_test(an_event_says_who_did_what),
                cmocka_unit_test(a_login_of_nobody_has_no_actor),
                cmocka_unit_test(keys_and_escapes),
                cmocka_unit_test(events_age_without_a_thread),
                cmocka_unit_test(a_feed_reads_descriptors),
                cmocka_unit_test(a_feed_goes_on_after_an_end),
                cmocka_unit_test(time_has_an_end),
                cmocka_unit_test(a_field_that_is_not_there_is_empty),
                cmocka_unit_test(an_event_may_say_nothing),
                cmocka_unit_test(an_object_is_not_who_did_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
