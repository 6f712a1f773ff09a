/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What webhooks say; and what every sink must do, for both sinks that use libcurl, against a process that answers. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include "sink/test-conform.h"
#include "sink/webhook-body.h"

typedef struct {
        int fd;
        bool smtp;
        const char *answer; /* HTTP: status; SMTP: to RCPT */
        char url[64];
} Server;

static void say(int fd, const char *text) {
        if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
                shutdown(fd, SHUT_RDWR);
}

static void talk_http(const Server *s, FILE *in, int fd) {
        char line[4096], answer[128];
        size_t n_body = 0;

        while (fgets(line, sizeof(line), in) && strcmp(line, "\r\n") != 0)
                if (!strncmp(line, "Content-Length: ", 16))
                        n_body = strtoul(line + 16, NULL, 10);
        while (n_body && fgetc(in) != EOF)
                n_body--;
        snprintf(answer, sizeof(answer), "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
                 s->answer);
        say(fd, answer);
}

static void talk_smtp(const Server *s, FILE *in, int fd) {
        char line[4096];
        bool body = false;

        say(fd, "220 here\r\n");
        while (fgets(line, sizeof(line), in)) {
                if (body && strcmp(line, ".\r\n") != 0)
                        continue;
                say(fd, !strncmp(line, "RCPT", 4)   ? s->answer
                        : !strncmp(line, "DATA", 4) ? "354 go\r\n"
                                                    : "250 ok\r\n");
                body = !strncmp(line, "DATA", 4);
        }
}

/* Nobody's child: the program is held to have none. It ends with its socket. */
static void serve(const Server *s) {
        pid_t pid = fork();
        int fd;

        if (pid)
                assert_int_equal(waitpid(pid, NULL, 0), pid);
        if (pid || fork()) {
                if (!pid)
                        _exit(0);
                return;
        }
        alarm(600);
        while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
                FILE *in = fdopen(fd, "r");

                (s->smtp ? talk_smtp : talk_http)(s, in, fd);
                fclose(in);
        }
        _exit(0);
}

/* Without an answer it takes connections and says nothing. */
static void start(Server *s, bool smtp, const char *answer) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(a);

        *s = (Server){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .smtp = smtp, .answer = answer };
        assert_int_equal(bind(s->fd, (struct sockaddr *)&a, n), 0);
        assert_int_equal(listen(s->fd, 64), 0);
        assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &n), 0);
        snprintf(s->url, sizeof(s->url), "%s://127.0.0.1:%u", smtp ? "smtp" : "http", ntohs(a.sin_port));
        if (answer)
                serve(s);
}

static void stop(Server *s) {
        shutdown(s->fd, SHUT_RDWR);
        close(s->fd);
}

typedef struct {
        Str url, to;
        SinkSetting settings[3];
} Aim;

static const SinkSetting *aim(Aim *a, const Server *s) {
        a->url = str_from(s->url);
        a->to = STR("a@b");
        a->settings[0] = (SinkSetting){ .name = s->smtp ? STR("server") : STR("url"),
                                        .values = &a->url,
                                        .n_values = 1 };
        a->settings[1] = (SinkSetting){ .name = STR("to"), .values = &a->to, .n_values = 1 };
        a->settings[2] = (SinkSetting)NUMBER("timeout", 100);
        return a->settings;
}

static void expect_delivery(const SinkOps *ops, bool smtp, const char *good, const char *bad,
                            const char *word) {
        Server s;
        Aim a;

        start(&s, smtp, good);
        conform_delivers(ops, aim(&a, &s), 2, 20);
        stop(&s);
        start(&s, smtp, bad);
        conform_fails(ops, aim(&a, &s), 2, 7, SINK_REFUSED, word);
        stop(&s);
        conform_fails(ops, aim(&a, &s), 2, 7, SINK_RETRY, "connect");
}

static void expect_patience(const SinkOps *ops, bool smtp) {
        Server s;
        Aim a;

        start(&s, smtp, NULL);
        conform_fails(ops, aim(&a, &s), 3, 5, SINK_RETRY, "time");
        conform_ends(ops, aim(&a, &s), 2, 9, 50);
        stop(&s);
}

static void mail_does_as_every_sink(void **state) {
        expect_delivery(&sink_mail, true, "250 ok\r\n", "550 no such user\r\n", "550 no such user");
        expect_patience(&sink_mail, true);
}

static void webhook_does_as_every_sink(void **state) {
        expect_delivery(&sink_webhook, false, "200 OK", "404 gone", "HTTP 404");
        expect_patience(&sink_webhook, false);
}

static uint64_t told_ms;

static void note_after(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why) {
        assert_int_equal(verdict, SINK_RETRY);
        told_ms = sink_retry_after(sink);
        sd_event_exit(userdata, 0);
}

