/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is told to people: one rule's hit on one event, with the sentence that says who did what.
 *
 * An Alert borrows nothing: it owns its texts (one arena), so that sinks may keep it. Its id depends on the rule and the event
 * alone: a repeat can be recognised. Texts are raw bytes; each sink makes them inert for its own place (base/escape.h). */
#include "base/arena.h"
#include "rule/rule.h"

typedef struct {
        Arena arena;
        Str id; /* 32 hexadecimal digits */
        Str rule_id, rule_title;
        RuleLevel level;
        const Str *tags;
        size_t n_tags;
        Str event_id; /* [node/]sec.ms:serial */
        int64_t sec;
        uint32_t ms;
        Str node;
        Str sentence;    /* "alice logged in over ssh from 192.0.2.7" */
        Str user;        /* who did it, or tried; "" where nobody is known */
        Str addr;        /* from where; "" where not known */
        const Str *keys; /* audit keys of the event */
        size_t n_keys;
} Alert;
