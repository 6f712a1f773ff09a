/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source/kafka-intake.h"

const CounterDesc kafka_counter_descs[] = {
        { "kafka_messages", "messages read", offsetof(KafkaCounters, messages), false },
        { "kafka_errors", "errors of the cluster in the place of a message", offsetof(KafkaCounters, errors),
          false },
        { "kafka_commits", "times offsets were committed", offsetof(KafkaCounters, commits), false },
        { "kafka_commits_failed", "times they could not be, and were tried again",
          offsetof(KafkaCounters, commits_failed), false },
        { "kafka_torn", "lines of more than 256 KiB cut because the process that reads died",
          offsetof(KafkaCounters, torn), true },
};
const size_t kafka_n_counter_descs = ARRAY_SIZE(kafka_counter_descs);
