/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "sink/test-conform.h"

static char folder[64], path[80];

static int set_up(void **state) {
        strcpy(folder, "/tmp/aulert-file-XXXXXX");
        if (!mkdtemp(folder))
                return -1;
        snprintf(path, sizeof(path), "%s/alerts", folder);
        return 0;
}

static int clean(void **state) {
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", folder);
        return system(command);
}

static const char *content(const char *name) {
        static char text[1 << 20];
        FILE *f = fopen(name, "re");
        size_t n;

        if (!f)
                return NULL;
        n = fread(text, 1, sizeof(text) - 1, f);
        text[n] = '\0';
        fclose(f);
        return text;
}

static size_t count_lines(const char *name) {
        const char *text = content(name);
        size_t n = 0;

        for (const char *p = text; p && (p = strchr(p, '\n')); p++)
                n++;
        return n;
}

/* Every line is an object, whole. */
static void expect_lines(const char *name, size_t n) {
        const char *text = content(name);

        assert_non_null(text);
        assert_int_equal(count_lines(name), n);
        for (const char *p = text, *end; (end = strchr(p, '\n')); p = end + 1) {
                assert_memory_equal(p, "{\"schema\":1,", 12);
                assert_int_equal(end[-1], '}');
        }
}

static void alerts_are_lines(void **state) {
        const SinkSetting settings[] = { TEXT("path", path), FLAG("sync") };
        struct stat st;

        umask(077);
        conform_delivers(&sink_file, settings, 2, 100);
        expect_lines(path, 100);
        conform_delivers(&sink_file, settings, 1, 10); /* another sink goes on */
        expect_lines(path, 110);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_null(strstr(content(path), "type=A"));
        conform_ends(&sink_file, settings, 2, 3, 1);
}

static void records_are_there_on_request(void **state) {
        const SinkSetting settings[] = { TEXT("path", path), FLAG("records"), TEXT("mode", "600") };
        struct stat st;

        conform_delivers(&sink_file, settings, 3, 2);
        expect_lines(path, 2);
        assert_non_null(strstr(content(path), "type=A"));
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
}

static void settings_are_checked(void **state) {
        const SinkSetting mode[] = { TEXT("path", path), TEXT("mode", "0980") };
        const SinkSetting wide[] = { TEXT("path", path), TEXT("mode", "7777") };
        const SinkSetting keep[] = { TEXT("path", path), NUMBER("keep", 100000) };

        conform_refuses(&sink_file, NULL, 0, "path");
        conform_refuses(&sink_file, mode, 2, "octal");
        conform_refuses(&sink_file, wide, 2, "octal");
        conform_refuses(&sink_file, keep, 2, "1000");
}

static void only_regular_files_are_written(void **state) {
        const SinkSetting settings[] = { TEXT("path", path) };
        int fd;

        assert_int_equal(symlink("/tmp/aulert-never", path), 0);
        conform_fails(&sink_file, settings, 1, 1, SINK_RETRY, "symbolic link");
        assert_int_equal(access("/tmp/aulert-never", F_OK), -1);
        unlink(path);
        assert_int_equal(mkfifo(path, 0600), 0);
        conform_fails(&sink_file, settings, 1, 2, SINK_RETRY, "not a regular file"); /* and does not wait */
        fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        conform_fails(&sink_file, settings, 1, 2, SINK_RETRY, "not a regular file");
        close(fd);
        unlink(path);
        assert_int_equal(mkdir(path, 0700), 0);
        conform_fails(&sink_file, settings, 1, 1, SINK_RETRY, "directory");
}

static void a_moved_file_is_left_alone(void **state) {
        const SinkSetting settings[] = { TEXT("path", path) };
        char moved[96];
        Scene s;

        snprintf(moved, sizeof(moved), "%s.moved", path);
        assert_int_equal(scene_open(&s, &sink_file, settings, 1), 0);
        scene_offer(&s, 2);
        assert_int_equal(rename(path, moved), 0);
        scene_offer(&s, 3);
        expect_lines(moved, 2);
        expect_lines(path, 3);
        assert_int_equal(unlink(path), 0);
        scene_offer(&s, 1);
        expect_lines(path, 1);
        assert_int_equal(truncate(path, 0), 0); /* copytruncate */
        scene_offer(&s, 2);
        expect_lines(path, 2);
        assert_int_equal(s.n[SINK_DELIVERED], 8);
        scene_close(&s);
}

static void a_torn_line_stays_alone(void **state) {
        const SinkSetting settings[] = { TEXT("path", path) };
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        fputs("{\"schema\":1,\"tor", f);
        fclose(f);
        conform_delivers(&sink_file, settings, 1, 2);
        assert_int_equal(count_lines(path), 3);
        assert_memory_equal(content(path), "{\"schema\":1,\"tor\n{\"schema\":1,", 28);
}

