/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is told to people: one rule's hit on one event, with the sentence that says who did what.
 *
 * An Alert borrows nothing: it owns its texts (one arena), so that sinks may keep it; several share one by
 * reference. Its id depends on the rule and the event alone: a repeat can be recognised. Texts are raw
 * bytes; each sink makes them inert for its own place (base/escape.h). Bounded: texts of more than
 * ALERT_TEXT_MAX bytes are cut. */
#include "alert/facts.h"
#include "base/arena.h"
#include "rule/rule.h"

#define ALERT_TEXT_MAX 1024u /* of one text */
#define ALERT_LIST_MAX 32u   /* tags, keys */

typedef struct {
        Arena arena;
        unsigned n_refs;
        Str id;                  /* 32 hexadecimal digits */
        Str rule_id, rule_title; /* RuleInfo */
        RuleLevel level;
        const Str *tags;
        size_t n_tags;
        Str event_id; /* [node/]sec.ms:serial */
        int64_t sec;  /* of the event, since the epoch */
        uint32_t ms;
        Str node;
        Str sentence;    /* "alice logged in over ssh from 192.0.2.7" */
        Str user;        /* who did it, or tried; "" where nobody is known */
        Str addr;        /* from where; "" where not known */
        const Str *keys; /* audit keys of the event */
        size_t n_keys;
        Facts facts; /* what the sentence was made of */
} Alert;

/* From one hit. 0 or -ENOMEM. One reference, the caller's. */
int alert_new(Alert **ret, const RuleHit *hit, Meaning *m);

/* An alert that says that it is a test. 0 or -ENOMEM. */
int alert_new_test(Alert **ret);

Alert *alert_ref(Alert *a);
Alert *alert_unref(Alert *a); /* takes NULL, returns NULL */

/* The name that somebody tried, found elsewhere (the record of the failure hides it): the sentence is made
 * again. @local: an account of this name exists here. 0 or -ENOMEM. */
int alert_set_attempted(Alert *a, Str name, bool local);

bool alert_has_tag(const Alert *a, Str tag);

/* A rule about logins carries this tag: its alerts go through Attempts. */
#define ALERT_TAG_LOGIN STR("aulert.login")

const char *alert_level_name(RuleLevel level); /* "informational" … "critical" */
bool alert_level_from_name(Str name, RuleLevel *ret);

/* One line of JSON, newline included: id, time (RFC 3339, UTC), node, level, sentence, user, addr, rule
 * {id, title}, tags, keys, event. */
void alert_json(Buf *out, const Alert *a);

/* For a terminal, two lines: local time, level and sentence; rule and event. Inert. @color: with escape
 * sequences of ours. */
void alert_text(Buf *out, const Alert *a, bool color);
