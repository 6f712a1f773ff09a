/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include "alert/deed.h"
#include "alert/kind.h"
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

static bool is_program(Str name, const char *pattern) {
        Str p = str_from(pattern);

        if (!p.n)
                return true;
        if (p.p[p.n - 1] == '*')
                return str_starts(name, (Str){ p.p, p.n - 1 });
        return str_eq(name, p);
}

static Str address(const Facts *f) {
        Str addr = f->v[FACT_ADDR];

        return str_eq(addr, STR("0.0.0.0")) || str_eq(addr, STR("::")) ? STR("") : addr;
}

/* They run as root for the one who comes: their ids tell nobody. */
static bool is_door_keeper(const Facts *f) {
        static const char *const programs[] = { "sshd*", "login", "gdm-session-*", "lightdm", "sddm-helper" };
        Str name = program(f);

        for (size_t i = 0; i < ARRAY_SIZE(programs); i++)
                if (is_program(name, programs[i]))
                        return true;
        return false;
}

/* A service without a login of its own asks about somebody who is elsewhere (vsftpd, dovecot). */
static bool asks_for_another(const Facts *f) { return !f->v[FACT_AUID].n && address(f).n; }

/* Records of the way in and out; others of such a program tell of itself (CRYPTO_KEY_USER, SYSCALL). */
static bool is_at_the_door(const Facts *f) {
        static const int32_t types[] = { AUDIT_USER_AUTH, AUDIT_USER_ACCT,      AUDIT_USER_START,
                                         AUDIT_USER_END,  AUDIT_USER_CHAUTHTOK, AUDIT_USER_ERR,
                                         AUDIT_CRED_ACQ,  AUDIT_CRED_DISP,      AUDIT_CRED_REFR };

        if (f->type == AUDIT_USER_LOGIN || f->type == AUDIT_USER_LOGOUT)
                return true;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (f->type == types[i])
                        return is_door_keeper(f) || asks_for_another(f);
        return false;
}

/* Whoever was refused has no session: auid= is then of who started the program by hand. */
Str sentence_account(const Facts *f) {
        if (f->attempted.n)
                return f->attempted;
        if (!facts_name_hidden(f->v[FACT_ACCT]))
                return f->v[FACT_ACCT];
        if (f->result == FAIL && is_at_the_door(f))
                return f->v[FACT_ID];
        return first_of(f->v[FACT_ID], f->v[FACT_AUID]);
}

/* auid= is whom it is about in records of a login only. */
Str sentence_account_meant(const Facts *f) {
        bool login = f->type == AUDIT_LOGIN || f->type == AUDIT_USER_LOGIN || f->type == AUDIT_USER_LOGOUT;

        return login || f->v[FACT_ID].n || !facts_name_hidden(f->v[FACT_ACCT]) ? sentence_account(f)
                                                                               : STR("");
}

Str sentence_addr(const Facts *f) { return first_of(address(f), f->v[FACT_HOSTNAME]); }

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
FACT_WORD(second_path, FACT_PATH_2)
FACT_WORD(peer, FACT_PEER)
FACT_WORD(other_peer, FACT_PEER_2)
FACT_WORD(target, FACT_TARGET)
FACT_WORD(text, FACT_TEXT)
FACT_WORD(machine, FACT_VM)
FACT_WORD(what, FACT_WHAT)
FACT_WORD(to_what, FACT_TO)
FACT_WORD(profile, FACT_PROFILE)
FACT_WORD(context, FACT_CONTEXT)
FACT_WORD(class, FACT_CLASS)
FACT_WORD(port, FACT_PORT)
FACT_WORD(domain, FACT_DOMAIN)
FACT_WORD(argument_0, FACT_A0)
FACT_WORD(argument_2, FACT_A2)

/* The file that was run, where neither the first word nor exe= tells: argv[0] is anything, exe= of a script is
 * its interpreter. */
static Str image(const Facts *f) {
        return str_eq(f->v[FACT_PATH], f->v[FACT_EXE]) || str_starts(f->v[FACT_ARGV], f->v[FACT_PATH])
                       ? STR("")
                       : f->v[FACT_PATH];
}

static Str type_name(const Facts *f) { return str_from(record_type_to_name(f->type)); }

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

static void put_plain(Buf *out, const Facts *f, Str s) {
        (void)f;
        put(out, s);
}

static void put_quoted(Buf *out, const Facts *f, Str s) {
        (void)f;
        quote(out, s);
}