static void rotation_keeps_what_was_asked_for(void **state) {
        const SinkSetting settings[] = { TEXT("path", path), NUMBER("max_size", 1000), NUMBER("keep", 2) };
        char name[4][96];
        struct stat st;

        for (unsigned i = 0; i < 4; i++)
                snprintf(name[i], sizeof(name[i]), i ? "%s.%u" : "%s", path, i);
        conform_delivers(&sink_file, settings, 3, 50);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(stat(name[i], &st), 0);
                assert_true(st.st_size <= 1000);
                expect_lines(name[i], count_lines(name[i]));
        }
        assert_true(count_lines(name[1]) > 0 && count_lines(name[2]) > 0);
        assert_int_equal(access(name[3], F_OK), -1);
}

static void keeping_none_starts_anew(void **state) {
        const SinkSetting settings[] = { TEXT("path", path), NUMBER("max_size", 1000), NUMBER("keep", 0) };
        char name[96];
        struct stat st;

        snprintf(name, sizeof(name), "%s.1", path);
        conform_delivers(&sink_file, settings, 3, 50);
        assert_int_equal(stat(path, &st), 0);
        assert_true(st.st_size > 0 && st.st_size <= 1000);
        assert_int_equal(access(name, F_OK), -1);
}

static void what_cannot_be_rotated_grows(void **state) {
        const SinkSetting settings[] = { TEXT("path", path), NUMBER("max_size", 1000), NUMBER("keep", 1) };
        char name[96];
        Scene s;

        snprintf(name, sizeof(name), "%s.1", path);
        assert_int_equal(mkdir(name, 0700), 0);
        assert_int_equal(scene_open(&s, &sink_file, settings, 3), 0);
        scene_offer(&s, 20);
        assert_int_equal(s.n[SINK_DELIVERED], 20);
        assert_non_null(strstr(s.why, "cannot be rotated"));
        expect_lines(path, 20);
        scene_close(&s);
}

/* A limit of the process stands for a full disk: the kernel then writes a part, and then nothing. */
static void a_line_is_whole_or_not_there(void **state) {
        const SinkSetting settings[] = { TEXT("path", path) };
        struct rlimit before, tight;
        Scene s;
        size_t size;

        signal(SIGXFSZ, SIG_IGN);
        assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(scene_open(&s, &sink_file, settings, 1), 0);
        scene_offer(&s, 2);
        size = strlen(content(path));
        tight = before;
        tight.rlim_cur = size + 20;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        scene_offer(&s, 2);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_int_equal(s.n[SINK_RETRY], 2);
        assert_non_null(strstr(s.why, "File too large"));
        assert_int_equal(strlen(content(path)), size);
        scene_offer(&s, 2);
        assert_int_equal(s.n[SINK_DELIVERED], 4);
        expect_lines(path, 4);
        scene_close(&s);
}

/* At the end of the process the loop is over, and no timer can be set any more. */
static void events_that_cannot_be_written_hold_up_no_end(void **state) {
        char gone[160] = "";
        const SinkSetting settings[] = { TEXT("path", gone) };
        Scene s;

        snprintf(gone, sizeof(gone), "%s/missing/events", folder);
        assert_int_equal(scene_open(&s, &sink_file, settings, 1), 0);
        sink_lines(s.sink, STR("n"), STR("{}\n{}\n"));
        assert_true(sink_lines_pending(s.sink));
        assert_true(sd_event_exit(s.loop, 0) >= 0);
        assert_true(sd_event_loop(s.loop) >= 0);
        sink_lines(s.sink, STR("n"), STR("{}\n"));
        assert_int_equal(sink_lines_counters(s.sink)->written, 0);
        scene_close(&s);
        assert_null(content(gone));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(alerts_are_lines, set_up, clean),
                cmocka_unit_test_setup_teardown(records_are_there_on_request, set_up, clean),
                cmocka_unit_test_setup_teardown(settings_are_checked, set_up, clean),
                cmocka_unit_test_setup_teardown(only_regular_files_are_written, set_up, clean),
                cmocka_unit_test_setup_teardown(a_moved_file_is_left_alone, set_up, clean),
                cmocka_unit_test_setup_teardown(a_torn_line_stays_alone, set_up, clean),
                cmocka_unit_test_setup_teardown(rotation_keeps_what_was_asked_for, set_up, clean),
                cmocka_unit_test_setup_teardown(keeping_none_starts_anew, set_up, clean),
                cmocka_unit_test_setup_teardown(what_cannot_be_rotated_grows, set_up, clean),
                cmocka_unit_test_setup_teardown(a_line_is_whole_or_not_there, set_up, clean),
                cmocka_unit_test_setup_teardown(events_that_cannot_be_written_hold_up_no_end, set_up, clean),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
