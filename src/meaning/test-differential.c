/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Holds the interpretation of every field against the installed libauparse.
 *
 * test-differential FILE|FOLDER…: every record of captures. test-differential --generate N [SEED]: N
 * made-up records of known fields with random values. Prints file:line, field, and both texts for each
 * difference; exit 1 when there was one. */
#include <auparse.h>
#include <dirent.h>
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include "meaning/meaning.h"
#include "meaning/unescape.h"
#include "record/header.h"

typedef struct {
        Str name, value, text; /* as libauparse has them: value with its quotes */
        bool cut; /* a quoted value with a blank: libauparse takes what stands before the blank */
} Shown;

typedef struct {
        Shown *v;
        size_t n, cap;
} Shows;

static HeaderCache header_cache;
static FieldVec fields;
static Meaning *meaning;
static auparse_state_t *au;
static Buf arena; /* texts of one record; reserved so that it does not move */
static Shows ours, theirs;
static unsigned long n_records, n_fields, n_cut, n_bad;

static Str keep(Str s) {
        char *p = arena.p + arena.n;

        buf_str(&arena, s);
        return (Str){ p, s.n };
}

static void show(Shows *s, Str name, Str value, Str text, bool cut) {
        if (s->n == s->cap) {
                s->cap = s->cap ? 2 * s->cap : 256;
                s->v = realloc(s->v, s->cap * sizeof(*s->v));
                if (!s->v)
                        abort();
        }
        s->v[s->n++] = (Shown){ name, value, text, cut };
}

static void read_theirs(const char *line, size_t n) {
        theirs.n = 0;
        if (auparse_new_buffer(au, line, n) || auparse_first_record(au) <= 0)
                return;
        do {
                const char *name = auparse_get_field_name(au), *value = auparse_get_field_str(au),
                           *text = auparse_interpret_field(au);

                if (name && value && strcmp(name, "type") && strcmp(name, "node"))
                        show(&theirs, keep(str_from(name)), keep(str_from(value)),
                             keep(text ? str_from(text) : str_from(value)), false);
        } while (auparse_next_field(au) > 0);
}

static Str logged(const Field *f) { return f->quoted ? (Str){ f->value.p - 1, f->value.n + 2 } : f->value; }

/* Keys of one field: libauparse makes a field of each. */
static void show_keys(Str name, Str value, Str text) {
        const char *p = text.p, *end = text.p + text.n, *stop;

        for (; p < end; p = stop + 1) {
                stop = memchr(p, 1, (size_t)(end - p));
                if (!stop)
                        stop = end;
                show(&ours, name, value, (Str){ p, (size_t)(stop - p) }, false);
        }
}

static void read_ours(const Record *r) {
        ours.n = 0;
        if (field_split(&fields, r))
                abort();
        meaning_begin(meaning, r, &fields);
        for (size_t i = 0; i < fields.n - fields.n_enriched; i++) {
                const Field *f = &fields.v[i];
                bool cut = f->quoted && memchr(f->value.p, ' ', f->value.n);
                Str text;

                if (meaning_text(meaning, f, &text))
                        text = keep(text);
                else
                        text = f->value;
                if (str_eq(f->name, STR("key")) && !f->quoted)
                        show_keys(f->name, logged(f), text);
                else if (f->value.n || f->quoted)
                        show(&ours, f->name, logged(f), text, cut);
        }
}

static bool same_text(const Shown *a, const Shown *b) {
        return str_eq(a->text, b->text) || (b->text.n == a->text.n + 2 && b->text.p[0] == '"' &&
                                            !memcmp(b->text.p + 1, a->text.p, a->text.n));
}

/* nlbl_domain=(default): libauparse drops the second parenthesis, field.h says that it is part of the
 * value. */
static bool keeps_parenthesis(const Shown *a, const Shown *b) {
        return a->value.n == b->value.n + 1 && str_starts(a->value, b->value) &&
               str_ends(a->value, STR(")")) && memchr(a->value.p, '(', a->value.n);
}

