/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kafka sink: an alert is a message, its JSON; delivered when all replicas in sync have it.
 *
 * The producer is idempotent: its own retries neither repeat an alert nor change the order within a partition. What it
 * gives back after `timeout` is offered again by the host, and then may come twice, under the same id. librdkafka
 * brings threads of its own; what they have to say comes through one eventfd into the loop. */
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "sink/sink.h"
#include "source/kafka-conf.h"

#define TIMEOUT_MS   60000u
#define TURN_EVENTS  256u           /* of one turn of the loop */
#define AGAIN_NS     (5 * NS_PER_S) /* before another try to make a producer */
#define TOPIC_MAX    249u           /* bytes: a cluster takes no longer name */
#define TROUBLE_ROOM 256u
#define EVENT_ID     0u /* of messages that are no alerts */

typedef enum { KEY_NODE, KEY_USER, KEY_RULE, KEY_ID, KEY_NONE } Key;
static const char *const keys[] = { "node", "user", "rule", "id", "none", NULL };
static const char *const codecs[] = { "none", "gzip", "snappy", "lz4", "zstd", NULL };

typedef struct {
        uint64_t id;
        rd_kafka_resp_err_t err;
} Report;

typedef struct {
        const SinkConf *conf;
        const char *topic;
        Key key;
        bool records;
        char host[65];
        int fd; /* what librdkafka writes to when its queue is no longer empty */
        sd_event_source *io;
        rd_kafka_t *rk; /* NULL: none could be made, or the last one failed for good */
        rd_kafka_queue_t *queue;
        uint64_t again_ns;
        size_t n_out;               /* produced, no report yet */
        bool fatal;                 /* the producer is to be replaced when nothing is out any more */
        char trouble[TROUBLE_ROOM]; /* what librdkafka last complained about; "" after a delivery */
        Report reports[SINK_QUEUE];
} Kafka;

static KafkaClient client_of(const SinkConf *conf) {
        const SinkSetting *brokers = sink_conf_find(conf, "brokers"),
                          *options = sink_conf_find(conf, "options");

        return (KafkaClient){ .brokers = brokers ? brokers->values : NULL,
                              .n_brokers = brokers ? brokers->n_values : 0,
                              .options = options ? options->values : NULL,
                              .n_options = options ? options->n_values : 0 };
}

static rd_kafka_conf_t *make_conf(const SinkConf *conf, Buf *why) {
        const SinkSetting *compression = sink_conf_find(conf, "compression"),
                          *timeout = sink_conf_find(conf, "timeout");
        const KafkaClient client = client_of(conf);
        rd_kafka_conf_t *rk = kafka_conf_new(&client, why);
        char ms[24];

        snprintf(ms, sizeof(ms), "%llu", (unsigned long long)(timeout ? timeout->number : TIMEOUT_MS));
        if (rk && kafka_conf_set(rk, "enable.idempotence", "true", why) &&
            kafka_conf_set(rk, "acks", "all", why) && kafka_conf_set(rk, "delivery.timeout.ms", ms, why) &&
            (!compression || kafka_conf_set(rk, "compression.type", compression->values[0].p, why)))
                return rk;
        if (rk)
                rd_kafka_conf_destroy(rk);
        return NULL;
}

static bool check(const SinkConf *conf, Buf *why) {
        rd_kafka_conf_t *rk = make_conf(conf, why);

        if (rk)
                rd_kafka_conf_destroy(rk);
        return rk;
}

static void note_trouble(Kafka *k, const char *text) {
        size_t n = strnlen(text, TROUBLE_ROOM - 1);

        memcpy(k->trouble, text, n);
        k->trouble[n] = 0;
}

static void wake(const Kafka *k) {
        const uint64_t one = 1;

        (void)!write(k->fd, &one, sizeof(one));
}

/* librdkafka tells only of a queue that was empty, and something may be in it already. */
static void watch_queue(Kafka *k) {
        const uint64_t one = 1;

        rd_kafka_set_log_queue(k->rk, NULL); /* to the main one */
        k->queue = rd_kafka_queue_get_main(k->rk);
        rd_kafka_queue_io_event_enable(k->queue, k->fd, &one, sizeof(one));
        wake(k);
}

static void drop_producer(Kafka *k) {
        if (!k->rk)
                return;
        rd_kafka_queue_io_event_enable(k->queue, -1, NULL, 0);
        rd_kafka_queue_destroy(k->queue);
        rd_kafka_purge(k->rk,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
        rd_kafka_destroy(k->rk);
        k->rk = NULL;
        k->fatal = false;
        k->n_out = 0;
}

static void make_producer(Kafka *k) {
        Buf why = BUF_INIT;
        rd_kafka_conf_t *conf;
        char text[TROUBLE_ROOM];

        k->again_ns = clock_monotonic_ns() + AGAIN_NS;
        conf = make_conf(k->conf, &why);
        if (conf) {
                rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG);
                k->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
                if (!k->rk)
                        rd_kafka_conf_destroy(conf);
        }
        if (k->rk)
                watch_queue(k);
        else
                note_trouble(k, conf ? text : buf_z(&why) ? why.p : "out of memory");
        buf_done(&why);
}

