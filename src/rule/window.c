/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/hash.h"
#include "rule/eval.h"
#include "rule/window-inside.h"

#define MEMBERS_CEILING 1000000u
#define BUCKETS_FIRST   64u

/* a power of two of them is kept, and two more than the condition counts to */
_Static_assert((WINDOW_MAX_COUNT + 2) * sizeof(WindowMember) < WINDOW_MAX_BYTES, "members of one group");

int window_new(Window **ret, const Correlation *c, WindowTotal *total) {
        Window *w = calloc(1, sizeof(*w));

        if (!w)
                return -ENOMEM;
        w->max_members = WINDOW_MAX_MEMBERS;
        for (size_t i = 0; i < c->n_tests; i++)
                if (c->tests[i].number > w->max_members)
                        w->max_members = c->tests[i].number < MEMBERS_CEILING ? (size_t)c->tests[i].number + 2
                                                                              : MEMBERS_CEILING;
        w->c = c;
        w->total = total;
        memcpy(w->secret, hash_secret, sizeof(w->secret));
        *ret = w;
        return 0;
}

void window_rebind(Window *w, const Correlation *c) { w->c = c; }
const WindowCounters *window_counters(const Window *w) { return &w->counters; }
const Str *window_group_values(const WindowGroup *g) { return g->values; }

static void group_free(WindowGroup *g) {
        free(g->ring);
        free(g->slots);
        free(g);
}

Window *window_free(Window *w) {
        if (!w)
                return NULL;
        for (WindowGroup *g = w->newest, *next; g; g = next) {
                next = g->older;
                group_free(g);
        }
        w->total->bytes -= w->bytes;
        w->total->n_used -= w->buckets != NULL;
        free(w->buckets);
        free(w);
        return NULL;
}

static void unlink_group(Window *w, WindowGroup *g) {
        *(g->newer ? &g->newer->older : &w->newest) = g->older;
        *(g->older ? &g->older->newer : &w->oldest) = g->newer;
}

static void link_group(Window *w, WindowGroup *g) {
        g->newer = NULL;
        g->older = w->newest;
        *(w->newest ? &w->newest->newer : &w->oldest) = g;
        w->newest = g;
}

void window_forget(Window *w, WindowGroup *g) {
        WindowGroup **at = &w->buckets[g->hash & (w->n_buckets - 1)];

        while (*at != g)
                at = &(*at)->chain;
        *at = g->chain;
        unlink_group(w, g);
        w->n_groups--;
        window_account(w, -(ptrdiff_t)g->bytes);
        group_free(g);
        /* where groups come and go, the next to go, which nobody has looked at for long */
        if (w->oldest) {
                __builtin_prefetch(&w->buckets[w->oldest->hash & (w->n_buckets - 1)]);
                __builtin_prefetch(w->oldest->newer);
        }
}

/* ---- values that are counted ---- */

static WindowSlot *slot_of(WindowSlot *slots, size_t n, uint64_t value) {
        size_t at = value & (n - 1);

        while (slots[at].value && slots[at].value != value)
                at = (at + 1) & (n - 1);
        return &slots[at];
}

static int slots_grow(Window *w, WindowGroup *g) {
        size_t n = 8;
        WindowSlot *slots;

        if (g->n_slots && g->n_used * 2 < g->n_slots)
                return 0;
        while (n <= g->n_distinct * 4)
                n *= 2;
        slots = calloc(n, sizeof(*slots));
        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < g->n_slots; i++)
                if (g->slots[i].count)
                        *slot_of(slots, n, g->slots[i].value) = g->slots[i];
        window_account(w, (ptrdiff_t)(n * sizeof(*slots) - g->n_slots * sizeof(*slots)));
        g->bytes += n * sizeof(*slots) - g->n_slots * sizeof(*slots);
        free(g->slots);
        g->slots = slots;
        g->n_slots = n;
        g->n_used = g->n_distinct;
        return 0;
}

static int count_value(Window *w, WindowGroup *g, uint64_t value) {
        WindowSlot *s;

        if (slots_grow(w, g))
                return -ENOMEM;
        s = slot_of(g->slots, g->n_slots, value);
        if (!s->value) {
                s->value = value;
                g->n_used++;
        }
        g->n_distinct += !s->count++;
        return 0;
}

