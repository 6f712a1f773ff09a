/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/escape.h"
#include "sink/transfer.h"

struct Transfers {
        Sink *sink;
        TransferSetup setup;
        CURLM *multi;
        sd_event_source *timer;
        Transfer *transfers; /* setup.n_max */
};

/* libcurl asks here wherever it waits inside of a call, and once in a turn of the loop. */
static int is_over(void *userdata, curl_off_t n_down, curl_off_t down, curl_off_t n_up, curl_off_t up) {
        return ((const Transfer *)userdata)->over;
}

/* A mail under way would be finished by libcurl as it is, half of it, and its answer waited for: so nothing more gets
 * out. */
static void cut(Transfer *t) {
        t->over = true;
        if (t->fd != CURL_SOCKET_BAD)
                shutdown(t->fd, SHUT_RDWR);
        curl_multi_remove_handle(t->owner->multi, t->easy);
}

static void clear(Transfer *t, bool ended) {
        if (t->running && ended)
                curl_multi_remove_handle(t->owner->multi, t->easy);
        else if (t->running)
                cut(t);
        curl_easy_cleanup(t->easy);
        curl_mime_free(t->mime);
        curl_slist_free_all(t->headers);
        curl_slist_free_all(t->recipients);
        buf_done(&t->body);
        *t = (Transfer){ .owner = t->owner,
                         .slot = t->slot,
                         .userdata = t->userdata,
                         .body = BUF_INIT,
                         .fd = CURL_SOCKET_BAD };
}

/* The transfer is free again before its alert is settled: that may bring the next one. */
static void settle(Transfer *t, TransferEnd *end) {
        Sink *sink = t->owner->sink;
        uint64_t id = t->id;
        Buf why = BUF_INIT;

        clear(t, true);
        escape_terminal(&why, buf_view(&end->why));
        if (why.n > TRANSFER_WHY)
                for (why.n = TRANSFER_WHY; why.n && (why.p[why.n] & 0xC0) == 0x80;)
                        why.n--;
        buf_done(&end->why);
        if (end->verdict == SINK_RETRY && end->after_ms)
                sink_settle_after(sink, id, why.n && buf_z(&why) ? why.p : "", end->after_ms);
        else
                sink_settle(sink, id, end->verdict, why.n && buf_z(&why) ? why.p : "");
        buf_done(&why);
}

void transfer_refuse(Transfer *t, SinkVerdict verdict, const char *why) {
        TransferEnd end = { .verdict = verdict, .why = BUF_INIT };

        buf_putz(&end.why, why);
        settle(t, &end);
}

static void finish(Transfer *t, CURLcode code) {
        TransferEnd end = { .verdict = SINK_RETRY, .why = BUF_INIT };

        t->owner->setup.judge(t, code, &end);
        settle(t, &end);
}

static void take_ended(Transfers *ts) {
        CURLMsg *m;
        int n_left;

        while ((m = curl_multi_info_read(ts->multi, &n_left))) {
                CURLcode code = m->data.result;
                char *t = NULL;

                if (m->msg == CURLMSG_DONE &&
                    curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t) == CURLE_OK)
                        finish((Transfer *)(void *)t, code);
        }
}

static int on_io(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Transfers *ts = userdata;
        int bits = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                   (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
            n_running;

        curl_multi_socket_action(ts->multi, fd, bits, &n_running);
        take_ended(ts);
        return 0;
}

static int on_time(sd_event_source *s, uint64_t usec, void *userdata) {
        Transfers *ts = userdata;
        int n_running;

        curl_multi_socket_action(ts->multi, CURL_SOCKET_TIMEOUT, 0, &n_running);
        take_ended(ts);
        return 0;
}

static int set_timer(CURLM *multi, long ms, void *userdata) {
        Transfers *ts = userdata;

        if (ms < 0)
                return sd_event_source_set_enabled(ts->timer, SD_EVENT_OFF) < 0 ? -1 : 0;
        if (sd_event_source_set_time_relative(ts->timer, (uint64_t)ms * 1000) < 0)
                return -1;
        return sd_event_source_set_enabled(ts->timer, SD_EVENT_ONESHOT) < 0 ? -1 : 0;
}

static void note_socket(CURL *easy, curl_socket_t fd) {
        char *t = NULL;

        if (curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t) == CURLE_OK && t)
                ((Transfer *)(void *)t)->fd = fd;
}

/* Its number may soon be another's. */
static void forget_socket(Transfers *ts, curl_socket_t fd) {
        for (size_t i = 0; i < ts->setup.n_max; i++)
                if (ts->transfers[i].fd == fd)
                        ts->transfers[i].fd = CURL_SOCKET_BAD;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *userdata, void *socket_data) {
        Transfers *ts = userdata;
        sd_event_source *s = socket_data;
        uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);

        if (what == CURL_POLL_REMOVE) {
                forget_socket(ts, fd);
                sd_event_source_disable_unref(s);
                curl_multi_assign(ts->multi, fd, NULL);
                return 0;
        }
        note_socket(easy, fd);
        if (s)
                return sd_event_source_set_io_events(s, events) < 0 ? -1 : 0;
        if (sd_event_add_io(sink_loop(ts->sink), &s, fd, events, on_io, ts) < 0)
                return -1;
        curl_multi_assign(ts->multi, fd, s);
        return 0;
}

