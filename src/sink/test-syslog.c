/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Against servers of ours: a thread that takes what comes. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/escape.h"
#include "sink/syslog-format.h"
#include "sink/test-conform.h"

typedef struct {
        int fd, stop[2];
        bool dgram;
        size_t close_after; /* bytes of a connection; 0: never */
        bool deaf;          /* takes connections, and reads nothing */
        char address[80], path[64];
        pthread_t thread;
        pthread_barrier_t started;
        char text[4 << 20];
        size_t n, n_connections, n_messages; /* messages: of datagrams */
} Server;

static Server server;

#define SERVER_FDS 3u /* of its own, while it runs */

static void serve_stream(Server *s, int fd) {
        struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = s->stop[0], .events = POLLIN } };
        size_t n_all = 0;

        while (poll(p, 2, -1) > 0 && (p[0].revents || !p[1].revents)) {
                ssize_t n;

                if (s->deaf && p[1].revents)
                        break;
                if (s->deaf) {
                        usleep(10000);
                        continue;
                }
                n = recv(fd, s->text + s->n, sizeof(s->text) - s->n, 0);
                if (n <= 0)
                        break;
                s->n += (size_t)n;
                n_all += (size_t)n;
                if (s->close_after && n_all >= s->close_after)
                        break;
        }
        close(fd);
}

static void *serve(void *userdata) {
        Server *s = userdata;
        struct pollfd p[2] = { { .fd = s->fd, .events = POLLIN }, { .fd = s->stop[0], .events = POLLIN } };

        assert_int_equal(unshare(CLONE_FILES), 0); /* its connections do not count as the sink's */
        pthread_barrier_wait(&s->started);
        while (poll(p, 2, -1) > 0 && (p[0].revents || !p[1].revents)) { /* what is there is read */
                if (s->dgram) {
                        ssize_t n = recv(s->fd, s->text + s->n, sizeof(s->text) - s->n, 0);

                        if (n > 0) {
                                s->n += (size_t)n;
                                s->n_messages++;
                        }
                } else {
                        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

                        s->n_connections++;
                        serve_stream(s, fd);
                }
        }
        return NULL;
}

static void start_thread(void) {
        server.n = server.n_messages = server.n_connections = 0;
        assert_int_equal(pipe(server.stop), 0);
        pthread_barrier_init(&server.started, NULL, 2);
        assert_int_equal(pthread_create(&server.thread, NULL, serve, &server), 0);
        pthread_barrier_wait(&server.started);
}

static void start_unix(int type) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };

        snprintf(server.path, sizeof(server.path), "/tmp/aulert-syslog-%d", (int)getpid());
        snprintf(server.address, sizeof(server.address), "unix:%s", server.path);
        strcpy(at.sun_path, server.path);
        unlink(server.path);
        server.dgram = type == SOCK_DGRAM;
        server.fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(server.fd, (const struct sockaddr *)&at, sizeof(at)), 0);
        assert_true(server.dgram || listen(server.fd, 8) == 0);
        start_thread();
}

