/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "base/clock.h"
#include "source/kafka-conf.h"
#include "source/kafka-intake.h"
#include "source/kafka-ledger.h"
#include "source/relay.h"

#define MARK_BYTES  65536u /* of lines, after which a mark is due; else when nothing more is there */
#define COMMIT_NS   (500 * NS_PER_MS)
#define SAME_SAY_NS (60 * NS_PER_S) /* the same trouble is said once in that time */
#define ASK_MS      5000
#define ASK_TIMES   3
#define LEAVE_SEC   2 /* to commit and leave, at the end */
#define KEY_MAX     255u
#define SAY_ROOM    512u
#define MARK_ROOM   32u
/* Marks of one process are above those of all before it: what the reader says of theirs means nothing of ours. */
#define GENERATION_SHIFT 40

enum { LEVEL_ERROR = 3, LEVEL_WARNING = 4, LEVEL_NOTICE = 5 };

/* A message of which not all is in the relay. */
typedef struct {
        bool set;
        int32_t partition;
        int64_t offset;
        size_t in; /* bytes of its lines that are */
} Partial;

typedef struct {
        const KafkaIntake *options;
        int sock, wake;
        Relay *relay;
        rd_kafka_t *rk;
        Ledger ledger;
        Buf out; /* the lines of one message */
        Partial partial;
        Partial before;     /* what a predecessor has left so */
        size_t unmarked;    /* bytes since the last mark */
        uint64_t commit_ns; /* not before */
        bool dirty, ended, closed, blocked;
        char in[sizeof(uint64_t)];
        size_t n_in;
        uint64_t said_ns;
        char said[SAY_ROOM];
} Intake;

static void say(Intake *in, int level, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(Intake *in, int level, const char *fmt, ...) {
        uint64_t now = clock_monotonic_ns();
        char text[SAY_ROOM];
        va_list ap;

        va_start(ap, fmt);
        vsnprintf(text, sizeof(text), fmt, ap);
        va_end(ap);
        if (!strcmp(text, in->said) && now - in->said_ns < SAME_SAY_NS)
                return;
        memcpy(in->said, text, sizeof(text));
        in->said_ns = now;
        in->options->say(in->options->userdata, level, text);
}

/* ---- what librdkafka says, from within its poll, in our thread ---- */

static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
        say(rd_kafka_opaque(rk), level < LEVEL_WARNING ? level : LEVEL_WARNING, "kafka: %s", text);
}

static void on_error(rd_kafka_t *rk, int err, const char *reason, void *opaque) {
        Intake *in = opaque;
        char text[SAY_ROOM];

        if (err != RD_KAFKA_RESP_ERR__FATAL) {
                say(in, LEVEL_WARNING, "kafka: %s", reason);
                return;
        }
        rd_kafka_fatal_error(rk, text, sizeof(text));
        say(in, LEVEL_ERROR, "kafka: %s", text);
        in->ended = true; /* whoever started us starts another */
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets,
                      void *opaque) {
        Intake *in = opaque;

        in->options->counters->commits += !err && offsets && offsets->cnt;
        if (!err || err == RD_KAFKA_RESP_ERR__NO_OFFSET)
                return;
        in->options->counters->commits_failed++;
        say(in, LEVEL_WARNING, "kafka: offsets not committed: %s", rd_kafka_err2str(err));
        for (int i = 0; offsets && i < offsets->cnt; i++)
                ledger_uncommitted(&in->ledger, offsets->elems[i].partition);
        in->dirty = true;
}

/* ---- offsets ---- */

static void put_commit(Intake *in, rd_kafka_topic_partition_list_t *list, int32_t partition) {
        int64_t offset, again;
        char text[32];
        rd_kafka_topic_partition_t *p;

        if (!ledger_commit(&in->ledger, partition, &offset, &again))
                return;
        snprintf(text, sizeof(text), "from=%lld", (long long)again);
        p = rd_kafka_topic_partition_list_add(list, in->options->topic, partition);
        p->offset = offset;
        p->metadata = strdup(text); /* the list's now */
        p->metadata_size = p->metadata ? strlen(text) : 0;
}

static void commit(Intake *in, bool wait) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
        rd_kafka_resp_err_t err = 0;

        for (size_t i = 0; i < in->ledger.n_partitions; i++)
                put_commit(in, list, (int32_t)i);
        if (list->cnt)
                err = rd_kafka_commit(in->rk, list, !wait);
        in->dirty = false;
        if (err) /* else librdkafka says what came of it */
                on_commit(in->rk, err, list, in);
        rd_kafka_topic_partition_list_destroy(list);
        in->commit_ns = clock_monotonic_ns() + COMMIT_NS;
}