static void uncount_value(WindowGroup *g, uint64_t value) {
        WindowSlot *s = slot_of(g->slots, g->n_slots, value);

        if (s->count)
                g->n_distinct -= !--s->count;
}

/* ---- members ---- */

/* The first member that is counted leaves the window. */
static void uncount_first(Window *w, WindowGroup *g) {
        WindowMember *m = window_member(g, g->lo);

        if (g->lo + 1 == g->hi || window_member(g, g->lo + 1)->event != m->event)
                g->n_events--;
        g->per_ref[m->ref]--;
        if (m->has_number) {
                g->sum -= m->number;
                g->n_numbers--;
        }
        if (m->value)
                uncount_value(g, m->value);
        g->lo++;
        if (!g->n_numbers)
                g->sum = 0;
}

static void drop_first(Window *w, WindowGroup *g) {
        if (!g->lo)
                uncount_first(w, g);
        g->head = (g->head + 1) & (g->cap - 1);
        g->n--;
        g->lo--;
        g->hi--;
}

int window_count_next(Window *w, WindowGroup *g) {
        WindowMember *m = window_member(g, g->hi);

        if (m->value && count_value(w, g, m->value))
                return -ENOMEM;
        if (g->hi == g->lo || window_member(g, g->hi - 1)->event != m->event)
                g->n_events++;
        g->hi++;
        g->per_ref[m->ref]++;
        if (m->has_number) {
                g->sum += m->number;
                g->n_numbers++;
        }
        return 0;
}

int window_reserve(Window *w, WindowGroup *g, size_t n) {
        size_t cap = g->cap ? g->cap : 4;
        WindowMember *ring;

        if (n <= g->cap)
                return 0;
        while (cap < n)
                cap *= 2;
        ring = reallocarray(NULL, cap, sizeof(*ring));
        if (!ring)
                return -ENOMEM;
        for (size_t i = 0; i < g->n; i++)
                ring[i] = *window_member(g, i);
        window_account(w, (ptrdiff_t)((cap - g->cap) * sizeof(*ring)));
        g->bytes += (cap - g->cap) * sizeof(*ring);
        free(g->ring);
        g->ring = ring;
        g->cap = cap;
        g->head = 0;
        return 0;
}

/* Room for one more; beyond the limit the oldest goes. */
static int make_place(Window *w, WindowGroup *g) {
        if (g->n >= w->max_members) {
                w->counters.members_dropped += !g->lo;
                drop_first(w, g);
        }
        return window_reserve(w, g, g->n + 1);
}

static int append(Window *w, WindowGroup *g, const WindowMember *m) {
        int r = make_place(w, g);

        if (r)
                return r;
        g->n++;
        *window_member(g, g->n - 1) = *m;
        r = window_count_next(w, g);
        g->n -= r != 0;
        return r;
}

/* ---- order ---- */

/* The latest start of a chain of rules 1..i+1 that was complete before @event. */
static int64_t start_before(const WindowGroup *g, size_t i, uint64_t event) {
        return g->start_events[i] == event ? g->starts_before[i] : g->starts[i];
}

static void extend_chain(Window *w, WindowGroup *g, const WindowMember *m) {
        size_t i = m->ref;
        int64_t start = i ? start_before(g, i - 1, m->event) : m->time_ms;

        if (i + 1 == w->c->n_refs && start != INT64_MIN) {
                g->ends_chain = true;
                g->chain_start = start;
        }
        if (g->start_events[i] != m->event) {
                g->starts_before[i] = g->starts[i];
                g->start_events[i] = m->event;
        }
        if (start > g->starts[i])
                g->starts[i] = start;
}

/* ---- groups ---- */

static bool same_values(const WindowGroup *g, const Str *values, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (!str_eq(g->values[i], values[i]))
                        return false;
        return true;
}

static uint64_t hash_values(const Window *w, const Str *v, size_t n) {
        uint64_t h = 1;

        for (size_t i = 0; i < n; i++)
                h = hash_bytes_with(w->secret, v[i].p, v[i].n, h);
        return h | 1; /* 0 marks an empty slot */
}

