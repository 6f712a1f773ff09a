/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/test-support.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "source/file-time.h"
#include "source/source-ops.h"
#include "source/test-frame.h"

/* Everything that is there now. */
static char *read_now(Source *s) {
        static char out[1 << 20];
        size_t n = 0;
        struct pollfd p = { .fd = source_fd(s), .events = POLLIN };

        while (poll(&p, 1, 0) > 0) {
                ssize_t k =
                        source_read(s, out + n, sizeof(out) - 1 - n < 65536 ? sizeof(out) - 1 - n : 65536);

                if (k == 0)
                        break;
                if (k > 0)
                        n += (size_t)k;
                else
                        assert_int_equal(errno, EAGAIN);
        }
        out[n] = 0;
        return out;
}

static void only_a_regular_file_is_followed(void **state) {
        Source *s;

        assert_int_equal(source_open(&s, "file:/", NULL), -EISDIR);
        assert_int_equal(source_open(&s, "file:/dev/null", NULL), -ENOTSUP);
        assert_int_equal(source_open(&s, "file:/nonexistent", NULL), -ENOENT);
}

static void stdin_tells_text_from_frames(void **state) {
        char buf[64];
        Source *s;
        int fds[2];

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        assert_int_equal(source_from_fd(&s, fds[0], NULL), 0);
        assert_true(source_is_live(s) && source_is_socket(s));
        assert_string_equal(read_now(s), "");
        assert_int_equal(write(fds[1], "type=A msg=audit(1.1:1): x=1\n", 29), 29);
        assert_string_equal(read_now(s), "type=A msg=audit(1.1:1): x=1\n");
        source_close(s);
        assert_int_equal(source_from_fd(&s, fds[0], NULL), 0);
        assert_int_equal(write(fds[1], buf, frame(buf, 0, 1112, "audit(1.1:1): x=1", 0)), 33);
        assert_string_equal(read_now(s), "type=USER_LOGIN msg=audit(1.1:1): x=1\n");
        source_close(s);
        close(fds[0]);
        close(fds[1]);
}

static char dir[] = "/tmp/aulert-test-XXXXXX";

static const char *in_dir(const char *name) {
        static char path[2][256];
        static unsigned turn;

        turn = !turn;
        snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
        return path[turn];
}

static void append(const char *name, const char *text) {
        FILE *f = fopen(in_dir(name), "a");

        assert_non_null(f);
        fputs(text, f);
        fclose(f);
}

static Source *open_log(SourceFrom from, int64_t sec) {
        SourceOptions options = { .from = from, .from_sec = sec };
        char spec[300];
        Source *s;

        snprintf(spec, sizeof(spec), "file:%s", in_dir("log"));
        assert_int_equal(source_open(&s, spec, &options), 0);
        return s;
}

