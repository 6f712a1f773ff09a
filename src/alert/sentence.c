/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "alert/deed.h"
#include "alert/sentence-rows.h"
#include "alert/sentence.h"

#define ANY  FACTS_UNKNOWN
#define OK   FACTS_SUCCESS
#define FAIL FACTS_FAILED

static Str first_of(Str a, Str b) { return a.n ? a : b; }

static Str known_user(const Facts *f) { return first_of(f->v[FACT_AUID], f->v[FACT_UID]); }

static Str program(const Facts *f) {
        return f->v[FACT_EXE].n ? facts_basename(f->v[FACT_EXE]) : f->v[FACT_COMM];
}

Str sentence_account(const Facts *f) {
        if (f->attempted.n)
                return f->attempted;
        if (!facts_name_hidden(f->v[FACT_ACCT]))
                return f->v[FACT_ACCT];
        return first_of(f->v[FACT_ID], f->v[FACT_AUID]);
}

Str sentence_addr(const Facts *f) {
        Str addr = f->v[FACT_ADDR];

        if (str_eq(addr, STR("0.0.0.0")) || str_eq(addr, STR("::")))
                addr = STR("");
        return first_of(addr, f->v[FACT_HOSTNAME]);
}

/* Names the kind of the terminal where it says nothing more: sshd and cron write their own names. */
static Str terminal(const Facts *f) {
        static const Str no_terminal[] = { STR_INIT("ssh"), STR_INIT("sshd"), STR_INIT("cron"),
                                           STR_INIT("UNKNOWN") };
        Str tty = f->v[FACT_TERMINAL];

        for (size_t i = 0; i < ARRAY_SIZE(no_terminal); i++)
                if (str_eq(tty, no_terminal[i]))
                        return STR("");
        if (str_starts(tty, STR("/dev/")))
                tty = (Str){ tty.p + 5, tty.n - 5 };
        return tty;
}

static Str result(const Facts *f) {
        return f->result == OK ? STR("success") : f->result == FAIL ? STR("failed") : STR("");
}

static Str failure(const Facts *f) { return f->result == FAIL ? STR("failed") : STR(""); }

/* Keys of our own audit rules say no more than the sentence does. */
static Str key(const Facts *f) {
        for (size_t i = 0; i < f->n_keys; i++)
                if (!str_starts(f->keys[i], STR("aulert-")))
                        return f->keys[i];
        return STR("");
}

static Str group(const Facts *f) {
        return first_of(f->v[FACT_GROUP], first_of(f->v[FACT_ACCT], f->v[FACT_ID]));
}

static Str syscall_name(const Facts *f) {
        /* auditd writes unknown-syscall(-1) for a seccomp filter's; that tells nobody anything */
        return str_starts(f->v[FACT_SYSCALL], STR("unknown-syscall")) ? STR("") : f->v[FACT_SYSCALL];
}

#define FACT_WORD(_name, _fact) \
        static Str _name(const Facts *f) { return f->v[_fact]; }
FACT_WORD(operation, FACT_OP)
FACT_WORD(command, FACT_CMD)
FACT_WORD(directory, FACT_CWD)
FACT_WORD(unit, FACT_UNIT)
FACT_WORD(signal_name, FACT_SIG)
FACT_WORD(device, FACT_DEV)
FACT_WORD(table, FACT_TABLE)
FACT_WORD(module, FACT_MODULE)
FACT_WORD(perms, FACT_PERMS)
FACT_WORD(path, FACT_PATH)
FACT_WORD(argv, FACT_ARGV)
FACT_WORD(new_path, FACT_NEW_PATH)
FACT_WORD(peer, FACT_PEER)
FACT_WORD(target, FACT_TARGET)

/* Whose rights a program got that it did not start with. */
static Str rights(const Facts *f) {
        return f->v[FACT_UID].n && !str_eq(f->v[FACT_UID], f->v[FACT_EUID]) ? f->v[FACT_EUID] : STR("");
}

static bool is_made_of(Str s, const char *others) {
        for (size_t i = 0; i < s.n; i++) {
                uint8_t c = (uint8_t)s.p[i];

                if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                      (c && strchr(others, c))))
                        return false;
        }
        return s.n;
}

static bool is_plain(Str s) { return is_made_of(s, "._-+/:@%=,*"); }

/* "\033": so control bytes of names are written by now (meaning.h). */
static bool is_octal(Str s) {
        if (s.n < 4)
                return false;
        for (size_t i = 1; i < 4; i++)
                if (s.p[i] < '0' || s.p[i] > '7')
                        return false;
        return true;
}