static int64_t read_again(const rd_kafka_topic_partition_t *p) {
        Str text = { p->metadata, p->metadata_size };
        uint64_t n;

        if (text.n && !text.p[text.n - 1])
                text.n--;
        if (!text.n || !str_starts(text, STR("from=")) || !str_u64((Str){ text.p + 5, text.n - 5 }, 10, &n) ||
            n > INT64_MAX)
                return -1;
        return (int64_t)n;
}

/* A group that begins at the end does so once: what comes from now on is its business, whatever becomes of us. */
static int64_t begin(Intake *in, int32_t partition) {
        int64_t low = 0, high = 0;

        if (in->options->from_start)
                return RD_KAFKA_OFFSET_BEGINNING;
        if (rd_kafka_query_watermark_offsets(in->rk, in->options->topic, partition, &low, &high, ASK_MS))
                return RD_KAFKA_OFFSET_END;
        if (ledger_partition(&in->ledger, partition)) {
                in->ledger.partitions[partition].done = high;
                in->dirty = true;
        }
        return high;
}

static void assign(Intake *in, rd_kafka_topic_partition_list_t *list) {
        rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR__TIMED_OUT;

        for (int i = 0; i < ASK_TIMES && err; i++)
                err = rd_kafka_committed(in->rk, list, ASK_MS);
        if (err)
                say(in, LEVEL_WARNING, "kafka: committed offsets are not known: %s", rd_kafka_err2str(err));
        for (int i = 0; i < list->cnt; i++) {
                rd_kafka_topic_partition_t *p = &list->elems[i];
                int64_t committed = !err && p->offset >= 0 ? p->offset : -1;
                int64_t start = ledger_assign(&in->ledger, p->partition, committed, read_again(p));

                say(in, LEVEL_NOTICE, "kafka: partition %d: committed %lld, read from %lld",
                    (int)p->partition, (long long)committed, (long long)start);
                if (start < 0)
                        start = err ? RD_KAFKA_OFFSET_STORED : begin(in, p->partition);
                p->offset = start;
        }
        rd_kafka_assign(in->rk, list);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque) {
        Intake *in = opaque;

        if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
                assign(in, list);
                return;
        }
        commit(in, false);
        for (int i = 0; i < list->cnt; i++)
                ledger_revoke(&in->ledger, list->elems[i].partition);
        rd_kafka_assign(rk, NULL);
}

/* ---- messages ---- */

static bool is_node(Str key) {
        if (!key.n || key.n > KEY_MAX)
                return false;
        for (size_t i = 0; i < key.n; i++)
                if (key.p[i] <= ' ' || key.p[i] > '~')
                        return false;
        return true;
}

/* auditd names no node unless it is told to (name_format); the key does. */
static void put_line(Intake *in, Str key, Str line) {
        if (!line.n)
                return;
        if (str_starts(line, STR("type=")) && is_node(key)) {
                BUF_LIT(&in->out, "node=");
                buf_str(&in->out, key);
                buf_putc(&in->out, ' ');
        }
        buf_putc(&in->out, line.p[0] == INTAKE_MARK ? '?' : line.p[0]);
        buf_put(&in->out, line.p + 1, line.n - 1);
        buf_putc(&in->out, '\n');
}

/* While there is no room it is put off: the next one says as much. */
static void put_mark(Intake *in) {
        RelayNote note = *relay_note(in->relay);
        char text[MARK_ROOM];
        uint64_t mark;
        int n;

        if (in->partial.set || relay_room(in->relay) < sizeof(text))
                return;
        mark = ledger_mark(&in->ledger);
        in->unmarked = 0;
        if (!mark)
                return;
        n = snprintf(text, sizeof(text), "%c%llu\n", INTAKE_MARK, (unsigned long long)mark);
        relay_put(in->relay, (Str){ text, (size_t)n }, &note);
}

/* How much of what is left of it goes in now: all; or, of more than there will ever be room for, whole lines; or, of such a line, a
 * part. */
static size_t piece(const Intake *in) {
        size_t left = in->out.n - in->partial.in, room = relay_room(in->relay);
        const char *p = in->out.p + in->partial.in, *nl;

        if (left <= room)
                return left;
        if (left <= RELAY_BYTES || room < RELAY_ROOM)
                return 0;
        nl = memrchr(p, '\n', room);
        return nl ? (size_t)(nl + 1 - p) : room == RELAY_BYTES ? room : 0;
}

