/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "meaning/event-json.h"
#include "role/config/config.h"
#include "role/engine/events-out.h"
#include "role/ipc.h"

#define LINE_KEEP (256u << 10) /* a larger buffer is not kept */

typedef struct Message Message;
struct Message {
        Message *next;
        uint64_t number;
        uint64_t n_events; /* that end in it */
        unsigned flags;    /* EVENTS_… */
        size_t n;
        char bytes[];
};

struct EventsOut {
        Arena arena; /* of the routes */
        const EventRoute *routes;
        size_t n_routes;
        Str names[CONFIG_SINKS_MAX];
        size_t n_names;
        EventLook look;
        Arena scratch; /* of the event at hand */
        Buf line;
        Buf batch; /* the message that is being made; n 0: none is */
        size_t n_head;
        uint64_t n_events, to; /* of it; its sinks as bits of names */
        bool continues;        /* it begins within a line */
        uint64_t number;       /* of the last message */
        uint64_t confirmed;
        Message *first, *last, *unsent;
        size_t bytes;
        EventsOutCounters counters;
};

const CounterDesc events_out_counter_descs[] = {
        { "events_sent", "events given to the process that delivers", offsetof(EventsOutCounters, sent),
          false },
        { "events_dropped", "events not sent on because too many waited, or memory ran out",
          offsetof(EventsOutCounters, dropped), true },
        { "events_clipped", "events sent on without their last records because they are too large",
          offsetof(EventsOutCounters, clipped), true },
};
const size_t events_out_n_counter_descs = ARRAY_SIZE(events_out_counter_descs);

/* ---- routes ---- */

static StrList copy_list(Arena *arena, StrList list, bool *failed) {
        Str *v = arena_alloc(arena, (list.n + 1) * sizeof(*v));

        for (size_t i = 0; v && i < list.n; i++) {
                v[i] = arena_str(arena, list.v[i]);
                *failed |= !v[i].p;
        }
        *failed |= !v;
        return (StrList){ v, v ? list.n : 0 };
}

static EventMatch copy_match(Arena *arena, const EventMatch *m, bool *failed) {
        return (EventMatch){ copy_list(arena, m->types, failed), copy_list(arena, m->keys, failed),
                             copy_list(arena, m->nodes, failed), copy_list(arena, m->users, failed) };
}

static void copy_route(Arena *arena, const EventRoute *route, EventRoute *ret, bool *failed) {
        EventMatch *not = arena_alloc(arena, (route->n_not + 1) * sizeof(*not ));

        for (size_t i = 0; not &&i < route->n_not; i++)
                not [i] = copy_match(arena, &route->not [i], failed);
        *failed |= !not ;
        *ret = (EventRoute){ copy_match(arena, &route->match, failed), not, route->n_not,
                             copy_list(arena, route->to, failed) };
}

static uint64_t bit_of(EventsOut *o, Str name) {
        size_t i = 0;

        while (i < o->n_names && !str_eq(o->names[i], name))
                i++;
        if (i == CONFIG_SINKS_MAX)
                return 0; /* there are no more sinks than that */
        if (i == o->n_names)
                o->names[o->n_names++] = name;
        return 1ull << i;
}

static bool close_batch(EventsOut *o, bool goes_on);

int events_out_set(EventsOut **ret, const EventRoute *routes, size_t n_routes) {
        EventsOut *o = *ret;
        Arena arena = ARENA_INIT;
        EventRoute *copies;
        bool failed = false;

        if (!o && !n_routes)
                return 0;
        if (!o)
                o = calloc(1, sizeof(*o));
        copies = arena_alloc(&arena, (n_routes + 1) * sizeof(*copies));
        for (size_t i = 0; copies && i < n_routes; i++)
                copy_route(&arena, &routes[i], &copies[i], &failed);
        if (!o || !copies || failed) {
                arena_done(&arena);
                if (!*ret)
                        free(o);
                return -ENOMEM;
        }
        if (!*ret) {
                o->line = o->batch = BUF_INIT;
                *ret = o;
        }
        close_batch(o, false); /* it has the names of before */
        arena_done(&o->arena);
        o->arena = arena;
        o->routes = copies;
        o->n_routes = n_routes;
        o->n_names = 0;
        return 0;
}

