/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A RuleState as bytes, for a successor of this process: windows, what waits in the queue, processes.
 *
 * What waits is written as it is: the event's records, and what its rules found (Occurrence), not as a place in the input from which to
 * read again. So an event is counted once, whatever is read twice. Correlations are known by their key, rules by id and name: the set that
 * reads need not be the one that wrote. */
#include <errno.h>
#include <stdlib.h>
#include "base/arena.h"
#include "record/header.h"
#include "rule/state.h"

#define TAG            PACK_TAG('R', 'U', 'L', 'E')
#define VERSION        3
#define NONE           UINT32_MAX
#define NAME_MAX_BYTES (1u << 20)
#define WANTS_MAX      65536u

static Str wanted_name(const RuleSet *set, const Rule *rule, size_t i) {
        return set->ast.fields[rule->wants[i]].name;
}

/* ---- writing ---- */

static void save_windows(RuleState *s, Buf *out) {
        size_t room = RULE_SAVE_WINDOWS_MAX, n = s->set->n_correlations;

        pack_u32(out, (uint32_t)n);
        for (size_t i = 0; i < n; i++) {
                size_t before = out->n, used;

                buf_str(out, s->set->correlations[i].key);
                pack_u8(out, s->at_once[i]);
                s->counters.groups_unsaved += window_save(s->windows[i], s->at_once[i], room / (n - i), out);
                used = out->n - before;
                room -= used < room ? used : room;
        }
}

/* The rules that events in the queue name, numbered in ret[rule]. */
static uint32_t *number_rules(const RuleState *s, Buf *out) {
        uint32_t *numbers = malloc((s->set->n_rules + 1) * sizeof(*numbers)), n = 0;
        size_t count_at = out->n;

        if (!numbers)
                return NULL;
        memset(numbers, 0xFF, (s->set->n_rules + 1) * sizeof(*numbers));
        pack_u32(out, 0);
        for (size_t i = 0; i < s->queue.n; i++)
                for (size_t k = 0; k < pending_at(&s->queue, i)->n_occurrences; k++) {
                        uint32_t id = pending_at(&s->queue, i)->occurrences[k].rule;
                        const Rule *rule = id == NONE ? NULL : &s->set->rules[id];

                        if (!rule || numbers[id] != NONE)
                                continue;
                        numbers[id] = n++;
                        pack_text(out, rule->info.id);
                        pack_text(out, rule->info.name);
                        pack_u32(out, (uint32_t)rule->n_wants);
                        for (size_t w = 0; w < rule->n_wants; w++)
                                pack_text(out, wanted_name(s->set, rule, w));
                }
        n = htole32(n);
        if (!out->failed)
                memcpy(out->p + count_at, &n, sizeof(n));
        return numbers;
}

static void save_pending(const Pending *p, const uint32_t *numbers, Buf *out) {
        pack_u64(out, p->order);
        pack_i64(out, p->at_ms);
        pack_u8(out, p->exec);
        pack_i64(out, p->ppid);
        pack_text(out, p->live);
        pack_u8(out, (uint8_t)p->event->ended);
        pack_u8(out, p->event->late);
        pack_u32(out, p->event->n_records);
        for (const Record *r = p->event->records; r; r = r->next)
                pack_text(out, r->text);
        pack_u32(out, (uint32_t)p->n_occurrences);
        for (size_t i = 0; i < p->n_occurrences; i++) {
                const Occurrence *o = &p->occurrences[i];

                pack_u32(out, o->rule == NONE ? NONE : numbers[o->rule]);
                for (uint32_t k = 0; k < o->n; k++)
                        pack_text(out, p->values[o->first + k]);
        }
        pack_u32(out, (uint32_t)p->n_told);
        for (size_t i = 0; i < p->n_told; i++)
                pack_u32(out, p->told[i]);
}

static int save_queue(const RuleState *s, Buf *out) {
        uint32_t *numbers = number_rules(s, out);

        if (!numbers)
                return -ENOMEM;
        pack_u32(out, (uint32_t)s->queue.n);
        for (size_t i = 0; i < s->queue.n; i++)
                save_pending(pending_at(&s->queue, i), numbers, out);
        free(numbers);
        return 0;
}

int rule_state_save(RuleState *s, Buf *out) {
        size_t begun = pack_begin(out, TAG, VERSION);
        int r;

        pack_u64(out, s->order);
        pack_u64(out, s->turn);
        node_clocks_save(&s->clocks, out);
        save_windows(s, out);
        r = save_queue(s, out);
        if (r)
                return r;
        r = process_table_save(s->processes, out);
        pack_end(out, begun);
        return out->failed ? -ENOMEM : r;
}

