/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The configuration of `aulert run`: where records come from, which rules, where alerts go.
 *
 * Read whole, checked whole: every mistake is reported with its line and column, unknown keys, wrong types
 * and names of sinks that do not exist among them, and nothing of a file with a mistake is used. It is the
 * administrator's own file; still its size is limited (CONFIG_MAX) and aliases cost nothing, as nothing is
 * copied through them more than once a place. */
#include <sys/socket.h>
#include "role/config/event-route.h"
#include "role/config/quiet.h"
#include "rule/rule.h"
#include "sink/sink.h"
#include "source/kafka-intake.h"

#define CONFIG_MAX (1u << 20)

/* At most @n alerts in that time; 0: any number. */
typedef struct {
        uint32_t n;
        int64_t per_ms;
} ConfigRate;

typedef struct {
        Str name;
        const SinkOps *ops;
        SinkConf conf;
        Quiet quiet;
        ConfigRate rate;
} ConfigSink;

/* Nodes under one name, for `match`. */
typedef struct {
        Str name;
        StrList nodes;
} ConfigGroup;

/* What must be the same for two alerts to be the same to `once`. */
enum {
        CONFIG_PER_RULE = 1 << 0,
        CONFIG_PER_USER = 1 << 1,
        CONFIG_PER_ADDR = 1 << 2,
        CONFIG_PER_NODE = 1 << 3,
        CONFIG_PER_LEVEL = 1 << 4,
};

/* All that is given must match; of a list, one. A tag matches with or without "aulert." before it. */
typedef struct ConfigMatch ConfigMatch;
struct ConfigMatch {
        unsigned levels; /* a bit a level; 0: any */
        StrList rules;   /* id or title */
        StrList tags, keys, users, nodes;
        const StrList *groups; /* of nodes */
        size_t n_groups;
        const ConfigMatch * not ; /* what matches one of these does not match; they have none themselves */
        size_t n_not;
};

typedef struct {
        ConfigMatch match;
        Quiet quiet;
        unsigned per; /* CONFIG_PER_…: tell once */
        uint64_t once_ms;
        const size_t *to; /* indices of sinks */
        size_t n_to;
} ConfigRoute;

#define CONFIG_SINKS_MAX 64u

/* How alerts wait for their sinks. */
typedef struct {
        bool memory;      /* no file */
        const char *path; /* NULL: the default */
        uint64_t max_size;
        int64_t keep_ms, keep_dead_ms; /* of what was delivered, of dead letters */
        int64_t retry_for_ms;          /* then it is a dead letter; 0: never */
        uint32_t tries;                /* 〃; 0: any number */
} ConfigSpool;

#define CONFIG_SPOOL_DEFAULT                                 \
        ((ConfigSpool){ .max_size = 128u << 20,              \
                        .keep_ms = 24 * 3600000ll,           \
                        .keep_dead_ms = 30 * 24 * 3600000ll, \
                        .retry_for_ms = 24 * 3600000ll })

/* Where `aulert status` asks. */
typedef struct {
        bool off;
        const char *socket; /* NULL: the default */
        const char *group;  /* who may ask, besides root; NULL: "aulert", if there is such a group */
        uint64_t losses_ms; /* how often it is looked for new losses, which make an alert; 0: never */
        StrList except;     /* counters that make none */
} ConfigStatus;

#define CONFIG_SOCKET_MAX     90u /* bytes of the path of a socket */
#define CONFIG_STATUS_DEFAULT ((ConfigStatus){ .losses_ms = 60000 })

typedef struct {
        const char *file; /* NULL: none */
        uint64_t every_ms;
        const char *listen; /* NULL: not at all; else as it was written, and: */
        struct sockaddr_storage at;
} ConfigMetrics;

#define CONFIG_METRICS_DEFAULT ((ConfigMetrics){ .every_ms = 15000 })

typedef struct {
        Arena arena;
        const char *path;
        const char *source;   /* "stdin", "unix:PATH" */
        const char *catch_up; /* auditd's log, from which what was missed is read; NULL: no */
        KafkaIntake kafka;    /* topic NULL: the source is another */
        const char **rules;   /* paths */
        size_t n_rules;
        ConfigSink *sinks;
        size_t n_sinks;
        ConfigGroup *groups;
        size_t n_groups;
        ConfigRoute
                *routes; /* none given: one that takes everything to all sinks that `events` does not name */
        size_t n_routes;
        EventRoute *events; /* what goes to sinks as it is */
        size_t n_events;
        ConfigSpool spool;
        size_t max_line; /* 0: the default */
        EventLimits limits;
        Redact redact; /* what does not go into alerts */
        ConfigStatus status;
        ConfigMetrics metrics;
} Config;

/* One call a mistake. @line, @column from 1. */
typedef void (*ConfigDiagFn)(void *userdata, const char *file, unsigned line, unsigned column,
                             const char *text);

enum { _CONFIG_E_SUCCESS, CONFIG_E_BAD };

/* 0, CONFIG_E_BAD (all mistakes were told), -errno (the file cannot be read; nothing was told). */
int config_load(Config **ret, const char *path, ConfigDiagFn diag, void *userdata);
/* The same of a text that somebody else has read; @path is for messages, and what relative paths are relative to. */
int config_load_text(Config **ret, const char *path, Str text, ConfigDiagFn diag, void *userdata);
/* The file's bytes, at most CONFIG_MAX. 0 or -errno. */
int config_read_file(const char *path, Buf *ret);
Config *config_free(Config *c); /* returns NULL */