static WindowGroup *new_group(Window *w, uint64_t hash, const Str *values) {
        size_t n = w->c->n_group, refs = w->c->n_refs;
        size_t size =
                sizeof(WindowGroup) + n * sizeof(Str) + refs * (sizeof(uint32_t) + 3 * sizeof(int64_t)) + 16;
        WindowGroup *g;
        char *at;

        for (size_t i = 0; i < n; i++)
                size += values[i].n;
        g = calloc(1, size);
        if (!g)
                return NULL;
        g->hash = hash;
        g->bytes = size;
        g->values = (Str *)(g + 1);
        g->starts = (int64_t *)(g->values + n);
        g->starts_before = g->starts + refs;
        g->start_events = (uint64_t *)(g->starts_before + refs);
        g->per_ref = (uint32_t *)(g->start_events + refs);
        at = (char *)(g->per_ref + refs);
        for (size_t i = 0; i < refs; i++) {
                g->starts[i] = g->starts_before[i] = INT64_MIN;
                g->start_events[i] = UINT64_MAX;
        }
        for (size_t i = 0; i < n; i++) {
                g->values[i] = (Str){ at, values[i].n };
                if (values[i].n)
                        memcpy(at, values[i].p, values[i].n);
                at += values[i].n;
        }
        return g;
}

bool window_at_once(const Correlation *c) {
        if (c->type == CORRELATION_VALUE_SUM || c->type == CORRELATION_VALUE_AVG)
                return false;
        for (size_t i = 0; i < c->n_tests; i++)
                if (c->tests[i].compare != COMPARE_GT && c->tests[i].compare != COMPARE_GTE)
                        return false;
        return true;
}

static bool may_forget(const Window *w, uint64_t event) {
        return w->oldest && w->oldest->last_event != event;
}

#define FORGET_EVENTS 65536u

/* Two a time, so that forgetting keeps up with coming. The time stamp at hand may be of another machine, whose clock is ahead or
 * whose records are read later: what was touched a short while ago stays. */
static void forget_old(Window *w, uint64_t event, int64_t now_ms) {
        for (int i = 0; i < 2 && may_forget(w, event) && w->oldest->last_event + FORGET_EVENTS < event &&
                        w->oldest->last_ms < now_ms - w->c->span_ms;
             i++)
                window_forget(w, w->oldest);
        while (may_forget(w, event) && (w->n_groups >= WINDOW_MAX_GROUPS || w->bytes >= WINDOW_MAX_BYTES)) {
                window_forget(w, w->oldest);
                w->counters.groups_dropped++;
        }
}

static WindowGroup *lookup(const Window *w, uint64_t hash, const Str *values) {
        WindowGroup *g = w->buckets ? w->buckets[hash & (w->n_buckets - 1)] : NULL;

        while (g && (g->hash != hash || !same_values(g, values, w->c->n_group)))
                g = g->chain;
        return g;
}

WindowGroup *window_find(const Window *w, const Str *values) {
        return lookup(w, hash_values(w, values, w->c->n_group), values);
}

/* As many buckets as groups. Most correlations of a large set never see a group. */
static int buckets_grow(Window *w) {
        size_t n = w->n_buckets ? w->n_buckets * 2 : BUCKETS_FIRST;
        WindowGroup **buckets;

        if (w->n_groups < w->n_buckets)
                return 0;
        buckets = calloc(n, sizeof(WindowGroup *));
        if (!buckets)
                return -ENOMEM;
        for (WindowGroup *g = w->oldest; g; g = g->newer) {
                g->chain = buckets[g->hash & (n - 1)];
                buckets[g->hash & (n - 1)] = g;
        }
        window_account(w, (ptrdiff_t)((n - w->n_buckets) * sizeof(*buckets)));
        w->total->n_used += !w->buckets;
        free(w->buckets);
        w->buckets = buckets;
        w->n_buckets = n;
        return 0;
}

WindowGroup *window_add_group(Window *w, const Str *values) {
        uint64_t hash = hash_values(w, values, w->c->n_group);
        WindowGroup *g, **bucket;

        g = buckets_grow(w) ? NULL : new_group(w, hash, values);
        if (!g)
                return NULL;
        bucket = &w->buckets[hash & (w->n_buckets - 1)];
        g->chain = *bucket;
        *bucket = g;
        w->n_groups++;
        window_account(w, (ptrdiff_t)g->bytes);
        link_group(w, g);
        return g;
}