/* ---- reading ---- */

/* A rule of the writer: which it is here, and where among the written values those are that are wanted here. */
typedef struct {
        uint32_t rule; /* NONE: there is none */
        uint32_t n_values;
        uint32_t *values;
} SavedRule;

typedef struct {
        RuleState *s;
        Arena arena;
        uint64_t order, turn;
        NodeClocks clocks;
        Window **windows;
        uint32_t *by_key; /* correlations of the set, in the order of their keys */
        bool *seen;
        uint32_t *correlations; /* of the writer: which they are here */
        uint32_t n_correlations;
        SavedRule *rules;
        uint32_t n_rules;
        PendingQueue queue;
        ProcessTable *processes;
        HeaderCache *headers;
        Buf text;
        Record *records;
        size_t cap_records;
        Occurrence *occurrences;
        size_t cap_occurrences;
        Str *values;
        size_t n_values, cap_values;
} Restore;

static int by_key(const void *a, const void *b, void *userdata) {
        const Correlation *c = ((const RuleSet *)userdata)->correlations;
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        int r = memcmp(c[x].key.p, c[y].key.p, CORRELATION_KEY);

        return r ? r : (x > y) - (x < y);
}

/* The one of that key, the first that was not restored yet where several are the same. */
static uint32_t find_correlation(const Restore *x, const char *key) {
        const Correlation *c = x->s->set->correlations;
        size_t low = 0, n = x->s->set->n_correlations, high = n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (memcmp(c[x->by_key[middle]].key.p, key, CORRELATION_KEY) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < n && !memcmp(c[x->by_key[low]].key.p, key, CORRELATION_KEY); low++)
                if (!x->seen[x->by_key[low]])
                        return x->by_key[low];
        return NONE;
}

/* One that is decided in another way now begins anew: what waits was counted in the old way. */
static int restore_window(Restore *x, uint32_t number, Unpack *in) {
        const char *key = unpack_bytes(in, CORRELATION_KEY);
        bool at_once = unpack_bool(in);
        uint32_t c;

        if (in->bad)
                return PACK_E_BAD;
        c = find_correlation(x, key);
        x->correlations[number] = c;
        if (c != NONE)
                x->seen[c] = true;
        if (c == NONE || x->s->at_once[c] != at_once) {
                window_skip(in);
                return in->bad ? PACK_E_BAD : 0;
        }
        if (window_new(&x->windows[c], &x->s->set->correlations[c], x->s->total))
                return -ENOMEM;
        return window_restore(x->windows[c], at_once, in);
}

/* Of that many correlations of another set. */
static int expect_correlations(Restore *x, size_t n) {
        RuleSet *set = x->s->set;

        x->n_correlations = (uint32_t)n;
        x->correlations = arena_alloc(&x->arena, (n + 1) * sizeof(*x->correlations));
        x->by_key = arena_alloc(&x->arena, (set->n_correlations + 1) * sizeof(*x->by_key));
        x->seen = arena_alloc(&x->arena, set->n_correlations + 1);
        x->windows = calloc(set->n_correlations + 1, sizeof(*x->windows));
        if (!x->correlations || !x->by_key || !x->seen || !x->windows)
                return -ENOMEM;
        for (uint32_t i = 0; i < set->n_correlations; i++)
                x->by_key[i] = i;
        qsort_r(x->by_key, set->n_correlations, sizeof(*x->by_key), by_key, set);
        return 0;
}

static int restore_windows(Restore *x, Unpack *in) {
        RuleSet *set = x->s->set;
        int r = expect_correlations(x, unpack_count(in, CORRELATION_KEY + 1));

        if (r)
                return r;
        for (uint32_t i = 0; i < x->n_correlations && !r; i++)
                r = restore_window(x, i, in);
        for (size_t i = 0; i < set->n_correlations && !r; i++)
                if (!x->windows[i])
                        r = window_new(&x->windows[i], &set->correlations[i], x->s->total);
        return r;
}

static int by_text(Str a, Str b) {
        int r = memcmp(a.n ? a.p : "", b.n ? b.p : "", a.n < b.n ? a.n : b.n);

        return r ? r : (a.n > b.n) - (a.n < b.n);
}