/* Lines and the offset behind them become ours to give out at once. */
static void push(Intake *in) {
        Partial *m = &in->partial;
        size_t n;

        while (m->set && ((n = piece(in)) || m->in == in->out.n)) {
                bool all = m->in + n == in->out.n;

                relay_put(in->relay, n ? (Str){ in->out.p + m->in, n } : STR(""),
                          &(RelayNote){ .given = true,
                                        .partition = m->partition,
                                        .next = m->offset + all,
                                        .part = all ? 0 : m->in + n });
                m->in += n;
                in->unmarked += n;
                m->set = !all;
        }
        if (m->set)
                return;
        buf_clear(&in->out);
        if (ledger_add(&in->ledger, m->partition, m->offset, clock_monotonic_ns()) < 0)
                in->ended = true;
}

static void take_message(Intake *in, const rd_kafka_message_t *m) {
        Str key = { m->key, m->key_len }, rest = { m->payload, m->len };
        Partial *before = &in->before;

        if (m->err) {
                in->options->counters->errors++;
                say(in, LEVEL_WARNING, "kafka: %s", rd_kafka_message_errstr(m));
                return;
        }
        in->options->counters->messages++;
        while (rest.n) {
                const char *nl = memchr(rest.p, '\n', rest.n);
                size_t n = nl ? (size_t)(nl - rest.p) : rest.n;

                put_line(in, key, (Str){ rest.p, n });
                n += nl != NULL;
                rest = (Str){ rest.p + n, rest.n - n };
        }
        in->ended |= in->out.failed;
        in->partial = (Partial){ .set = true, .partition = m->partition, .offset = m->offset };
        if (before->set && before->partition == m->partition) {
                if (before->offset == m->offset && before->in <= in->out.n)
                        in->partial.in = before->in;
                before->set = false;
        }
        push(in);
        if (in->unmarked >= MARK_BYTES)
                put_mark(in);
}

static bool has_room(const Intake *in) { return !in->partial.set && relay_room(in->relay) >= RELAY_ROOM; }

/* While the reader does not take what it was given nothing more is asked for; so long, at most max.poll.interval.ms, the partitions
 * stay ours. */
static void take_messages(Intake *in) {
        rd_kafka_message_t *m;
        uint64_t n;

        (void)!read(in->wake, &n, sizeof(n));
        if (in->partial.set)
                push(in);
        while (has_room(in) && !in->ended) {
                m = rd_kafka_consumer_poll(in->rk, 0);
                if (!m)
                        break;
                take_message(in, m);
                rd_kafka_message_destroy(m);
        }
        put_mark(in);
}

/* What a predecessor had given out. A line that it had not given out as a whole comes again. */
static void resume(Intake *in) {
        RelayNote note = *relay_note(in->relay);
        size_t torn = (size_t)(note.end - note.whole);

        if (note.given && note.part > torn)
                in->before = (Partial){ true, note.partition, note.next, note.part - torn };
        if (relay_drop_rest(in->relay))
                in->options->counters->torn++;
        note = *relay_note(in->relay);
        for (int32_t i = 0; i < (int32_t)RELAY_PARTITIONS; i++)
                if (relay_next(in->relay, i) >= 0)
                        ledger_resume(&in->ledger, i, relay_next(in->relay, i));
}

/* ---- the reader ---- */

static void flush(Intake *in) {
        int r = relay_send(in->relay, in->sock);

        in->blocked = r == -EAGAIN;
        in->ended |= r < 0 && !in->blocked;
}

