/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libaudit.h>
#include <stdlib.h>
#include <time.h>
#include "meaning/enriched.h"
#include "meaning/vocabulary.h"
#include "meaning/event-state.h"
#include "meaning/library.h"
#include "meaning/meaning.h"
#include "meaning/names.h"
#include "meaning/saddr.h"
#include "meaning/unescape.h"

struct Meaning {
        Names *names;
        Library *library;
        Vocabulary *vocabulary;
        EventState state;
        const Record *record;
        const FieldVec *fields;
        LibraryContext call;
        bool has_arguments; /* call.a0 and call.a1 were read */
        char last_arch[16];
        size_t n_last_arch; /* 0: none */
        int last_machine;
        Enriched enriched;
        Buf raw, text; /* what a result is put together in */
        uint64_t generation, second;
        MeaningCounters counters;
};

const CounterDesc meaning_counter_descs[] = {
        { "name_lookups", "Ids that passwd and group lack, asked of the name service",
          offsetof(MeaningCounters, lookups), false },
        { "name_lookups_skipped", "Ids shown as unknown(N) because the budget for look-ups was used up",
          offsetof(MeaningCounters, lookups_skipped), false },
        { "meaning_cache_hits", "Interpretations that were remembered", offsetof(MeaningCounters, cache_hits),
          false },
        { "meaning_cache_misses", "Interpretations that libauparse was asked for",
          offsetof(MeaningCounters, cache_misses), false },
};
const size_t meaning_n_counter_descs = ARRAY_SIZE(meaning_counter_descs);

int meaning_new(Meaning **ret) {
        Meaning *m = calloc(1, sizeof(*m));

        if (!m)
                return -ENOMEM;
        m->raw = m->text = BUF_INIT;
        m->state = EVENT_STATE_INIT;
        if (names_new(&m->names, NULL, NULL) || library_new(&m->library) || vocabulary_new(&m->vocabulary)) {
                meaning_free(m);
                return -ENOMEM;
        }
        *ret = m;
        return 0;
}

Meaning *meaning_free(Meaning *m) {
        if (!m)
                return NULL;
        vocabulary_free(m->vocabulary);
        event_state_done(&m->state);
        names_free(m->names);
        library_free(m->library);
        enriched_done(&m->enriched);
        buf_done(&m->raw);
        buf_done(&m->text);
        free(m);
        return NULL;
}

void meaning_refresh(Meaning *m) {
        names_refresh(m->names);
        m->generation++;
}

uint64_t meaning_generation(const Meaning *m) { return m->generation + 1; }

void meaning_tick(Meaning *m) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
        m->second = (uint64_t)now.tv_sec;
}

uint64_t meaning_second(const Meaning *m) {
        return (m->second << 16 | (m->generation & 0xFFFF)) | 1ull << 63;
}

void meaning_only_snapshot(Meaning *m) { names_only_snapshot(m->names); }
Vocabulary *meaning_vocabulary(Meaning *m) { return m->vocabulary; }
EventState *meaning_event_state(Meaning *m) { return &m->state; }

const MeaningCounters *meaning_counters(const Meaning *m) {
        MeaningCounters *c = (MeaningCounters *)&m->counters;

        names_count(m->names, &c->lookups, &c->lookups_skipped);
        library_count(m->library, &c->cache_hits, &c->cache_misses);
        return c;
}

/* ---- the record ---- */

static bool stands_at(const FieldVec *fields, size_t i, Str name) {
        return i < fields->n && str_eq(fields->v[i].name, name);
}

/* The field at place @i, or else @j, if it has that name. */
static const Field *field_at(const FieldVec *fields, size_t i, size_t j, Str name) {
        if (stands_at(fields, i, name))
                return &fields->v[i];
        return stands_at(fields, j, name) ? &fields->v[j] : NULL;
}

/* The value as it stands in the record, quotes included. */
static Str raw_value(const Field *f) {
        return f->quoted ? (Str){ f->value.p - 1, f->value.n + 2 } : f->value;
}

/* As strtoull() reads it: leading blanks, a sign, then digits up to something else; nothing is 0. 0 or
 * -ERANGE, -ENOMEM. */
static int read_number(Meaning *m, Str s, int base, uint64_t *ret) {
        const char *z;

        if (likely(str_u64(s, (unsigned)base, ret)))
                return 0;
        buf_clear(&m->raw);
        buf_str(&m->raw, s);
        z = buf_z(&m->raw);
        if (!z)
                return -ENOMEM;
        errno = 0;
        *ret = strtoull(z, NULL, base);
        return -errno;
}