static void drop_first(EventsOut *o) {
        Message *m = o->first;

        o->first = m->next;
        if (!o->first)
                o->last = NULL;
        if (o->unsent == m)
                o->unsent = m->next;
        o->bytes -= m->n;
        free(m);
}

EventsOut *events_out_free(EventsOut *o) {
        if (!o)
                return NULL;
        while (o->first)
                drop_first(o);
        arena_done(&o->arena);
        arena_done(&o->scratch);
        event_look_done(&o->look);
        buf_done(&o->line);
        buf_done(&o->batch);
        free(o);
        return NULL;
}

/* ---- events ---- */

/* Of a message: the node, the names of the sinks, an empty one; each ends with a NUL. Then lines. */
static void open_batch(EventsOut *o, uint64_t to, Str node) {
        buf_str(&o->batch, node);
        buf_putc(&o->batch, 0);
        for (size_t i = 0; i < o->n_names; i++) {
                if (!(to >> i & 1))
                        continue;
                buf_str(&o->batch, o->names[i]);
                buf_putc(&o->batch, 0);
        }
        buf_putc(&o->batch, 0);
        o->to = to;
        o->n_head = o->batch.n;
}

/* False: there was no memory for it, and the line that was to go on is lost. */
static bool close_batch(EventsOut *o, bool goes_on) {
        Message *m;

        if (!o->batch.n)
                return true;
        m = o->batch.failed ? NULL : malloc(sizeof(*m) + o->batch.n);
        if (m) {
                *m = (Message){ .number = ++o->number,
                                .n_events = o->n_events,
                                .flags = (goes_on ? EVENTS_GO_ON : 0) | (o->continues ? EVENTS_CONTINUE : 0),
                                .n = o->batch.n };
                memcpy(m->bytes, o->batch.p, m->n);
                if (o->last)
                        o->last->next = m;
                else
                        o->first = m;
                o->last = m;
                o->bytes += m->n;
                if (!o->unsent)
                        o->unsent = m;
        } else {
                o->counters.dropped += o->n_events + goes_on;
        }
        o->n_events = 0;
        o->continues = goes_on && m;
        if (o->batch.failed)
                buf_done(&o->batch);
        buf_clear(&o->batch);
        return m;
}

static bool is_open_for(const EventsOut *o, uint64_t to, Str node) {
        return o->batch.n && o->to == to && str_eqz(node, o->batch.p);
}

/* A line that is longer than a message goes in pieces. */
static void put_line(EventsOut *o, uint64_t to, Str node, Str line) {
        if (o->batch.n && (!is_open_for(o, to, node) || o->batch.n + line.n > IPC_PAYLOAD_MAX))
                close_batch(o, false);
        for (;;) {
                size_t n;

                if (!o->batch.n)
                        open_batch(o, to, node);
                n = IPC_PAYLOAD_MAX - o->batch.n;
                if (line.n <= n)
                        break;
                buf_put(&o->batch, line.p, n);
                line = (Str){ line.p + n, line.n - n };
                if (!close_batch(o, true))
                        return;
        }
        buf_str(&o->batch, line);
        o->n_events++;
}

static uint64_t sinks_of(EventsOut *o, const Engine *engine, const Event *event) {
        uint64_t to = 0;

        event_look_begin(&o->look, engine_meaning(engine));
        for (size_t i = 0; i < o->n_routes; i++)
                if (event_route_matches(&o->routes[i], event, &o->look))
                        for (size_t k = 0; k < o->routes[i].to.n; k++)
                                to |= bit_of(o, o->routes[i].to.v[k]);
        return to;
}

/* The first records of an event that is too large: as many as there is room for, at least one. 0 or -ENOMEM. */
static int clip(EventsOut *o, const Event *event, Event *ret, bool *ret_clipped) {
        Record **next = &ret->records;
        size_t n = 0;

        *ret = *event;
        for (const Record *r = event->records; r; r = r->next)
                n += r->text.n;
        *ret_clipped = n > EVENTS_OUT_EVENT_MAX && event->n_records > 1;
        if (!*ret_clipped)
                return 0;
        n = ret->n_records = 0;
        for (const Record *r = event->records; r && (!n || n + r->text.n <= EVENTS_OUT_EVENT_MAX);
             r = r->next) {
                *next = arena_alloc(&o->scratch, sizeof(**next));
                if (!*next)
                        return -ENOMEM;
                **next = *r;
                next = &(*next)->next;
                n += r->text.n;
                ret->n_records++;
        }
        *next = NULL;
        return 0;
}

