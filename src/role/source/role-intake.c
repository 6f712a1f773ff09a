/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert --role intake UID GID: the consumer of a kafka source. It holds the network so that the engine needs none, and writes to
 * the socket that the engine reads. It ends when nobody is there any more who could read, and by then knows what was safe; when
 * it dies another one goes on (inlet.h). */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/log.h"
#include "role/account/account.h"
#include "role/config/config-read.h"
#include "role/role.h"
#include "role/sandbox.h"
#include "role/station.h"
#include "source/kafka-intake.h"

typedef struct {
        Station station;
        Config *config;
        Relay relay;
        KafkaCounters *counters; /* in the relay, where they outlive us */
        uint64_t generation;
        bool left; /* the loop has ended: nobody is there */
} IntakeRole;

static_assert(sizeof(KafkaCounters) <= RELAY_COUNTERS * sizeof(uint64_t),
              "all counters find room in the relay");

static void on_say(void *userdata, int level, const char *text) { log_msg(level, "%s", text); }

static void take_config(IntakeRole *role, IpcMessage *m) {
        role->config = config_receive(m->fd);
        m->fd = -1;
        if (!role->config || !role->config->kafka.topic) {
                sd_event_exit(role->station.loop, 0);
                return;
        }
        role->generation = m->b;
        relay_resume(&role->relay, m->a);
        station_tell(IPC_READY, 0, 0, STR(""));
}

static void on_message(void *userdata, IpcMessage *m) {
        IntakeRole *role = userdata;
        Buf out = BUF_INIT;

        switch (m->type) {
        case IPC_CONFIG:
                if (!role->config)
                        take_config(role, m);
                break;
        case IPC_COUNTERS:
                counter_print(&out, kafka_counter_descs, kafka_n_counter_descs, role->counters,
                              m->b == ACCOUNT_LOSSES);
                station_tell(IPC_COUNTED, m->a, 0, buf_view(&out));
                buf_done(&out);
                break;
        default: break;
        }
}

/* What the supervisor says. */
static bool turn(IntakeRole *role, uint64_t usec) {
        if (!role->left)
                role->left = sd_event_run(role->station.loop, usec) < 0 ||
                             sd_event_get_state(role->station.loop) == SD_EVENT_FINISHED;
        return !role->left;
}

static bool on_other(void *userdata) { return turn(userdata, 0); }

static int set_up(IntakeRole *role, char **argv) {
        int r = station_open(&role->station, argv[1], argv[2]);

        if (r >= 0)
                r = sandbox_deliver();
        if (r >= 0)
                r = relay_map(&role->relay, IPC_FD_RELAY);
        if (r >= 0)
                role->counters = (KafkaCounters *)role->relay.shared->counters;
        return r;
}

static int run(IntakeRole *role) {
        KafkaIntake intake;

        while (!role->config && turn(role, UINT64_MAX))
                ;
        if (role->left || !role->config->kafka.topic)
                return -EINVAL;
        intake = role->config->kafka;
        intake.say = on_say;
        intake.other = sd_event_get_fd(role->station.loop);
        intake.on_other = on_other;
        intake.userdata = role;
        intake.counters = role->counters;
        intake.generation = role->generation;
        return kafka_intake_run(&intake, IPC_FD_LINK, &role->relay);
}

int role_intake(int argc, char **argv) {
        IntakeRole *role = argc == 3 ? calloc(1, sizeof(*role)) : NULL;
        int r;

        if (!role)
                return STATUS_USAGE;
        role->station.message = on_message;
        role->station.userdata = role;
        r = set_up(role, argv);
        if (r < 0)
                log_error("intake: %s", strerror(-r));
        else
                r = run(role);
        if (r != -EIO) /* else another one may do better */
                station_tell(IPC_ENDED, r < 0 ? STATUS_INPUT : STATUS_DONE, 0, STR(""));
        config_free(role->config);
        relay_unmap(&role->relay);
        station_close(&role->station);
        free(role);
        return r < 0 ? STATUS_INPUT : STATUS_DONE;
}