static int set_up(Transfers *ts) {
        int r = sd_event_add_time_relative(sink_loop(ts->sink), &ts->timer, CLOCK_MONOTONIC, 0, 1000, on_time,
                                           ts);

        if (r >= 0)
                r = sd_event_source_set_enabled(ts->timer, SD_EVENT_OFF);
        if (r < 0)
                return r;
        ts->multi = curl_multi_init();
        ts->transfers = calloc(ts->setup.n_max, sizeof(*ts->transfers));
        if (!ts->multi || !ts->transfers)
                return -ENOMEM;
        for (size_t i = 0; i < ts->setup.n_max; i++)
                ts->transfers[i] = (Transfer){ .owner = ts,
                                               .slot = i,
                                               .userdata = ts->setup.userdata,
                                               .body = BUF_INIT,
                                               .fd = CURL_SOCKET_BAD };
        curl_multi_setopt(ts->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
        curl_multi_setopt(ts->multi, CURLMOPT_SOCKETDATA, ts);
        curl_multi_setopt(ts->multi, CURLMOPT_TIMERFUNCTION, set_timer);
        curl_multi_setopt(ts->multi, CURLMOPT_TIMERDATA, ts);
        curl_multi_setopt(ts->multi, CURLMOPT_MAXCONNECTS, (long)ts->setup.n_max);
        return 0;
}

int transfers_new(Transfers **ret, Sink *sink, const TransferSetup *setup) {
        Transfers *ts;
        int r;

        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
                return -ENOMEM;
        ts = calloc(1, sizeof(*ts));
        if (!ts) {
                curl_global_cleanup();
                return -ENOMEM;
        }
        ts->sink = sink;
        ts->setup = *setup;
        r = set_up(ts);
        if (r < 0) {
                transfers_free(ts);
                return r;
        }
        *ret = ts;
        return 0;
}

Transfers *transfers_free(Transfers *ts) {
        if (!ts)
                return NULL;
        for (size_t i = 0; ts->transfers && i < ts->setup.n_max; i++)
                clear(&ts->transfers[i], false);
        curl_multi_cleanup(ts->multi);
        sd_event_source_disable_unref(ts->timer);
        free(ts->transfers);
        free(ts);
        curl_global_cleanup();
        return NULL;
}

static void set_common(Transfer *t) {
        const TransferSetup *s = &t->owner->setup;
        long timeout = (long)(s->timeout_ms ? s->timeout_ms : TRANSFER_TIMEOUT_MS);

        curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
        curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
        curl_easy_setopt(t->easy, CURLOPT_XFERINFOFUNCTION, is_over);
        curl_easy_setopt(t->easy, CURLOPT_XFERINFODATA, t);
        curl_easy_setopt(t->easy, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L); /* do not wait for a thread that resolves a name */
        curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, s->protocols);
        curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
        curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
        curl_easy_setopt(t->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
        curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, timeout);
        curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS,
                         timeout < (long)TRANSFER_CONNECT_MS ? timeout : (long)TRANSFER_CONNECT_MS);
        curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
        curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, s->no_verify ? 0L : 1L);
        curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, s->no_verify ? 0L : 2L);
        if (s->ca)
                curl_easy_setopt(t->easy, CURLOPT_CAINFO, s->ca);
}

Transfer *transfers_take(Transfers *ts, uint64_t id) {
        for (size_t i = 0; i < ts->setup.n_max; i++)
                if (!ts->transfers[i].id) {
                        ts->transfers[i].id = id;
                        ts->transfers[i].easy = curl_easy_init();
                        if (ts->transfers[i].easy)
                                set_common(&ts->transfers[i]);
                        return &ts->transfers[i];
                }
        return NULL;
}

void transfer_start(Transfer *t) {
        if (!t->easy || curl_multi_add_handle(t->owner->multi, t->easy) != CURLM_OK)
                transfer_refuse(t, SINK_RETRY, strerror(ENOMEM));
        else
                t->running = true;
}

bool transfer_header(Transfer *t, const char *name, Str value) {
        Buf line = BUF_INIT;
        struct curl_slist *more = NULL;

        buf_printf(&line, value.n ? "%s: " : "%s;", name); /* ";" is libcurl's sign for an empty one */
        buf_str(&line, value);
        if (buf_z(&line))
                more = curl_slist_append(t->headers, line.p);
        if (more)
                t->headers = more;
        buf_done(&line);
        return more;
}

void transfer_host(char ret[static 256]) {
        size_t n;

        ret[255] = 0;
        if (gethostname(ret, 255) < 0)
                ret[0] = 0;
        n = strspn(ret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.");
        if (!n || ret[n])
                strcpy(ret, "localhost");
}