/* On the loopback; @port 0: any. */
static uint16_t start_tcp(uint16_t port) {
        struct sockaddr_in at = { .sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(at);
        int yes = 1, small = 4096;

        server.path[0] = '\0';
        server.dgram = false;
        server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(server.fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
        if (server.deaf)
                setsockopt(server.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
        assert_int_equal(bind(server.fd, (const struct sockaddr *)&at, sizeof(at)), 0);
        assert_int_equal(listen(server.fd, 8), 0);
        getsockname(server.fd, (struct sockaddr *)&at, &n);
        snprintf(server.address, sizeof(server.address), "tcp://127.0.0.1:%u", ntohs(at.sin_port));
        start_thread();
        return ntohs(at.sin_port);
}

static void stop_server(void) {
        assert_int_equal(write(server.stop[1], "x", 1), 1);
        pthread_join(server.thread, NULL);
        close(server.fd);
        close(server.stop[0]);
        close(server.stop[1]);
        if (server.path[0])
                unlink(server.path);
}

/* Whole messages of a stream of counted octets; what is no such thing fails. */
static size_t count_frames(void) {
        size_t n = 0, i = 0;

        while (i < server.n) {
                char *end;
                size_t size = strtoul(server.text + i, &end, 10);

                assert_int_equal(*end, ' ');
                i = (size_t)(end + 1 - server.text);
                assert_memory_equal(server.text + i, "<8", 2);
                assert_true(i + size <= server.n);
                assert_null(memchr(server.text + i, '\n', size));
                assert_true(escape_is_utf8((Str){ server.text + i, size }));
                i += size;
                n++;
        }
        return n;
}

static void the_format_is_exact(void **state) {
        const SyslogFormat f = {
                .facility = 10, .app_name = STR("a"), .sd_id = STR("x@1"), .host = STR("h st\xff"), .pid = 7
        };
        Alert *a = alert_hostile();
        Buf out = BUF_INIT;
        const char *sd, *id;

        a->sec = 1700000000;
        a->ms = 42;
        syslog_format(&out, &f, a);
        assert_non_null(buf_z(&out));
        assert_memory_equal(out.p, "<83>1 2023-11-14T22:13:20.042Z h?st? a 7 own [x@1 id=\"", 54);
        id = out.p + 54;
        sd = id + 32;
        assert_string_equal(
                sd, "\" level=\"high\" rule=\"x\\\"\\] [y=\\\"z\\\\\" title=\"t\\\\x0d\\\\x0aBcc: a@b "
                    "\\\\x1b[31m\xEF\xBF\xBD\\\\u{202e}\"] \xEF\xBB\xBF$(touch /x); `id` | 'q' \"q\" \\ ] "
                    "<b>&\\x0a."
                    "\\x0a<34>1 - - \\x00 end \xc3\xa9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
        a->sec = INT64_MAX / 4;
        buf_clear(&out);
        syslog_format(&out, &f, a);
        assert_memory_equal(out.p, "<83>1 - h?st? a 7 own [", 23);
        buf_done(&out);
        alert_unref(a);
}

static void the_local_format_is_as_syslog_writes(void **state) {
        const SyslogFormat f = { .facility = 10, .app_name = STR("a"), .pid = 7, .local = true };
        Alert *a;
        Buf out = BUF_INIT;

        setenv("TZ", "UTC", 1);
        assert_int_equal(alert_new_test(&a), 0);
        a->sec = 1699000000;
        syslog_format(&out, &f, a);
        assert_string_equal(buf_z(&out),
                            "<84>Nov  3 08:26:40 a[7]: this is a test alert of aulert (medium: Test alert)");
        buf_done(&out);
        alert_unref(a);
}

/* The most that an alert can hold, of bytes that become longer. */
static void a_message_is_bounded(void **state) {
        static char text[ALERT_TEXT_MAX];
        const Str wide = { text, sizeof(text) };
        Str list[ALERT_LIST_MAX];
        const SyslogFormat f = { .facility = 10, .app_name = STR("a"), .sd_id = STR("x@1"), .host = wide };
        Buf out = BUF_INIT;
        Alert *a;

        memset(text, '\x1b', sizeof(text));
        assert_int_equal(alert_new_test(&a), 0);
        for (size_t i = 0; i < ALERT_LIST_MAX; i++)
                list[i] = wide;
        a->tags = a->keys = list;
        a->n_tags = a->n_keys = ALERT_LIST_MAX;
        a->rule_title = a->sentence = a->user = a->addr = a->exe = a->object = a->node = wide;
        syslog_format(&out, &f, a);
        assert_true(out.n < SYSLOG_MESSAGE_MAX);
        assert_non_null(strstr(buf_z(&out), " truncated=\"true\"] \xEF\xBB\xBF\\x1b"));
        buf_done(&out);
        alert_unref(a);
}

static void datagrams_are_messages(void **state) {
        SinkSetting settings[] = { TEXT("address", server.address) };

        start_unix(SOCK_DGRAM);
        settings[0].values = &(const Str){ server.address, strlen(server.address) };
        conform_delivers(&sink_syslog, settings, 1, 300);
        conform_ends(&sink_syslog, settings, 1, 3, 10);
        stop_server();
        assert_in_range(server.n_messages, 300, 306); /* those of sinks that are closed may not have gone */
        assert_null(memchr(server.text, '\0', server.n));
        conform_fails(&sink_syslog, settings, 1, 3, SINK_RETRY, "No such file or directory");
}

static void a_stream_socket_will_do(void **state) {
        SinkSetting settings[] = { TEXT("address", server.address), TEXT("format", "local") };
        size_t n = 0;

        start_unix(SOCK_STREAM);
        settings[0].values = &(const Str){ server.address, strlen(server.address) };
        conform_delivers(&sink_syslog, settings, 2, 100);
        usleep(100000);
        stop_server();
        for (size_t i = 0; i < server.n; i++)
                n += !server.text[i];
        assert_int_equal(n, 100);
}

static void octets_are_counted(void **state) {
        SinkSetting settings[] = { TEXT("address", server.address) };

        start_tcp(0);
        settings[0].values = &(const Str){ server.address, strlen(server.address) };
        conform_delivers(&sink_syslog, settings, 1, 500);
        usleep(100000);
        stop_server();
        assert_int_equal(count_frames(), 500);
        conform_fails(&sink_syslog, settings, 1, 3, SINK_RETRY, "tcp://127.0.0.1:");
        conform_ends(&sink_syslog, settings, 1, 3, 10);
}

/* What was acknowledged is there; what was not is offered again. */
static void a_server_that_goes_is_found_again(void **state) {
        SinkSetting settings[] = { TEXT("address", server.address) };
        uint16_t port = start_tcp(0);
        size_t n;
        Scene s;

        settings[0].values = &(const Str){ server.address, strlen(server.address) };
        assert_int_equal(scene_open(&s, &sink_syslog, settings, 1), 0);
        scene_offer(&s, 10);
        assert_true(scene_wait(&s));
        assert_int_equal(s.n[SINK_DELIVERED], 10);
        stop_server();
        scene_turn(&s, 50);
        scene_offer(&s, 2);
        assert_true(scene_wait(&s));
        assert_int_equal(s.n[SINK_RETRY], 2);
        start_tcp(port);
        for (n = 0; s.n[SINK_DELIVERED] == 10 && n < 100; n++) { /* it waits before it tries again */
                scene_turn(&s, 50);
                scene_offer(&s, 1);
                assert_true(scene_wait(&s));
        }
        assert_true(n > 1);
        assert_int_equal(s.n[SINK_DELIVERED], 11);
        usleep(100000);
        stop_server();
        assert_int_equal(count_frames(), 1);
        s.n_fds -= SERVER_FDS;
        scene_close(&s);
}

/* Each connection takes a little, and is closed: nothing is settled twice, and all goes on. */
static void a_server_that_closes_is_borne(void **state) {
        SinkSetting settings[] = { TEXT("address", server.address) };
        Scene s;

        server.close_after = 2000;
        start_tcp(0);
        settings[0].values = &(const Str){ server.address, strlen(server.address) };
        assert_int_equal(scene_open(&s, &sink_syslog, settings, 1), 0);
        for (int i = 0; i < 20; i++) {
                scene_offer(&s, 10);
                assert_true(scene_wait(&s));
        }
        assert_true(server.n_connections > 1);
        assert_int_equal(s.n[SINK_DELIVERED] + s.n[SINK_RETRY], 200);
        assert_true(s.n[SINK_DELIVERED] > 0);
        stop_server();
        s.n_fds -= SERVER_FDS;
        scene_close(&s);
        server.close_after = 0;
}

static void no_acknowledgement_is_no_delivery(void **state) {
        SinkSetting settings[] = { TEXT("address", server.address), NUMBER("timeout", 300) };
        Scene s;

        server.deaf = true;
        start_tcp(0);
        settings[0].values = &(const Str){ server.address, strlen(server.address) };
        assert_int_equal(scene_open(&s, &sink_syslog, settings, 2), 0);
        scene_offer(&s, 200);
        assert_true(scene_wait(&s));
        assert_non_null(strstr(s.why, "no acknowledgement within 300 ms"));
        assert_true(s.n[SINK_RETRY] > 0);
        assert_int_equal(s.n[SINK_RETRY] + s.n[SINK_DELIVERED], 200);
        stop_server();
        s.n_fds -= SERVER_FDS;
        scene_close(&s);
        server.deaf = false;
}

static void settings_are_checked(void **state) {
        static const char *const bad[] = { "udp://h:1",   "tcp://",      "tcp://h:0",     "tcp://h:99999",
                                           "tls://a b:1", "tls://u@h:1", "unix:relative", "tcp://h/path",
                                           "tcp://[::1",  "tcp://h:1x" };
        const SinkSetting name[] = { TEXT("app_name", "a b") };
        const SinkSetting id[] = { TEXT("sd_id", "a=b") };
        const SinkSetting ca[] = { TEXT("address", "tcp://h:1"), TEXT("ca", "/x") };

        for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
                const SinkSetting address[] = { TEXT("address", bad[i]) };

                conform_refuses(&sink_syslog, address, 1, "must be unix:/PATH");
        }
        conform_refuses(&sink_syslog, name, 1, "48 printable");
        conform_refuses(&sink_syslog, id, 1, "32 printable");
        conform_refuses(&sink_syslog, ca, 2, "for tls://");
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(the_format_is_exact),
                cmocka_unit_test(the_local_format_is_as_syslog_writes),
                cmocka_unit_test(a_message_is_bounded),
                cmocka_unit_test(datagrams_are_messages),
                cmocka_unit_test(a_stream_socket_will_do),
                cmocka_unit_test(octets_are_counted),
                cmocka_unit_test(a_server_that_goes_is_found_again),
                cmocka_unit_test(a_server_that_closes_is_borne),
                cmocka_unit_test(no_acknowledgement_is_no_delivery),
                cmocka_unit_test(settings_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