static WindowGroup *find_group(Window *w, const Str *values, int64_t now_ms) {
        WindowGroup *g = window_find(w, values);

        if (g) {
                unlink_group(w, g);
                link_group(w, g);
        } else {
                g = window_add_group(w, values);
        }
        if (g && (now_ms > g->last_ms || !g->n))
                g->last_ms = now_ms;
        return g;
}

/* An occurrence without the field counts for nothing, and the condition is asked at it all the same. */
static void take_values(const Window *w, const Str *values, WindowMember *m) {
        if (w->c->type == CORRELATION_VALUE_SUM || w->c->type == CORRELATION_VALUE_AVG)
                m->has_number = values[0].p && number_parse(values[0], &m->number);
        if (w->c->type != CORRELATION_VALUE_COUNT)
                return;
        for (size_t i = 0; i < w->c->n_values; i++)
                if (!values[i].p)
                        return;
        m->value = hash_values(w, values, w->c->n_values);
}

int window_add(Window *w, size_t ref, uint64_t event, int64_t time_ms, const Str *group, const Str *values,
               WindowGroup **ret) {
        WindowMember m = { .time_ms = time_ms, .event = event, .ref = (uint32_t)ref };
        WindowGroup *g;

        *ret = NULL;
        for (size_t i = 0; i < w->c->n_group; i++)
                if (!group[i].p)
                        return 0;
        forget_old(w, event, time_ms);
        g = find_group(w, group, time_ms);
        if (!g)
                return -ENOMEM;
        *ret = g;
        g->last_event = event;
        g->last_ms = time_ms;
        while (g->n && window_member(g, 0)->time_ms < time_ms - w->c->span_ms)
                drop_first(w, g);
        take_values(w, values, &m);
        if (w->c->type == CORRELATION_TEMPORAL_ORDERED) {
                extend_chain(w, g, &m);
                return 0;
        }
        return append(w, g, &m);
}

static bool tests_hold(const Correlation *c, long double v) {
        for (size_t i = 0; i < c->n_tests; i++)
                if (!compare_numbers(c->tests[i].compare, v, c->tests[i].number))
                        return false;
        return true;
}

static bool temporal_holds(const Correlation *c, const WindowGroup *g) {
        size_t n = 0;

        for (size_t i = 0; i < c->n_refs; i++)
                n += g->per_ref[i] > 0;
        return c->n_tests ? tests_hold(c, (long double)n) : n == c->n_refs;
}

static bool holds(const Window *w, const WindowGroup *g) {
        const Correlation *c = w->c;

        switch (c->type) {
        case CORRELATION_EVENT_COUNT: return tests_hold(c, (long double)g->n_events);
        case CORRELATION_VALUE_COUNT: return tests_hold(c, (long double)g->n_distinct);
        case CORRELATION_VALUE_SUM: return g->n_numbers && tests_hold(c, g->sum);
        case CORRELATION_VALUE_AVG: return g->n_numbers && tests_hold(c, g->sum / (long double)g->n_numbers);
        case CORRELATION_TEMPORAL: return temporal_holds(c, g);
        default: return g->ends_chain && g->chain_start >= g->last_ms - c->span_ms;
        }
}

bool window_ask(Window *w, WindowGroup *g, uint64_t event, bool edge, bool *ret_first) {
        bool held = g->held, now;

        *ret_first = !g->asked_once || g->asked != event;
        if (!*ret_first)
                return false;
        g->asked_once = true;
        g->asked = event;
        now = g->held = holds(w, g);
        g->ends_chain = false;
        return now && !(edge && held);
}

/* ---- out of order ---- */

static bool is_before(const WindowMember *a, const WindowMember *b) {
        if (a->time_ms != b->time_ms)
                return a->time_ms < b->time_ms;
        if (a->serial != b->serial)
                return a->serial < b->serial;
        return a->event < b->event;
}