static uint64_t hex_at(Meaning *m, size_t i, Str name) {
        const Field *f = field_at(m->fields, i, i, name);
        uint64_t v = 0;

        return f && read_number(m, raw_value(f), 16, &v) ? UINT64_MAX : v;
}

/* What few system calls depend on, and only when one is there. */
static const LibraryContext *call_with_arguments(Meaning *m) {
        if (!m->has_arguments) {
                m->call.a0 = hex_at(m, 4, STR("a0"));
                m->call.a1 = hex_at(m, 5, STR("a1"));
                m->has_arguments = true;
        }
        return &m->call;
}

/* The same as in the record before, most of the time. */
static int machine_of(Meaning *m, Str arch) {
        uint64_t v;
        int machine;

        if (likely(m->n_last_arch && str_eq(arch, (Str){ m->last_arch, m->n_last_arch })))
                return m->last_machine;
        machine = read_number(m, arch, 16, &v) ? -1 : audit_elf_to_machine((unsigned)v);
        if (arch.n <= sizeof(m->last_arch)) {
                memcpy(m->last_arch, arch.p, arch.n);
                m->n_last_arch = arch.n;
                m->last_machine = machine;
        }
        return machine;
}

/* libauparse takes arch and syscall from where they stand in SYSCALL and SECCOMP records and from nowhere
 * else, so that a record with fewer fields before them (SECCOMP without subj=) has unknown-syscall(-1) in
 * it. */
void meaning_begin(Meaning *m, const Record *record, const FieldVec *fields) {
        const Field *arch = field_at(fields, 0, 9, STR("arch"));
        const Field *number = field_at(fields, 1, 10, STR("syscall"));
        uint64_t v;

        m->record = record;
        m->fields = fields;
        m->has_arguments = false;
        m->call = (LibraryContext){ .type = record->type, .machine = -1, .number = UINT32_MAX };
        if (arch) {
                m->call.arch = raw_value(arch);
                m->call.machine = machine_of(m, m->call.arch);
        }
        if (number) {
                m->call.syscall = raw_value(number);
                if (!read_number(m, m->call.syscall, 10, &v))
                        m->call.number = (uint32_t)v;
        }
        enriched_begin(&m->enriched, record, fields);
}

/* ---- values ---- */

/* Control characters in what is shown become octal digits. */
static bool finish(Meaning *m, Str text, char keep, Str *ret) {
        if (likely(!unescape_has_control(text))) {
                *ret = text;
                return true;
        }
        buf_clear(&m->text);
        unescape_show(&m->text, text, keep);
        *ret = buf_view(&m->text);
        return !m->text.failed;
}

static bool finish_raw(Meaning *m, char keep, Str *ret) {
        if (m->raw.failed || !buf_reserve(&m->raw, RECORD_SLACK))
                return false;
        return finish(m, buf_view(&m->raw), keep, ret);
}

/* The value is its own meaning, but control characters in it are shown. */
static bool itself(Meaning *m, const Field *f, Str *ret) {
        return unescape_has_control(f->value) && finish(m, raw_value(f), 0, ret);
}

static bool ask(Meaning *m, const Field *f, Str *ret) {
        return library_field(m->library, &m->call, f->name, raw_value(f), ret) ? true : itself(m, f, ret);
}

static bool id_text(Meaning *m, NamesOf of, Str value, int base, Str *ret) {
        uint64_t id;

        if (likely(!read_number(m, value, base, &id))) {
                *ret = names_of(m->names, of, (uint32_t)id);
                return finish(m, *ret, 0, ret);
        }
        buf_clear(&m->raw);
        BUF_LIT(&m->raw, "conversion error(");
        buf_str(&m->raw, value);
        BUF_LIT(&m->raw, ")");
        return finish_raw(m, 0, ret);
}

static bool user(Meaning *m, const Field *f, Str *ret) {
        return id_text(m, NAMES_USER, raw_value(f), 10, ret);
}
static bool group(Meaning *m, const Field *f, Str *ret) {
        return id_text(m, NAMES_GROUP, raw_value(f), 10, ret);
}

static bool syscall_name(Meaning *m, const Field *f, Str *ret) {
        int machine = m->call.machine < 0 ? audit_detect_machine() : m->call.machine;
        int number = (int)m->call.number;
        const char *name = audit_syscall_to_name(number, machine);

        if (!name) {
                buf_clear(&m->raw);
                buf_printf(&m->raw, "unknown-syscall(%d)", number);
                return finish_raw(m, 0, ret);
        }
        *ret = str_from(name);
        if (unlikely(m->call.machine >= 0 && (str_eq(*ret, STR("socketcall")) || str_eq(*ret, STR("ipc")))))
                return library_syscall(m->library, call_with_arguments(m), m->call.syscall, ret);
        return true;
}

