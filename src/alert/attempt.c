/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include "alert/alert-state.h"
#include "alert/attempt.h"
#include "alert/sentence.h"
#include "base/clock.h"
#include "base/hash.h"

#define NAME_BYTES 256
#define ADDR_BYTES 64
#define NONE       UINT32_MAX

const CounterDesc attempt_counter_descs[] = {
        { "login_alerts_folded", "alerts about a login that was told already",
          offsetof(AttemptCounters, folded), false },
        { "login_alerts_waited", "failed logins that waited for the name that was tried",
          offsetof(AttemptCounters, waited), false },
        { "login_alerts_nameless", "failed logins told without a name", offsetof(AttemptCounters, nameless),
          false },
        { "login_processes_forgotten", "login processes forgotten because too many were seen",
          offsetof(AttemptCounters, forgotten), false },
};
const size_t attempt_n_counter_descs = ARRAY_SIZE(attempt_counter_descs);

/* What was told of one outcome of a process. */
typedef struct {
        bool told;
        RuleLevel level;
        int32_t type;
        uint64_t ses; /* hash of the session, 0: none */
} Told;

typedef struct {
        uint64_t node, pid; /* node: its hash, with a secret */
        uint32_t next;      /* in the chain of its hash */
        uint32_t older, newer;
        int64_t seen_ms;
        Told told[2]; /* success, failure */
        Alert *held;
        int64_t held_ms;
        uint64_t held_ns;
        size_t n_name, n_addr;
        char name[NAME_BYTES]; /* that was tried */
        char addr[ADDR_BYTES];
} Entry;

struct Attempts {
        Meaning *m;
        AlertFn fn;
        void *userdata;
        AttemptCounters counters;
        FieldVec fields;
        uint64_t secret[2]; /* of the hashes of nodes and sessions */
        uint32_t heads[ATTEMPT_ENTRIES];
        uint32_t n_entries, oldest, newest;
        uint32_t held[ATTEMPT_HELD]; /* oldest first */
        uint32_t n_held;
        Entry entries[ATTEMPT_ENTRIES];
};

int attempts_new(Attempts **ret, Meaning *m, AlertFn fn, void *userdata) {
        Attempts *t = calloc(1, sizeof(*t));

        if (!t)
                return -ENOMEM;
        t->m = m;
        t->fn = fn;
        t->userdata = userdata;
        t->oldest = t->newest = NONE;
        memset(t->heads, 0xFF, sizeof(t->heads));
        memcpy(t->secret, hash_secret, sizeof(t->secret));
        *ret = t;
        return 0;
}

static void drop_held(Attempts *t) {
        for (uint32_t i = 0; i < t->n_held; i++)
                alert_unref(t->entries[t->held[i]].held);
        t->n_held = 0;
}

Attempts *attempts_free(Attempts *t) {
        if (!t)
                return NULL;
        drop_held(t);
        field_vec_done(&t->fields);
        free(t);
        return NULL;
}

static int64_t event_ms(int64_t sec, uint32_t ms) {
        const int64_t far = INT64_MAX / 4000;

        if (sec > far)
                sec = far;
        if (sec < -far)
                sec = -far;
        return sec * 1000 + ms;
}

static uint64_t text_hash(const Attempts *t, Str s) { return hash_bytes_with(t->secret, s.p, s.n, 0); }

static uint32_t slot_of(uint64_t node, uint64_t pid) {
        return (uint32_t)(hash_u64(node ^ hash_u64(pid)) >> 32) % ATTEMPT_ENTRIES;
}

static void unlink_age(Attempts *t, uint32_t i) {
        Entry *e = &t->entries[i];

        if (e->older != NONE)
                t->entries[e->older].newer = e->newer;
        else
                t->oldest = e->newer;
        if (e->newer != NONE)
                t->entries[e->newer].older = e->older;
        else
                t->newest = e->older;
}

static void link_newest(Attempts *t, uint32_t i) {
        Entry *e = &t->entries[i];

        e->older = t->newest;
        e->newer = NONE;
        if (t->newest != NONE)
                t->entries[t->newest].newer = i;
        else
                t->oldest = i;
        t->newest = i;
}

static uint32_t *chain_of(Attempts *t, uint32_t i) {
        uint32_t *at = &t->heads[slot_of(t->entries[i].node, t->entries[i].pid)];

        while (*at != i)
                at = &t->entries[*at].next;
        return at;
}