/* Those that another try does not help. */
static bool is_final(rd_kafka_resp_err_t err) {
        switch (err) {
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        case RD_KAFKA_RESP_ERR_INVALID_MSG:
        case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
        case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION: return true;
        default: return false;
        }
}

static void settle_failed(Sink *sink, uint64_t id, rd_kafka_resp_err_t err) {
        Kafka *k = sink_state(sink);
        char why[2 * TROUBLE_ROOM];

        if (k->trouble[0])
                snprintf(why, sizeof(why), "%s (%s)", rd_kafka_err2str(err), k->trouble);
        else
                snprintf(why, sizeof(why), "%s", rd_kafka_err2str(err));
        sink_settle(sink, id, is_final(err) ? SINK_REFUSED : SINK_RETRY, why);
}

/* After a fatal error (the cluster and we no longer agree about what it has) a producer takes and sends nothing more.
 * What it has comes back, and another one takes its place. */
static void look_for_fatal(Kafka *k) {
        char text[TROUBLE_ROOM];

        if (!k->rk || k->fatal || !rd_kafka_fatal_error(k->rk, text, sizeof(text)))
                return;
        note_trouble(k, text);
        k->fatal = true;
        rd_kafka_purge(k->rk,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

static void take_event_report(Sink *sink, rd_kafka_resp_err_t err) {
        Kafka *k = sink_state(sink);

        if (err) {
                sink_lines_refused(sink, 1);
                return;
        }
        k->trouble[0] = 0;
        sink_lines_written(sink, 1);
}

/* The event goes first: its messages count as queued until then, and settling makes the host offer more. */
static void take_reports(Sink *sink, rd_kafka_event_t *event) {
        Kafka *k = sink_state(sink);
        const rd_kafka_message_t *m;
        size_t n = 0;

        while (n < SINK_QUEUE && (m = rd_kafka_event_message_next(event))) {
                k->n_out--;
                if (m->_private)
                        k->reports[n++] = (Report){ (uintptr_t)m->_private, m->err };
                else
                        take_event_report(sink, m->err);
        }
        rd_kafka_event_destroy(event);
        look_for_fatal(k);
        for (size_t i = 0; i < n; i++) {
                if (k->reports[i].err) {
                        settle_failed(sink, k->reports[i].id, k->reports[i].err);
                        continue;
                }
                k->trouble[0] = 0;
                k->again_ns = 0; /* a producer that worked may be replaced at once */
                sink_settle(sink, k->reports[i].id, SINK_DELIVERED, "");
        }
}

static void take_error(Kafka *k, rd_kafka_event_t *event) {
        note_trouble(k, rd_kafka_event_error_string(event));
        rd_kafka_event_destroy(event);
}

static void take_log(Kafka *k, rd_kafka_event_t *event) {
        const char *facility, *text;
        int level;

        if (rd_kafka_event_log(event, &facility, &text, &level) == 0 && level <= 4)
                note_trouble(k, text);
        rd_kafka_event_destroy(event);
}

static void take_event(Sink *sink, rd_kafka_event_t *event) {
        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_DR: take_reports(sink, event); break;
        case RD_KAFKA_EVENT_ERROR: take_error(sink_state(sink), event); break;
        case RD_KAFKA_EVENT_LOG: take_log(sink_state(sink), event); break;
        default: rd_kafka_event_destroy(event);
        }
}

static int on_events(sd_event_source *s, int fd, uint32_t revents, void *userdata) {
        Sink *sink = userdata;
        Kafka *k = sink_state(sink);
        rd_kafka_event_t *event;
        uint64_t count;

        (void)!read(fd, &count, sizeof(count));
        for (unsigned i = 0; k->rk && (event = rd_kafka_queue_poll(k->queue, 0)); i++) {
                take_event(sink, event);
                if (i == TURN_EVENTS) {
                        wake(k);
                        break;
                }
        }
        look_for_fatal(k);
        if (k->fatal && !k->n_out)
                drop_producer(k);
        return 0;
}

static Str key_of(const Kafka *k, const Alert *alert) {
        switch (k->key) {
        case KEY_NODE: return alert->node.n ? alert->node : str_from(k->host);
        case KEY_USER: return alert->user;
        case KEY_RULE: return alert->rule_id;
        case KEY_ID: return alert->id;
        default: return STR_NULL;
        }
}

static rd_kafka_resp_err_t produce(Kafka *k, uint64_t id, Str key, Str body) {
        return rd_kafka_producev(
                k->rk, RD_KAFKA_V_TOPIC(k->topic), RD_KAFKA_V_KEY(key.n ? key.p : NULL, key.n),
                RD_KAFKA_V_VALUE((void *)body.p, body.n), RD_KAFKA_V_OPAQUE((void *)(uintptr_t)id),
                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END);
}

static int send_alert(Sink *sink, uint64_t id, const Alert *alert) {
        Kafka *k = sink_state(sink);
        rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE;
        Buf body = BUF_INIT;

        (k->records ? alert_json_records : alert_json)(&body, alert);
        if (!body.failed)
                err = produce(k, id, key_of(k, alert), (Str){ body.p, body.n - 1 }); /* without its newline */
        buf_done(&body);
        if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL && k->n_out)
                return SINK_E_BUSY;
        if (err)
                settle_failed(sink, id, err);
        else
                k->n_out++;
        return 0;
}

