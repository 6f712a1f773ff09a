/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Inside of the public types. Nobody outside lib/ includes this. */
#include <aulert/feed.h>
#include "event/event.h"
#include "meaning/meaning.h"

#define PUBLIC __attribute__((visibility("default")))

/* One for a feed, reused for each event. */
struct AulertEvent {
        const Event *event;
        const Record *split; /* whose fields are in @fields; NULL: none */
        FieldVec fields;
        bool begun; /* @meaning was told of @split */
        int error;
        Meaning *meaning; /* made when it is first needed: it reads passwd and group */
        Buf out;
};

void lib_event_done(AulertEvent *e);