static bool arch(Meaning *m, const Field *f, Str *ret) {
        const char *name = decode_machine_name(m->call.machine);

        if (!name)
                return ask(m, f, ret);
        *ret = str_from(name);
        return true;
}

static bool exit_value(Meaning *m, const Field *f, Str *ret) {
        uint64_t v;

        return str_u64(f->value, 10, &v) && v <= INT64_MAX && !f->quoted ? false : ask(m, f, ret);
}

/* A current directory that is not absolute, or has .. in it, is tidied up by the library. */
static bool text_value(Meaning *m, const Field *f, Str *ret) {
        if (f->quoted) {
                if (m->record->type != AUDIT_CWD ||
                    (str_starts(f->value, STR("/")) && !memmem(f->value.p, f->value.n, "..", 2)))
                        return unescape_has_control(f->value) && finish(m, f->value, 0, ret);
                return memchr(f->value.p, ' ', f->value.n) ? itself(m, f, ret) : ask(m, f, ret);
        }
        buf_clear(&m->raw);
        unescape_text(&m->raw, f->value);
        if (m->record->type == AUDIT_CWD &&
            (!str_starts(buf_view(&m->raw), STR("/")) || memmem(m->raw.p, m->raw.n, "..", 2)))
                return ask(m, f, ret);
        return finish_raw(m, 0, ret);
}

static bool all_hex(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if (str_hexval(s.p[i]) < 0)
                        return false;
        return true;
}

static bool all_decimal(Str s) {
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < '0' || s.p[i] > '9')
                        return false;
        return true;
}

static bool text_maybe(Meaning *m, const Field *f, Str *ret) {
        return f->quoted || all_hex(f->value) ? text_value(m, f, ret) : itself(m, f, ret);
}

static bool text_word(Meaning *m, const Field *f, Str *ret) {
        return f->quoted || (all_hex(f->value) && !all_decimal(f->value)) ? text_value(m, f, ret)
                                                                          : itself(m, f, ret);
}

static bool key(Meaning *m, const Field *f, Str *ret) {
        if (f->quoted)
                return unescape_has_control(f->value) && finish(m, f->value, 1, ret);
        buf_clear(&m->raw);
        unescape_keys(&m->raw, f->value);
        return finish_raw(m, 1, ret);
}

static bool proctitle(Meaning *m, const Field *f, Str *ret) {
        if (f->quoted)
                return unescape_has_control(f->value) && finish(m, f->value, 0, ret);
        buf_clear(&m->raw);
        unescape_proctitle(&m->raw, f->value);
        return finish_raw(m, 0, ret);
}

static bool tty(Meaning *m, const Field *f, Str *ret) {
        return f->quoted || !all_hex(f->value) ? itself(m, f, ret) : ask(m, f, ret);
}

static bool saddr(Meaning *m, const Field *f, Str *ret) {
        buf_clear(&m->raw);
        return saddr_text(&m->raw, raw_value(f)) ? finish_raw(m, 0, ret) : ask(m, f, ret);
}

static bool result(Meaning *m, const Field *f, Str *ret) {
        uint64_t v;

        if (f->quoted || !f->value.n || *f->value.p < '0' || *f->value.p > '9')
                return itself(m, f, ret);
        if (read_number(m, f->value, 10, &v))
                return ask(m, f, ret);
        *ret = (uint32_t)v == 0 ? STR("no") : (uint32_t)v == 1 ? STR("yes") : STR("unset");
        return true;
}

static bool session(Meaning *m, const Field *f, Str *ret) {
        if (f->quoted || !str_eq(f->value, STR("4294967295")))
                return itself(m, f, ret);
        *ret = STR("unset");
        return true;
}

static bool hex(Meaning *m, Str value, Str *ret) {
        buf_clear(&m->raw);
        BUF_LIT(&m->raw, "0x");
        buf_str(&m->raw, value);
        return finish_raw(m, 0, ret);
}

