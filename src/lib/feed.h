/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Inside of the public types. Nobody outside lib/ includes this. */
#include <aulert/feed.h>
#include "alert/facts.h"
#include "event/event.h"
#include "meaning/meaning.h"
#include "source/source.h"

#define PUBLIC __attribute__((visibility("default")))

/* One for a feed, reused for each event. */
struct AulertEvent {
        const Event *event;
        const Record *split; /* whose fields are in @fields; NULL: none */
        FieldVec fields;
        bool begun; /* @meaning was told of @split */
        int error;
        Meaning *meaning; /* made when it is first needed: it reads passwd and group */
        Buf out;          /* of JSON and text */
        Buf shown;        /* of aulert_event_escape() */
        Buf sentence;     /* empty until it is asked for */
        bool gathered;
        Facts facts;
        Arena arena; /* of @facts */
};

/* Never NULL: printf("%.*s"), memcmp() and memcpy() may not be given one, whatever the size. */
static inline AulertText lib_text(Str s) { return (AulertText){ s.p ? s.p : "", s.n }; }

void lib_event_set(AulertEvent *e, const Event *event);
void lib_event_done(AulertEvent *e);
int lib_event_meaning(AulertEvent *e); /* sees to it that there is one. 0 or -ENOMEM */

/* As aulert_feed_read(), from a source. Borrowed, and counted with the feed from then on. */
int lib_feed_read(AulertFeed *f, Source *source);
