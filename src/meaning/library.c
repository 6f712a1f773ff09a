/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <auparse.h>
#include <errno.h>
#include <fcntl.h>
#include <libaudit.h>
#include <pthread.h>
#include <stdlib.h>
#include "base/buf.h"
#include "base/hash.h"
#include "meaning/decode.h"
#include "meaning/library.h"

#define N_MACHINES 32u
#define N_SYSCALLS 1024u

typedef struct {
        uint64_t hash; /* 0: free */
        char *bytes;   /* the key, then the answer */
        uint16_t n_key, n_text;
        bool used, same; /* looked at since it was last spared; the answer is the value itself */
} Entry;

/* What was found out about a system call: four bits of each for four arguments. */
enum {
        CALL_PROBED = 1 << 0,
        CALL_ASK = 1 << 1,     /* << argument: not plain digits */
        CALL_DEPENDS = 1 << 5, /* << argument: it matters what a0 and a1 are */
        CALL_ID = 1 << 9,      /* << argument: a user or group id, at least in some contexts */
};

struct Library {
        auparse_state_t *au;
        Buf line, text, key;
        Entry cache[LIBRARY_CACHE];
        uint16_t *calls[N_MACHINES]; /* N_SYSCALLS of each machine that was seen */
        uint64_t hits, misses;
};

/* The state that libauparse shares between its parsers cannot be had for each of them; getprotobynumber() is in it too. */
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

int library_new(Library **ret) {
        Library *l = calloc(1, sizeof(*l));

        if (!l)
                return -ENOMEM;
        l->line = l->text = l->key = BUF_INIT;
        pthread_mutex_lock(&turn);
        l->au = auparse_init(AUSOURCE_BUFFER, "");
        pthread_mutex_unlock(&turn);
        if (!l->au) {
                library_free(l);
                return -ENOMEM;
        }
        *ret = l;
        return 0;
}

Library *library_free(Library *l) {
        if (!l)
                return NULL;
        pthread_mutex_lock(&turn);
        if (l->au)
                auparse_destroy(l->au);
        pthread_mutex_unlock(&turn);
        buf_done(&l->line);
        buf_done(&l->text);
        buf_done(&l->key);
        for (size_t i = 0; i < LIBRARY_CACHE; i++)
                free(l->cache[i].bytes);
        for (size_t i = 0; i < N_MACHINES; i++)
                free(l->calls[i]);
        free(l);
        return NULL;
}

/* ---- asking ---- */

static void begin_line(Library *l, int type) {
        buf_clear(&l->line);
        BUF_LIT(&l->line, "type=UNKNOWN[");
        buf_u64(&l->line, type < 0 ? 0 : (uint64_t)type);
        BUF_LIT(&l->line, "] msg=audit(1.001:1):");
}

static void add_field(Library *l, Str name, Str value) {
        buf_putc(&l->line, ' ');
        buf_str(&l->line, name);
        buf_putc(&l->line, '=');
        buf_str(&l->line, value);
}

static void add_hex(Library *l, const char *name, uint64_t value) {
        buf_printf(&l->line, " %s=%llx", name, (unsigned long long)value);
}

/* The library takes one each of these off the end of a value: they protect the value itself. */
static void add_subject(Library *l, Str name, Str value) {
        add_field(l, name, value);
        BUF_LIT(&l->line, ")',:");
}

/* The library reads arch, syscall, a0 and a1 only at the places that they have in a SYSCALL record. */
static void add_call(Library *l, const LibraryContext *c) {
        add_field(l, STR("arch"), c->arch);
        add_field(l, STR("syscall"), c->syscall);
        BUF_LIT(&l->line, " success=yes exit=0");
}

static const char *interpret_line(Library *l, const char *name) {
        if (auparse_new_buffer(l->au, l->line.p, l->line.n))
                return NULL;
        if (auparse_first_record(l->au) <= 0 || !auparse_find_field(l->au, name))
                return NULL;
        return auparse_interpret_field(l->au);
}

/* Interprets the field @name of the record in l->line. NULL: the library has no answer. The answer belongs to l->au. */
static const char *interpret(Library *l, const char *name) {
        const char *answer;

        BUF_LIT(&l->line, "\n");
        if (!buf_z(&l->line))
                return NULL;
        pthread_mutex_lock(&turn);
        answer = interpret_line(l, name);
        pthread_mutex_unlock(&turn);
        return answer;
}

static bool is_same(Str text, Str value) {
        if (str_eq(text, value))
                return true;
        return text.n == value.n + 2 && text.p[0] == '"' && text.p[text.n - 1] == '"' &&
               !memcmp(text.p + 1, value.p, value.n);
}