static void differ(const char *where, unsigned long line, const char *what, const Shown *a, const Shown *b) {
        n_bad++;
        if (n_bad > 50)
                return;
        printf("%s:%lu: %s\n", where, line, what);
        if (a)
                printf("  ours   " STR_FMT "=" STR_FMT " -> " STR_FMT "\n", STR_ARG(a->name),
                       STR_ARG(a->value), STR_ARG(a->text));
        if (b)
                printf("  theirs " STR_FMT "=" STR_FMT " -> " STR_FMT "\n", STR_ARG(b->name),
                       STR_ARG(b->value), STR_ARG(b->text));
}

static void compare(const char *where, unsigned long line) {
        for (size_t i = 0; i < ours.n && i < theirs.n; i++) {
                const Shown *a = &ours.v[i], *b = &theirs.v[i];

                n_fields++;
                if (!str_eq(a->name, b->name)) {
                        differ(where, line, "another field", a, b);
                        return;
                }
                if (a->cut || keeps_parenthesis(a, b)) {
                        n_cut++;
                        continue;
                }
                if (!str_eq(a->value, b->value) && !str_eq(a->name, STR("key")) &&
                    !str_eq(a->name, STR("seperms")))
                        differ(where, line, "another value", a, b);
                else if (!same_text(a, b))
                        differ(where, line, "another text", a, b);
        }
        if (ours.n != theirs.n)
                differ(where, line, ours.n > theirs.n ? "only ours" : "only theirs",
                       ours.n > theirs.n ? &ours.v[theirs.n] : NULL,
                       theirs.n > ours.n ? &theirs.v[ours.n] : NULL);
}

/* @line: newline included, RECORD_SLACK bytes behind it. */
static void check_line(const char *where, unsigned long number, char *line, size_t n) {
        Record r = { 0 };
        RecordId id;

        buf_clear(&arena);
        if (!buf_reserve(&arena, 16 * n + (1u << 20)))
                abort();
        if (header_parse(&header_cache, (Str){ line, n - 1 }, &r, &id) || r.type == AUDIT_EOE)
                return;
        n_records++;
        read_ours(&r);
        read_theirs(line, n);
        compare(where, number);
}

static void check_file(const char *path) {
        FILE *f = fopen(path, "re");
        char *line = NULL, *slack = NULL;
        size_t cap = 0;
        ssize_t n;

        if (!f) {
                perror(path);
                exit(1);
        }
        for (unsigned long number = 1; (n = getline(&line, &cap, f)) > 0; number++) {
                slack = realloc(slack, (size_t)n + RECORD_SLACK + 1);
                if (!slack)
                        abort();
                memset(slack + n, 0, RECORD_SLACK);
                memcpy(slack, line, (size_t)n);
                if (line[n - 1] == '\n')
                        check_line(path, number, slack, (size_t)n);
        }
        free(line);
        free(slack);
        fclose(f);
}

static void check_path(const char *path) {
        struct dirent **entries;
        struct stat st;
        int n;

        if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
                check_file(path);
                return;
        }
        n = scandir(path, &entries, NULL, alphasort);
        for (int i = 0; i < n; i++) {
                char *child;

                if (*entries[i]->d_name != '.' && asprintf(&child, "%s/%s", path, entries[i]->d_name) > 0) {
                        check_path(child);
                        free(child);
                }
                free(entries[i]);
        }
        if (n >= 0)
                free(entries);
}

/* ---- made-up records ---- */

static uint64_t random_state;

static uint32_t draw(uint32_t n) {
        random_state ^= random_state << 13;
        random_state ^= random_state >> 7;
        random_state ^= random_state << 17;
        return (uint32_t)((random_state >> 20) % n);
}

#define PICK(_a) (_a)[draw(ARRAY_SIZE(_a))]

