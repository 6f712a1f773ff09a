/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What the writers of events keep from one event to the next: buffers, and the time as digits. */
#include "base/buf.h"
#include "meaning/record-memo.h"
#include "meaning/vocabulary.h"

typedef struct {
        Word *word;
        uint32_t next; /* index of the next field of that name; 0: none */
        bool head;     /* the first of its name */
} FieldChain;

/* The user or group id that was shown last: the same one stands in most id fields of a record. */
typedef struct {
        uint64_t
                generation; /* meaning_generation(), or meaning_second() for a name that is unknown; 0: none */
        uint8_t n_value, n_tail;
        char value[16];
        char tail[112]; /* what follows the opening of the entry in "text": name",  */
} LastId;

typedef struct EventState {
        FieldVec fields;
        Buf text, exact;
        struct Explained *explained; /* made when it is needed first */
        LastId ids[2];               /* a user, a group */
        FieldChain *chains;
        size_t n_chains;
        RecordMemo *memos; /* made when they are needed first */
        bool thorough;     /* for tests: nothing is copied finished */
        bool is_avc;       /* the record of event_state_begin() is an AVC or USER_AVC */
        int64_t sec;
        bool has_time;
        char time[24]; /* of @sec: "2026-11-22T10:11:12." and, behind it, the milliseconds of the last call */
} EventState;

#define EVENT_STATE_INIT ((EventState){ .text = BUF_INIT, .exact = BUF_INIT })

void event_state_done(EventState *s);
void event_state_begin(EventState *s, const Record *record);

/* Room for @n of them, contents kept; NULL: out of memory. */
FieldChain *event_state_chains(EventState *s, size_t n);

/* "2026-11-22T10:11:12.345" (UTC), with @separator between date and time; empty outside of the years 0 to
 * 9999. */
Str event_state_time(EventState *s, const RecordId *id, char separator);