static uint32_t find(const Attempts *t, uint64_t node, uint64_t pid) {
        uint32_t i = t->heads[slot_of(node, pid)];

        while (i != NONE && (t->entries[i].node != node || t->entries[i].pid != pid))
                i = t->entries[i].next;
        return i;
}

static Told *told_of(Entry *e, const Alert *a) { return &e->told[a->facts.result == FACTS_FAILED]; }

static void tell(Attempts *t, Entry *e, Alert *a) {
        Str ses = a->facts.v[FACT_SES];
        Told *told = told_of(e, a);

        if (!told->told || a->level > told->level)
                told->level = a->level;
        told->told = true;
        told->type = a->facts.type;
        told->ses = ses.n ? text_hash(t, ses) : 0;
        t->fn(t->userdata, a);
}

/* Tells what entry @i holds, with a name if there is one by now. */
static void release(Attempts *t, uint32_t i) {
        Entry *e = &t->entries[i];
        Alert *a = e->held;

        for (uint32_t k = 0; k < t->n_held; k++)
                if (t->held[k] == i) {
                        memmove(&t->held[k], &t->held[k + 1], (t->n_held - k - 1) * sizeof(*t->held));
                        t->n_held--;
                        break;
                }
        e->held = NULL;
        if (e->n_name) {
                Str name = { e->name, e->n_name };

                (void)alert_set_attempted(a, name, meaning_knows_user(t->m, name));
        } else {
                t->counters.nameless++;
        }
        tell(t, e, a);
        alert_unref(a);
}

static void forget_what_was_told(Attempts *t, uint32_t i) {
        Entry *e = &t->entries[i];

        if (e->held)
                release(t, i);
        memset(e->told, 0, sizeof(e->told));
        e->n_name = e->n_addr = 0;
}

/* An entry for a new process: a fresh one, or that of the process heard from least recently. */
static uint32_t take_entry(Attempts *t) {
        uint32_t i = t->oldest;

        if (t->n_entries < ATTEMPT_ENTRIES)
                return t->n_entries++;
        if (t->entries[i].held)
                release(t, i);
        t->counters.forgotten++;
        *chain_of(t, i) = t->entries[i].next;
        unlink_age(t, i);
        return i;
}

static uint32_t get(Attempts *t, uint64_t node, uint64_t pid, int64_t now_ms) {
        uint32_t i = find(t, node, pid), slot = slot_of(node, pid);

        if (i == NONE) {
                i = take_entry(t);
                t->entries[i] = (Entry){ .node = node, .pid = pid, .next = t->heads[slot] };
                t->heads[slot] = i;
        } else {
                int64_t age = now_ms - t->entries[i].seen_ms;

                if (age > ATTEMPT_WINDOW_MS || age < -ATTEMPT_WINDOW_MS)
                        forget_what_was_told(t, i);
                unlink_age(t, i);
        }
        t->entries[i].seen_ms = now_ms;
        link_newest(t, i);
        return i;
}

static bool differ(const char *known, size_t n_known, size_t max, Str now) {
        if (now.n > max)
                now.n = max;
        return n_known && now.n && !str_eq((Str){ known, n_known }, now);
}

static size_t learn(char *dst, size_t max, Str s) {
        size_t n = s.n < max ? s.n : max;

        memcpy(dst, s.p, n);
        return n;
}

/* The same pid, but somebody else's: a process that let one in does not refuse afterwards, and one connection has one name. */
static bool is_another(const Attempts *t, const Entry *e, const Alert *a, Str name, Str addr) {
        bool failed = a->facts.result == FACTS_FAILED;
        uint64_t ses = a->facts.v[FACT_SES].n ? text_hash(t, a->facts.v[FACT_SES]) : 0;

        return differ(e->name, e->n_name, NAME_BYTES, name) || differ(e->addr, e->n_addr, ADDR_BYTES, addr) ||
               (failed && e->told[0].told) ||
               (!failed && e->told[0].told && e->told[0].ses && ses && e->told[0].ses != ses);
}

/* Programs that ask again in the same process (login(1)) begin a new attempt with a record of the type that was told. */
static bool is_repeat(Entry *e, const Alert *a) {
        const Told *told = told_of(e, a);

        if (!told->told || a->level > told->level)
                return false;
        return facts_is_sshd(a->facts.v[FACT_EXE]) || told->type != a->facts.type;
}