static int make_dir(void **state) {
        strcpy(dir, "/tmp/aulert-test-XXXXXX");
        return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state) {
        static const char *const names[] = { "log", "log.1", "log.2", "log.3", "other", "sock" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                unlink(in_dir(names[i]));
        return rmdir(dir);
}

static void a_log_is_followed_from_its_end(void **state) {
        Source *s;

        append("log", "old\n");
        s = open_log(SOURCE_FROM_END, 0);
        assert_string_equal(read_now(s), "");
        append("log", "new\n");
        assert_string_equal(read_now(s), "new\n");
        append("log", "ha");
        append("log", "lf\n");
        assert_string_equal(read_now(s), "half\n");
        source_close(s);
}

static void rotation_loses_nothing(void **state) {
        Source *s;

        append("log", "1\n");
        s = open_log(SOURCE_FROM_START, 0);
        assert_string_equal(read_now(s), "1\n");
        append("log", "2\n"); /* written, then renamed before we look */
        rename(in_dir("log"), in_dir("log.1"));
        append("log", "3\n");
        assert_string_equal(read_now(s), "2\n3\n");
        append("log", "4\n"); /* two rotations at once */
        rename(in_dir("log.1"), in_dir("log.2"));
        rename(in_dir("log"), in_dir("log.1"));
        append("log", "5\n");
        rename(in_dir("log.2"), in_dir("log.3"));
        rename(in_dir("log.1"), in_dir("log.2"));
        rename(in_dir("log"), in_dir("log.1"));
        append("log", "6\n");
        assert_string_equal(read_now(s), "4\n5\n6\n");
        assert_int_equal(source_counters(s)->rotations_missed, 0);
        source_close(s);
}

static void a_line_cut_by_rotation_does_not_join_the_next_file(void **state) {
        Source *s;

        append("log", "torn");
        s = open_log(SOURCE_FROM_START, 0);
        rename(in_dir("log"), in_dir("other"));
        append("log", "whole\n");
        assert_string_equal(read_now(s), "torn\nwhole\n");
        assert_int_equal(source_counters(s)->rotations_missed, 1);
        source_close(s);
}

/* As another process would: with what it had open, or by the number of the file alone. */
static Source *go_on(Source *before, bool with_file, bool unended) {
        SourceOptions options = { .from = SOURCE_FROM_PLACE, .again = true, .unended = unended, .file = -1 };
        char spec[300];
        Source *s;

        snprintf(spec, sizeof(spec), "file:%s", in_dir("log"));
        assert_true(source_place(before, &options.place));
        if (with_file)
                options.file = source_place_fd(before);
        assert_int_equal(source_open(&s, spec, &options), 0);
        source_close(before);
        return s;
}

static void rotate(void) {
        rename(in_dir("log.2"), in_dir("log.3"));
        rename(in_dir("log.1"), in_dir("log.2"));
        rename(in_dir("log"), in_dir("log.1"));
}

static void a_successor_goes_on(bool with_file) {
        Source *s;

        append("log", "1\n");
        s = open_log(SOURCE_FROM_START, 0);
        assert_string_equal(read_now(s), "1\n");
        append("log", "2\n");
        s = go_on(s, with_file, false);
        assert_string_equal(read_now(s), "2\n");
        append("log", "3\n");
        rotate();
        append("log", "4\n");
        rotate();
        append("log", "5\n");
        s = go_on(s, with_file, false);
        assert_string_equal(read_now(s), "3\n4\n5\n");
        assert_int_equal(source_counters(s)->rotations, 2);
        assert_int_equal(source_counters(s)->rotations_missed, 0);
        source_close(s);
}

static void a_successor_goes_on_with_what_was_open(void **state) { a_successor_goes_on(true); }
static void a_successor_finds_the_file_by_its_number(void **state) { a_successor_goes_on(false); }

/* All that is left was written later. */
static void a_successor_reads_what_is_left(void **state) {
        for (unsigned with_file = 0; with_file < 2; with_file++) {
                Source *s;

                append("log", "1\nhalf");
                s = open_log(SOURCE_FROM_START, 0);
                assert_string_equal(read_now(s), "1\nhalf");
                append("log", " a line\n2\n");
                usleep(20000); /* times of files are as coarse as the kernel's clock */
                rename(in_dir("log"), in_dir("other"));
                append("log", "3\n");
                rotate();
                append("log", "4\n");
                s = go_on(s, with_file, true);
                assert_int_equal(source_counters(s)->rotations_missed, !with_file);
                assert_string_equal(read_now(s), with_file ? " a line\n2\n3\n4\n" : "\n4\n");
                assert_int_equal(source_counters(s)->rotations_missed, 1);
                source_close(s);
                for (unsigned i = 0; i < 3; i++)
                        unlink(in_dir((const char *[]){ "log", "log.1", "other" }[i]));
        }
}

static void a_successor_waits_for_a_file_that_is_not_there(void **state) {
        Source *s;

        append("log", "1\n");
        s = open_log(SOURCE_FROM_START, 0);
        assert_string_equal(read_now(s), "1\n");
        rename(in_dir("log"), in_dir("other"));
        s = go_on(s, false, false);
        assert_string_equal(read_now(s), "");
        append("log", "2\n");
        assert_string_equal(read_now(s), "2\n");
        source_close(s);
}

static void truncation_and_removal_are_survived(void **state) {
        Source *s;

        append("log", "a long line\n");
        s = open_log(SOURCE_FROM_START, 0);
        assert_string_equal(read_now(s), "a long line\n");
        assert_int_equal(truncate(in_dir("log"), 0), 0);
        append("log", "b\n");
        assert_string_equal(read_now(s), "b\n");
        assert_int_equal(source_counters(s)->truncations, 1);
        unlink(in_dir("log"));
        assert_string_equal(read_now(s), "");
        append("log", "c\n");
        assert_string_equal(read_now(s), "c\n");
        source_close(s);
}

static void append_times(const char *name, int from, int to) {
        FILE *f = fopen(in_dir(name), "a");

        for (int i = from; i < to; i++)
                fprintf(f, "type=A msg=audit(%d.000:%d): x=%0200d\n", 1000 + i, i, i);
        fclose(f);
}

static void a_time_is_found_across_rotated_files(void **state) {
        Source *s;
        char *text;

        append_times("log.2", 0, 2000);
        append_times("log.1", 2000, 4000);
        append_times("log", 4000, 4100);
        s = open_log(SOURCE_FROM_TIME, 1000 + 3500);
        text = read_now(s);
        assert_non_null(strstr(text, "audit(4500.000:3500)")); /* second 3500 of file .1 */
        assert_non_null(strstr(text, "audit(5099.000:4099)"));
        assert_null(strstr(text, "audit(3100.000:2100)")); /* far before */
        assert_true(!strncmp(text, "type=A msg=audit(", 17));
        source_close(s);
        s = open_log(SOURCE_FROM_TIME, 0);
        text = read_now(s);
        assert_non_null(strstr(text, "audit(1000.000:0)"));
        assert_non_null(strstr(text, "audit(5099.000:4099)"));
        source_close(s);
}

/* auditd has just rotated, and nothing has happened since. */
static void a_time_is_found_behind_an_empty_file(void **state) {
        Source *s;
        char *text;

        append_times("log.2", 0, 2000);
        append_times("log.1", 2000, 4000);
        append_times("log", 0, 0);
        s = open_log(SOURCE_FROM_TIME, 1000 + 3500);
        text = read_now(s);
        assert_non_null(strstr(text, "audit(4500.000:3500)"));
        assert_non_null(strstr(text, "audit(4999.000:3999)"));
        assert_null(strstr(text, "audit(3100.000:2100)"));
        source_close(s);
}

/* Every other record is followed by two that the path of a socket made, which are of the first second. */
static void append_forgeries(const char *name, int n) {
        static const char forged[] = "type=A msg=audit(1000.000:9): forged";
        FILE *f = fopen(in_dir(name), "a");

        for (int i = 0; i < n; i++) {
                fprintf(f, "type=A msg=audit(%d.000:%d): x=%080d\n", 1000 + i, i, i);
                fprintf(f, "type=SOCKADDR msg=audit(%d.000:%d): saddr=01000A", 1000 + i, i);
                for (int k = 0; k < 2; k++) {
                        for (const char *p = forged; *p; p++)
                                fprintf(f, "%02X", (unsigned char)*p);
                        fputs(k ? "00" : "0A", f);
                }
                fprintf(f, "\x1dSADDR={ saddr_fam=local path=\n%s\n%s }\n", forged, forged);
        }
        fclose(f);
}

static void forged_lines_do_not_mislead_the_search(void **state) {
        Source *s;
        char *text;

        append_forgeries("log", 1000);
        s = open_log(SOURCE_FROM_TIME, 1000 + 500);
        text = read_now(s);
        assert_non_null(strstr(text, "audit(1500.000:500): x="));
        assert_null(strstr(text, "audit(1000.000:0): x="));
        assert_true(strncmp(text, "type=A msg=audit(1000.000:9)", 28) != 0);
        source_close(s);
}

/* A log of which @n bytes are there when it is opened, and @text comes after that. */
static const char *read_from_end(const char *log, size_t n) {
        static char text[400000];
        FILE *f = fopen(in_dir("log"), "w");
        Source *s;

        fwrite(log, 1, n, f);
        fflush(f);
        s = open_log(SOURCE_FROM_END, 0);
        fputs(log + n, f);
        fclose(f);
        snprintf(text, sizeof(text), "%s", read_now(s));
        source_close(s);
        return text;
}

/* auditd is writing a record: wherever it was, what follows starts with that record and not with a part of it. */
static void the_end_is_not_inside_of_a_record(void **state) {
        static const char old[] = "type=A msg=audit(1.000:1): \n",
                          sockaddr[] = "type=SOCKADDR msg=audit(2.000:2): "
                                       "saddr=01000A747970653D420A747970653D43\x1dSADDR={ saddr_fam=local "
                                       "path=\ntype=B\ntype=C }\n",
                          next[] = "type=CWD msg=audit(2.000:2): cwd=\"/\"\n";
        char log[512];
        const size_t whole = sizeof(old) - 1 + sizeof(sockaddr) - 1;

        snprintf(log, sizeof(log), "%s%s%s", old, sockaddr, next);
        for (size_t n = 0; n < strlen(log); n++) {
                const char *wanted = n < sizeof(old) - 1 ? log
                                     : n < whole         ? log + sizeof(old) - 1
                                                         : log + whole;

                assert_string_equal(read_from_end(log, n), wanted);
        }
        assert_string_equal(read_from_end(log, strlen(log)), "");
}

/* A line that is longer than what is looked at in one go, and whose rest would pass for a record. */
static void the_end_is_not_inside_of_a_long_line(void **state) {
        static const char old[] = "type=A msg=audit(1.000:1): \n", rest[] = "type=B msg=audit(2.000:2): \n";
        static const size_t sizes[] = { 65000, 65535, 65536, 65537, 131071, 131072, 131073, 300000 };
        static char log[400000];

        for (size_t i = 0; i < 2 * ARRAY_SIZE(sizes); i++) {
                const size_t before = i % 2 ? sizeof(old) - 1 : 0, n = before + sizes[i / 2];

                memset(log, 'x', n);
                memcpy(log, old, before);
                strcpy(log + n, rest);
                assert_string_equal(read_from_end(log, n), log + before);
                assert_string_equal(read_from_end(log, strlen(log)), "");
        }
}

static int listen_at(const char *path) {
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);

        strcpy(addr.sun_path, path);
        unlink(path);
        assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
        assert_int_equal(listen(fd, 4), 0);
        return fd;
}