/* It stands in parentheses, so blanks are no reason to quote. */
static void put_op(Buf *out, const Facts *f, Str s) {
        (void)f;
        if (is_made_of(s, " ._-+/:@%=,*|"))
                buf_str(out, s);
        else
                quote(out, s);
}

static void put_words(Buf *out, const Facts *f, Str s) {
        (void)f;
        buf_str(out, s);
}

static void put_peer(Buf *out, const Facts *f, Str s) {
        put(out, s);
        if (f->v[FACT_PORT].n) {
                BUF_LIT(out, " port ");
                put(out, f->v[FACT_PORT]);
        }
}

/* libauparse names the owner for chown only, and leaves the number to the others. */
static void put_owner(Buf *out, const Facts *f, Str s) {
        uint64_t id;

        (void)f;
        if (str_starts(s, STR("0x")) && str_u64((Str){ s.p + 2, s.n - 2 }, 16, &id)) {
                BUF_LIT(out, "id ");
                buf_u64(out, id);
        } else {
                put(out, s);
        }
}

/* Who really runs it, where that is another than who is behind it. */
static void put_actor(Buf *out, const Facts *f, Str s) {
        put(out, s);
        if (f->v[FACT_AUID].n && sentence_as(f).n) {
                BUF_LIT(out, " (as ");
                put(out, sentence_as(f));
                BUF_LIT(out, ")");
        }
}

static const struct {
        const char *name;
        Str (*value)(const Facts *f);
        void (*put)(Buf *out, const Facts *f, Str s);
        const char *nothing; /* what stands there when it has no value, outside of [ ] */
} words[] = {
        { "who", known_user, put_plain, "a system process" },
        { "actor", known_user, put_actor, "a system process" },
        { "known", known_user, put_plain, "somebody" },
        { "account", sentence_account, put_plain, "somebody" },
        { "quoted", sentence_account, put_quoted, "somebody" },
        { "group", group, put_plain, "a group" },
        { "from", sentence_addr, put_plain, "somewhere" },
        { "tty", terminal, put_plain, "a terminal" },
        { "program", program, put_plain, "a program" },
        { "op", operation, put_op, "something" },
        { "did", operation, put_plain, "something" },
        { "result", result, put_words, "" },
        { "failure", failure, put_words, "" },
        { "command", command, put_quoted, "something" },
        { "cwd", directory, put_plain, "a folder" },
        { "unit", unit, put_plain, "a service" },
        { "syscall", syscall_name, put_plain, "a system call" },
        { "signal", signal_name, put_plain, "a signal" },
        { "device", device, put_plain, "a device" },
        { "table", table, put_plain, "a table" },
        { "module", module, put_plain, "a kernel module" },
        { "perms", perms, put_plain, "access" },
        { "path", path, put_plain, "a file" },
        { "file", path, put_plain, "a file" },
        { "argv", argv, put_quoted, "a program" },
        { "image", image, put_plain, "a file" },
        { "key", key, put_plain, "a key" },
        { "new", new_path, put_plain, "a file" },
        { "second", second_path, put_plain, "something" },
        { "mode", deed_mode, put_plain, "a mode" },
        { "owner", deed_owner, put_owner, "somebody" },
        { "peer", peer, put_peer, "somewhere" },
        { "other", peer, put_plain, "somewhere" },
        { "other2", other_peer, put_plain, "somewhere" },
        { "port", port, put_plain, "a port" },
        { "target", target, put_plain, "a program" },
        { "rights", rights, put_plain, "somebody" },
        { "text", text, put_plain, "something" },
        { "vm", machine, put_plain, "without a name" },
        { "what", what, put_plain, "without a name" },
        { "to", to_what, put_plain, "something else" },
        { "profile", profile, put_plain, "a profile" },
        { "context", context, put_plain, "a context" },
        { "class", class, put_plain, "a thing" },
        { "domain", domain, put_plain, "without a name" },
        { "type", type_name, put_plain, "a record of an unknown type" },
        { "a0", argument_0, put_plain, "something" },
        { "a2", argument_2, put_op, "something" },
};

bool sentence_has_word(Str name) {
        for (size_t i = 0; i < ARRAY_SIZE(words); i++)
                if (str_eqz(name, words[i].name))
                        return true;
        return false;
}

/* Appends one {word}; false when it says nothing and is @optional. */
static bool put_word(Buf *out, const Facts *f, Str name, bool optional) {
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
                Str value;

                if (!str_eqz(name, words[i].name))
                        continue;
                value = words[i].value(f);
                if (value.n)
                        words[i].put(out, f, value);
                else if (!optional)
                        buf_putz(out, words[i].nothing);
                return value.n;
        }
        return false;
}