static int by_name(const void *a, const void *b, void *userdata) {
        const RuleInfo *x = &((const RuleSet *)userdata)->rules[*(const uint32_t *)a].info,
                       *y = &((const RuleSet *)userdata)->rules[*(const uint32_t *)b].info;
        int r = by_text(x->id, y->id);

        return r ? r : by_text(x->name, y->name);
}

/* The rules that correlations count, by id and name: no two of them have both in common. */
typedef struct {
        const RuleSet *set;
        uint32_t *v;
        size_t n;
        bool *taken;
} Names;

static bool names_init(Names *names, const RuleSet *set, Arena *arena) {
        *names = (Names){ .set = set };
        names->v = arena_alloc(arena, (set->n_rules + 1) * sizeof(*names->v));
        names->taken = arena_alloc(arena, (set->n_rules + 1) * sizeof(*names->taken));
        if (!names->v || !names->taken)
                return false;
        for (uint32_t i = 0; i < set->n_rules; i++)
                if (set->rules[i].referred)
                        names->v[names->n++] = i;
        qsort_r(names->v, names->n, sizeof(*names->v), by_name, (void *)set);
        return true;
}

static uint32_t names_find(const Names *names, Str id, Str name) {
        size_t low = 0, high = names->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                const RuleInfo *info = &names->set->rules[names->v[middle]].info;
                int r = by_text(id, info->id);

                r = r ? r : by_text(name, info->name);
                if (!r)
                        return names->v[middle];
                *(r < 0 ? &high : &low) = r < 0 ? middle : middle + 1;
        }
        return NONE;
}

static int restore_rule(Restore *x, const Names *names, Unpack *in) {
        const RuleSet *set = x->s->set;
        SavedRule *saved = &x->rules[x->n_rules];
        Str id = unpack_text(in, NAME_MAX_BYTES), name = unpack_text(in, NAME_MAX_BYTES);
        uint32_t n = unpack_count(in, 4);
        const Rule *rule;

        *saved = (SavedRule){ .rule = names_find(names, id, name), .n_values = n };
        if (in->bad || n > WANTS_MAX || (saved->rule != NONE && names->taken[saved->rule]))
                return PACK_E_BAD;
        rule = saved->rule == NONE ? NULL : &set->rules[saved->rule];
        if (rule) {
                names->taken[saved->rule] = true;
                saved->values = arena_alloc(&x->arena, (rule->n_wants + 1) * sizeof(*saved->values));
                if (!saved->values)
                        return -ENOMEM;
                memset(saved->values, 0xFF, (rule->n_wants + 1) * sizeof(*saved->values));
        }
        for (uint32_t i = 0; i < n; i++) {
                Str wanted = unpack_text(in, NAME_MAX_BYTES);

                for (size_t k = 0; rule && k < rule->n_wants; k++)
                        if (str_eq(wanted_name(set, rule, k), wanted))
                                saved->values[k] = i;
        }
        x->n_rules++;
        return in->bad ? PACK_E_BAD : 0;
}

static int restore_rules(Restore *x, Unpack *in) {
        uint32_t n = unpack_count(in, 12);
        Names names;
        int r = 0;

        x->rules = arena_alloc(&x->arena, (n + 1) * sizeof(*x->rules));
        if (!x->rules || !names_init(&names, x->s->set, &x->arena))
                return -ENOMEM;
        while (n-- && !r)
                r = restore_rule(x, &names, in);
        return r;
}

static int room_for_records(Restore *x, size_t n) {
        int r = 0;

        while (n > x->cap_records && !r)
                r = state_grow(&x->records, sizeof(*x->records), x->cap_records, &x->cap_records);
        return r;
}

/* The records are read as they were when they came; the header says what they are. */
static int restore_event(Restore *x, Unpack *in, Event *ret) {
        uint8_t ended = unpack_u8(in);
        bool late = unpack_bool(in);
        uint32_t n = unpack_count(in, 4);
        Unpack ahead = *in;
        size_t size = 0;

        in->bad |= ended > EVENT_END_LIMIT || !n;
        for (uint32_t i = 0; i < n; i++)
                size += unpack_text(&ahead, ahead.rest.n).n + RECORD_SLACK;
        if (in->bad || ahead.bad)
                return PACK_E_BAD;
        buf_clear(&x->text);
        if (!buf_reserve(&x->text, size + 1) || room_for_records(x, n))
                return -ENOMEM;
        *ret = (Event){ .records = x->records, .n_records = n, .ended = (EventEnd)ended, .late = late };
        for (uint32_t i = 0; i < n; i++) {
                Str text = unpack_text(in, in->rest.n);
                RecordId id;

                text = (Str){ memcpy(x->text.p + x->text.n, text.p ? text.p : "", text.n), text.n };
                memset(x->text.p + x->text.n + text.n, 0, RECORD_SLACK);
                x->text.n += text.n + RECORD_SLACK;
                if (memchr(text.p, 0, text.n) || header_parse(x->headers, text, &x->records[i], &id))
                        return PACK_E_BAD;
                x->records[i].n_fields = -1;
                x->records[i].next = i + 1 < n ? &x->records[i + 1] : NULL;
                if (!i)
                        ret->id = id;
        }
        return 0;
}

