/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* With scripts of the test's own, which tell what they see in files of a folder that everybody may write to. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "sink/test-conform.h"

static char folder[64], script[80], told[80];

static int set_up(void **state) {
        strcpy(folder, "/tmp/aulert-exec-XXXXXX");
        if (!mkdtemp(folder) || chmod(folder, 0777) < 0)
                return -1;
        snprintf(script, sizeof(script), "%s/script", folder);
        snprintf(told, sizeof(told), "%s/told", folder);
        return 0;
}

static int clean(void **state) {
        char command[128];

        snprintf(command, sizeof(command), "rm -rf %s", folder);
        return system(command);
}

/* The command is the script and the folder. */
static const SinkSetting *command(const char *text) {
        static Str words[2];
        static SinkSetting setting;
        FILE *f = fopen(script, "we");

        assert_non_null(f);
        fprintf(f, "#!/bin/sh\n%s\n", text);
        fclose(f);
        assert_int_equal(chmod(script, 0755), 0);
        words[0] = str_from(script);
        words[1] = str_from(folder);
        setting = (SinkSetting){ .name = STR_INIT("command"), .values = words, .n_values = 2 };
        return &setting;
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

static size_t count_lines(const char *text) {
        size_t n = 0;

        for (const char *p = text; p && (p = strchr(p, '\n')); p++)
                n++;
        return n;
}

static void the_alert_is_on_stdin(void **state) {
        const SinkSetting *setting =
                command("read -r line && [ -z \"$(cat)\" ] && printf '%s\\n' \"$line\" >>$1/told");

        conform_delivers(&sink_exec, setting, 1, 20);
        assert_int_equal(count_lines(content(told)), 20);
        assert_memory_equal(content(told), "{\"schema\":1,", 12);
        assert_non_null(strstr(content(told), "$(touch /x); `id`"));
        assert_int_equal(access("/x", F_OK), -1);
}

static void a_program_need_not_read(void **state) { conform_delivers(&sink_exec, command(":"), 1, 8); }

/* Nothing of ours reaches it. */
static void its_surroundings_are_bare(void **state) {
        const char *text;
        Scene s;

        setenv("SECRET", "hunter2", 1);
        assert_int_equal(
                scene_open(&s, &sink_exec,
                           command("{ env; echo cwd=$(pwd) umask=$(umask); ls -l /proc/self/fd;"
                                   "grep -E 'Uid|Gid|Groups|NoNewPrivs|CapEff|CapBnd|Sig' /proc/self/status;"
                                   "grep core /proc/self/limits; ps -o pid,pgid,sid -p $$; } >$1/told"),
                           1),
                0);
        scene_offer_one(&s, alert_hostile());
        assert_true(scene_wait(&s));
        assert_int_equal(s.n[SINK_DELIVERED], 1);
        scene_close(&s);
        unsetenv("SECRET");
        text = content(told);
        assert_non_null(text);
        assert_null(strstr(text, "hunter2"));
        assert_non_null(strstr(text, "AULERT_LEVEL=high\n"));
        assert_non_null(strstr(text, "AULERT_RULE=x\"] [y=\"z\\\n"));
        assert_non_null(strstr(text, "LANG=C.UTF-8\n"));
        assert_non_null(strstr(text, "cwd=/ umask=0077\n"));
        assert_non_null(strstr(text, "NoNewPrivs:\t1\n"));
        assert_non_null(strstr(text, "SigIgn:\t0000000000000000\n"));
        assert_non_null(strstr(text, "SigBlk:\t0000000000000000\n"));
        assert_non_null(strstr(text, "Max core file size        0                    0 "));
        assert_null(strstr(text, " 10 -> "));
        assert_null(strstr(text, " 4 -> "));
        if (geteuid() == 0) {
                assert_non_null(strstr(text, "Uid:\t65534\t65534\t65534\t65534\n"));
                assert_non_null(strstr(text, "Groups:\t \n"));
                assert_non_null(strstr(text, "CapEff:\t0000000000000000\n"));
        }
}

static void statuses_are_verdicts(void **state) {
        conform_fails(&sink_exec, command("printf 'no \\033[31mway\\nsecond\\n' >&2; exit 3"), 1, 4,
                      SINK_REFUSED, "ended with status 3: no \\x1b[31mway");
        conform_fails(&sink_exec, command("echo busy >&2; exit 75"), 1, 4, SINK_RETRY,
                      "ended with status 75: busy");
        conform_fails(&sink_exec, command("kill -9 $$"), 1, 4, SINK_REFUSED, "died of signal 9");
}

static void what_cannot_be_started_is_told(void **state) {
        const SinkSetting *setting = command(":");

        unlink(script);
        conform_fails(&sink_exec, setting, 1, 4, SINK_RETRY, "No such file or directory");
        setting = command(":");
        chmod(script, 0600);
        conform_fails(&sink_exec, setting, 1, 4, SINK_RETRY, "Permission denied");
}

static bool is_gone(pid_t pid) {
        for (int i = 0; i < 6000 && kill(pid, 0) == 0; i++)
                usleep(20000);
        return kill(pid, 0) < 0;
}

/* Given more time until it has told something: on a busy machine a shell may need its time to begin. */
static void hangs(const char *text) {
        SinkSetting settings[2] = { *command(text) };
        char words[40];

        for (unsigned ms = 300; !content(told) && ms <= 30000; ms *= 10) {
                uint64_t start = clock_monotonic_ns();

                settings[1] = (SinkSetting)NUMBER("timeout", ms);
                snprintf(words, sizeof(words), "took longer than %u ms", ms);
                conform_fails(&sink_exec, settings, 2, 1, SINK_RETRY, words);
                assert_true(clock_monotonic_ns() - start < (ms + 30000) * NS_PER_MS);
        }
        assert_non_null(content(told));
}

/* The script ignores SIGTERM, and so does what it has started. */
static void what_hangs_is_ended(void **state) {
        int pid;

        hangs("trap '' TERM; sh -c 'trap \"\" TERM; sleep 60; sleep 60' & echo $! >$1/told; wait");
        assert_int_equal(sscanf(content(told), "%d", &pid), 1);
        assert_true(is_gone(pid));
}

static void sigterm_comes_first(void **state) {
        hangs("trap 'echo bye >$1/told; exit 0' TERM; sleep 60 & wait");
        assert_string_equal(content(told), "bye\n");
}

static void what_it_leaves_is_ended(void **state) {
        int pid;

        conform_delivers(&sink_exec, command("sleep 60 & echo $! >$1/told"), 1, 1);
        assert_int_equal(sscanf(content(told), "%d", &pid), 1);
        assert_true(is_gone(pid));
}

static void output_is_bounded(void **state) {
        SinkSetting settings[3];
        Scene s;

        settings[0] = *command("head -c 300000 /dev/zero >&2; echo; exit 1");
        settings[1] = (SinkSetting)NUMBER("max_output", 1000);
        conform_fails(&sink_exec, settings, 2, 2, SINK_REFUSED, "(299000 bytes of output thrown away)");
        settings[0] = *command("head -c 2000 /dev/zero >&2");
        assert_int_equal(scene_open(&s, &sink_exec, settings, 2), 0);
        scene_offer(&s, 1);
        assert_true(scene_wait(&s));
        assert_int_equal(s.n[SINK_DELIVERED], 1);
        assert_non_null(strstr(s.why, "(1000 bytes of output thrown away)"));
        scene_close(&s);
        settings[0] = *command("cat /dev/zero >&2");
        settings[2] = (SinkSetting)NUMBER("timeout", 500);
        conform_fails(&sink_exec, settings, 3, 1, SINK_RETRY, "bytes of output thrown away): \\x00");
}

/* A stderr that does not block would lose lines of programs that do not expect it. */
static void its_stderr_is_an_ordinary_pipe(void **state) {
        conform_delivers(&sink_exec, command("! grep -q 'flags:.*04001' /proc/$$/fdinfo/2"), 1, 1);
}

static void only_so_many_run(void **state) {
        SinkSetting settings[2];
        Scene s;

        settings[0] = *command("mkdir $1/one || exit 1; sleep 0.05; rmdir $1/one");
        settings[1] = (SinkSetting)NUMBER("max_running", 1);
        conform_delivers(&sink_exec, settings, 2, 5);
        settings[0] = *command("mkdir $1/n$$; while [ $(ls -d $1/n* | wc -l) -lt 3 ]; do sleep 0.02; done");
        settings[1] = (SinkSetting)NUMBER("max_running", 3);
        assert_int_equal(scene_open(&s, &sink_exec, settings, 2), 0);
        scene_offer(&s, 6); /* three wait for each other, the others then find theirs */
        assert_true(scene_wait(&s));
        assert_int_equal(s.n[SINK_DELIVERED], 6);
        scene_close(&s);
}

static void closing_leaves_nothing(void **state) { conform_ends(&sink_exec, command("sleep 60"), 1, 6, 100); }

static void settings_are_checked(void **state) {
        const SinkSetting relative[] = { TEXT("command", "true") };
        const SinkSetting running[] = { *command(":"), NUMBER("max_running", 17) };

        conform_refuses(&sink_exec, NULL, 0, "command");
        conform_refuses(&sink_exec, relative, 1, "whole path");
        conform_refuses(&sink_exec, running, 2, "between 1 and 16");
}

#define CASE(_fn) cmocka_unit_test_setup_teardown(_fn, set_up, clean)

int main(void) {
        const struct CMUnitTest tests[] = {
                CASE(the_alert_is_on_stdin),
                CASE(a_program_need_not_read),
                CASE(its_surroundings_are_bare),
                CASE(statuses_are_verdicts),
                CASE(what_cannot_be_started_is_told),
                CASE(what_hangs_is_ended),
                CASE(sigterm_comes_first),
                CASE(what_it_leaves_is_ended),
                CASE(output_is_bounded),
                CASE(its_stderr_is_an_ordinary_pipe),
                CASE(only_so_many_run),
                CASE(closing_leaves_nothing),
                CASE(settings_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