static void take_answers(Intake *in) {
        char bytes[4096];
        ssize_t n = recv(in->sock, bytes, sizeof(bytes), MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return;
        in->closed = n == 0;
        in->ended |= n <= 0;
        for (ssize_t i = 0; i < n; i++) {
                in->in[in->n_in++] = bytes[i];
                if (in->n_in == sizeof(in->in)) {
                        uint64_t mark;

                        memcpy(&mark, in->in, sizeof(mark));
                        in->n_in = 0;
                        ledger_safe(&in->ledger, mark);
                        in->dirty = true;
                }
        }
}

/* ---- the consumer ---- */

static const char *const ours[][2] = {
        { "enable.auto.commit", "false" },
        { "enable.auto.offset.store", "false" },
        { "partition.assignment.strategy", "range,roundrobin" },
};
/* What an option may say otherwise. */
static const char *const defaults[][2] = {
        { "session.timeout.ms", "10000" },   { "heartbeat.interval.ms", "2000" },
        { "max.poll.interval.ms", "60000" }, { "queued.max.messages.kbytes", "8192" },
        { "queued.min.messages", "10000" },  { "fetch.wait.max.ms", "100" },
        { "auto.offset.reset", "earliest" }, { "socket.keepalive.enable", "true" },
};

static rd_kafka_conf_t *make_conf(const KafkaIntake *options, Buf *why) {
        Str all[2 * ARRAY_SIZE(defaults) + 128];
        size_t n = 0;
        KafkaClient client = { options->brokers, options->n_brokers, all, 0 };
        rd_kafka_conf_t *conf;

        for (size_t i = 0; i < 2 * ARRAY_SIZE(defaults); i++)
                all[n++] = str_from(defaults[i / 2][i % 2]);
        for (size_t i = 0; i < options->n_options && n < ARRAY_SIZE(all); i++)
                all[n++] = options->options[i];
        client.n_options = n;
        conf = kafka_conf_new(&client, why);
        for (size_t i = 0; conf && i < ARRAY_SIZE(ours); i++)
                if (!kafka_conf_set(conf, ours[i][0], ours[i][1], why))
                        goto bad;
        if (!conf || kafka_conf_set(conf, "group.id", options->group, why))
                return conf;
bad:
        rd_kafka_conf_destroy(conf);
        return NULL;
}

bool kafka_intake_check(const KafkaIntake *intake, char *why, size_t room) {
        Buf text = BUF_INIT;
        rd_kafka_conf_t *conf = make_conf(intake, &text);

        if (conf)
                rd_kafka_conf_destroy(conf);
        else
                snprintf(why, room, "%s", buf_z(&text) ? text.p : "");
        buf_done(&text);
        return conf;
}

static bool subscribe(Intake *in) {
        rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
        rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(in->rk);
        const uint64_t one = 1;
        rd_kafka_resp_err_t err;

        rd_kafka_topic_partition_list_add(topics, in->options->topic, RD_KAFKA_PARTITION_UA);
        rd_kafka_queue_io_event_enable(queue, in->wake, &one, sizeof(one));
        rd_kafka_queue_destroy(queue);
        err = rd_kafka_subscribe(in->rk, topics);
        rd_kafka_topic_partition_list_destroy(topics);
        if (err)
                say(in, LEVEL_ERROR, "kafka: %s", rd_kafka_err2str(err));
        return !err;
}

static bool make_consumer(Intake *in) {
        Buf why = BUF_INIT;
        rd_kafka_conf_t *conf = make_conf(in->options, &why);
        char text[SAY_ROOM] = "";

        if (conf) {
                rd_kafka_conf_set_opaque(conf, in);
                rd_kafka_conf_set_log_cb(conf, on_log);
                rd_kafka_conf_set_error_cb(conf, on_error);
                rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
                rd_kafka_conf_set_offset_commit_cb(conf, on_commit);
                in->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof(text));
                if (!in->rk)
                        rd_kafka_conf_destroy(conf);
        }
        if (!in->rk)
                say(in, LEVEL_ERROR, "kafka: %s", text[0] ? text : buf_z(&why) ? why.p : "");
        buf_done(&why);
        if (!in->rk)
                return false;
        rd_kafka_poll_set_consumer(in->rk);
        rd_kafka_set_log_queue(in->rk, NULL);
        return subscribe(in);
}

static void serve(Intake *in) {
        while (!in->ended) {
                struct pollfd fds[] = { { in->sock, (short)(POLLIN | (in->blocked ? POLLOUT : 0)), 0 },
                                        { has_room(in) ? in->wake : -1, POLLIN, 0 },
                                        { in->options->other, POLLIN, 0 } };

                (void)poll(fds, ARRAY_SIZE(fds), in->dirty ? 100 : 1000);
                if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
                        take_answers(in);
                if (fds[2].revents && !in->options->on_other(in->options->userdata))
                        in->ended = true;
                take_messages(in);
                flush(in);
                if (in->dirty && clock_monotonic_ns() >= in->commit_ns)
                        commit(in, false);
        }
}

static void leave(Intake *in) {
        if (!in->rk)
                return;
        commit(in, true);
        rd_kafka_consumer_close(in->rk);
        rd_kafka_destroy(in->rk);
}

int kafka_intake_run(const KafkaIntake *options, int sock, Relay *relay) {
        Intake *in = calloc(1, sizeof(*in));
        int r = 0;

        if (!in)
                return -ENOMEM;
        in->options = options;
        in->sock = sock;
        in->relay = relay;
        in->out = BUF_INIT;
        ledger_init(&in->ledger, options->rebuild_ms);
        in->ledger.mark = options->generation << GENERATION_SHIFT | 1;
        resume(in);
        in->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (in->wake < 0)
                r = -errno;
        else if (!make_consumer(in))
                r = -EINVAL;
        if (r == 0)
                serve(in);
        alarm(LEAVE_SEC); /* a cluster that does not answer holds nobody up */
        leave(in);
        alarm(0);
        if (r == 0 && !in->closed)
                r = -EIO;
        if (in->wake >= 0)
                close(in->wake);
        ledger_done(&in->ledger);
        buf_done(&in->out);
        free(in);
        return r;
}
