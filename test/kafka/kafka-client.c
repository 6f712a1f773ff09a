/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is on the other side of a cluster, for tests.
 *
 * kafka-client read BROKERS TOPIC PARTITIONS: prints every message as "partition offset key value", tabs between
 *     them, up to the ends that the partitions had when it began
 * kafka-client write BROKERS TOPIC: messages from stdin, "key TAB value", one a line; the two bytes \n in a value are
 *     a newline. Ends when all are delivered; status 1: one was not
 * kafka-client offsets BROKERS TOPIC PARTITIONS GROUP: what the group committed, "partition offset metadata" */
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_MS 60000

static int failed;

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque) {
        if (!m->err)
                return;
        failed = 1;
        fprintf(stderr, "kafka-client: %s\n", rd_kafka_message_errstr(m));
}

static rd_kafka_t *client(rd_kafka_type_t type, const char *brokers, const char *group) {
        const char *const set[][2] = { { "bootstrap.servers", brokers },
                                       { "group.id", group },
                                       { "log_level", "3" },
                                       { "linger.ms", "1" },
                                       { "fetch.wait.max.ms", "10" },
                                       { "enable.partition.eof", "true" },
                                       { "enable.auto.commit", "false" } };
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char text[256];
        rd_kafka_t *rk;

        for (size_t i = 0; i < sizeof(set) / sizeof(*set); i++)
                if (rd_kafka_conf_set(conf, set[i][0], set[i][1], text, sizeof(text)) != RD_KAFKA_CONF_OK)
                        exit(2);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rk = rd_kafka_new(type, conf, text, sizeof(text));
        if (!rk)
                exit(2);
        return rk;
}

static void show(const rd_kafka_message_t *m) {
        printf("%d\t%lld\t%.*s\t%.*s\n", (int)m->partition, (long long)m->offset, (int)m->key_len,
               m->key ? (const char *)m->key : "", (int)m->len, (const char *)m->payload);
}

static int read_topic(rd_kafka_t *rk, const char *topic, int n) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);

        for (int i = 0; i < n; i++)
                rd_kafka_topic_partition_list_add(list, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
        rd_kafka_assign(rk, list);
        rd_kafka_topic_partition_list_destroy(list);
        while (n > 0) {
                rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, WAIT_MS);

                if (!m)
                        return 1;
                if (!m->err)
                        show(m);
                n -= m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
                rd_kafka_message_destroy(m);
        }
        return 0;
}

static int offsets(rd_kafka_t *rk, const char *topic, int n) {
        rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);

        for (int i = 0; i < n; i++)
                rd_kafka_topic_partition_list_add(list, topic, i);
        if (rd_kafka_committed(rk, list, WAIT_MS))
                return 1;
        for (int i = 0; i < n; i++)
                printf("%d\t%lld\t%.*s\n", i, (long long)list->elems[i].offset,
                       (int)list->elems[i].metadata_size,
                       list->elems[i].metadata ? (const char *)list->elems[i].metadata : "");
        rd_kafka_topic_partition_list_destroy(list);
        return 0;
}

static void unescape(char *text) {
        char *to = text;

        for (const char *p = text; *p; p++)
                if (p[0] == '\\' && p[1] == 'n') {
                        *to++ = '\n';
                        p++;
                } else {
                        *to++ = *p;
                }
        *to = 0;
}

static int write_topic(rd_kafka_t *rk, const char *topic) {
        char *line = NULL;
        size_t room = 0;
        ssize_t n;

        while ((n = getline(&line, &room, stdin)) > 0) {
                char *value = strchr(line, '\t');

                if (!value || line[n - 1] != '\n')
                        return 2;
                line[n - 1] = 0;
                *value++ = 0;
                unescape(value);
                while (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_KEY(line, strlen(line)),
                                         RD_KAFKA_V_VALUE(value, strlen(value)),
                                         RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                         RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
                        rd_kafka_poll(rk, 100);
        }
        free(line);
        return rd_kafka_flush(rk, WAIT_MS) ? 1 : failed;
}

int main(int argc, char **argv) {
        rd_kafka_t *rk;
        int status = 2;

        if (argc < 4)
                return 2;
        if (!strcmp(argv[1], "write")) {
                rk = client(RD_KAFKA_PRODUCER, argv[2], "none");
                status = write_topic(rk, argv[3]);
        } else if (!strcmp(argv[1], "read") && argc > 4) {
                rk = client(RD_KAFKA_CONSUMER, argv[2], "kafka-client");
                status = read_topic(rk, argv[3], atoi(argv[4]));
        } else if (!strcmp(argv[1], "offsets") && argc > 5) {
                rk = client(RD_KAFKA_CONSUMER, argv[2], argv[5]);
                status = offsets(rk, argv[3], atoi(argv[4]));
        } else {
                return 2;
        }
        rd_kafka_destroy(rk);
        return status;
}