static void count_nothing(Window *w, WindowGroup *g) {
        g->n_events = g->n_numbers = 0;
        g->sum = 0;
        g->ends_chain = false;
        memset(g->per_ref, 0, w->c->n_refs * sizeof(*g->per_ref));
        if (g->n_slots)
                memset(g->slots, 0, g->n_slots * sizeof(*g->slots));
        g->n_distinct = g->n_used = 0;
        for (size_t i = 0; i < w->c->n_refs; i++) {
                g->starts[i] = g->starts_before[i] = INT64_MIN;
                g->start_events[i] = UINT64_MAX;
        }
}

/* The member behind the counted ones is the last event now: its window is what is counted. */
static int step(Window *w, WindowGroup *g) {
        WindowMember *m = window_member(g, g->hi);
        bool same_event = g->hi && window_member(g, g->hi - 1)->event == m->event;
        int r;

        while (g->lo < g->hi && window_member(g, g->lo)->time_ms < m->time_ms - w->c->span_ms)
                uncount_first(w, g);
        r = window_count_next(w, g);
        if (r)
                return r;
        g->last_ms = m->time_ms;
        if (w->c->type != CORRELATION_TEMPORAL_ORDERED)
                return 0;
        g->ends_chain &= same_event;
        extend_chain(w, g, m);
        return 0;
}

/* Of the members of one event, which stand side by side, one is told: what refers to this correlation would else count the event again
 * and again, twice as often with every link of a chain. */
static bool is_told(const WindowGroup *g, size_t i) {
        uint64_t event = window_member(g, i)->event;

        for (size_t k = i + 1; k-- > 0 && window_member(g, k)->event == event;)
                if (window_member(g, k)->told)
                        return true;
        for (size_t k = i + 1; k < g->n && window_member(g, k)->event == event; k++)
                if (window_member(g, k)->told)
                        return true;
        return false;
}

static void tell(Window *w, WindowGroup *g, WindowHoldsFn fn, void *userdata) {
        WindowMember *m = window_member(g, g->hi - 1);

        if (is_told(g, g->hi - 1) || !holds(w, g))
                return;
        m->told = true;
        fn(userdata, m->event, m->occurrence, g);
}

/* Sorted in; the place. */
static size_t place(WindowGroup *g, const WindowMember *m) {
        size_t i = g->n++;

        for (; i && is_before(m, window_member(g, i - 1)); i--)
                *window_member(g, i) = *window_member(g, i - 1);
        *window_member(g, i) = *m;
        return i;
}

/* What was counted behind a member that came late is counted again, from the start of its window. */
static int recount(Window *w, WindowGroup *g, size_t from, WindowHoldsFn fn, void *userdata) {
        int64_t since = window_member(g, from)->time_ms - w->c->span_ms;

        count_nothing(w, g);
        for (g->lo = 0; g->lo < from && window_member(g, g->lo)->time_ms < since; g->lo++)
                ;
        g->hi = g->lo;
        while (g->hi < g->n) {
                int r = step(w, g);

                if (r)
                        return r;
                if (g->hi > from)
                        tell(w, g, fn, userdata);
        }
        return 0;
}

int window_insert(Window *w, size_t ref, const WindowPlace *at, const Str *group, const Str *values,
                  WindowHoldsFn fn, void *userdata) {
        const int64_t slack = RULE_SETTLE_MS;
        WindowMember m = { .time_ms = at->time_ms,
                           .serial = at->serial,
                           .event = at->order,
                           .ref = (uint32_t)ref,
                           .occurrence = at->occurrence };
        WindowGroup *g;
        size_t i;
        int r;

        for (size_t k = 0; k < w->c->n_group; k++)
                if (!group[k].p)
                        return 0;
        take_values(w, values, &m);
        forget_old(w, at->order, at->time_ms - slack);
        g = find_group(w, group, at->time_ms);
        if (!g || make_place(w, g))
                return -ENOMEM;
        g->last_event = at->order;
        i = place(g, &m);
        if (i + 1 < g->n)
                return recount(w, g, i, fn, userdata);
        r = step(w, g);
        if (r) {
                g->n--;
                return r;
        }
        tell(w, g, fn, userdata);
        while (g->lo && window_member(g, 0)->time_ms < m.time_ms - w->c->span_ms - slack)
                drop_first(w, g);
        return 0;
}
