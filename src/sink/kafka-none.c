/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kafka sink where librdkafka was not there: known, so that a configuration is told what is missing. */
#include <errno.h>
#include "sink/sink.h"

static bool check(const SinkConf *conf, Buf *why) {
        buf_putz(why, "this aulert was built without Kafka (librdkafka)");
        return false;
}

static int open_none(Sink *sink, const SinkConf *conf) { return -EOPNOTSUPP; }
static int submit(Sink *sink, uint64_t id, const Alert *alert) { return SINK_E_BUSY; }
static void close_none(Sink *sink) {}

static const SinkOption options[] = {
        { .name = "brokers", .kind = SINK_LIST },     { .name = "topic", .kind = SINK_TEXT },
        { .name = "key", .kind = SINK_TEXT },         { .name = "compression", .kind = SINK_TEXT },
        { .name = "timeout", .kind = SINK_DURATION }, { .name = "records", .kind = SINK_BOOL },
        { .name = "options", .kind = SINK_MAP },
};

const SinkOps sink_kafka = { .type = "kafka",
                             .options = options,
                             .n_options = ARRAY_SIZE(options),
                             .check = check,
                             .open = open_none,
                             .submit = submit,
                             .close = close_none };
