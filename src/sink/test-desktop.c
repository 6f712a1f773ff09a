/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Against a session bus of dbus-daemon and a notification service of ours, in a run directory of the test. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "sink/desktop-child.h"
#include "sink/desktop.h"

typedef struct {
        char run_dir[64], bus[128];
        pid_t daemon;
        sd_event *loop;
        sd_bus *server;
        const char *capability;
        bool mute; /* the service takes calls and never answers */
        unsigned n_calls;
        char app[32], icon[64], summary[256], body[256];
        uint8_t urgency;
        int32_t timeout;
        size_t n_settled[_SINK_VERDICTS];
        char why[256];
} Scene;

static int on_capabilities(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const Scene *s = userdata;

        if (s->mute)
                return 1;
        return sd_bus_reply_method_return(m, "as", 2, "body", s->capability);
}

static int on_notify(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *app, *icon, *summary, *body;
        Scene *s = userdata;
        uint32_t replaces;

        if (sd_bus_message_read(m, "susss", &app, &replaces, &icon, &summary, &body) < 0 ||
            sd_bus_message_skip(m, "as") < 0 ||
            sd_bus_message_read(m, "a{sv}", 1, NULL, "y", &s->urgency) < 0 ||
            sd_bus_message_read(m, "i", &s->timeout) < 0)
                return -EINVAL;
        snprintf(s->app, sizeof(s->app), "%s", app);
        snprintf(s->icon, sizeof(s->icon), "%s", icon);
        snprintf(s->summary, sizeof(s->summary), "%s", summary);
        snprintf(s->body, sizeof(s->body), "%s", body);
        return sd_bus_reply_method_return(m, "u", ++s->n_calls);
}

