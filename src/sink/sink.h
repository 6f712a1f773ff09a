/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Delivers alerts to one outside system, without ever blocking the loop.
 *
 * Taking an alert is not delivering it. A driver takes it (submit) and later settles it exactly once, when
 * the far end has answered. A driver is transport: what waits its turn is kept here, bounded (SINK_QUEUE;
 * full: the alert is dropped and counted). A new sink is one file with its SinkOps and one row in sink.c. */
#include <systemd/sd-event.h>
#include "alert/alert.h"

#define SINK_QUEUE    1024u
#define SINK_NAME_MAX 255u /* bytes of a name */

typedef struct Sink Sink;

typedef enum {
        SINK_DELIVERED, /* the far end has it */
        SINK_RETRY,     /* not now: offer it again later */
        SINK_REFUSED,   /* never: count it and say so */
        SINK_NOBODY,    /* never, as nobody is there who could see it: no fault of anybody */
        _SINK_VERDICTS
} SinkVerdict;

/* @why: what went wrong, in words; "" when nothing did. With SINK_DELIVERED: not for everybody. @id 0: no alert
 * was settled, but the configuration cannot be used (sink_bad_conf), and sink_new() fails. */
typedef void (*SinkSettledFn)(void *userdata, Sink *sink, uint64_t id, SinkVerdict verdict, const char *why);

enum { _SINK_E_SUCCESS, SINK_E_BUSY, SINK_E_FULL };

/* What a sink can be told in the configuration. */
typedef enum {
        SINK_TEXT,
        SINK_LIST,     /* one text is a list of one */
        SINK_MAP,      /* of texts: values has key, value, key, value … */
        SINK_PATH,     /* a relative one is relative to the configuration */
        SINK_CHOICE,   /* one of the words in @choices */
        SINK_DURATION, /* 500ms, 3s, 5m: in @number, as milliseconds */
        SINK_SIZE,     /* 100, 64K, 1M: in @number, as bytes */
        SINK_NUMBER,   /* decimal: in @number */
        SINK_BOOL,     /* true or false: in @flag */
} SinkOptionKind;

typedef struct {
        Str name;
        const Str *values; /* exactly one unless SINK_LIST or SINK_MAP; NUL-terminated */
        size_t n_values;
        uint64_t number;
        bool flag;
} SinkSetting;

typedef struct {
        const char *name;
        SinkOptionKind kind;
        const char *const *choices; /* SINK_CHOICE: up to a NULL */
        bool required;
        /* NULL when the value will do; else what is wrong, in words that follow the name of the option. Without
         * it everything of the kind will do. */
        const char *(*check)(const SinkSetting *setting);
} SinkOption;

/* Lives as long as the sink. */
typedef struct {
        const SinkSetting *settings;
        size_t n_settings;
} SinkConf;

typedef struct {
        const char *type; /* the word for it in the configuration */
        const SinkOption *options;
        size_t n_options;
        /* True: the settings can be used. False: @why, appended, says what is wrong. Opens nothing. NULL: no need. */
        bool (*check)(const SinkConf *conf, Buf *why);
        /* 0 or -errno; nothing is to be undone on failure. The state is sink_set_state()'s. */
        int (*open)(Sink *sink, const SinkConf *conf);
        /* 0: taken, to be settled once, now or later; SINK_E_BUSY: after something else has been settled.
         * Lent until settled. */
        int (*submit)(Sink *sink, uint64_t id, const Alert *alert);
        /* Whole lines (events as JSON) that are to follow one another; @node: where they come from, or "". NULL: it takes none.
         * *ret_n: how many bytes of them, from the start, it has taken or cannot use (sink_lines_refused()). 0, or SINK_E_BUSY: the rest, later. */
        int (*lines)(Sink *sink, Str node, Str lines, size_t *ret_n);
        /* Ends what is under way, without settling it. Called once, after a successful open. */
        void (*close)(Sink *sink);
} SinkOps;

