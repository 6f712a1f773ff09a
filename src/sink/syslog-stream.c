/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "sink/syslog-stream.h"

#define WATCHES 16u /* sockets that libcurl has at once while it connects: two addresses, and its resolver */

typedef struct {
        int fd;
        sd_event_source *io;
} Watch;

struct Stream {
        StreamSetup setup;
        int fd; /* -1: not connected; libcurl's unless own */
        bool own, dgram;
        sd_event_source *io;
        /* of libcurl */
        CURLM *multi;
        CURL *easy;
        sd_event_source *timer;
        Watch watches[WATCHES];
        char error[CURL_ERROR_SIZE];
};

static void forget_watches(Stream *s) {
        for (size_t i = 0; i < WATCHES; i++)
                sd_event_source_disable_unref(s->watches[i].io);
        memset(s->watches, 0, sizeof(s->watches));
        s->timer = sd_event_source_disable_unref(s->timer);
}

void stream_drop(Stream *s) {
        forget_watches(s);
        s->io = sd_event_source_disable_unref(s->io);
        if (s->own)
                close(s->fd);
        if (s->easy) {
                curl_multi_remove_handle(s->multi, s->easy);
                curl_easy_cleanup(s->easy);
        }
        if (s->multi)
                curl_multi_cleanup(s->multi);
        forget_watches(s); /* of what cleaning up closed */
        s->easy = NULL;
        s->multi = NULL;
        s->fd = -1;
        s->own = s->dgram = false;
}

static void go_down(Stream *s, const char *why) {
        char text[CURL_ERROR_SIZE + 64];

        snprintf(text, sizeof(text), "%s", why);
        stream_drop(s);
        s->setup.down(s->setup.userdata, text);
}

/* What the other side says is thrown away; that it has closed is what matters. 0 or -errno. */
static int read_away(Stream *s) {
        char text[4096];

        for (int i = 0; i < 16; i++) {
                size_t n = 0;

                if (s->easy) {
                        CURLcode code = curl_easy_recv(s->easy, text, sizeof(text), &n);

                        if (code == CURLE_AGAIN)
                                return 0;
                        if (code != CURLE_OK)
                                return -ECONNRESET;
                } else {
                        ssize_t got = recv(s->fd, text, sizeof(text), MSG_DONTWAIT);

                        if (got < 0)
                                return errno == EAGAIN || errno == EINTR ? 0 : -errno;
                        n = (size_t)got;
                }
                if (!n && !s->dgram)
                        return -EPIPE;
        }
        return 0;
}

static int on_socket(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Stream *s = userdata;

        if (events & (EPOLLIN | EPOLLHUP | EPOLLERR | EPOLLRDHUP)) {
                int r = read_away(s);

                if (r == 0 && (events & (EPOLLHUP | EPOLLERR)))
                        r = -ECONNRESET;
                if (r < 0) {
                        go_down(s, r == -EPIPE ? "the server closed the connection" : strerror(-r));
                        return 0;
                }
        }
        if (events & EPOLLOUT) {
                sd_event_source_set_io_events(source, EPOLLIN | EPOLLRDHUP);
                s->setup.writable(s->setup.userdata);
        }
        return 0;
}

static void be_up(Stream *s, int fd) {
        int r;

        s->fd = fd;
        r = sd_event_add_io(s->setup.loop, &s->io, fd, EPOLLIN | EPOLLRDHUP, on_socket, s);
        if (r < 0)
                go_down(s, strerror(-r));
        else
                s->setup.up(s->setup.userdata);
}

static int connect_unix(Stream *s, int type) {
        struct sockaddr_un to = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

        if (fd < 0)
                return -errno;
        strncpy(to.sun_path, s->setup.path, sizeof(to.sun_path) - 1);
        if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        s->own = true;
        s->dgram = type == SOCK_DGRAM;
        return fd;
}

/* As syslog(3): datagrams, or a stream where the other side wants one. */
static void start_unix(Stream *s) {
        int fd = connect_unix(s, SOCK_DGRAM);

        if (fd == -EPROTOTYPE)
                fd = connect_unix(s, SOCK_STREAM);
        if (fd < 0)
                go_down(s, strerror(-fd));
        else
                be_up(s, fd);
}

static void check_done(Stream *s) {
        curl_socket_t fd = CURL_SOCKET_BAD;
        CURLcode code;
        CURLMsg *msg;
        int left;

        msg = curl_multi_info_read(s->multi, &left);
        if (!msg || msg->msg != CURLMSG_DONE)
                return;
        code = msg->data.result;
        if (code == CURLE_OK)
                curl_easy_getinfo(s->easy, CURLINFO_ACTIVESOCKET, &fd);
        if (fd == CURL_SOCKET_BAD) {
                go_down(s, s->error[0] ? s->error : curl_easy_strerror(code));
                return;
        }
        forget_watches(s);
        be_up(s, fd);
}

