/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/log.h"
#include "role/deliver/metrics-http.h"

typedef struct {
        MetricsHttp *server;
        int fd; /* -1: free */
        sd_event_source *io, *late;
        char request[HTTP_REQUEST];
        size_t n_request;
        Buf answer; /* empty: it is still asking */
        size_t told;
} Client;

struct MetricsHttp {
        sd_event *loop;
        int fd;
        sd_event_source *listen, *again;
        struct sockaddr_storage at;
        Buf text;
        Client clients[HTTP_CLIENTS];
};

static void drop(Client *c) {
        MetricsHttp *h = c->server;

        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->late);
        if (c->fd >= 0)
                close(c->fd);
        buf_done(&c->answer);
        c->io = c->late = NULL;
        c->fd = -1;
        c->n_request = c->told = 0;
        if (h->listen)
                sd_event_source_set_enabled(h->listen, SD_EVENT_ON);
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        drop(userdata);
        return 0;
}

static void tell(Client *c) {
        ssize_t n = 1;

        while (n > 0 && c->told < c->answer.n) {
                n = send(c->fd, c->answer.p + c->told, c->answer.n - c->told, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n > 0)
                        c->told += (size_t)n;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                sd_event_source_set_io_events(c->io, EPOLLOUT);
        else
                drop(c);
}

static void answer(Client *c, const char *status, Str text) {
        buf_printf(&c->answer,
                   "HTTP/1.1 %s\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
                   "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                   status, text.n);
        buf_str(&c->answer, text);
        if (c->answer.failed)
                drop(c);
        else
                tell(c);
}

static Str word(Str *line) {
        const char *blank = line->n ? memchr(line->p, ' ', line->n) : NULL;
        Str s = { line->p, blank ? (size_t)(blank - line->p) : line->n };

        *line = (Str){ line->p + s.n + !!blank, line->n - s.n - !!blank };
        return s;
}

static void take_request(Client *c) {
        const char *end = memchr(c->request, '\n', c->n_request);
        Str line = { c->request, (size_t)(end - c->request) }, method, path;

        if (line.n && line.p[line.n - 1] == '\r')
                line.n--;
        method = word(&line);
        path = word(&line);
        if (!str_starts(line, STR("HTTP/1.")))
                answer(c, "400 Bad Request", STR("this is HTTP/1.1\n"));
        else if (!str_eqz(method, "GET"))
                answer(c, "405 Method Not Allowed", STR("only GET\n"));
        else if (!str_eqz(path, "/metrics"))
                answer(c, "404 Not Found", STR("only /metrics\n"));
        else if (!c->server->text.n)
                answer(c, "503 Service Unavailable", STR("nothing was collected yet\n"));
        else
                answer(c, "200 OK", buf_view(&c->server->text));
}

/* The blank line behind the headers, which are not looked at. */
static bool is_whole(const Client *c) {
        return memmem(c->request, c->n_request, "\r\n\r\n", 4) || memmem(c->request, c->n_request, "\n\n", 2);
}

static int on_client(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Client *c = userdata;
        ssize_t n;

        if (c->answer.n) {
                tell(c);
                return 0;
        }
        n = recv(c->fd, c->request + c->n_request, sizeof(c->request) - c->n_request, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0) {
                drop(c);
                return 0;
        }
        c->n_request += (size_t)n;
        if (is_whole(c))
                take_request(c);
        else if (c->n_request == sizeof(c->request))
                answer(c, "431 Request Header Fields Too Large", STR("at most 8 KiB\n"));
        return 0;
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        MetricsHttp *h = userdata;
        Client *c = NULL;

        for (size_t i = 0; i < HTTP_CLIENTS && !c; i++)
                if (h->clients[i].fd < 0)
                        c = &h->clients[i];
        if (!c) { /* until one goes */
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (c->fd < 0)
                return 0;
        if (sd_event_add_io(h->loop, &c->io, c->fd, EPOLLIN, on_client, c) < 0 ||
            sd_event_add_time_relative(h->loop, &c->late, CLOCK_MONOTONIC, HTTP_MS * 1000ull, 10000, on_late,
                                       c) < 0)
                drop(c);
        return 0;
}

static int listen_now(MetricsHttp *h) {
        const struct sockaddr_storage *at = &h->at;
        const int on = 1;

        if (h->fd >= 0)
                close(h->fd);
        h->fd = socket(at->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (h->fd < 0)
                return -errno;
        (void)setsockopt(h->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(h->fd, (const struct sockaddr *)at, sizeof(*at)) < 0 || listen(h->fd, 64) < 0)
                return -errno;
        return sd_event_add_io(h->loop, &h->listen, h->fd, EPOLLIN, on_connection, h);
}

static int on_again(sd_event_source *source, uint64_t usec, void *userdata) {
        MetricsHttp *h = userdata;

        if (listen_now(h) < 0 && sd_event_source_set_time_relative(source, HTTP_AGAIN_MS * 1000ull) >= 0)
                (void)sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

/* auditd 4.2 reloads by starting another aulert while this one ends: the port will be free soon. */
static int listen_later(MetricsHttp *h) {
        return sd_event_add_time_relative(h->loop, &h->again, CLOCK_MONOTONIC, HTTP_AGAIN_MS * 1000ull, 10000,
                                          on_again, h);
}

MetricsHttp *metrics_http_use(MetricsHttp *h, sd_event *loop, const ConfigMetrics *config) {
        int r;

        if (h && config->listen && !memcmp(&h->at, &config->at, sizeof(h->at)))
                return h;
        metrics_http_free(h);
        if (!config->listen)
                return NULL;
        h = calloc(1, sizeof(*h));
        if (!h) {
                log_error("metrics: out of memory");
                return NULL;
        }
        h->loop = loop;
        h->fd = -1;
        h->text = BUF_INIT;
        for (size_t i = 0; i < HTTP_CLIENTS; i++) {
                h->clients[i].server = h;
                h->clients[i].fd = -1;
                h->clients[i].answer = BUF_INIT;
        }
        h->at = config->at;
        r = listen_now(h);
        if (r >= 0)
                return h;
        log_error("metrics: cannot listen on %s: %s%s", config->listen, strerror(-r),
                  r == -EADDRINUSE ? "; it is tried again until the other one goes" : "");
        return r == -EADDRINUSE && listen_later(h) >= 0 ? h : metrics_http_free(h);
}

MetricsHttp *metrics_http_free(MetricsHttp *h) {
        if (!h)
                return NULL;
        h->listen = sd_event_source_disable_unref(h->listen);
        h->again = sd_event_source_disable_unref(h->again);
        for (size_t i = 0; i < HTTP_CLIENTS; i++)
                drop(&h->clients[i]);
        if (h->fd >= 0)
                close(h->fd);
        buf_done(&h->text);
        free(h);
        return NULL;
}

void metrics_http_text(MetricsHttp *h, Str text) {
        buf_clear(&h->text);
        buf_str(&h->text, text);
        if (h->text.failed)
                buf_done(&h->text);
}
