/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The syslog sink: RFC 5424 over a Unix socket, TCP (RFC 6587, octet counting) or TLS (RFC 5425).
 *
 * The protocol has no answer. Over a Unix socket an alert is delivered when the kernel has taken it; over TCP and TLS
 * when the other machine's kernel has acknowledged every byte of it: a server that dies right then can still lose
 * it. At most WINDOW alerts are under way. A connection that breaks is made again: at once when something had
 * been delivered over it, else after a while that grows. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/escape.h"
#include "sink/check.h"
#include "sink/sink.h"
#include "sink/syslog-format.h"
#include "sink/syslog-stream.h"

#define WINDOW     64u
#define TIMEOUT_MS 10000u
#define PAUSE_MS   500u /* before the second attempt to connect; then twice as long each time */
#define PAUSE_MAX  60000u
#define TICK_US    5000u /* acknowledgements are looked for; then less and less often */
#define TICK_MAX   200000u
#define DEV_LOG    "unix:/dev/log"
#define WHY_BYTES  512u

typedef struct {
        uint64_t id;
        Buf bytes;
        size_t sent;
        bool refused;      /* the socket takes no message of this size */
        uint64_t mark;     /* whole: when so many bytes are acknowledged, it is */
        uint64_t since_ns; /* for the timeout */
} Frame;

typedef enum { DOWN, CONNECTING, UP } State;

typedef struct {
        Sink *sink;
        const char *address;
        char url[300], host[256], why[WHY_BYTES];
        SyslogFormat format;
        Stream *stream;
        State state;
        bool productive;                         /* this connection has delivered something */
        uint64_t timeout_ms, pause_ms, until_ns; /* no attempt before */
        Frame frames[WINDOW];                    /* a ring, in order */
        size_t first, n, n_whole;
        sd_event_source *tick;
        uint64_t tick_us;
} Syslog;

/* RFC 5424, 6.2.1: those for programs, and for machines. */
static const char *const facilities[] = {
        "user", "mail",   "daemon", "auth",   "syslog", "lpr",    "news",   "uucp",   "cron",   "authpriv",
        "ftp",  "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7", NULL,
};
#define FIRST_LOCAL 11u
static const char *const formats[] = { "rfc5424", "local", NULL };