static const sd_bus_vtable service[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("GetCapabilities", "", "as", on_capabilities, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Notify", "susssasa{sv}i", "u", on_notify, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static int connect_to(const char *path) {
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(addr.sun_path, path);
        if (connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0)
                return fd;
        close(fd);
        return -1;
}

static void serve(Scene *s) {
        int fd = -1;

        for (int i = 0; i < 12000 && fd < 0; i++) {
                fd = connect_to(s->bus);
                if (fd < 0)
                        usleep(10000);
        }
        assert_true(fd >= 0);
        assert_true(sd_bus_new(&s->server) >= 0 && sd_bus_set_fd(s->server, fd, fd) >= 0);
        sd_bus_set_bus_client(s->server, true);
        assert_true(sd_bus_start(s->server) >= 0);
        assert_true(sd_bus_add_object_vtable(s->server, NULL, "/org/freedesktop/Notifications",
                                             "org.freedesktop.Notifications", service, s) >= 0);
        assert_true(sd_bus_request_name(s->server, "org.freedesktop.Notifications", 0) >= 0);
        assert_true(sd_bus_attach_event(s->server, s->loop, 0) >= 0);
}

static void scene_init(Scene *s, bool bus) {
        char dir[96];

        *s = (Scene){ .capability = "body-markup", .run_dir = "/tmp/test-desktop.XXXXXX" };
        assert_non_null(mkdtemp(s->run_dir));
        snprintf(dir, sizeof(dir), "%s/%u", s->run_dir, getuid());
        assert_int_equal(mkdir(dir, 0700), 0);
        snprintf(s->bus, sizeof(s->bus), "%s/bus", dir);
        assert_true(sd_event_new(&s->loop) >= 0);
        if (bus) {
                char address[160],
                        *argv[] = { "dbus-daemon", "--session", "--nofork", "--nopidfile", address, NULL },
                        *none[] = { NULL };

                snprintf(address, sizeof(address), "--address=unix:path=%s", s->bus);
                if (posix_spawnp(&s->daemon, argv[0], NULL, NULL, argv, none) != 0) {
                        s->daemon = 0;
                        skip();
                }
                serve(s);
        }
}

static void scene_done(Scene *s) {
        char dir[96];

        if (s->daemon) {
                kill(s->daemon, SIGTERM);
                waitpid(s->daemon, NULL, 0);
        }
        sd_bus_close_unref(s->server);
        sd_event_unref(s->loop);
        unlink(s->bus);
        snprintf(dir, sizeof(dir), "%s/%u", s->run_dir, getuid());
        rmdir(dir);
        rmdir(s->run_dir);
}

static const char *place; /* of the scene: a driver's open function has no room for it */

static int open_here(Sink *sink, const SinkConf *conf) { return desktop_open_at(sink, conf, place); }

static void on_settled(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        Scene *s = userdata;

        s->n_settled[verdict]++;
        snprintf(s->why, sizeof(s->why), "%s", why);
}

static Sink *scene_sink(Scene *s, const SinkConf *conf) {
        static SinkOps ops;
        Sink *sink;

        ops = sink_desktop;
        ops.open = open_here;
        place = s->run_dir;
        assert_int_equal(sink_new(&sink, &ops, STR("popup"), conf, s->loop, on_settled, s), 0);
        return sink;
}

static void offer(Sink *sink, RuleLevel level, Str sentence) {
        Alert *a;

        assert_int_equal(alert_new_test(&a), 0);
        a->level = level;
        a->sentence = sentence;
        assert_int_equal(sink_offer(sink, a), 0);
        alert_unref(a);
}

/* Milliseconds until everything was settled. */
static uint64_t settle(Scene *s, Sink *sink) {
        uint64_t start = clock_monotonic_ns();

        while (sink_pending(sink) && clock_monotonic_ns() - start < 120 * NS_PER_S)
                assert_true(sd_event_run(s->loop, 1000000) >= 0);
        assert_int_equal(sink_pending(sink), 0);
        return (clock_monotonic_ns() - start) / NS_PER_MS;
}

static const SinkConf defaults;

static void an_alert_pops_up(void **state) {
        Scene s;
        Sink *sink;

        scene_init(&s, true);
        sink = scene_sink(&s, &defaults);
        offer(sink, RULE_MEDIUM, STR("failed login as \"<b>x</b>&\"\x1b[31m\xE2\x80\xAE"));
        settle(&s, sink);
        assert_int_equal(s.n_calls, 1);
        assert_int_equal(s.n_settled[SINK_DELIVERED], 1);
        assert_string_equal(s.why, "");
        assert_string_equal(s.app, "aulert");
        assert_string_equal(s.summary, "Test alert");
        assert_string_equal(s.body,
                            "failed login as &quot;&lt;b&gt;x&lt;/b&gt;&amp;&quot;\\x1b[31m\\u{202e}");
        assert_string_equal(s.icon, "dialog-warning");
        assert_int_equal(s.urgency, 1);
        assert_int_equal(s.timeout, 3000);
        sink_free(sink);
        scene_done(&s);
}

static void settings_are_heeded(void **state) {
        const Str icon = STR("face-cool");
        const SinkSetting settings[] = { { .name = STR("icon"), .values = &icon, .n_values = 1 },
                                         { .name = STR("timeout"), .number = 700 } };
        const SinkConf conf = { settings, ARRAY_SIZE(settings) };
        Scene s;
        Sink *sink;

        scene_init(&s, true);
        s.capability = "actions"; /* no markup: no entities */
        sink = scene_sink(&s, &conf);
        offer(sink, RULE_CRITICAL, STR("<b>&"));
        settle(&s, sink);
        assert_string_equal(s.body, "<b>&");
        assert_string_equal(s.icon, "face-cool");
        assert_int_equal(s.urgency, 2);
        assert_int_equal(s.timeout, 700);
        sink_free(sink);
        scene_done(&s);
}

static void a_burst_is_delivered(void **state) {
        Scene s;
        Sink *sink;

        scene_init(&s, true);
        sink = scene_sink(&s, &defaults);
        for (int i = 0; i < 150; i++)
                offer(sink, RULE_LOW, STR("one of many"));
        settle(&s, sink);
        assert_int_equal(s.n_calls, 150);
        assert_int_equal(s.n_settled[SINK_DELIVERED], 150);
        sink_free(sink);
        scene_done(&s);
}

static int listen_at(const char *path) {
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(addr.sun_path, path);
        assert_int_equal(bind(fd, (const struct sockaddr *)&addr, sizeof(addr)), 0);
        assert_int_equal(listen(fd, 16), 0);
        return fd;
}

/* It takes connections and never answers: its time is limited, and after a while it is left alone. */
static void a_hung_bus_is_given_up(void **state) {
        uint64_t ms;
        Scene s;
        Sink *sink;
        int fd;

        scene_init(&s, false);
        fd = listen_at(s.bus);
        sink = scene_sink(&s, &defaults);
        for (int i = 0; i < 40; i++)
                offer(sink, RULE_LOW, STR("lost"));
        ms = settle(&s, sink);
        assert_int_equal(s.n_settled[SINK_RETRY], 40);
        assert_true(s.why[0]);
        assert_true(ms < 30000); /* 40 s, if each took its time */
        sink_free(sink);
        close(fd);
        scene_done(&s);
}

/* The same for a bus that works and a notification service that hangs. */
static void a_hung_service_is_given_up(void **state) {
        uint64_t ms;
        Scene s;
        Sink *sink;

        scene_init(&s, true);
        s.mute = true;
        sink = scene_sink(&s, &defaults);
        for (int i = 0; i < 40; i++)
                offer(sink, RULE_LOW, STR("lost"));
        ms = settle(&s, sink);
        assert_int_equal(s.n_settled[SINK_RETRY], 40);
        assert_true(ms < 30000); /* 40 s, if each took its time */
        sink_free(sink);
        scene_done(&s);
}

static void what_is_no_bus_is_not_connected_to(void **state) {
        char elsewhere[128];
        Scene s;
        Sink *sink;
        int fd;

        scene_init(&s, false);
        sink = scene_sink(&s, &defaults);
        offer(sink, RULE_LOW, STR("nobody"));
        assert_int_equal(s.n_settled[SINK_NOBODY], 1);
        assert_string_equal(s.why, "nobody has a desktop session");
        snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", s.run_dir);
        fd = listen_at(elsewhere);
        assert_int_equal(symlink(elsewhere, s.bus), 0);
        offer(sink, RULE_LOW, STR("a link"));
        assert_int_equal(s.n_settled[SINK_NOBODY], 2);
        sink_free(sink);
        close(fd);
        unlink(elsewhere);
        scene_done(&s);
}

/* A child that cannot become the user says so, though it never read what it was to show. */
static void an_unknown_user_is_told(void **state) {
        const uid_t nobody_has = 4000000000u;
        char dir[96], bus[128];
        Scene s;
        Sink *sink;
        int fd;

        if (geteuid() != 0)
                skip();
        scene_init(&s, false);
        snprintf(dir, sizeof(dir), "%s/%u", s.run_dir, nobody_has);
        snprintf(bus, sizeof(bus), "%s/bus", dir);
        assert_int_equal(mkdir(dir, 0700), 0);
        fd = listen_at(bus);
        assert_int_equal(chown(bus, nobody_has, nobody_has), 0);
        sink = scene_sink(&s, &defaults);
        offer(sink, RULE_LOW, STR("to nobody"));
        settle(&s, sink);
        assert_int_equal(s.n_settled[SINK_RETRY], 1);
        assert_non_null(strstr(s.why, "cannot become uid 4000000000"));
        sink_free(sink);
        close(fd);
        unlink(bus);
        rmdir(dir);
        scene_done(&s);
}

static void closing_leaves_no_child(void **state) {
        Scene s;
        Sink *sink;
        int fd;

        scene_init(&s, false);
        fd = listen_at(s.bus);
        sink = scene_sink(&s, &defaults);
        for (int i = 0; i < 5; i++)
                offer(sink, RULE_LOW, STR("cut off"));
        sd_event_run(s.loop, 100000);
        sink_free(sink);
        assert_int_equal(s.n_settled[SINK_RETRY], 5);
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
        close(fd);
        scene_done(&s);
}

static void requests_are_read_strictly(void **state) {
        const DesktopRequest q = {
                .urgency = 2, .timeout_ms = 5, .icon = STR("i"), .summary = STR(""), .body = STR("body")
        };
        DesktopRequest read = { 0 };
        Buf b = BUF_INIT;

        desktop_request_write(&b, &q);
        assert_true(desktop_request_read(buf_view(&b), &read));
        assert_true(read.urgency == 2 && read.timeout_ms == 5 && str_eq(read.body, STR("body")));
        for (size_t n = 0; n < b.n; n++)
                assert_false(desktop_request_read((Str){ b.p, n }, &read));
        buf_putc(&b, 'x');
        assert_false(desktop_request_read(buf_view(&b), &read));
        b.p[0] = 3;
        b.n--;
        assert_false(desktop_request_read(buf_view(&b), &read));
        buf_done(&b);
}

int main(int argc, char **argv) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(an_alert_pops_up),
                cmocka_unit_test(settings_are_heeded),
                cmocka_unit_test(a_burst_is_delivered),
                cmocka_unit_test(a_hung_bus_is_given_up),
                cmocka_unit_test(a_hung_service_is_given_up),
                cmocka_unit_test(what_is_no_bus_is_not_connected_to),
                cmocka_unit_test(an_unknown_user_is_told),
                cmocka_unit_test(closing_leaves_no_child),
                cmocka_unit_test(requests_are_read_strictly),
        };
        sigset_t child;

        if (argc == 5 && !strcmp(argv[1], "--role")) /* as the program itself does */
                return desktop_child((uid_t)strtoul(argv[3], NULL, 10), argv[4]);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_BLOCK, &child, NULL);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
