/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <cmocka.h>
#include "base/clock.h"
#include "sink/test-conform.h"

static size_t count_fds(void) {
        DIR *dir = opendir("/proc/self/fd");
        size_t n = 0;

        assert_non_null(dir);
        while (readdir(dir))
                n++;
        closedir(dir);
        return n;
}

static void on_settled(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        Scene *s = userdata;

        if (why[0])
                snprintf(s->why, sizeof(s->why), "%s", why);
        if (id == 0) {
                s->n_bad++;
                return;
        }
        assert_true(id < ARRAY_SIZE(s->turned));
        assert_false(s->turned[id]);
        s->turned[id] = true;
        s->n[verdict]++;
}

int scene_open(Scene *s, const SinkOps *ops, const SinkSetting *settings, size_t n) {
        static SinkConf conf; /* lives as long as the sink */
        sigset_t child;
        int r;

        conf = (SinkConf){ settings, n };
        *s = (Scene){ .n_fds = count_fds() };
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL);
        signal(SIGPIPE, SIG_IGN);
        assert_true(sd_event_new(&s->loop) >= 0);
        r = sink_new(&s->sink, ops, STR("s"), &conf, s->loop, on_settled, s);
        assert_true(r <= 0);
        return r;
}

Alert *alert_hostile(void) {
        Alert *a;
        const AlertOwn own = {
                .kind = ALERT_OWN,
                .level = RULE_HIGH,
                .rule_id = STR("x\"] [y=\"z\\"),
                .title = STR("t\r\nBcc: a@b \x1b[31m\xff\xe2\x80\xae"),
                .sentence = STR(
                        "$(touch /x); `id` | 'q' \"q\" \\ ] <b>&\n.\n<34>1 - - \0 end \xc3\xa9\xed\xa0\x80"),
                .description = STR("d\n\nd"),
                .records = STR("type=A msg=\n.\ntype=B\n"),
        };

        assert_int_equal(alert_new_own(&a, &own), 0);
        return a;
}

void scene_offer_one(Scene *s, Alert *alert) {
        assert_int_equal(sink_offer(s->sink, alert), 0);
        alert_unref(alert);
}

void scene_offer(Scene *s, size_t n) {
        for (size_t i = 0; i < n; i++) {
                Alert *a;

                if (i % 2) {
                        a = alert_hostile();
                } else {
                        assert_int_equal(alert_new_test(&a), 0);
                }
                scene_offer_one(s, a);
        }
}

bool scene_wait(Scene *s) {
        uint64_t until = clock_monotonic_ns() + SCENE_PATIENCE_MS * NS_PER_MS;

        while (sink_pending(s->sink) && clock_monotonic_ns() < until)
                assert_true(sd_event_run(s->loop, 10000) >= 0);
        return !sink_pending(s->sink);
}

void scene_turn(Scene *s, unsigned ms) {
        uint64_t until = clock_monotonic_ns() + ms * NS_PER_MS;

        while (clock_monotonic_ns() < until)
                assert_true(sd_event_run(s->loop, 1000) >= 0);
}

void scene_close(Scene *s) {
        sink_free(s->sink);
        sd_event_unref(s->loop);
        assert_int_equal(count_fds(), s->n_fds);
        assert_true(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD);
}

void conform_delivers(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, size_t n) {
        Scene s;

        assert_int_equal(scene_open(&s, ops, settings, n_settings), 0);
        scene_offer(&s, n);
        if (!scene_wait(&s))
                fail_msg("%zu alerts not settled: %s", sink_pending(s.sink), s.why);
        if (s.n[SINK_DELIVERED] != n)
                fail_msg("%zu of %zu delivered: %s", s.n[SINK_DELIVERED], n, s.why);
        assert_int_equal(sink_counters(s.sink)->delivered, n);
        scene_close(&s);
}

void conform_fails(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, size_t n,
                   SinkVerdict verdict, const char *word) {
        Scene s;

        assert_int_equal(scene_open(&s, ops, settings, n_settings), 0);
        scene_offer(&s, n);
        if (!scene_wait(&s))
                fail_msg("%zu alerts not settled: %s", sink_pending(s.sink), s.why);
        if (s.n[verdict] != n || !strstr(s.why, word))
                fail_msg("%zu of %zu settled so: %s", s.n[verdict], n, s.why);
        scene_close(&s);
}

/* As the configuration does it. */
static const char *check_settings(const SinkOps *ops, const SinkConf *conf) {
        for (size_t i = 0; i < ops->n_options; i++) {
                const SinkOption *o = &ops->options[i];
                const SinkSetting *setting = sink_conf_find(conf, o->name);
                const char *wrong = setting && o->check ? o->check(setting) : NULL;

                if (!setting && o->required)
                        return o->name;
                if (wrong)
                        return wrong;
        }
        return NULL;
}

void conform_refuses(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, const char *word) {
        const SinkConf conf = { settings, n_settings };
        const char *wrong = check_settings(ops, &conf);
        Scene s;

        if (!wrong) {
                assert_int_equal(scene_open(&s, ops, settings, n_settings), -EINVAL);
                assert_int_equal(s.n_bad, 1);
                wrong = s.why;
                scene_close(&s);
        }
        if (!strstr(wrong, word))
                fail_msg("%s is not in: %s", word, wrong);
}

static void end_after(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, size_t n,
                      unsigned ms) {
        Scene s;

        assert_int_equal(scene_open(&s, ops, settings, n_settings), 0);
        scene_offer(&s, n);
        scene_turn(&s, ms);
        scene_close(&s);
        assert_int_equal(s.n[SINK_DELIVERED] + s.n[SINK_RETRY] + s.n[SINK_REFUSED], n);
}

void conform_ends(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, size_t n, unsigned ms) {
        end_after(ops, settings, n_settings, n, 0);
        end_after(ops, settings, n_settings, n, ms);
}
