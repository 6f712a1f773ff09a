/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which events go to which sinks as they are: `events:` of the configuration. */
#include "event/event.h"
#include "record/field.h"

typedef struct {
        const Str *v;
        size_t n;
} StrList;

/* All that is given must match; of a list, one. */
typedef struct {
        StrList types; /* names of record types: the event has a record of one of them */
        StrList keys;  /* audit keys: a record of the event has one of them */
        StrList nodes; /* "" where records name none */
} EventMatch;

typedef struct {
        EventMatch match;
        const EventMatch * not ; /* what matches one of these does not match */
        size_t n_not;
        StrList to; /* names of sinks */
} EventRoute;

/* @fields: room, the caller's. Only what the kernel wrote counts as a key, not what a program put into msg='…'. */
bool event_route_matches(const EventRoute *route, const Event *event, FieldVec *fields);