/* ---- the cache ---- */

static void key_begin(Library *l, const LibraryContext *c, Str name, Str value) {
        int32_t head[2] = { c->type, (int32_t)name.n };

        buf_clear(&l->key);
        buf_put(&l->key, head, sizeof(head));
        buf_str(&l->key, name);
        buf_str(&l->key, value);
}

static void key_add(Library *l, const void *p, size_t n) { buf_put(&l->key, p, n); }

/* Two places for a key: the second is the neighbour of the first. */
static Entry *find(Library *l, uint64_t hash) {
        Entry *set = &l->cache[hash % LIBRARY_CACHE & ~1ul];

        for (size_t i = 0; i < 2; i++)
                if (set[i].hash == hash && set[i].n_key == l->key.n &&
                    !memcmp(set[i].bytes, l->key.p, l->key.n))
                        return &set[i];
        return NULL;
}

static bool cached(Library *l, uint64_t hash, bool *ret_differs, Str *ret) {
        Entry *e = find(l, hash);

        if (!e) {
                l->misses++;
                return false;
        }
        l->hits++;
        e->used = true;
        *ret_differs = !e->same;
        if (!e->same)
                *ret = (Str){ e->bytes + e->n_key, e->n_text };
        return true;
}

/* Of the two places the one goes that was not used since the other came. RECORD_SLACK bytes follow, for
 * wide loads. */
static void remember(Library *l, uint64_t hash, bool same, Str text) {
        Entry *set = &l->cache[hash % LIBRARY_CACHE & ~1ul], *e = set;
        char *bytes;

        if (l->key.failed || l->key.n + text.n > LIBRARY_ANSWER_MAX)
                return;
        if (set->hash && (!set[1].hash || set->used))
                e = set + 1;
        bytes = malloc(l->key.n + text.n + RECORD_SLACK);
        if (!bytes)
                return;
        set[0].used = set[1].used = false;
        memcpy(bytes, l->key.p, l->key.n);
        if (text.n)
                memcpy(bytes + l->key.n, text.p, text.n);
        free(e->bytes);
        *e = (Entry){ .hash = hash,
                      .bytes = bytes,
                      .n_key = (uint16_t)l->key.n,
                      .n_text = (uint16_t)text.n,
                      .same = same };
}

/* Keeps what interpret() said, and hands it out. */
static bool conclude(Library *l, uint64_t hash, const char *answer, Str value, Str *ret) {
        Str text = str_from(answer);
        bool same = !answer || is_same(text, value);

        remember(l, hash, same, same ? STR_NULL : text);
        if (same)
                return false;
        buf_clear(&l->text);
        buf_str(&l->text, text);
        if (!buf_reserve(&l->text, RECORD_SLACK))
                return false;
        *ret = buf_view(&l->text);
        return true;
}

static uint64_t key_hash(const Library *l) { return hash_bytes(l->key.p, l->key.n, 0) | 1ull << 63; }

bool library_field(Library *l, const LibraryContext *c, Str name, Str value, Str *ret) {
        char name_z[64];
        uint64_t hash;
        bool differs;

        if (name.n >= sizeof(name_z))
                return false;
        key_begin(l, c, name, value);
        hash = key_hash(l);
        if (cached(l, hash, &differs, ret))
                return differs;
        memcpy(name_z, name.p, name.n);
        name_z[name.n] = 0;
        begin_line(l, c->type);
        add_subject(l, name, value);
        return conclude(l, hash, interpret(l, name_z), value, ret);
}

/* ---- arguments of system calls ---- */

static const char *const argument_names[] = { "a0", "a1", "a2", "a3" };

static const char *ask_argument(Library *l, const LibraryContext *c, unsigned n, Str value) {
        uint64_t before[] = { c->a0, c->a1, 0 };

        begin_line(l, AUDIT_SYSCALL);
        add_call(l, c);
        for (unsigned i = 0; i < n; i++)
                add_hex(l, argument_names[i], before[i < 2 ? i : 2]);
        add_subject(l, str_from(argument_names[n]), value);
        return interpret(l, argument_names[n]);
}

/* Values at which at least one differs from 0x… wherever the library knows more than digits. */
static const char *const samples[] = { "0", "1", "2", "6", "ffffff9c", "5401", "7ffd12345678" };

/* First and second arguments on which the meaning of later ones depends: prctl options that take a signal
 * or a capability, fcntl commands that take a user, levels of socket options, open with O_CREAT. */
static const struct {
        uint64_t a0, a1;
} contexts[] = { { 0, 0 }, { 1, 1 }, { 0x17, F_SETOWN }, { 0x18, 0x40 }, { 0x18, 6 } };

