/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source/kafka-conf.h"

/* Names as librdkafka has them, aliases included; what ends in _cb is refused besides. */
static const struct {
        const char *name, *why;
} refused[] = {
        { "acks", "an alert counts as delivered when all replicas have it" },
        { "request.required.acks", "an alert counts as delivered when all replicas have it" },
        { "auto.commit.enable", "an offset is committed when its alerts are in the spool" },
        { "enable.auto.commit", "an offset is committed when its alerts are in the spool" },
        { "enable.auto.offset.store", "an offset is committed when its alerts are in the spool" },
        { "offset.store.method", "offsets are kept in the cluster" },
        { "offset.store.path", "offsets are kept in the cluster" },
        { "bootstrap.servers", "brokers: says it" },
        { "metadata.broker.list", "brokers: says it" },
        { "group.id", "group: says it" },
        { "compression.codec", "compression: says it" },
        { "compression.type", "compression: says it" },
        { "delivery.timeout.ms", "timeout: says it" },
        { "message.timeout.ms", "timeout: says it" },
        { "delivery.report.only.error", "every alert is settled" },
        { "enable.idempotence", "it is always on" },
        { "transactional.id", "there are no transactions" },
        { "enable.partition.eof", "it is ours to set" },
        { "partition.assignment.strategy", "it is ours to set" },
        { "interceptors", "it runs other code" },
        { "log.queue", "it is ours to set" },
        { "log.thread.name", "it is ours to set" },
        { "opaque", "it is ours to set" },
        { "default_topic_conf", "it is ours to set" },
        { "plugin.library.paths", "it loads other code" },
        { "ssl.engine.location", "it loads other code" },
        { "ssl_engine_callback_data", "it loads other code" },
        { "sasl.kerberos.kinit.cmd", "it runs a command" },
        { "test.mock.num.brokers", "it delivers to nobody" },
};

static const char *why_refused(Str name) {
        for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
                if (str_eqz(name, refused[i].name))
                        return refused[i].why;
        return str_ends(name, STR("_cb")) ? "it is ours to set" : NULL;
}

bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, Buf *why) {
        char text[512];

        if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK)
                return true;
        buf_putz(why, text);
        return false;
}

static bool set_options(rd_kafka_conf_t *conf, const KafkaClient *client, Buf *why) {
        for (size_t i = 0; i + 1 < client->n_options; i += 2) {
                const char *no = why_refused(client->options[i]);

                if (no) {
                        buf_printf(why, "option %s cannot be set: %s", client->options[i].p, no);
                        return false;
                }
                if (!kafka_conf_set(conf, client->options[i].p, client->options[i + 1].p, why))
                        return false;
        }
        return true;
}

static bool set_brokers(rd_kafka_conf_t *conf, const KafkaClient *client, Buf *why) {
        Buf list = BUF_INIT;
        bool done;

        if (!client->n_brokers) {
                buf_putz(why, "brokers: is needed, as brokers: [kafka1:9092, kafka2:9092]");
                return false;
        }
        for (size_t i = 0; i < client->n_brokers; i++)
                buf_printf(&list, "%s%s", i ? "," : "", client->brokers[i].p);
        done = buf_z(&list) && kafka_conf_set(conf, "bootstrap.servers", list.p, why);
        buf_done(&list);
        return done;
}

rd_kafka_conf_t *kafka_conf_new(const KafkaClient *client, Buf *why) {
        rd_kafka_conf_t *conf = rd_kafka_conf_new();

        /* Only what goes wrong; an option may say otherwise. */
        if (kafka_conf_set(conf, "log_level", "4", why) && kafka_conf_set(conf, "client.id", "aulert", why) &&
            set_brokers(conf, client, why) && set_options(conf, client, why) &&
            kafka_conf_set(conf, "log.queue", "true", why))
                return conf;
        rd_kafka_conf_destroy(conf);
        return NULL;
}
