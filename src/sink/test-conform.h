/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What every sink must do, whatever it talks to: each test of a driver calls these with settings of its own.
 *
 * Every function opens a sink on a loop of its own and closes it, and holds that each alert was settled exactly once,
 * that no descriptor and no child is left, and that what went wrong was said in words. */
#include "sink/sink.h"

/* Rows of a SinkSetting table. */
#define TEXT(_name, _value) \
        { .name = STR_INIT(_name), .values = &(const Str){ _value, strlen(_value) }, .n_values = 1 }
#define NUMBER(_name, _value) \
        { .name = STR_INIT(_name), .number = (_value), .n_values = 1 }
#define FLAG(_name) \
        { .name = STR_INIT(_name), .flag = true, .n_values = 1 }

typedef struct {
        sd_event *loop;
        Sink *sink;
        size_t n[_SINK_VERDICTS]; /* settled, by verdict */
        size_t n_bad;             /* sink_bad_conf() */
        char why[256];            /* the last one that was not "" */
        bool turned[4096];        /* ids that were settled */
        size_t n_fds;
} Scene;

#define SCENE_PATIENCE_MS 120000u /* more than a machine takes that is busy with something else */

/* For tests that want more than conform_ offers. */
int scene_open(Scene *s, const SinkOps *ops, const SinkSetting *settings, size_t n); /* sink_new()'s result */
void scene_offer(Scene *s, size_t n);                                                /* alerts of each kind */
void scene_offer_one(Scene *s, Alert *alert);                                        /* takes the reference */
bool scene_wait(Scene *s);              /* until nothing is pending. False: not within SCENE_PATIENCE_MS */
void scene_turn(Scene *s, unsigned ms); /* runs the loop for so long */
void scene_close(Scene *s);

/* An alert of words that mean something to terminals, mail, syslog, shells and JSON. */
Alert *alert_hostile(void);

/* @n alerts are delivered. */
void conform_delivers(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, size_t n);
/* @n alerts are settled with @verdict, and @word is in what is said. */
void conform_fails(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, size_t n,
                   SinkVerdict verdict, const char *word);
/* Settings that cannot be used; @word is in what is said. */
void conform_refuses(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, const char *word);
/* Closed with @n alerts under way, right after they were offered and once more @ms later. */
void conform_ends(const SinkOps *ops, const SinkSetting *settings, size_t n_settings, size_t n, unsigned ms);