static void hold(Attempts *t, uint32_t i, Alert *a) {
        Entry *e = &t->entries[i];

        if (e->held || e->told[1].told) {
                t->counters.folded++;
                return;
        }
        if (t->n_held == ATTEMPT_HELD)
                release(t, t->held[0]);
        e->held = alert_ref(a);
        e->held_ms = event_ms(a->sec, a->ms);
        e->held_ns = clock_monotonic_ns();
        t->held[t->n_held++] = i;
        t->counters.waited++;
}

void attempts_add(Attempts *t, Alert *a) {
        bool nameless = sentence_lacks_name(&a->facts);
        Str addr = sentence_addr(&a->facts), name = sentence_account(&a->facts);
        uint64_t pid;
        uint32_t i;
        Entry *e;

        if (!str_u64(a->facts.v[FACT_PID], 10, &pid)) {
                t->fn(t->userdata, a);
                return;
        }
        i = get(t, text_hash(t, a->node), pid, event_ms(a->sec, a->ms));
        e = &t->entries[i];
        if (is_another(t, e, a, nameless ? STR("") : name, addr))
                forget_what_was_told(t, i);
        if (addr.n)
                e->n_addr = learn(e->addr, ADDR_BYTES, addr);
        if (nameless && !e->n_name) {
                hold(t, i, a);
                return;
        }
        if (nameless) {
                Str tried = { e->name, e->n_name };

                (void)alert_set_attempted(a, tried, meaning_knows_user(t->m, tried));
        } else {
                e->n_name = learn(e->name, NAME_BYTES, name);
        }
        if (is_repeat(e, a))
                t->counters.folded++;
        else
                tell(t, e, a);
}

static void learn_name(Attempts *t, const Event *event, const Record *r) {
        const Field *pid, *acct;
        uint64_t number;
        uint32_t i;
        Str name;

        if (field_split(&t->fields, r) < 0)
                return;
        pid = field_find(&t->fields, STR("pid"));
        acct = field_find(&t->fields, STR("acct"));
        if (!pid || !acct || !str_u64(pid->value, 10, &number))
                return;
        meaning_begin(t->m, r, &t->fields);
        if (!meaning_text(t->m, acct, &name))
                name = acct->value;
        if (facts_name_hidden(name))
                return;
        i = get(t, text_hash(t, event->id.node), number, event_ms(event->id.sec, event->id.ms));
        if (differ(t->entries[i].name, t->entries[i].n_name, NAME_BYTES, name))
                forget_what_was_told(t, i);
        t->entries[i].n_name = learn(t->entries[i].name, NAME_BYTES, name);
        if (t->entries[i].held)
                release(t, i);
}

static void age_by_event(Attempts *t, const Event *event) {
        int64_t now = event_ms(event->id.sec, event->id.ms);
        uint64_t node = text_hash(t, event->id.node);

        for (uint32_t k = 0; k < t->n_held;) {
                const Entry *e = &t->entries[t->held[k]];

                if (e->node == node && now - e->held_ms > ATTEMPT_WAIT_MS)
                        release(t, t->held[k]);
                else
                        k++;
        }
}

void attempts_see(Attempts *t, const Event *event) {
        if (unlikely(event->records->type == AUDIT_USER_AUTH))
                learn_name(t, event, event->records);
        if (unlikely(t->n_held))
                age_by_event(t, event);
}

void attempts_age(Attempts *t, uint64_t now_ns) {
        while (t->n_held && now_ns >= attempts_deadline(t))
                release(t, t->held[0]);
}

uint64_t attempts_deadline(const Attempts *t) {
        return t->n_held ? t->entries[t->held[0]].held_ns + ATTEMPT_WAIT_MS * NS_PER_MS : UINT64_MAX;
}

void attempts_flush(Attempts *t) {
        while (t->n_held)
                release(t, t->held[0]);
}

const AttemptCounters *attempts_counters(const Attempts *t) { return &t->counters; }

/* ---- from one process of ours to the next ---- */

#define SAVE_TAG     PACK_TAG('A', 'T', 'M', 'P')
#define SAVE_VERSION 1
#define TOLD_BYTES   (1 + 1 + 4 + 8)
#define ENTRY_BYTES  (3 * 8 + 2 * TOLD_BYTES + 4 + 4)

static void save_entry(Buf *out, const Entry *e) {
        pack_u64(out, e->node);
        pack_u64(out, e->pid);
        pack_i64(out, e->seen_ms);
        for (size_t k = 0; k < ARRAY_SIZE(e->told); k++) {
                pack_u8(out, e->told[k].told);
                pack_u8(out, (uint8_t)e->told[k].level);
                pack_u32(out, (uint32_t)e->told[k].type);
                pack_u64(out, e->told[k].ses);
        }
        pack_text(out, (Str){ e->name, e->n_name });
        pack_text(out, (Str){ e->addr, e->n_addr });
}

