/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The sliding window of one correlation: groups of occurrences, and whether the condition holds for a group.
 *
 * Occurrences come in the order of events. Each costs the same however many came before. Bounded: beyond WINDOW_MAX_GROUPS, or
 * WINDOW_MAX_BYTES, the group heard from least recently is forgotten; beyond a group's own limit its oldest occurrences are; for all windows
 * together, see window_bound(). Values are compared by a keyed hash of 64 bits. */
#include "base/pack.h"
#include "rule/set.h"

#define WINDOW_MAX_GROUPS  65536u
#define WINDOW_MAX_BYTES   (16u << 20)
#define WINDOW_MAX_MEMBERS 4096u /* of a group; more where the condition counts further */

/* How far a condition can count before WINDOW_MAX_BYTES makes its group be forgotten; the same for different values. */
#define WINDOW_MAX_COUNT  131070u
#define WINDOW_MAX_VALUES 65534u

typedef struct Window Window;
typedef struct WindowGroup WindowGroup;

/* What all windows of one state hold together. Each is bounded by itself, and there may be hundreds. */
typedef struct {
        size_t bytes;
        size_t n_used; /* windows that hold something */
        size_t hand;   /* the window that window_bound() looks at next */
} WindowTotal;

#define WINDOW_TOTAL_BYTES (64u << 20)

/* @total: zeroed before the first, lives longer than all windows of it. 0 or -ENOMEM. */
int window_new(Window **ret, const Correlation *c, WindowTotal *total);

/* When @windows, all of @total, hold more than @max_bytes: those that hold more than an equal share forget the groups heard from least
 * recently, until a sixteenth is free, so that a correlation grouped by what an attacker chooses costs the others nothing. To be called between
 * events: no group is borrowed then. */
void window_bound(WindowTotal *total, Window **windows, size_t n, size_t max_bytes);

Window *window_free(Window *w); /* returns NULL */

/* The same window for a correlation that is the same in another set. */
void window_rebind(Window *w, const Correlation *c);

/* An occurrence of reference @ref in the event numbered @event (numbers rise). @group, @values: as many as the correlation names; one of
 * @group absent (STR_NULL): nothing happens. *ret: the group, valid until the next event, or NULL. 0 or -ENOMEM. */
int window_add(Window *w, size_t ref, uint64_t event, int64_t time_ms, const Str *group, const Str *values,
               WindowGroup **ret);

/* After all occurrences of an event: does the condition hold for the group now? @edge: and did it not before? To be asked once for each
 * group and event; *ret_first is false when the group was asked for this event already. */
bool window_ask(Window *w, WindowGroup *g, uint64_t event, bool edge, bool *ret_first);

/* The other way, for correlations whose hits no later event can take back (window_at_once()): occurrences come as events complete, up to
 * RULE_SETTLE_MS out of order, and hits are known at once. One window is used in one of the two ways. */
typedef struct {
        int64_t time_ms;
        uint64_t serial, order; /* @order: the event's number, as it came; tells events apart */
        uint32_t occurrence;    /* the caller's, handed back */
} WindowPlace;

/* The condition holds at the event numbered @order, which was not told before: it is the new one, or one behind it in order. */
typedef void (*WindowHoldsFn)(void *userdata, uint64_t order, uint32_t occurrence, const WindowGroup *g);

bool window_at_once(const Correlation *c);
int window_insert(Window *w, size_t ref, const WindowPlace *at, const Str *group, const Str *values,
                  WindowHoldsFn fn, void *userdata); /* 0 or -ENOMEM */

/* The group's values, one for each group-by name. */
const Str *window_group_values(const WindowGroup *g);

typedef struct {
        uint64_t groups_dropped, members_dropped;
} WindowCounters;

const WindowCounters *window_counters(const Window *w);

/* The window as a part (base/pack.h), of at most about @max_bytes: the groups heard from least recently are left out. @at_once: how it is
 * used. Returns how many groups were left out; @out says whether there was memory. */
size_t window_save(const Window *w, bool at_once, size_t max_bytes, Buf *out);

/* Takes such a part off @in, into a window that is new, of a correlation that is the same. 0; PACK_E_BAD, -ENOMEM: it can only be freed. */
int window_restore(Window *w, bool at_once, Unpack *in);
void window_skip(Unpack *in); /* takes it off, and nothing else */