static const char *const types[] = { "PATH",
                                     "USER_LOGIN",
                                     "USER_AUTH",
                                     "CONFIG_CHANGE",
                                     "ANOM_ABEND",
                                     "BPRM_FCAPS",
                                     "CAPSET",
                                     "MMAP",
                                     "NETFILTER_PKT",
                                     "NETFILTER_CFG",
                                     "MQ_OPEN",
                                     "IPC",
                                     "OBJ_PID",
                                     "TTY",
                                     "USER_TTY",
                                     "ADD_GROUP",
                                     "GRP_MGMT",
                                     "ADD_USER",
                                     "EXECVE",
                                     "FEATURE_CHANGE",
                                     "CRYPTO_KEY_USER",
                                     "KERN_MODULE",
                                     "TRUSTED_APP",
                                     "BPF",
                                     "SOCKADDR",
                                     "AVC",
                                     "FANOTIFY",
                                     "OPENAT2",
                                     "TIME_ADJNTPVAL",
                                     "VIRT_RESOURCE" };

static const char *const names[] = {
        "auid",        "uid",      "ouid",      "id",      "old-auid",  "gid",        "ogid",   "new_gid",
        "exit",        "comm",     "exe",       "name",    "acct",      "key",        "cmd",    "grp",
        "perm",        "mode",     "saddr",     "flags",   "prom",      "res",        "result", "sig",
        "list",        "ses",      "cap_fi",    "cap_pe",  "fp",        "family",     "proto",  "icmptype",
        "addr",        "per",      "code",      "oflag",   "proctitle", "hook",       "action", "macproto",
        "ioctlcmd",    "resp",     "nl-mcgrp",  "resolve", "data",      "capability", "a0",     "a1",
        "a2",          "a3",       "op",        "subj",    "inode",     "syscall",    "arch",   "msg",
        "sigev_signo", "old_prom", "operation", "info",
};

static const char *const words[] = { "(null)",
                                     "(none)",
                                     "?",
                                     "yes",
                                     "no",
                                     "success",
                                     "failed",
                                     "root",
                                     "0",
                                     "1",
                                     "-1",
                                     "4294967295",
                                     "4294967294",
                                     "1000",
                                     "2",
                                     "3",
                                     "0100644",
                                     "040755",
                                     "00",
                                     "4",
                                     "80000000",
                                     "ffffffffffffffff",
                                     "1ffffffffff",
                                     "-2",
                                     "-13",
                                     "-512",
                                     "9",
                                     "15",
                                     "64",
                                     "abc",
                                     "6162",
                                     "616",
                                     "0061626300",
                                     "61006200",
                                     "zz",
                                     "61zz",
                                     "18446744073709551616",
                                     "99999999999999999999",
                                     "0x10",
                                     "+5",
                                     "021000030a000001",
                                     "7ffc0123",
                                     "dead",
                                     "adm",
                                     "12ab34",
                                     "1b5b41",
                                     "0d0a" };

/* The library has nothing for a key that is neither quoted nor hexadecimal. */
static const char *const keys[] = { "(null)", "\"k\"",        "6B",       "6B6C",
                                    "6B016C", "016B01016C01", "6b0a01ff", "6B006C" };

static void put_random_value(Buf *out, const char *name) {
        static const char digits[] = "0123456789abcdefABCDEF";
        uint32_t n;

        if (!strcmp(name, "key")) {
                buf_putz(out, PICK(keys));
                return;
        }
        switch (draw(6)) {
        case 0: buf_u64(out, draw(UINT32_MAX)); return;
        case 1: buf_u64(out, draw(300)); return;
        case 2: buf_printf(out, "%x", draw(UINT32_MAX)); return;
        case 3:
                n = strcmp(name, "saddr") ? 1 + draw(24) : 2 * (14 + draw(40));
                if (!strcmp(name, "saddr"))
                        buf_printf(out, "%02x00", draw(48));
                while (n--)
                        buf_putc(out, digits[draw(22)]);
                return;
        case 4: buf_printf(out, "\"%s\"", PICK(words)); return;
        default: buf_putz(out, PICK(words));
        }
}