static bool argument(Meaning *m, const Field *f, unsigned n, Str *ret) {
        Str value = raw_value(f);

        switch (library_argument_form(m->library, n == 2 ? call_with_arguments(m) : &m->call, n)) {
        case ARGUMENT_HEX: break;
        case ARGUMENT_USER: return id_text(m, NAMES_USER, value, 16, ret);
        case ARGUMENT_GROUP: return id_text(m, NAMES_GROUP, value, 16, ret);
        case ARGUMENT_ASK:
                return library_argument(m->library, call_with_arguments(m), n, value, ret) ||
                       itself(m, f, ret);
        }
        return hex(m, value, ret);
}

bool meaning_argument_is_hex(Meaning *m, unsigned n) {
        return library_argument_form(m->library, &m->call, n) == ARGUMENT_HEX;
}

static bool a0(Meaning *m, const Field *f, Str *ret) { return argument(m, f, 0, ret); }
static bool a1(Meaning *m, const Field *f, Str *ret) { return argument(m, f, 1, ret); }
static bool a2(Meaning *m, const Field *f, Str *ret) { return argument(m, f, 2, ret); }
static bool a3(Meaning *m, const Field *f, Str *ret) { return argument(m, f, 3, ret); }

typedef bool (*TextFn)(Meaning *m, const Field *f, Str *ret);

static const TextFn text_fns[] = {
        [KIND_PLAIN] = itself,
        [KIND_USER] = user,
        [KIND_GROUP] = group,
        [KIND_SYSCALL] = syscall_name,
        [KIND_ARCH] = arch,
        [KIND_EXIT] = exit_value,
        [KIND_TEXT] = text_value,
        [KIND_TEXT_MAYBE] = text_maybe,
        [KIND_TEXT_WORD] = text_word,
        [KIND_KEY] = key,
        [KIND_PROCTITLE] = proctitle,
        [KIND_TTY] = tty,
        [KIND_SADDR] = saddr,
        [KIND_MODE] = ask,
        [KIND_MODE_SHORT] = ask,
        [KIND_RESULT] = result,
        [KIND_SESSION] = session,
        [KIND_A0] = a0,
        [KIND_A1] = a1,
        [KIND_A2] = a2,
        [KIND_A3] = a3,
        [KIND_CODE] = ask,
};

/* What auditd wrote. Names of users and groups stand in quotes, or are unescaped like any other text. */
static bool enriched_text(Meaning *m, FieldKind kind, Str found, Str *ret) {
        if (kind != KIND_USER && kind != KIND_GROUP) {
                *ret = found;
                return true;
        }
        buf_clear(&m->raw);
        unescape_text(&m->raw, found);
        if (m->raw.failed || !buf_reserve(&m->raw, RECORD_SLACK))
                return false;
        *ret = buf_view(&m->raw);
        return true;
}

/* The permissions of an AVC record stand between blanks; libauparse has commas. */
static bool permissions(Meaning *m, const Field *f, Str *ret) {
        buf_clear(&m->raw);
        for (size_t i = 0; i < f->value.n; i++)
                if (f->value.p[i] != ' ')
                        buf_putc(&m->raw, f->value.p[i]);
                else if (m->raw.n && m->raw.p[m->raw.n - 1] != ',')
                        buf_putc(&m->raw, ',');
        return finish_raw(m, 0, ret);
}

static bool differs(const Field *f, Str text) {
        return !str_eq(text, f->value) && (!f->quoted || !str_eq(text, raw_value(f)));
}

bool meaning_text_of(Meaning *m, FieldKind kind, const Field *f, Str *ret) {
        Str found;

        if (f->part == FIELD_ENRICHED)
                return false;
        if (unlikely(!f->value.n && !f->quoted)) /* libauparse has no such field */
                return false;
        if (enriched_find(&m->enriched, f->name, &found))
                return enriched_text(m, kind, found, ret) && differs(f, *ret);
        if (kind == KIND_PLAIN && unlikely(str_eq(f->name, STR("seperms"))) &&
            (m->record->type == AUDIT_AVC || m->record->type == AUDIT_USER_AVC))
                return permissions(m, f, ret) && differs(f, *ret);
        return text_fns[kind](m, f, ret) && differs(f, *ret);
}

bool meaning_text(Meaning *m, const Field *f, Str *ret) {
        return meaning_text_of(m, decode_kind(m->record->type, f->name), f, ret);
}

Str meaning_user(Meaning *m, uint32_t uid) { return names_of(m->names, NAMES_USER, uid); }
Str meaning_group(Meaning *m, uint32_t gid) { return names_of(m->names, NAMES_GROUP, gid); }
bool meaning_knows_user(Meaning *m, Str name) { return names_known(m->names, NAMES_USER, name); }