static void a_socket_is_connected_again(void **state) {
        SourceOptions options = { .reconnect = true };
        struct pollfd p = { .events = POLLIN };
        int listener = listen_at(in_dir("sock")), peer;
        char spec[300], buf[SOURCE_ROOM];
        Source *s;

        snprintf(spec, sizeof(spec), "unix:%s", in_dir("sock"));
        assert_int_equal(source_open(&s, spec, &options), 0);
        peer = accept(listener, NULL, NULL);
        assert_int_equal(write(peer, "one\ntor", 7), 7);
        close(peer);
        assert_string_equal(read_now(s), "one\ntor\n");
        p.fd = source_fd(s);
        assert_int_equal(poll(&p, 1, 120000), 1);
        assert_int_equal(source_read(s, buf, sizeof(buf)), -1);
        peer = accept(listener, NULL, NULL);
        assert_int_equal(write(peer, "two\n", 4), 4);
        assert_string_equal(read_now(s), "two\n");
        assert_int_equal(source_counters(s)->reconnects, 1);
        source_close(s);
        close(peer);
        close(listener);
}

#define LINE(_serial) "type=A msg=audit(1.000:" _serial "): a\n"

/* Each connection: what comes, and how many events were missed in all by then. A frame tells the format anew. */
static void what_passed_between_connections_is_counted(void **state) {
        static const struct {
                Str sent;
                const char *read;
                uint64_t missed;
        } rows[] = {
                { STR_INIT(LINE("5") LINE("7") LINE("6") "type=A msg=au"),
                  LINE("5") LINE("7") LINE("6") "type=A msg=au\n", 0 },
                { STR_INIT(LINE("8")), LINE("8"), 0 },
                { STR_INIT("type=DAEMON_START msg=audit(1.000:5000): a\nnode=b " LINE("900") LINE("12")),
                  "type=DAEMON_START msg=audit(1.000:5000): a\nnode=b " LINE("900") LINE("12"), 3 },
                { STR_INIT("\0\0\0\0\20\0\0\0\356\3\0\0\24\0\0\0audit(1.000:14): abc"),
                  "type=LOGIN msg=audit(1.000:14): abc\n", 4 },
                { STR_INIT(LINE("2")), LINE("2"), 4 }, /* the machine was started again */
        };
        SourceOptions options = { .reconnect = true };
        int listener = listen_at(in_dir("sock"));
        char spec[300], buf[SOURCE_ROOM];
        Source *s;

        snprintf(spec, sizeof(spec), "unix:%s", in_dir("sock"));
        assert_int_equal(source_open(&s, spec, &options), 0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                struct pollfd p = { .fd = source_fd(s), .events = POLLIN };
                int peer = accept(listener, NULL, NULL);

                assert_int_equal(write(peer, rows[i].sent.p, rows[i].sent.n), (ssize_t)rows[i].sent.n);
                close(peer);
                assert_string_equal(read_now(s), rows[i].read);
                assert_int_equal(source_counters(s)->missed, rows[i].missed);
                assert_int_equal(poll(&p, 1, 120000), 1);
                assert_int_equal(source_read(s, buf, sizeof(buf)), -1); /* connects */
        }
        source_close(s);
        close(listener);
}

