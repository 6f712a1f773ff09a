/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Alerts of the supervisor about ourselves, until a deliver can take them.
 *
 * At most NOTES_MAX wait; more are dropped, and counted. One is at most NOTE_BYTES long, and cut behind that. */
#include "role/supervisor/child.h"
#include "rule/rule.h"

#define NOTES_MAX  16u
#define NOTE_BYTES 512u

typedef struct {
        RuleLevel level;
        size_t n;
        char text[NOTE_BYTES];
} Note;

typedef struct {
        Note notes[NOTES_MAX];
        size_t n;
        uint64_t dropped;
} Notes;

/* Goes out at once when @deliver is ready, else with notes_send(). */
void notes_add(Notes *notes, const Child *deliver, RuleLevel level, const char *rule_id, const char *title,
               const char *sentence);
void notes_send(Notes *notes, const Child *deliver);