static int put_value(Restore *x, Str value) {
        if (state_grow(&x->values, sizeof(*x->values), x->n_values, &x->cap_values))
                return -ENOMEM;
        x->values[x->n_values++] = value;
        return 0;
}

/* One that is of no rule here keeps its place: members of windows name occurrences by it. */
static int restore_occurrence(Restore *x, Unpack *in, Occurrence *ret) {
        uint32_t number = unpack_u32(in);
        const SavedRule *saved = number < x->n_rules ? &x->rules[number] : NULL;
        size_t first = x->n_values, kept;

        if (!saved && number != NONE)
                return PACK_E_BAD;
        *ret = (Occurrence){ .rule = saved ? saved->rule : NONE, .first = (uint32_t)first };
        for (uint32_t i = 0; saved && i < saved->n_values; i++)
                if (put_value(x, unpack_text(in, in->rest.n)))
                        return -ENOMEM;
        if (in->bad)
                return PACK_E_BAD;
        kept = x->n_values;
        ret->n = ret->rule == NONE ? 0 : (uint32_t)x->s->set->rules[ret->rule].n_wants;
        for (uint32_t i = 0; i < ret->n; i++)
                if (put_value(x, saved->values[i] == NONE ? STR_NULL : x->values[first + saved->values[i]]))
                        return -ENOMEM;
        if (ret->n)
                memmove(&x->values[first], &x->values[kept], ret->n * sizeof(*x->values));
        x->n_values = first + ret->n;
        return 0;
}

static int restore_occurrences(Restore *x, Unpack *in, Pending *p) {
        uint32_t n = unpack_count(in, 4);
        int r = 0;

        x->n_values = 0;
        for (uint32_t i = 0; i < n && !r; i++) {
                if (state_grow(&x->occurrences, sizeof(*x->occurrences), i, &x->cap_occurrences))
                        return -ENOMEM;
                r = restore_occurrence(x, in, &x->occurrences[i]);
                if (x->n_values > PENDING_MAX_BYTES / sizeof(*x->values))
                        return PACK_E_BAD;
        }
        p->occurrences = x->occurrences;
        p->n_occurrences = n;
        p->values = x->values;
        p->n_values = x->n_values;
        return r;
}

static int restore_told(const Restore *x, Unpack *in, Pending *p) {
        uint32_t n = unpack_count(in, 4);

        if (n > x->n_correlations)
                return PACK_E_BAD;
        p->told = n ? calloc(n, sizeof(*p->told)) : NULL;
        if (n && !p->told)
                return -ENOMEM;
        p->cap_told = n;
        while (n--) {
                uint32_t number = unpack_u32(in);

                if (number >= x->n_correlations)
                        return PACK_E_BAD;
                if (x->correlations[number] != NONE)
                        p->told[p->n_told++] = x->correlations[number];
        }
        return in->bad ? PACK_E_BAD : 0;
}

static int restore_pending(Restore *x, Unpack *in) {
        Pending p = { 0 }, *kept;
        Event event;
        int r;

        p.order = unpack_u64(in);
        p.at_ms = unpack_time(in);
        p.exec = unpack_bool(in);
        p.ppid = unpack_i64(in);
        p.live = unpack_text(in, in->rest.n);
        r = restore_event(x, in, &event);
        r = r ? r : restore_occurrences(x, in, &p);
        if (r)
                return r;
        p.time_ms = event.id.sec * 1000 + event.id.ms;
        p.serial = event.id.serial;
        p.node = event.id.node.p ? event.id.node : STR("");
        kept = pending_new(&x->queue.memory, &p, &event);
        if (!kept)
                return -ENOMEM;
        r = restore_told(x, in, kept);
        r = r ? r : pending_push(&x->queue, kept);
        if (r)
                pending_free(&x->queue.memory, kept);
        return r;
}