/* False: the last producer has to end first. */
static bool ensure_producer(Kafka *k) {
        look_for_fatal(k);
        if (k->fatal && k->n_out)
                return false;
        if (k->fatal)
                drop_producer(k);
        if (!k->rk && clock_monotonic_ns() >= k->again_ns)
                make_producer(k);
        return true;
}

static int submit(Sink *sink, uint64_t id, const Alert *alert) {
        Kafka *k = sink_state(sink);

        if (!ensure_producer(k))
                return SINK_E_BUSY;
        if (k->rk)
                return send_alert(sink, id, alert);
        sink_settle(sink, id, SINK_RETRY, k->trouble);
        return 0;
}

/* Events: id 0 in their reports. The node is the only key of the sink that they have. */
static int send_lines(Sink *sink, Str node, Str lines, size_t *ret_n) {
        Kafka *k = sink_state(sink);
        Str key = k->key == KEY_NONE ? STR_NULL : node.n ? node : str_from(k->host);

        if (!ensure_producer(k) || !k->rk)
                return SINK_E_BUSY;
        while (lines.n) {
                const char *end = memchr(lines.p, '\n', lines.n);
                size_t n = end ? (size_t)(end - lines.p) : lines.n;
                rd_kafka_resp_err_t err = produce(k, EVENT_ID, key, (Str){ lines.p, n });

                if (err == RD_KAFKA_RESP_ERR__QUEUE_FULL || err == RD_KAFKA_RESP_ERR__FATAL)
                        return SINK_E_BUSY;
                if (err)
                        sink_lines_refused(sink, 1);
                else
                        k->n_out++;
                lines = (Str){ lines.p + n + !!end, lines.n - n - !!end };
                *ret_n += n + !!end;
        }
        return 0;
}

static Key key_from(const SinkConf *conf) {
        const SinkSetting *key = sink_conf_find(conf, "key");
        size_t i = 0;

        while (key && keys[i] && !str_eqz(key->values[0], keys[i]))
                i++;
        return keys[i] ? (Key)i : KEY_NODE;
}

static int open_kafka(Sink *sink, const SinkConf *conf) {
        const SinkSetting *topic = sink_conf_find(conf, "topic"), *records = sink_conf_find(conf, "records");
        Kafka *k = calloc(1, sizeof(*k));
        int r;

        if (!k)
                return -ENOMEM;
        k->conf = conf;
        k->topic = topic->values[0].p;
        k->key = key_from(conf);
        k->records = records && records->flag;
        (void)gethostname(k->host, sizeof(k->host) - 1);
        k->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = k->fd < 0 ? -errno : sd_event_add_io(sink_loop(sink), &k->io, k->fd, EPOLLIN, on_events, sink);
        if (r < 0) {
                if (k->fd >= 0)
                        close(k->fd);
                free(k);
                return r;
        }
        sink_set_state(sink, k);
        make_producer(k);
        return 0;
}

static void close_kafka(Sink *sink) {
        Kafka *k = sink_state(sink);

        drop_producer(k);
        sd_event_source_disable_unref(k->io);
        close(k->fd);
        free(k);
}

/* A cluster has no topic of another name: each alert would be refused. */
static const char *check_topic(const SinkSetting *setting) {
        static const char legal[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
        Str s = setting->values[0];
        bool ok = s.n <= TOPIC_MAX && !str_eqz(s, ".") && !str_eqz(s, "..");

        for (size_t i = 0; i < s.n; i++)
                ok = ok && s.p[i] && strchr(legal, s.p[i]);
        return ok ? NULL : "must be at most 249 of letters, digits, full stops, _ and -";
}

static const SinkOption options[] = {
        { .name = "brokers", .kind = SINK_LIST, .required = true },
        { .name = "topic", .kind = SINK_TEXT, .required = true, .check = check_topic },
        { .name = "key", .kind = SINK_CHOICE, .choices = keys },
        { .name = "compression", .kind = SINK_CHOICE, .choices = codecs },
        { .name = "timeout", .kind = SINK_DURATION },
        { .name = "records", .kind = SINK_BOOL },
        { .name = "options", .kind = SINK_MAP },
};

const SinkOps sink_kafka = { .type = "kafka",
                             .options = options,
                             .n_options = ARRAY_SIZE(options),
                             .check = check,
                             .open = open_kafka,
                             .submit = submit,
                             .lines = send_lines,
                             .close = close_kafka };
