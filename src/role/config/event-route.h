/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Which events go to which sinks as they are: `events:` of the configuration. */
#include "base/arena.h"
#include "meaning/meaning.h"

typedef struct {
        const Str *v;
        size_t n;
} StrList;

/* All that is given must match; of a list, one. */
typedef struct {
        StrList types; /* names of record types: the event has a record of one of them */
        StrList keys;  /* audit keys: a record of the event has one of them */
        StrList nodes; /* "" where records name none */
        StrList users; /* whom it is about, as alerts have it (sentence_user()) */
} EventMatch;

typedef struct {
        EventMatch match;
        const EventMatch * not ; /* what matches one of these does not match */
        size_t n_not;
        StrList to; /* names of sinks */
} EventRoute;

/* What was found out about the event at hand, and room for it. The user is looked for only where a route asks for one. */
typedef struct {
        Meaning *meaning; /* lent */
        FieldVec fields;
        Arena scratch; /* of the user */
        Str user;
        bool has_user; /* it was looked for */
} EventLook;

void event_look_begin(EventLook *look, Meaning *meaning); /* with another event */
void event_look_done(EventLook *look);

/* Only what the kernel wrote counts as a key, not what a program put into msg='…'. */
bool event_route_matches(const EventRoute *route, const Event *event, EventLook *look);
