/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* librdkafka's mock cluster as a process of its own, for tests.
 *
 * mock-cluster BROKERS [TOPIC PARTITIONS]...
 * The first line that it prints are the brokers, to bootstrap from. Then a command a line on stdin, each answered by "ok"
 * or by what was wrong; the end of stdin ends it. API and errors are the numbers of the protocol (Produce is 0).
 *
 *   down BROKER           up BROKER           BROKER: from 1 on, -1: all
 *   error API ERROR [N]   the next N (1) requests of that kind are answered with this error
 *   clear API             no longer
 *   rtt BROKER MS         answers take that long */
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *push_errors(rd_kafka_mock_cluster_t *c, int api, int error, int n) {
        for (int i = 0; i < n; i++)
                rd_kafka_mock_push_request_errors(c, (int16_t)api, 1, error);
        return "ok";
}

static const char *answer(rd_kafka_resp_err_t err) { return err ? rd_kafka_err2str(err) : "ok"; }

static const char *obey(rd_kafka_mock_cluster_t *c, const char *line) {
        char word[16];
        int a = 0, b = 0, n = 1, got = sscanf(line, "%15s %d %d %d", word, &a, &b, &n);

        if (got >= 2 && !strcmp(word, "down"))
                return answer(rd_kafka_mock_broker_set_down(c, a));
        if (got >= 2 && !strcmp(word, "up"))
                return answer(rd_kafka_mock_broker_set_up(c, a));
        if (got >= 3 && !strcmp(word, "rtt"))
                return answer(rd_kafka_mock_broker_set_rtt(c, a, b));
        if (got >= 3 && !strcmp(word, "error"))
                return push_errors(c, a, b, n);
        if (got >= 2 && !strcmp(word, "clear")) {
                rd_kafka_mock_clear_request_errors(c, (int16_t)a);
                return "ok";
        }
        return "no such command";
}

int main(int argc, char **argv) {
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        char text[256], line[256];
        rd_kafka_t *rk;
        rd_kafka_mock_cluster_t *cluster;

        if (argc < 2)
                return 2;
        rd_kafka_conf_set(conf, "log_level", "0", text, sizeof(text));
        rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof(text));
        cluster = rk ? rd_kafka_mock_cluster_new(rk, atoi(argv[1])) : NULL;
        if (!cluster) {
                fprintf(stderr, "mock-cluster: %s\n", text);
                return 1;
        }
        for (int i = 2; i + 1 < argc; i += 2)
                rd_kafka_mock_topic_create(cluster, argv[i], atoi(argv[i + 1]), 1);
        printf("%s\n", rd_kafka_mock_cluster_bootstraps(cluster));
        fflush(stdout);
        while (fgets(line, sizeof(line), stdin)) {
                printf("%s\n", obey(cluster, line));
                fflush(stdout);
        }
        rd_kafka_mock_cluster_destroy(cluster);
        rd_kafka_destroy(rk);
        return 0;
}
