/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The consumer where librdkafka was not there. */
#include <errno.h>
#include <stdio.h>
#include "source/kafka-intake.h"

bool kafka_intake_check(const KafkaIntake *intake, char *why, size_t room) {
        snprintf(why, room, "this aulert was built without Kafka (librdkafka)");
        return false;
}

int kafka_intake_run(const KafkaIntake *intake, int sock, Relay *relay) { return -EOPNOTSUPP; }