static uint64_t answer_digest(const char *answer) { return answer ? hash_str(str_from(answer)) : 0; }

static bool is_plain_hex(const char *answer, const char *sample) {
        return answer && answer[0] == '0' && answer[1] == 'x' && !strcmp(answer + 2, sample);
}

static unsigned probe_argument(Library *l, const LibraryContext *call, unsigned n) {
        uint64_t first[ARRAY_SIZE(samples)];
        unsigned found = 0;

        for (size_t k = 0; k < ARRAY_SIZE(contexts); k++) {
                LibraryContext c = *call;

                c.a0 = contexts[k].a0;
                c.a1 = contexts[k].a1;
                for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
                        const char *answer = ask_argument(l, &c, n, str_from(samples[i]));
                        uint64_t digest = answer_digest(answer);

                        if (!is_plain_hex(answer, samples[i]))
                                found |= CALL_ASK;
                        if (i == 0 && answer && !strcmp(answer, "root"))
                                return CALL_ASK | CALL_ID | (k ? CALL_DEPENDS : 0);
                        if (k && digest != first[i])
                                found |= CALL_DEPENDS;
                        if (!k)
                                first[i] = digest;
                }
        }
        return found;
}

static uint16_t probe_call(Library *l, const LibraryContext *c) {
        unsigned found = CALL_PROBED;

        for (unsigned n = 0; n < 4; n++)
                found |= probe_argument(l, c, n) << n;
        return (uint16_t)found;
}

/* 0: nothing is known about the system call, and the library prints digits. */
static unsigned call_facts(Library *l, const LibraryContext *c) {
        uint16_t *facts;

        if (c->machine < 0 || c->machine >= (int)N_MACHINES || c->number >= N_SYSCALLS)
                return 0;
        if (!l->calls[c->machine])
                l->calls[c->machine] = calloc(N_SYSCALLS, sizeof(uint16_t));
        if (!l->calls[c->machine])
                return 0;
        facts = &l->calls[c->machine][c->number];
        if (!*facts)
                *facts = decode_syscall_name(c->machine, c->number) ? probe_call(l, c) : CALL_PROBED;
        return *facts;
}

/* Which of the two ids it is, only the name tells: setgid, setresgid, setregid, setfsgid; the third
 * argument of chown. */
static ArgumentForm id_form(const LibraryContext *c, unsigned n, unsigned facts) {
        const char *name = decode_syscall_name(c->machine, c->number);

        if (facts & CALL_DEPENDS << n)
                return c->a1 == F_SETOWN ? ARGUMENT_USER : ARGUMENT_ASK;
        if (strstr(name, "chown"))
                return n == 1 ? ARGUMENT_USER : ARGUMENT_GROUP;
        return strstr(name, "gid") ? ARGUMENT_GROUP : ARGUMENT_USER;
}

ArgumentForm library_argument_form(Library *l, const LibraryContext *c, unsigned n) {
        unsigned facts = call_facts(l, c);

        if (!(facts & CALL_ASK << n))
                return ARGUMENT_HEX;
        return facts & CALL_ID << n ? id_form(c, n, facts) : ARGUMENT_ASK;
}

bool library_argument(Library *l, const LibraryContext *c, unsigned n, Str value, Str *ret) {
        uint64_t call[4] = { (uint64_t)c->machine << 32 | c->number, n, 0, 0 }, hash;
        bool differs;

        if (call_facts(l, c) & CALL_DEPENDS << n) {
                call[2] = c->a0;
                call[3] = c->a1;
        }
        key_begin(l, c, STR("a"), value);
        key_add(l, call, sizeof(call));
        hash = key_hash(l);
        if (cached(l, hash, &differs, ret))
                return differs;
        return conclude(l, hash, ask_argument(l, c, n, value), value, ret);
}

bool library_syscall(Library *l, const LibraryContext *c, Str value, Str *ret) {
        uint64_t call[2] = { (uint64_t)(int64_t)c->machine, c->a0 }, hash;
        bool differs;

        key_begin(l, c, STR("syscall"), value);
        key_add(l, call, sizeof(call));
        hash = key_hash(l);
        if (cached(l, hash, &differs, ret))
                return differs;
        begin_line(l, AUDIT_SYSCALL);
        add_field(l, STR("arch"), c->arch);
        add_subject(l, STR("syscall"), value);
        BUF_LIT(&l->line, " success=yes exit=0");
        add_hex(l, "a0", c->a0);
        return conclude(l, hash, interpret(l, "syscall"), value, ret);
}

void library_count(const Library *l, uint64_t *ret_hits, uint64_t *ret_misses) {
        *ret_hits = l->hits;
        *ret_misses = l->misses;
}