/* HOST or HOST:PORT, [ADDRESS] for IPv6. */
static bool is_host_port(const char *p) {
        const char *host = p;
        bool v6 = *p == '[';
        unsigned long port;
        char *end;

        p += v6;
        p += strspn(p, v6 ? "0123456789abcdefABCDEF:."
                          : "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
        if (p == host + v6 || p - host > 253 || (v6 && *p++ != ']'))
                return false;
        if (!*p)
                return true;
        if (*p != ':' || p[1] < '1' || p[1] > '9')
                return false;
        port = strtoul(p + 1, &end, 10);
        return !*end && port <= 65535;
}

static const char *check_server(const SinkSetting *s) {
        Str a = s->values[0];
        bool good = false;

        if (strlen(a.p) != a.n)
                good = false;
        else if (str_starts(a, STR("unix:/")))
                good = a.n - 5 < sizeof(((struct sockaddr_un *)0)->sun_path);
        else if (str_starts(a, STR("tcp://")) || str_starts(a, STR("tls://")))
                good = is_host_port(a.p + 6);
        return good ? NULL : "must be unix:/PATH, tcp://HOST:PORT or tls://HOST:PORT";
}

static const char *check_app_name(const SinkSetting *s) {
        return syslog_is_name(s->values[0], 48) ? NULL
                                                : "must be at most 48 printable characters, without spaces";
}

static const char *check_sd_id(const SinkSetting *s) {
        return syslog_is_sd_name(s->values[0]) ? NULL
                                               : "must be at most 32 printable characters, as name@number";
}

static Frame *frame_at(Syslog *s, size_t i) { return &s->frames[(s->first + i) % WINDOW]; }

/* The first frame goes; its id. */
static uint64_t pop(Syslog *s) {
        Frame *f = frame_at(s, 0);
        uint64_t id = f->id;

        s->n_whole -= f->sent == f->bytes.n;
        buf_done(&f->bytes);
        s->first++;
        s->n--;
        return id;
}

static void set_tick(Syslog *s, bool soon) {
        if (soon)
                s->tick_us = TICK_US;
        sd_event_source_set_time_relative(s->tick, s->tick_us);
        sd_event_source_set_enabled(s->tick, s->n ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static uint64_t remaining_ms(const Syslog *s) {
        uint64_t now = clock_monotonic_ns();

        return s->until_ns > now ? (s->until_ns - now) / NS_PER_MS + 1 : 0;
}

/* The first @n frames are given up. Nothing may follow this but the end: settling brings new alerts. */
static void give_up(Syslog *s, size_t n, uint64_t after_ms) {
        uint64_t ids[WINDOW];
        char why[WHY_BYTES];

        memcpy(why, s->why, sizeof(why));
        for (size_t i = 0; i < n; i++)
                ids[i] = pop(s);
        for (size_t i = 0; i < n; i++)
                sink_settle_after(s->sink, ids[i], why, after_ms);
}

static size_t n_begun(Syslog *s) {
        size_t n = s->n_whole;

        return n + (n < s->n && frame_at(s, n)->sent);
}

static void rest(Syslog *s) {
        s->state = DOWN;
        s->until_ns = clock_monotonic_ns() + s->pause_ms * NS_PER_MS;
        s->pause_ms = s->pause_ms * 2 < PAUSE_MAX ? s->pause_ms * 2 : PAUSE_MAX;
}

/* The stream is down. What was begun may have arrived or not: it is offered again, with the same id. */
static void lose(Syslog *s, const char *why, bool again) {
        size_t n = n_begun(s);
        bool connect = s->n > n;

        snprintf(s->why, sizeof(s->why), "%s: %s", s->address, why);
        if (!again || !s->productive) {
                rest(s);
                give_up(s, s->n, remaining_ms(s));
                return;
        }
        s->productive = false;
        s->state = connect ? CONNECTING : DOWN;
        give_up(s, n, 0);
        if (connect)
                stream_connect(s->stream);
}

static bool is_done(const Syslog *s, const Frame *f, bool known, uint64_t acked) {
        return f->sent == f->bytes.n && (f->refused || !known || acked >= f->mark);
}

static void settle_done(Syslog *s) {
        uint64_t acked, written;
        bool known;

        while (s->state == UP && s->n) {
                Frame *f = frame_at(s, 0);
                bool refused = f->refused;
                uint64_t id;

                known = stream_acked(s->stream, &acked, &written);
                if (!is_done(s, f, known, acked))
                        break;
                id = pop(s);
                if (!refused) {
                        s->productive = true;
                        s->pause_ms = PAUSE_MS;
                }
                sink_settle(s->sink, id, refused ? SINK_REFUSED : SINK_DELIVERED,
                            refused ? "too long for the socket" : "");
        }
}

/* False: nothing more can be sent now. */
static bool send_frame(Syslog *s, Frame *f) {
        size_t end = stream_is_dgram(s->stream) ? 1 : 0; /* a datagram needs none */
        ssize_t r = stream_send(s->stream, f->bytes.p + f->sent, f->bytes.n - f->sent - end);
        uint64_t acked;

        if (r == -EAGAIN)
                return false;
        if (r == -EMSGSIZE) {
                f->refused = true;
                r = (ssize_t)(f->bytes.n - f->sent - end);
        }
        if (r < 0) {
                lose(s, strerror((int)-r), true);
                return false;
        }
        f->sent += (size_t)r + end;
        if (f->sent == f->bytes.n) {
                s->n_whole++;
                if (!stream_acked(s->stream, &acked, &f->mark))
                        f->mark = 0;
        }
        return true;
}

static void pump(Syslog *s) {
        while (s->state == UP && s->n_whole < s->n)
                if (!send_frame(s, frame_at(s, s->n_whole)))
                        break;
        settle_done(s);
        set_tick(s, true);
}

static void on_up(void *userdata) {
        Syslog *s = userdata;

        s->state = UP;
        s->productive = false;
        for (size_t i = 0; i < s->n; i++)
                frame_at(s, i)->since_ns = clock_monotonic_ns();
        pump(s);
}

static void on_writable(void *userdata) { pump(userdata); }
static void on_down(void *userdata, const char *why) {
        Syslog *s = userdata;

        lose(s, why, s->state == UP);
}

static int on_tick(sd_event_source *source, uint64_t usec, void *userdata) {
        Syslog *s = userdata;
        char why[64];

        settle_done(s);
        if (s->state == UP && s->n &&
            clock_monotonic_ns() - frame_at(s, 0)->since_ns > s->timeout_ms * NS_PER_MS) {
                stream_drop(s->stream);
                snprintf(why, sizeof(why), "no acknowledgement within %llu ms",
                         (unsigned long long)s->timeout_ms);
                lose(s, why, false);
        }
        s->tick_us = s->tick_us * 2 < TICK_MAX ? s->tick_us * 2 : TICK_MAX;
        set_tick(s, false);
        return 0;
}

/* RFC 6587, 3.4.1: the length of the message, a space, the message. For a stream of /dev/log each ends with a zero
 * byte, as of syslog(3). */
static bool make_frame(Syslog *s, Frame *f, const Alert *alert) {
        Buf message = BUF_INIT;

        syslog_format(&message, &s->format, alert);
        f->bytes = BUF_INIT;
        if (!stream_is_unix(s->stream))
                buf_printf(&f->bytes, "%zu ", message.n);
        buf_str(&f->bytes, buf_view(&message));
        if (stream_is_unix(s->stream))
                buf_putc(&f->bytes, '\0');
        if (message.failed)
                f->bytes.failed = true;
        buf_done(&message);
        return !f->bytes.failed;
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Syslog *s = sink_state(sink);
        Frame *f = frame_at(s, s->n);

        if (s->n == WINDOW)
                return SINK_E_BUSY;
        if (s->state == DOWN && remaining_ms(s)) {
                sink_settle_after(sink, id, s->why, remaining_ms(s));
                return 0;
        }
        *f = (Frame){ .id = id, .since_ns = clock_monotonic_ns() };
        if (!make_frame(s, f, alert)) {
                buf_done(&f->bytes);
                sink_settle(sink, id, SINK_RETRY, "out of memory");
                return 0;
        }
        s->n++;
        if (s->state == DOWN) {
                s->state = CONNECTING;
                stream_connect(s->stream);
        } else if (s->state == UP) {
                pump(s);
        }
        return 0;
}

static unsigned find_facility(Str name) {
        unsigned i = 0;

        while (facilities[i] && !str_eqz(name, facilities[i]))
                i++;
        return i < FIRST_LOCAL ? i + 1 : i - FIRST_LOCAL + 16;
}

static const char *text_or_null(const SinkConf *conf, const char *name) {
        const SinkSetting *setting = sink_conf_find(conf, name);

        return setting ? setting->values[0].p : NULL;
}

static void read_format(Syslog *s, const SinkConf *conf) {
        bool dev_log = !strcmp(s->address, DEV_LOG);

        gethostname(s->host, sizeof(s->host) - 1);
        s->format = (SyslogFormat){
                .facility = find_facility(sink_conf_text(conf, "facility", STR("authpriv"))),
                .app_name = sink_conf_text(conf, "app_name", STR("aulert")),
                .sd_id = sink_conf_text(conf, "sd_id", STR("aulert@32473")),
                .host = str_from(s->host),
                .pid = (int)getpid(),
                .local = str_eqz(sink_conf_text(conf, "format", dev_log ? STR("local") : STR("rfc5424")),
                                 "local"),
        };
}

static int make_stream(Syslog *s, const SinkConf *conf) {
        bool unix_socket = s->address[0] == 'u', tls = !strncmp(s->address, "tls", 3);
        const char *host = s->address + 6, *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');
        bool has_port = colon && (!bracket || colon > bracket);
        StreamSetup setup = { .loop = sink_loop(s->sink),
                              .path = unix_socket ? s->address + 5 : NULL,
                              .url = s->url,
                              .ca = text_or_null(conf, "ca"),
                              .cert = text_or_null(conf, "cert"),
                              .key = text_or_null(conf, "key"),
                              .timeout_ms = s->timeout_ms,
                              .up = on_up,
                              .writable = on_writable,
                              .down = on_down,
                              .userdata = s };

        if (!tls && (setup.ca || setup.cert || setup.key))
                return sink_bad_conf(s->sink, "ca, cert and key are for tls://");
        if (!unix_socket)
                snprintf(s->url, sizeof(s->url), "%s://%s%s", tls ? "https" : "http", host,
                         has_port ? ""
                         : tls    ? ":6514"
                                  : ":601");
        return stream_new(&s->stream, &setup);
}

static int open_syslog(Sink *sink, const SinkConf *conf) {
        Syslog *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->sink = sink;
        s->address = sink_conf_text(conf, "address", STR(DEV_LOG)).p;
        s->timeout_ms = sink_conf_number(conf, "timeout", TIMEOUT_MS);
        s->pause_ms = PAUSE_MS;
        read_format(s, conf);
        r = make_stream(s, conf);
        if (r >= 0)
                r = sd_event_add_time(sink_loop(sink), &s->tick, CLOCK_MONOTONIC, 0, 1000, on_tick, s);
        if (r >= 0)
                r = sd_event_source_set_enabled(s->tick, SD_EVENT_OFF);
        if (r < 0) {
                sd_event_source_disable_unref(s->tick);
                stream_free(s->stream);
                free(s);
                return r;
        }
        sink_set_state(sink, s);
        return 0;
}

static void close_syslog(Sink *sink) {
        Syslog *s = sink_state(sink);

        stream_free(s->stream);
        while (s->n)
                pop(s);
        sd_event_source_disable_unref(s->tick);
        free(s);
}

static const SinkOption options[] = {
        { .name = "address", .kind = SINK_TEXT, .check = check_server },
        { .name = "format", .kind = SINK_CHOICE, .choices = formats },
        { .name = "facility", .kind = SINK_CHOICE, .choices = facilities },
        { .name = "app_name", .kind = SINK_TEXT, .check = check_app_name },
        { .name = "sd_id", .kind = SINK_TEXT, .check = check_sd_id },
        { .name = "ca", .kind = SINK_PATH },
        { .name = "cert", .kind = SINK_PATH },
        { .name = "key", .kind = SINK_PATH },
        { .name = "timeout", .kind = SINK_DURATION, .check = check_timeout },
};

const SinkOps sink_syslog = { .type = "syslog",
                              .options = options,
                              .n_options = ARRAY_SIZE(options),
                              .open = open_syslog,
                              .submit = submit,
                              .close = close_syslog };