/* Its place among all, the oldest first: the number that it gets in a table that is made anew. */
static uint32_t age_of(const Attempts *t, uint32_t wanted) {
        uint32_t n = 0;

        for (uint32_t i = t->oldest; i != wanted; i = t->entries[i].newer)
                n++;
        return n;
}

int attempts_save(const Attempts *t, Buf *out) {
        size_t begun = pack_begin(out, SAVE_TAG, SAVE_VERSION);
        int r = 0;

        pack_u64(out, t->secret[0]);
        pack_u64(out, t->secret[1]);
        pack_u32(out, t->n_entries);
        for (uint32_t i = t->oldest; i != NONE; i = t->entries[i].newer)
                save_entry(out, &t->entries[i]);
        pack_u32(out, t->n_held);
        for (uint32_t k = 0; k < t->n_held && !r; k++) {
                const Entry *e = &t->entries[t->held[k]];

                pack_u32(out, age_of(t, t->held[k]));
                pack_i64(out, e->held_ms);
                r = alert_save(out, e->held);
        }
        pack_end(out, begun);
        return out->failed ? -ENOMEM : r;
}

static void restore_told(Told *told, Unpack *in) {
        bool is_told = unpack_bool(in);
        uint8_t level = unpack_u8(in);
        uint32_t type = unpack_u32(in);

        in->bad |= level >= _RULE_LEVEL_N;
        *told = (Told){ is_told, in->bad ? RULE_LOW : (RuleLevel)level, (int32_t)type, unpack_u64(in) };
}

static int restore_entry(Attempts *t, Unpack *in) {
        uint64_t node = unpack_u64(in), pid = unpack_u64(in);
        int64_t seen_ms = unpack_time(in);
        Told told[2];
        Str name, addr;
        uint32_t i;

        restore_told(&told[0], in);
        restore_told(&told[1], in);
        name = unpack_text(in, NAME_BYTES);
        addr = unpack_text(in, ADDR_BYTES);
        if (in->bad || find(t, node, pid) != NONE)
                return PACK_E_BAD;
        i = get(t, node, pid, seen_ms);
        memcpy(t->entries[i].told, told, sizeof(told));
        t->entries[i].n_name = name.n ? learn(t->entries[i].name, NAME_BYTES, name) : 0;
        t->entries[i].n_addr = addr.n ? learn(t->entries[i].addr, ADDR_BYTES, addr) : 0;
        return 0;
}

static int restore_held(Attempts *t, Unpack *in) {
        uint32_t i = unpack_u32(in);
        int64_t held_ms = unpack_time(in);
        Alert *a;
        int r;

        if (in->bad || i >= t->n_entries || t->entries[i].held)
                return PACK_E_BAD;
        r = alert_restore(&a, in);
        if (r)
                return r;
        t->entries[i].held = a;
        t->entries[i].held_ms = held_ms;
        t->entries[i].held_ns = clock_monotonic_ns();
        t->held[t->n_held++] = i;
        return 0;
}

static int restore_all(Attempts *t, Unpack *in) {
        uint32_t n;
        int r = 0;

        t->secret[0] = unpack_u64(in);
        t->secret[1] = unpack_u64(in) | 1;
        n = unpack_count(in, ENTRY_BYTES);
        if (n > ATTEMPT_ENTRIES)
                return PACK_E_BAD;
        while (n-- && !r)
                r = restore_entry(t, in);
        n = r ? 0 : unpack_count(in, 1);
        if (n > ATTEMPT_HELD)
                return PACK_E_BAD;
        while (n-- && !r)
                r = restore_held(t, in);
        return r ? r : unpack_end(in);
}

int attempts_restore(Attempts *t, Unpack *in) {
        Unpack part = unpack_part(in, SAVE_TAG, SAVE_VERSION);
        Attempts *fresh;
        int r = attempts_new(&fresh, t->m, t->fn, t->userdata);

        if (r)
                return r;
        r = restore_all(fresh, &part);
        if (!r) {
                drop_held(t);
                fresh->counters = t->counters;
                fresh->fields = t->fields;
                *t = *fresh;
                fresh->fields = (FieldVec){ 0 };
                fresh->n_held = 0;
        }
        attempts_free(fresh);
        return r;
}