static int write_line(EventsOut *o, const Engine *engine, const Event *event) {
        const Redact *redact = engine_redact(engine);
        const Record *none;
        bool clipped;
        Event part, clean;
        int r = clip(o, event, &part, &clipped);

        clean = part;
        if (r == 0 && !redact->off)
                r = redact_event(redact, &o->scratch, &part, NULL, &clean, &none);
        if (r == 0)
                r = event_json(&o->line, engine_meaning(engine), &clean);
        if (r < 0 || !clipped)
                return r;
        o->line.n -= 2; /* } and a newline */
        BUF_LIT(&o->line, ",\"truncated\":true}\n");
        o->counters.clipped++;
        return o->line.failed ? -ENOMEM : 0;
}

/* It is a key to sort by, no more: a longer one is cut. */
static Str node_of(const Event *event) {
        Str node = event->id.node;

        return (Str){ node.p, node.n < EVENTS_NODE_MAX ? node.n : EVENTS_NODE_MAX };
}

void events_out_add(EventsOut *o, const Engine *engine, const Event *event) {
        uint64_t to = o ? sinks_of(o, engine, event) : 0;

        if (!to || echo_keeps_back(engine_echo(engine), event))
                return;
        if (o->bytes + o->batch.n >= EVENTS_OUT_MAX || write_line(o, engine, event) < 0)
                o->counters.dropped++;
        else
                put_line(o, to, node_of(event), buf_view(&o->line));
        buf_clear(&o->line);
        if (o->line.failed || o->line.cap > LINE_KEEP)
                buf_done(&o->line);
        arena_reset(&o->scratch);
}

/* ---- messages ---- */

/* A line that was begun has to end: deliver confirms whole ones. */
static bool may_send(const EventsOut *o, const Message *m) {
        return m->number <= o->confirmed + EVENTS_OUT_WINDOW || m->flags & EVENTS_CONTINUE;
}

int events_out_send(EventsOut *o, int link) {
        if (!o)
                return 0;
        close_batch(o, false);
        while (o->unsent && link >= 0 && may_send(o, o->unsent)) {
                Message *m = o->unsent;
                int r = ipc_send(link, IPC_EVENTS, m->number, m->flags, (Str){ m->bytes, m->n }, -1);

                if (r < 0)
                        return r;
                o->counters.sent += m->n_events;
                o->unsent = m->next;
        }
        return 0;
}

void events_out_taken(EventsOut *o, uint64_t number) {
        if (!o || number > o->number)
                return; /* it cannot know of one that was not made */
        while (o->first && o->first != o->unsent && o->first->number <= number)
                drop_first(o);
        if (number > o->confirmed)
                o->confirmed = number;
}

void events_out_relink(EventsOut *o) {
        if (o)
                o->unsent = o->first;
}

void events_out_give_up(EventsOut *o) {
        if (!o)
                return;
        close_batch(o, false);
        for (const Message *m = o->unsent; m; m = m->next)
                o->counters.dropped += m->n_events;
        while (o->first)
                drop_first(o);
}

uint64_t events_out_number(const EventsOut *o) { return o ? o->number + !!o->batch.n : 0; }
uint64_t events_out_confirmed(const EventsOut *o) { return o ? o->confirmed : 0; }
bool events_out_is_half_full(const EventsOut *o) { return o && o->bytes + o->batch.n > EVENTS_OUT_MAX / 2; }
bool events_out_is_empty(const EventsOut *o) { return !o || (!o->first && !o->batch.n); }

void events_out_print_counters(const EventsOut *o, Buf *out, bool only_loss) {
        if (o)
                counter_print(out, events_out_counter_descs, events_out_n_counter_descs, &o->counters,
                              only_loss);
}