/* A family whose structure is longer than the blob shows the library's memory: not to be compared. */
static bool fits(Str record) {
        const char *p = memmem(record.p, record.n, "saddr=", 6);

        return !p || record.n - (size_t)(p - record.p) > 6 + 2 * 28;
}

static void put_call(Buf *out) {
        static const char *const arches[] = {
                "c000003e", "40000003", "c00000b7", "c000003e", "40000028", "1"
        };
        const char *arch = PICK(arches);

        buf_printf(out, "type=SYSCALL msg=audit(1.001:1): arch=%s syscall=%u success=yes exit=%d", arch,
                   draw(460), (int)draw(200) - 100);
        for (int i = 0; i < 4; i++) {
                uint32_t sort = draw(4);

                if (sort == 0)
                        buf_printf(out, " a%d=%x", i, draw(64));
                else if (sort == 1)
                        buf_printf(out, " a%d=7f%x", i, draw(UINT32_MAX));
                else if (sort == 2)
                        buf_printf(out, " a%d=%x", i, 1u << draw(32));
                else
                        buf_printf(out, " a%d=ffffff%02x", i, draw(256));
        }
        BUF_LIT(out, " items=0 ppid=1 pid=2 auid=0 uid=4294967295 gid=0 tty=pts0 ses=1 comm=\"a\" exe=\"/a\" "
                     "key=(null)");
}

static void put_plain(Buf *out) {
        const char *type = PICK(types), *name;

        buf_printf(out, "type=%s msg=audit(1.001:1):", type);
        for (uint32_t k = 1 + draw(3); k; k--) {
                name = PICK(names);
                if (!strcmp(name, "msg") || (!strcmp(name, "key") && (k > 1 || !strcmp(type, "TRUSTED_APP"))))
                        continue; /* the library makes none, one or several fields of it */
                buf_printf(out, " %s=", name);
                put_random_value(out, name);
        }
        if (draw(4) == 0)
                buf_printf(out, "\x1D%s",
                           draw(2) ? "UID=\"root\" AUID=\"unset\" GID=\"g\""
                                   : "OUID=unknown-x EXIT=5 MODE=\"a\"");
}

static void generate(unsigned long n, uint64_t seed) {
        Buf line = BUF_INIT;

        random_state = seed * 0x9E3779B97F4A7C15ull | 1;
        for (unsigned long i = 1; i <= n; i++) {
                buf_clear(&line);
                if (draw(3))
                        put_plain(&line);
                else
                        put_call(&line);
                if (!fits(buf_view(&line)))
                        continue;
                buf_putc(&line, '\n');
                if (!buf_reserve(&line, RECORD_SLACK))
                        abort();
                memset(line.p + line.n, 0, RECORD_SLACK);
                check_line("generated", i, line.p, line.n);
        }
        buf_done(&line);
}

int main(int argc, char **argv) {
        arena = BUF_INIT;
        au = auparse_init(AUSOURCE_BUFFER, "");
        if (!au || meaning_new(&meaning))
                return 1;
        if (argc > 2 && !strcmp(argv[1], "--generate"))
                generate(strtoul(argv[2], NULL, 10), argc > 3 ? strtoul(argv[3], NULL, 10) : 1);
        else
                for (int i = 1; i < argc; i++)
                        check_path(argv[i]);
        printf("%lu records, %lu fields, %lu quoted with blanks or in parentheses, %lu differences\n",
               n_records, n_fields, n_cut, n_bad);
        auparse_destroy(au);
        meaning_free(meaning);
        field_vec_done(&fields);
        free(ours.v);
        free(theirs.v);
        buf_done(&arena);
        return n_bad || !n_records ? 1 : 0;
}