static void fill_in(Buf *out, const char *text, const Facts *f) {
        size_t mark = 0; /* where an optional part began */
        bool optional = false, said = true;

        for (const char *p = text; *p; p++) {
                const char *end = *p == '{' ? strchr(p, '}') : NULL;

                if (*p == '[') {
                        mark = out->n;
                        optional = said = true;
                } else if (*p == ']') {
                        if (!said && !out->failed)
                                out->n = mark;
                        optional = false;
                } else if (end) {
                        said &= put_word(out, f, (Str){ p + 1, (size_t)(end - p - 1) }, optional);
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

static bool fits(const Row *row, const Facts *f, NameState name) {
        return row->type == f->type && (row->result == ANY || row->result == f->result) &&
               (row->name == NAME_ANY || row->name == name) && is_program(program(f), row->exe) &&
               (!row->op || str_starts(f->v[FACT_OP], str_from(row->op)));
}

static const SentenceGroup *find_group(int32_t type) {
        for (size_t i = 0; i < sentence_n_groups; i++)
                if (type >= sentence_groups[i].first && type <= sentence_groups[i].last)
                        return &sentence_groups[i];
        return NULL;
}

static bool tells_call(const Facts *f) {
        return f->type == AUDIT_SYSCALL || f->type == AUDIT_URINGOP || f->type == AUDIT_EXECVE;
}

static const Row *find_row(const Facts *f) {
        NameState name = name_state(f);

        if (f->type == AUDIT_ANOM_PROMISCUOUS)
                return str_eq(f->v[FACT_PROM], STR("0")) ? &sentence_promisc_out : &sentence_promisc_in;
        if (f->type == AUDIT_SYSCALL || (f->type == AUDIT_EXECVE && f->v[FACT_ARGV].n))
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
                        return type != AUDIT_USER && type != AUDIT_URINGOP;
        return find_group(type) && find_group(type)->tells;
}

Str sentence_actor(const Facts *f) { return known_user(f); }
Str sentence_result(const Facts *f) { return result(f); }

Str sentence_as(const Facts *f) { return str_eq(f->v[FACT_UID], known_user(f)) ? STR("") : f->v[FACT_UID]; }

/* The system call speaks for itself only where it is what happened. */
Str sentence_operation(const Facts *f) {
        return tells_call(f) ? syscall_name(f) : first_of(f->v[FACT_OP], syscall_name(f));
}

Str sentence_object(const Facts *f) {
        static const FactName of_call[] = { FACT_ARGV, FACT_PATH, FACT_PEER, FACT_TARGET };
        static const FactName of_record[] = { FACT_CMD,    FACT_VM,     FACT_UNIT,  FACT_TABLE,
                                              FACT_MODULE, FACT_WHAT,   FACT_GROUP, FACT_PATH,
                                              FACT_DEV,    FACT_DOMAIN, FACT_ACCT,  FACT_PEER_2 };
        const FactName *objects = tells_call(f) ? of_call : of_record;
        size_t n = tells_call(f) ? ARRAY_SIZE(of_call) : ARRAY_SIZE(of_record);

        if (f->attempted.n)
                return f->attempted;
        for (size_t i = 0; i < n; i++)
                if (f->v[objects[i]].n)
                        return f->v[objects[i]];
        return f->v[FACT_ID];
}

bool sentence_lacks_name(const Facts *f) {
        return (f->type == AUDIT_USER_LOGIN || f->type == AUDIT_USER_AUTH) && f->result == FAIL &&
               !sentence_account(f).n;
}

Str sentence_user(const Facts *f) {
        Str account = sentence_account(f);

        if (is_at_the_door(f))
                return account;
        return (f->type == AUDIT_LOGIN || is_door_keeper(f)) && account.n ? account : known_user(f);
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
        const Deed *deed = tells_call(f) && !f->v[FACT_ARGV].n ? deed_find(f) : NULL;
        const Row *row = find_row(f);
        const SentenceGroup *group = find_group(f->type);

        if (deed) {
                write_deed(out, deed, f);
                return;
        }
        if (row) {
                fill_in(out, row->text, f);
                return;
        }
        if (group) {
                fill_in(out, group->text, f);
                return;
        }
        buf_str(out, title);
        fill_in(out, "[: {known}][ with {program}][ on {path}][, key {key}]", f);
}