static int on_watch(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Stream *s = userdata;
        int what = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
            running;

        curl_multi_socket_action(s->multi, fd, what, &running);
        check_done(s);
        return 0;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Stream *s = userdata;
        int running;

        curl_multi_socket_action(s->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        check_done(s);
        return 0;
}

static Watch *watch_of(Stream *s, int fd) {
        Watch *place = NULL;

        for (size_t i = 0; i < WATCHES; i++) {
                if (s->watches[i].io && s->watches[i].fd == fd)
                        return &s->watches[i];
                if (!s->watches[i].io)
                        place = &s->watches[i];
        }
        return place;
}

/* Called by libcurl. */
static int note_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data) {
        Stream *s = userdata;
        uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
        Watch *w = watch_of(s, fd);

        if (!w)
                return -1;
        if (what == CURL_POLL_REMOVE) {
                w->io = sd_event_source_disable_unref(w->io);
                return 0;
        }
        w->fd = fd;
        if (w->io)
                return sd_event_source_set_io_events(w->io, events) < 0 ? -1 : 0;
        return sd_event_add_io(s->setup.loop, &w->io, fd, events, on_watch, s) < 0 ? -1 : 0;
}

static int note_timer(CURLM *multi, long ms, void *userdata) {
        Stream *s = userdata;

        if (ms < 0)
                return sd_event_source_set_enabled(s->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        return sd_event_source_set_time_relative(s->timer, (uint64_t)ms * 1000) < 0 ||
                               sd_event_source_set_enabled(s->timer, SD_EVENT_ONESHOT) < 0
                       ? -1
                       : 0;
}

static bool set_up_easy(Stream *s) {
        CURL *c = s->easy;
        bool ok = true;

        ok &= !curl_easy_setopt(c, CURLOPT_URL, s->setup.url);
        ok &= !curl_easy_setopt(c, CURLOPT_CONNECT_ONLY, 1L);
        ok &= !curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
        ok &= !curl_easy_setopt(c, CURLOPT_PROXY, "");
        ok &= !curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
        ok &= !curl_easy_setopt(c, CURLOPT_QUICK_EXIT, 1L); /* nobody waits for a resolver that hangs */
        ok &= !curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS, (long)s->setup.timeout_ms);
        ok &= !curl_easy_setopt(c, CURLOPT_TCP_KEEPALIVE, 1L);
        ok &= !curl_easy_setopt(c, CURLOPT_SSL_ENABLE_ALPN, 0L); /* no HTTP is spoken */
        ok &= !curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        ok &= !curl_easy_setopt(c, CURLOPT_ERRORBUFFER, s->error);
        if (s->setup.ca)
                ok &= !curl_easy_setopt(c, CURLOPT_CAINFO, s->setup.ca);
        if (s->setup.cert)
                ok &= !curl_easy_setopt(c, CURLOPT_SSLCERT, s->setup.cert);
        if (s->setup.key)
                ok &= !curl_easy_setopt(c, CURLOPT_SSLKEY, s->setup.key);
        return ok;
}

static bool set_up_multi(Stream *s) {
        return !curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, note_socket) &&
               !curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s) &&
               !curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, note_timer) &&
               !curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
}

static void start_curl(Stream *s) {
        s->error[0] = '\0';
        s->multi = curl_multi_init();
        s->easy = curl_easy_init();
        if (!s->multi || !s->easy ||
            sd_event_add_time(s->setup.loop, &s->timer, CLOCK_MONOTONIC, 0, 1000, on_timer, s) < 0 ||
            sd_event_source_set_enabled(s->timer, SD_EVENT_OFF) < 0 || !set_up_multi(s) || !set_up_easy(s) ||
            curl_multi_add_handle(s->multi, s->easy) != CURLM_OK)
                go_down(s, "out of memory");
}

int stream_new(Stream **ret, const StreamSetup *setup) {
        Stream *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        if (!setup->path && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
                free(s);
                return -ENOMEM;
        }
        s->setup = *setup;
        s->fd = -1;
        *ret = s;
        return 0;
}

Stream *stream_free(Stream *s) {
        if (!s)
                return NULL;
        stream_drop(s);
        if (!s->setup.path)
                curl_global_cleanup();
        free(s);
        return NULL;
}

void stream_connect(Stream *s) {
        if (s->setup.path)
                start_unix(s);
        else
                start_curl(s);
}

static ssize_t send_some(Stream *s, const void *p, size_t n) {
        if (s->easy) {
                size_t done = 0;
                CURLcode code = curl_easy_send(s->easy, p, n, &done);

                return code == CURLE_OK ? (ssize_t)done : code == CURLE_AGAIN ? -EAGAIN : -ECONNRESET;
        } else {
                ssize_t done = send(s->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);

                return done < 0 ? -errno : done;
        }
}

ssize_t stream_send(Stream *s, const void *p, size_t n) {
        ssize_t r = send_some(s, p, n);

        if (r == -EAGAIN)
                sd_event_source_set_io_events(s->io, EPOLLIN | EPOLLRDHUP | EPOLLOUT);
        else if (r < 0 && r != -EMSGSIZE)
                stream_drop(s);
        return r;
}

bool stream_is_dgram(const Stream *s) { return s->dgram; }
bool stream_is_unix(const Stream *s) { return s->setup.path; }

bool stream_acked(const Stream *s, uint64_t *ret_acked, uint64_t *ret_written) {
        struct tcp_info info = { 0 };
        socklen_t n = sizeof(info);
        int queued;

        if (s->fd < 0 || s->own || getsockopt(s->fd, IPPROTO_TCP, TCP_INFO, &info, &n) < 0 ||
            n < offsetof(struct tcp_info, tcpi_bytes_received) || ioctl(s->fd, SIOCOUTQ, &queued) < 0)
                return false;
        *ret_acked = info.tcpi_bytes_acked;
        *ret_written = info.tcpi_bytes_acked + (uint64_t)queued;
        return true;
}