static void without_reconnect_the_end_is_the_end(void **state) {
        int listener = listen_at(in_dir("sock"));
        char spec[300], buf[SOURCE_ROOM];
        Source *s;

        snprintf(spec, sizeof(spec), "unix:%s", in_dir("sock"));
        assert_int_equal(source_open(&s, spec, NULL), 0);
        close(accept(listener, NULL, NULL));
        assert_int_equal(source_read(s, buf, sizeof(buf)), 0);
        source_close(s);
        close(listener);
        assert_int_equal(source_open(&s, spec, NULL), -ECONNREFUSED);
}

static void unknown_sources_are_refused(void **state) {
        const char *why = NULL;
        Source *s;

        assert_true(source_spec_valid("stdin", &why) && source_spec_valid("file:/x", &why) &&
                    source_spec_valid("unix:/x", &why) && source_spec_valid("netlink", &why));
        assert_false(source_spec_valid("stdinx", &why) || source_spec_valid("file:", &why) ||
                     source_spec_valid("file", &why) || source_spec_valid("netlink:1", &why));
        assert_non_null(why);
        assert_int_equal(source_open(&s, "tcp:1", NULL), -EINVAL);
        assert_int_equal(source_open(&s, "file:/does/not/exist", NULL), -ENOENT);
}

#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_a_regular_file_is_followed),
                cmocka_unit_test(stdin_tells_text_from_frames),
                IN_DIR(a_log_is_followed_from_its_end),
                IN_DIR(rotation_loses_nothing),
                IN_DIR(a_line_cut_by_rotation_does_not_join_the_next_file),
                IN_DIR(a_successor_goes_on_with_what_was_open),
                IN_DIR(a_successor_finds_the_file_by_its_number),
                IN_DIR(a_successor_reads_what_is_left),
                IN_DIR(a_successor_waits_for_a_file_that_is_not_there),
                IN_DIR(truncation_and_removal_are_survived),
                IN_DIR(a_time_is_found_across_rotated_files),
                IN_DIR(a_time_is_found_behind_an_empty_file),
                IN_DIR(forged_lines_do_not_mislead_the_search),
                IN_DIR(the_end_is_not_inside_of_a_record),
                IN_DIR(the_end_is_not_inside_of_a_long_line),
                IN_DIR(a_socket_is_connected_again),
                IN_DIR(what_passed_between_connections_is_counted),
                IN_DIR(without_reconnect_the_end_is_the_end),
                cmocka_unit_test(unknown_sources_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