static void quote(Buf *out, Str s) {
        buf_putc(out, '"');
        for (size_t i = 0; i < s.n; i++) {
                bool backslash = s.p[i] == '\\' && !is_octal((Str){ s.p + i, s.n - i });

                if (s.p[i] == '"' || backslash)
                        buf_putc(out, '\\');
                buf_putc(out, s.p[i]);
        }
        buf_putc(out, '"');
}

static void put(Buf *out, Str s) {
        uint64_t n;

        /* "unknown(5991)" is how libauparse writes an id without a name */
        if (str_starts(s, STR("unknown(")) && str_ends(s, STR(")")) &&
            str_u64((Str){ s.p + 8, s.n - 9 }, 10, &n)) {
                BUF_LIT(out, "id ");
                buf_u64(out, n);
        } else if (is_plain(s)) {
                buf_str(out, s);
        } else {
                quote(out, s);
        }
}

/* Somebody must be named where a sentence begins. */
static void put_who(Buf *out, Str who) {
        if (who.n)
                put(out, who);
        else
                BUF_LIT(out, "a system process");
}

static void put_account(Buf *out, Str who) {
        if (who.n)
                put(out, who);
        else
                BUF_LIT(out, "somebody");
}

/* It stands in parentheses, so blanks are no reason to quote. */
static void put_op(Buf *out, Str s) {
        if (is_made_of(s, " ._-+/:@%=,*"))
                buf_str(out, s);
        else
                quote(out, s);
}

static void put_words(Buf *out, Str s) { buf_str(out, s); }

/* The value after @name in "{ saddr_fam=inet laddr=192.0.2.7 lport=22 }"; a path reaches to the end. */
static Str part_of(Str s, const char *name) {
        const char *at = memmem(s.p, s.n, name, strlen(name));
        Str rest = at ? (Str){ at + strlen(name), s.n - (size_t)(at - s.p) - strlen(name) } : STR("");

        if (str_ends(rest, STR(" }")))
                rest.n -= 2;
        return rest;
}

static void put_peer(Buf *out, Str s) {
        Str addr = part_of(s, "laddr="), port = part_of(s, "lport="), file = part_of(s, "path=");
        const char *blank = addr.n ? memchr(addr.p, ' ', addr.n) : NULL;

        if (blank)
                addr.n = (size_t)(blank - addr.p);
        if (file.n) {
                put(out, file);
        } else if (addr.n) {
                put(out, addr);
                BUF_LIT(out, " port ");
                put(out, port);
        } else {
                quote(out, s);
        }
}

static const struct {
        const char *name;
        Str (*value)(const Facts *f);
        void (*put)(Buf *out, Str s);
        bool always; /* speaks although it has no value */
} words[] = {
        { "who", known_user, put_who, true },
        { "actor", known_user, put_who, true },
        { "known", known_user, put, false },
        { "account", sentence_account, put_account, true },
        { "quoted", sentence_account, quote, true },
        { "group", group, put_account, true },
        { "from", sentence_addr, put, false },
        { "tty", terminal, put, false },
        { "program", program, put, false },
        { "op", operation, put_op, false },
        { "result", result, put_words, false },
        { "failure", failure, put_words, false },
        { "command", command, quote, true },
        { "cwd", directory, put, false },
        { "unit", unit, put, true },
        { "syscall", syscall_name, put, false },
        { "signal", signal_name, put, false },
        { "device", device, put, true },
        { "table", table, put, true },
        { "module", module, put, true },
        { "perms", perms, put, true },
        { "path", path, put, false },
        { "argv", argv, quote, true },
        { "key", key, put, false },
        { "new", new_path, put, true },
        { "mode", deed_mode, put, false },
        { "peer", peer, put_peer, true },
        { "target", target, put, true },
        { "rights", rights, put, false },
};

/* Appends one {word}; false when it says nothing. */
static bool put_word(Buf *out, const Facts *f, Str name) {
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                if (!str_eqz(name, words[i].name))
                        continue;
                Str value = words[i].value(f);

                if (!value.n && !words[i].always)
                        return false;
                words[i].put(out, value);
                if (str_eq(name, STR("actor")) && f->v[FACT_AUID].n && f->v[FACT_UID].n &&
                    !str_eq(f->v[FACT_AUID], f->v[FACT_UID])) {
                        BUF_LIT(out, " (as ");
                        put(out, f->v[FACT_UID]);
                        BUF_LIT(out, ")");
                }
                return true;
        }
        return false;
}