static uint64_t after_ms(const char *answer) {
        const Str name = STR("hook");
        Alert *alert;
        Server s;
        sd_event *loop;
        Sink *sink;

        start(&s, false, answer);
        {
                Aim a;
                const SinkConf conf = { aim(&a, &s), 1 };

                assert_int_equal(sd_event_new(&loop), 0);
                assert_int_equal(sink_new(&sink, &sink_webhook, name, &conf, loop, note_after, loop), 0);
                assert_int_equal(alert_new_test(&alert), 0);
                assert_int_equal(sink_offer(sink, alert), 0);
                assert_int_equal(sd_event_loop(loop), 0);
                alert_unref(alert);
                sink_free(sink);
                sd_event_unref(loop);
        }
        stop(&s);
        return told_ms;
}

/* As seconds or as a date, RFC 9110, 10.2.3; at most an hour. */
static void the_server_says_when(void **state) {
        char date[128];
        uint64_t ms;
        time_t soon;
        struct tm tm;

        assert_int_equal(after_ms("503 busy"), 0);
        assert_int_equal(after_ms("429 slow\r\nRetry-After: 7"), 7000);
        assert_int_equal(after_ms("503 busy\r\nRetry-After: 99999"), 3600000);
        assert_int_equal(after_ms("503 busy\r\nRetry-After: never"), 0);
        assert_int_equal(after_ms("503 busy\r\nRetry-After: Thu, 01 Jan 1998 00:00:00 GMT"), 0);
        soon = time(NULL) + 90;
        strftime(date, sizeof(date), "503 busy\r\nRetry-After: %a, %d %b %Y %H:%M:%S GMT",
                 gmtime_r(&soon, &tm));
        ms = after_ms(date);
        assert_true(ms <= 90000 && (int64_t)ms > (soon - time(NULL) - 1) * 1000);
}

static void names_are_filled_in(void **state) {
        static const struct {
                const char *template, *json, *plain;
        } rows[] = {
                { "", "", "" },
                { "{title}", "a\\\"\\n<b>", "a\"\\x0a<b>" },
                { "{\"t\": {\"x\": \"{title}\"}}", "{\"t\": {\"x\": \"a\\\"\\n<b>\"}}",
                  "{\"t\": {\"x\": \"a\"\\x0a<b>\"}}" },
                { "{level}{level}", "highhigh", "highhigh" },
                { "{ level}{}{Level}{", "{ level}{}{Level}{", "{ level}{}{Level}{" },
                { "{host} {time}", "here 1970-01-01T00:00:01.000Z", "here 1970-01-01T00:00:01.000Z" },
        };
        Alert *a;

        assert_int_equal(alert_new_own(&a, &(AlertOwn){ .kind = ALERT_EVENT,
                                                        .level = RULE_HIGH,
                                                        .title = STR("a\"\n<b>"),
                                                        .sentence = STR("s"),
                                                        .sec = 1 }),
                         0);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
                Buf json = BUF_INIT, plain = BUF_INIT;
                Str name;

                assert_true(webhook_template_check(str_from(rows[i].template), &name));
                webhook_template(&json, str_from(rows[i].template), a, STR("here"), true);
                webhook_template(&plain, str_from(rows[i].template), a, STR("here"), false);
                assert_string_equal(buf_z(&json), rows[i].json);
                assert_string_equal(buf_z(&plain), rows[i].plain);
                buf_done(&json);
                buf_done(&plain);
        }
        alert_unref(a);
}

static void names_that_no_alert_has_are_found(void **state) {
        Str name;

        assert_false(webhook_template_check(STR("{id} {sentense} {id}"), &name));
        assert_true(str_eqz(name, "sentense"));
}

static void messages_are_bounded_and_whole(void **state) {
        char sentence[ALERT_TEXT_MAX + 1] = { 0 };
        Buf out = BUF_INIT;
        Alert *a;

        for (size_t i = 0; i + 3 <= ALERT_TEXT_MAX; i += 3)
                memcpy(sentence + i, "\xe2\x80\xae", 3); /* each is shown as nine */
        assert_int_equal(alert_new_own(&a, &(AlertOwn){ .kind = ALERT_DIGEST,
                                                        .title = str_from(sentence),
                                                        .sentence = str_from(sentence) }),
                         0);
        webhook_body(&out, WEBHOOK_NTFY, a, STR("here"), STR("topic"));
        assert_in_range(out.n, 1000, 2 * 4096);
        assert_null(strstr(buf_z(&out), "\xe2\x80\xae"));
        buf_done(&out);
        alert_unref(a);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(mail_does_as_every_sink),
                cmocka_unit_test(webhook_does_as_every_sink),
                cmocka_unit_test(the_server_says_when),
                cmocka_unit_test(names_are_filled_in),
                cmocka_unit_test(names_that_no_alert_has_are_found),
                cmocka_unit_test(messages_are_bounded_and_whole),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
