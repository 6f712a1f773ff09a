/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a Kafka client is told: the part that source and sink have in common.
 *
 * `options` are librdkafka's own (its CONFIGURATION.md), as the administrator wrote them. Refused are those that would
 * run or load something, that call back into a program, or that take away what we promise: an alert is settled when
 * the cluster has it, an offset is committed when its alerts are in the spool. Only built where librdkafka is. */
#include <librdkafka/rdkafka.h>
#include "base/buf.h"

typedef struct {
        const Str *brokers; /* host[:port], NUL-terminated */
        size_t n_brokers;
        const Str *options; /* name, value, name, value …, NUL-terminated */
        size_t n_options;
} KafkaClient;

/* NULL: @why (appended) says what is wrong, in words. The caller frees it with rd_kafka_conf_destroy(), unless
 * rd_kafka_new() took it. */
rd_kafka_conf_t *kafka_conf_new(const KafkaClient *client, Buf *why);
/* A property of ours. False: @why says what is wrong. */
bool kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value, Buf *why);