typedef struct {
        uint64_t offered; /* alerts routed here */
        uint64_t delivered;
        uint64_t refused;  /* the far end does not want it, or there is none */
        uint64_t failed;   /* not delivered: no answer in time, or none at all */
        uint64_t overflow; /* dropped because too many waited */
} SinkCounters;

extern const CounterDesc sink_counter_descs[];
extern const size_t sink_n_counter_descs;

typedef struct {
        uint64_t written; /* events that the far end has */
        uint64_t dropped; /* because too many waited, memory ran out, or the program ended */
        uint64_t refused; /* the far end does not want it, or gave no answer in time */
} SinkLinesCounters;

extern const CounterDesc sink_lines_counter_descs[];
extern const size_t sink_lines_n_counter_descs;

/* NULL: there is no such type. */
const SinkOps *sink_find_type(Str type);
const char *sink_type_name(size_t i); /* of all types, in order; NULL: no more */

/* @name, @conf: lent for the life of the sink. 0 or -errno. */
int sink_new(Sink **ret, const SinkOps *ops, Str name, const SinkConf *conf, sd_event *loop, SinkSettledFn fn,
             void *userdata);
Sink *sink_free(Sink *sink); /* settles what it still has as SINK_RETRY. Returns NULL */

/* Takes a reference. Its id is one more than that of the last that was taken; the first is 1. It may be settled
 * before this returns. 0, or SINK_E_FULL: dropped and counted. */
int sink_offer(Sink *sink, Alert *alert);
size_t sink_room(const Sink *sink);    /* so many more will be taken */
size_t sink_pending(const Sink *sink); /* not settled yet */

/* Lines for a type that takes them, each with its newline; copied. At most SINK_LINES_MAX bytes wait; what is more is dropped
 * and counted. Nothing is remembered of lines over the program's end. */
#define SINK_LINES_MAX (8u << 20)
void sink_lines(Sink *sink, Str node, Str lines);
bool sink_lines_pending(const Sink *sink); /* some wait, or the far end has not confirmed them */
void sink_lines_give_up(Sink *sink); /* what waits is tried once more; the rest is dropped, and counted */
const SinkLinesCounters *sink_lines_counters(const Sink *sink); /* NULL: the type takes none */

uint64_t sink_retry_after(const Sink *sink); /* within SinkSettledFn: milliseconds; 0: none was asked for */

Str sink_name(const Sink *sink);
const SinkCounters *sink_counters(const Sink *sink);

/* For drivers. */
void sink_settle(Sink *sink, uint64_t id, SinkVerdict verdict, const char *why);
/* SINK_RETRY, and not before @ms milliseconds (the far end's Retry-After). */
void sink_settle_after(Sink *sink, uint64_t id, const char *why, uint64_t ms);
/* The sink has @n lines, or never will. */
void sink_lines_written(Sink *sink, uint64_t n);
void sink_lines_refused(Sink *sink, uint64_t n);
void sink_set_state(Sink *sink, void *state);
void *sink_state(const Sink *sink);
sd_event *sink_loop(const Sink *sink);
const SinkSetting *sink_conf_find(const SinkConf *conf, const char *name); /* NULL: not set */
/* The setting's value, or @fallback where it is not set. Texts are followed by a NUL. */
Str sink_conf_text(const SinkConf *conf, const char *name, Str fallback);
uint64_t sink_conf_number(const SinkConf *conf, const char *name, uint64_t fallback);
bool sink_conf_flag(const SinkConf *conf, const char *name, bool fallback);
/* Within open: tells whoever opens the sink what is wrong with its settings. Returns -EINVAL, for open to
 * return. */
int sink_bad_conf(Sink *sink, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The drivers; only sink.c and tests name them. */
extern const SinkOps sink_desktop, sink_exec, sink_file, sink_journal, sink_kafka, sink_mail, sink_syslog,
        sink_terminal, sink_webhook;
