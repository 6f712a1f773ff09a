/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The consumer of a Kafka topic, as a process between the cluster and whoever reads its records: so that the reader needs
 * no network.
 *
 * It writes lines to a stream socket: those of the messages, and now and then a mark, a line of INTAKE_MARK and a
 * number that rises. The reader sends a number back (8 bytes, the machine's own order) when everything before that mark
 * has had its effect and is safe; then, and only then, the offsets are committed. A line of a message never looks like
 * a mark. With each offset goes where to begin again so that the `rebuild_ms` before it are seen once more: whoever is
 * assigned the partition next starts there. A partition that comes back is read on from where it was left.
 *
 * What was given out is in a relay (relay.h), and with it, by partition, the offset behind it: a process that is killed has a
 * successor that goes on with the next byte and the next message, for the same reader, which need not see anything twice.
 *
 * Memory: the relay, one message, what librdkafka fetches ahead (queued.max.messages.kbytes, 8 MiB) and some bytes for
 * each partition and mark. */
#include "base/counter.h"
#include "base/str.h"
#include "source/relay.h"

#define INTAKE_MARK '\x02'

typedef struct {
        uint64_t messages;
        uint64_t errors; /* places where the cluster had an error instead of a message */
        uint64_t commits, commits_failed;
        uint64_t torn; /* lines longer than the relay that a predecessor had given out in part */
} KafkaCounters;

extern const CounterDesc kafka_counter_descs[];
extern const size_t kafka_n_counter_descs;

typedef struct {
        const Str *brokers; /* as in kafka-conf.h */
        size_t n_brokers;
        const Str *options;
        size_t n_options;
        const char *topic, *group;
        bool from_start; /* where a group that has committed nothing begins: at the first message; else behind the last */
        uint64_t rebuild_ms;
        /* Something to be said, @level as in log.h; from the same thread. */
        void (*say)(void *userdata, int level, const char *text);
        /* To be called when @other can be read; false: leave. -1: nothing. */
        int other;
        bool (*on_other)(void *userdata);
        void *userdata;
        KafkaCounters *counters;
        uint64_t generation; /* how many have written to the same relay before */
} KafkaIntake;

/* False: @why, at least 512 bytes, says what is wrong with the settings. */
bool kafka_intake_check(const KafkaIntake *intake, char *why, size_t room);

/* Until the other side of @sock closes it; then what is safe is committed and the group is left: 0. -EINVAL: no consumer could
 * be made, and why was said; -ENOMEM; -EOPNOTSUPP: built without librdkafka; -EIO: it cannot go on, another one may. @relay: resumed. */
int kafka_intake_run(const KafkaIntake *intake, int sock, Relay *relay);