static void fill_in(Buf *out, const char *text, const Facts *f) {
        size_t mark = 0; /* where an optional part began */
        bool said = true;

        for (const char *p = text; *p; p++) {
                const char *end = *p == '{' ? strchr(p, '}') : NULL;

                if (*p == '[') {
                        mark = out->n;
                        said = true;
                } else if (*p == ']') {
                        if (!said && !out->failed)
                                out->n = mark;
                        said = true;
                } else if (end) {
                        said = put_word(out, f, (Str){ p + 1, (size_t)(end - p - 1) }) && said;
                        p = end;
                } else {
                        buf_putc(out, *p);
                }
        }
}

static NameState name_state(const Facts *f) {
        if (f->attempted.n)
                return f->attempted_local ? NAME_REFUSED : NAME_UNKNOWN;
        return sentence_account(f).n ? NAME_ANY : NAME_HIDDEN;
}

static bool is_program(Str name, const char *pattern) {
        Str p = str_from(pattern);

        if (!p.n)
                return true;
        if (p.p[p.n - 1] == '*')
                return str_starts(name, (Str){ p.p, p.n - 1 });
        return str_eq(name, p);
}

static bool fits(const Row *row, const Facts *f, NameState name) {
        return row->type == f->type && (row->result == ANY || row->result == f->result) &&
               (row->name == NAME_ANY || row->name == name) && is_program(program(f), row->exe) &&
               (!row->op || str_starts(f->v[FACT_OP], str_from(row->op)));
}

static const Row *find_row(const Facts *f) {
        NameState name = name_state(f);

        if (f->type == AUDIT_ANOM_PROMISCUOUS)
                return str_eq(f->v[FACT_PROM], STR("0")) ? &sentence_promisc_out : &sentence_promisc_in;
        if (f->type == AUDIT_SYSCALL)
                return f->v[FACT_ARGV].n ? &sentence_ran : &sentence_used;
        for (size_t i = 0; i < sentence_n_rows; i++)
                if (fits(&sentence_rows[i], f, name))
                        return &sentence_rows[i];
        return NULL;
}

bool sentence_knows(int32_t type) {
        if (type == AUDIT_ANOM_PROMISCUOUS)
                return true;
        for (size_t i = 0; i < sentence_n_rows; i++)
                if (sentence_rows[i].type == type)
                        return true;
        return false;
}

Str sentence_actor(const Facts *f) { return known_user(f); }
Str sentence_action(const Facts *f) { return first_of(f->v[FACT_OP], syscall_name(f)); }
Str sentence_result(const Facts *f) { return result(f); }

Str sentence_object(const Facts *f) {
        static const FactName objects[] = { FACT_CMD,  FACT_ARGV,  FACT_PATH,   FACT_PEER, FACT_TARGET,
                                            FACT_UNIT, FACT_TABLE, FACT_MODULE, FACT_DEV,  FACT_GROUP };

        for (size_t i = 0; i < ARRAY_SIZE(objects); i++)
                if (f->v[objects[i]].n)
                        return f->v[objects[i]];
        return f->attempted.n ? f->attempted : first_of(f->v[FACT_ACCT], f->v[FACT_ID]);
}

bool sentence_lacks_name(const Facts *f) {
        return (f->type == AUDIT_USER_LOGIN || f->type == AUDIT_USER_AUTH) && f->result == FAIL &&
               !sentence_account(f).n;
}

/* Programs that let people in run as root, for the one who comes. */
Str sentence_user(const Facts *f) {
        bool login = f->type == AUDIT_USER_LOGIN || f->type == AUDIT_USER_LOGOUT || f->type == AUDIT_LOGIN ||
                     is_program(program(f), "sshd*") || is_program(program(f), "login");

        return login && sentence_account(f).n ? sentence_account(f) : known_user(f);
}

static void write_deed(Buf *out, const Deed *deed, const Facts *f) {
        fill_in(out, "{actor} ", f);
        if (f->result == FAIL)
                BUF_LIT(out, "failed to ");
        buf_putz(out, f->result == FAIL ? deed->infinitive : deed->did);
        fill_in(out, deed->what, f);
        fill_in(out, "[ with {program}][, key {key}]", f);
}

void sentence_write(Buf *out, const Facts *f, Str title) {
        const Deed *deed = f->type == AUDIT_SYSCALL && !f->v[FACT_ARGV].n ? deed_find(f) : NULL;
        const Row *row = find_row(f);

        if (deed) {
                write_deed(out, deed, f);
                return;
        }
        if (row) {
                fill_in(out, row->text, f);
                return;
        }
        buf_str(out, title);
        fill_in(out, "[: {known}][ with {program}][ on {path}][, key {key}]", f);
}