static int restore_queue(Restore *x, Unpack *in) {
        uint32_t n = unpack_count(in, 8);
        int r = 0;

        x->headers = calloc(1, sizeof(*x->headers));
        if (!x->headers)
                return -ENOMEM;
        while (n-- && !r)
                r = pending_full(&x->queue) ? PACK_E_BAD : restore_pending(x, in);
        return r;
}

static int restore_all(Restore *x, Unpack *in) {
        int r;

        x->order = unpack_u64(in);
        x->turn = unpack_u64(in);
        node_clocks_restore(&x->clocks, in);
        r = process_table_new(&x->processes, PROCESS_MAX_DEFAULT, PROCESS_BYTES_DEFAULT);
        r = r ? r : restore_windows(x, in);
        r = r ? r : restore_rules(x, in);
        r = r ? r : restore_queue(x, in);
        r = r ? r : process_table_restore(x->processes, in);
        return r ? r : unpack_end(in);
}

static void restore_done(Restore *x) {
        for (size_t i = 0; x->windows && i < x->s->set->n_correlations; i++)
                window_free(x->windows[i]);
        free(x->windows);
        pending_done(&x->queue);
        process_table_free(x->processes);
        arena_done(&x->arena);
        buf_done(&x->text);
        free(x->headers);
        free(x->records);
        free(x->occurrences);
        free(x->values);
}

/* What was there before goes into @x, to be freed with it. */
static void take_over(RuleState *s, Restore *x) {
        Window **windows = s->windows;
        PendingQueue queue = s->queue;
        ProcessTable *processes = s->processes;

        rule_counters(s);
        s->groups_before = s->counters.groups_dropped;
        s->members_before = s->counters.members_dropped;
        s->windows = x->windows;
        s->queue = x->queue;
        s->processes = x->processes;
        s->order = x->order;
        s->turn = x->turn;
        s->clocks = x->clocks;
        x->windows = windows;
        x->queue = queue;
        x->processes = processes;
}

int rule_state_restore(RuleState *s, Unpack *in) {
        Restore x = { .s = s, .arena = ARENA_INIT, .text = BUF_INIT };
        Unpack part = unpack_part(in, TAG, VERSION);
        int r = restore_all(&x, &part);

        if (!r)
                take_over(s, &x);
        restore_done(&x);
        return r;
}

/* ---- from one set of rules to the next ---- */

/* Which windows go on, and where; the others are made. Nothing of @old is changed. */
static int plan_windows(Restore *x, const RuleState *old, uint32_t *from) {
        const RuleSet *set = x->s->set;
        int r = expect_correlations(x, old->set->n_correlations);

        for (uint32_t i = 0; i < set->n_correlations; i++)
                from[i] = NONE;
        for (uint32_t i = 0; i < x->n_correlations && !r; i++) {
                uint32_t c = find_correlation(x, old->set->correlations[i].key.p);

                x->correlations[i] = c;
                if (c == NONE)
                        continue;
                x->seen[c] = true;
                if (x->s->at_once[c] == old->at_once[i])
                        from[c] = i;
        }
        for (size_t i = 0; i < set->n_correlations && !r; i++)
                if (from[i] == NONE)
                        r = window_new(&x->windows[i], &set->correlations[i], x->s->total);
        return r;
}

static int carry_queue(Restore *x, const RuleState *old) {
        Buf saved = BUF_INIT;
        int r = save_queue(old, &saved);
        Unpack in = UNPACK_INIT(buf_view(&saved));

        r = saved.failed ? -ENOMEM : r;
        r = r ? r : restore_rules(x, &in);
        r = r ? r : restore_queue(x, &in);
        buf_done(&saved);
        return r;
}

int state_carry(RuleState *s, RuleState *old) {
        Restore x = { .s = s, .arena = ARENA_INIT, .text = BUF_INIT };
        uint32_t *from = calloc(s->set->n_correlations + 1, sizeof(*from));
        int r = from ? plan_windows(&x, old, from) : -ENOMEM;

        r = r ? r : carry_queue(&x, old);
        for (size_t i = 0; !r && i < s->set->n_correlations; i++) {
                Window **w = from[i] == NONE ? &x.windows[i] : &old->windows[from[i]];

                s->windows[i] = *w;
                *w = NULL;
                if (from[i] != NONE)
                        window_rebind(s->windows[i], &s->set->correlations[i]);
        }
        if (!r) {
                pending_done(&old->queue);
                s->queue = x.queue;
                x.queue = old->queue = (PendingQueue){ 0 };
        }
        free(from);
        restore_done(&x);
        return r;
}
