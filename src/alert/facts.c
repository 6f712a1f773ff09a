/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <libaudit.h>
#include "alert/facts.h"
#include "alert/sentence.h"

#define ANY_TYPE 0
/* newer than the oldest libaudit that this builds with (linux/audit.h of 6.15) */
#define FACTS_LANDLOCK_ACCESS 1423
#define FACTS_LANDLOCK_DOMAIN 1424
#define FACTS_RECORDS_MAX     256u /* a sentence is made of the first ones, however long the event */

/* Which field of which record tells what. The first row that fits a field counts. */
static const struct {
        Str field;
        FactName fact;
        int type; /* ANY_TYPE, or only of this one */
} rows[] = {
        { STR_INIT("pid"), FACT_PID, ANY_TYPE },
        { STR_INIT("auid"), FACT_AUID, ANY_TYPE },
        { STR_INIT("uid"), FACT_UID, ANY_TYPE },
        { STR_INIT("euid"), FACT_EUID, AUDIT_SYSCALL },
        { STR_INIT("ses"), FACT_SES, ANY_TYPE },
        { STR_INIT("acct"), FACT_ACCT, ANY_TYPE },
        { STR_INIT("id"), FACT_ID, ANY_TYPE },
        { STR_INIT("grp"), FACT_GROUP, ANY_TYPE },
        { STR_INIT("new-group"), FACT_GROUP, ANY_TYPE },
        { STR_INIT("new_group"), FACT_GROUP, ANY_TYPE },
        { STR_INIT("exe"), FACT_EXE, ANY_TYPE },
        { STR_INIT("comm"), FACT_COMM, ANY_TYPE },
        { STR_INIT("addr"), FACT_ADDR, ANY_TYPE },
        { STR_INIT("hostname"), FACT_HOSTNAME, ANY_TYPE },
        { STR_INIT("terminal"), FACT_TERMINAL, ANY_TYPE },
        { STR_INIT("tty"), FACT_TERMINAL, ANY_TYPE },
        { STR_INIT("res"), FACT_RES, ANY_TYPE },
        { STR_INIT("result"), FACT_RES, ANY_TYPE },
        { STR_INIT("success"), FACT_RES, AUDIT_SYSCALL },
        { STR_INIT("cmd"), FACT_CMD, ANY_TYPE },
        { STR_INIT("cwd"), FACT_CWD, ANY_TYPE },
        { STR_INIT("unit"), FACT_UNIT, ANY_TYPE },
        { STR_INIT("syscall"), FACT_SYSCALL, ANY_TYPE },
        { STR_INIT("sig"), FACT_SIG, ANY_TYPE },
        { STR_INIT("dev"), FACT_DEV, AUDIT_ANOM_PROMISCUOUS },
        { STR_INIT("prom"), FACT_PROM, AUDIT_ANOM_PROMISCUOUS },
        { STR_INIT("table"), FACT_TABLE, AUDIT_NETFILTER_CFG },
        { STR_INIT("name"), FACT_MODULE, AUDIT_KERN_MODULE },
        { STR_INIT("seperms"), FACT_PERMS, AUDIT_AVC },
        { STR_INIT("a0"), FACT_A0, AUDIT_SYSCALL },
        { STR_INIT("a1"), FACT_A1, AUDIT_SYSCALL },
        { STR_INIT("a2"), FACT_A2, AUDIT_SYSCALL },
        { STR_INIT("ocomm"), FACT_TARGET, AUDIT_OBJ_PID },

        { STR_INIT("code"), FACT_OP, AUDIT_SECCOMP },
        { STR_INIT("prog-id"), FACT_WHAT, AUDIT_BPF },
        { STR_INIT("uring_op"), FACT_SYSCALL, AUDIT_URINGOP },
        { STR_INIT("text"), FACT_TEXT, ANY_TYPE },
        { STR_INIT("reason"), FACT_TEXT, ANY_TYPE },
        { STR_INIT("cause"), FACT_TEXT, ANY_TYPE },
        { STR_INIT("info"), FACT_TEXT, AUDIT_AVC },
        { STR_INIT("resp"), FACT_OP, AUDIT_FANOTIFY },
        { STR_INIT("file"), FACT_PATH, AUDIT_INTEGRITY_RULE },
        { STR_INIT("feature"), FACT_WHAT, AUDIT_FEATURE_CHANGE },
        { STR_INIT("new"), FACT_TO, AUDIT_FEATURE_CHANGE },
        { STR_INIT("saddr"), FACT_PEER, AUDIT_NETFILTER_PKT },
        { STR_INIT("daddr"), FACT_PEER_2, AUDIT_NETFILTER_PKT },
        { STR_INIT("dport"), FACT_PORT, AUDIT_NETFILTER_PKT },
        { STR_INIT("port"), FACT_PORT, ANY_TYPE },
        { STR_INIT("rport"), FACT_PORT, ANY_TYPE },
        { STR_INIT("raddr"), FACT_PEER, ANY_TYPE },

        { STR_INIT("seresult"), FACT_OP, AUDIT_AVC },
        { STR_INIT("seresult"), FACT_OP, AUDIT_USER_AVC },
        { STR_INIT("seperms"), FACT_PERMS, AUDIT_USER_AVC },
        { STR_INIT("perms"), FACT_PERMS, ANY_TYPE },
        { STR_INIT("tcontext"), FACT_CONTEXT, ANY_TYPE },
        { STR_INIT("tclass"), FACT_CLASS, ANY_TYPE },
        { STR_INIT("path"), FACT_PATH, ANY_TYPE },
        { STR_INIT("operation"), FACT_OP, ANY_TYPE },
        { STR_INIT("apparmor"), FACT_VERDICT, AUDIT_AVC },
        { STR_INIT("profile"), FACT_PROFILE, ANY_TYPE },
        { STR_INIT("denied_mask"), FACT_PERMS, ANY_TYPE },
        { STR_INIT("requested_mask"), FACT_PERMS, ANY_TYPE },
        { STR_INIT("name"), FACT_PATH, AUDIT_AVC },
        { STR_INIT("name"), FACT_PATH, AUDIT_INTEGRITY_DATA },
        { STR_INIT("name"), FACT_PATH, AUDIT_INTEGRITY_METADATA },
        { STR_INIT("name"), FACT_PATH, AUDIT_INTEGRITY_PCR },
        { STR_INIT("name"), FACT_PATH, AUDIT_INTEGRITY_STATUS },
        { STR_INIT("name"), FACT_PATH, AUDIT_INTEGRITY_HASH },
        { STR_INIT("blockers"), FACT_OP, FACTS_LANDLOCK_ACCESS },
        { STR_INIT("status"), FACT_OP, FACTS_LANDLOCK_DOMAIN },
        { STR_INIT("daddr"), FACT_PEER_2, FACTS_LANDLOCK_ACCESS },
        { STR_INIT("dest"), FACT_PORT, FACTS_LANDLOCK_ACCESS },
        { STR_INIT("domain"), FACT_DOMAIN, ANY_TYPE },
        { STR_INIT("ipe_op"), FACT_OP, ANY_TYPE },
        { STR_INIT("policy_name"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("enforcing"), FACT_TO, AUDIT_MAC_STATUS },
        { STR_INIT("enforcing"), FACT_TO, AUDIT_USER_MAC_STATUS },
        { STR_INIT("bool"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("val"), FACT_TO, AUDIT_MAC_CONFIG_CHANGE },
        { STR_INIT("nlbl_domain"), FACT_DOMAIN, ANY_TYPE },
        { STR_INIT("cipso_doi"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("calip_doi"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("unlbl_accept"), FACT_OP, AUDIT_MAC_UNLBL_ALLOW },
        { STR_INIT("netif"), FACT_DEV, ANY_TYPE },
        { STR_INIT("src"), FACT_PEER, ANY_TYPE },
        { STR_INIT("dst"), FACT_PEER_2, ANY_TYPE },
        { STR_INIT("resrc"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("vm"), FACT_VM, ANY_TYPE },
        { STR_INIT("sw"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("device"), FACT_DEV, ANY_TYPE },
        { STR_INIT("printer"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("new-role"), FACT_TO, ANY_TYPE },
        { STR_INIT("role"), FACT_TO, ANY_TYPE },
        { STR_INIT("new-level"), FACT_TO, ANY_TYPE },
        { STR_INIT("selected-context"), FACT_TO, ANY_TYPE },
        { STR_INIT("new-context"), FACT_TO, ANY_TYPE },
        { STR_INIT("new-disk"), FACT_TO, ANY_TYPE },
        { STR_INIT("tglob"), FACT_TO, ANY_TYPE },
        { STR_INIT("cipher"), FACT_WHAT, ANY_TYPE },
        { STR_INIT("kind"), FACT_WHAT, AUDIT_CRYPTO_KEY_USER },
        { STR_INIT("new-level"), FACT_TO, AUDIT_SYSTEM_RUNLEVEL },
        { STR_INIT("state"), FACT_OP, AUDIT_KERNEL },
        { STR_INIT("new"), FACT_TO, AUDIT_TIME_ADJNTPVAL },
        { STR_INIT("sec"), FACT_TO, AUDIT_TIME_INJOFFSET },
};

typedef struct {
        Facts *facts;
        Arena *arena;
        Meaning *m;
        FieldVec fields;
        Str keys[FACTS_KEYS_MAX];
        int error;
} Gather;

static bool says_nothing(Str s) {
        static const Str nothing[] = { STR_INIT(""), STR_INIT("?"), STR_INIT("(none)"), STR_INIT("(null)"),
                                       STR_INIT("unset") };

        for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
                if (str_eq(s, nothing[i]))
                        return true;
        return false;
}

Str facts_clip(Str s, size_t max) {
        if (s.n <= max)
                return s;
        s.n = max;
        for (unsigned i = 0; i < 3 && s.n && ((uint8_t)s.p[s.n] & 0xC0) == 0x80; i++)
                s.n--;
        return s;
}

static Str keep(Gather *g, Str s) {
        Str copy = arena_str(g->arena, facts_clip(s, FACTS_TEXT_MAX));

        if (copy.p)
                return copy;
        g->error = -ENOMEM;
        return STR("");
}

static void set_fact(Gather *g, FactName fact, Str value) {
        if (!g->facts->v[fact].n && !says_nothing(value))
                g->facts->v[fact] = keep(g, value);
}

static Str text_of(Gather *g, const Field *f) {
        Str text;

        return meaning_text(g->m, f, &text) ? text : f->value;
}

/* Programs write op= in words with blanks (op=adding user id=5991): it reaches to the next field. */
static Str op_text(const FieldVec *fields, size_t i, const Record *r) {
        const Field *f = &fields->v[i];
        const char *end = r->text.p + r->text.n;
        Str op = f->value;

        if (f->quoted)
                return op;
        /* the kernel: op=set audit_enabled=0 old=1 (kernel/audit.c: audit_log_config_change()) */
        if (r->type == AUDIT_CONFIG_CHANGE && str_eq(op, STR("set")))
                i++;
        if (i + 1 < fields->n && fields->v[i + 1].name.p > op.p)
                end = fields->v[i + 1].name.p;
        op.n = (size_t)(end - op.p);
        while (op.n && strchr(" '\"\x1d", op.p[op.n - 1]))
                op.n--;
        return op;
}

/* Several keys of one rule are one text with 0x01 between them (audit.rules(7)); that makes it hexadecimal. */
static void add_keys(Gather *g, const Field *f) {
        char raw[FACTS_TEXT_MAX];
        Str rest = f->value;

        if (says_nothing(rest))
                return;
        if (!f->quoted && str_is_hex(rest))
                rest = (Str){ raw, str_unhex(raw, facts_clip(rest, 2 * sizeof(raw))) };
        while (rest.n && g->facts->n_keys < FACTS_KEYS_MAX) {
                const char *sep = memchr(rest.p, 1, rest.n);
                Str key = { rest.p, sep ? (size_t)(sep - rest.p) : rest.n };
                bool known = !key.n;

                for (size_t i = 0; i < g->facts->n_keys; i++)
                        known |= str_eq(g->keys[i], key);
                if (!known)
                        g->keys[g->facts->n_keys++] = keep(g, key);
                rest.p += key.n + !!sep;
                rest.n -= key.n + !!sep;
        }
}

/* Numbers that are compared, not shown. */
static bool is_plain(FactName fact) { return fact == FACT_PID || fact == FACT_SES || fact == FACT_PROM; }

static void take_by_row(Gather *g, const Record *r, const Field *f) {
        /* uid= and the like are conditions of a rule there, not who wrote it (security/integrity/ima) */
        if (r->type == AUDIT_INTEGRITY_POLICY_RULE && !str_eq(f->name, STR("res")))
                return;
        for (size_t k = 0; k < ARRAY_SIZE(rows); k++) {
                if ((rows[k].type != ANY_TYPE && rows[k].type != r->type) || !str_eq(rows[k].field, f->name))
                        continue;
                set_fact(g, rows[k].fact, is_plain(rows[k].fact) ? f->value : text_of(g, f));
                return;
        }
}

/* The value after @name in "{ saddr_fam=inet laddr=192.0.2.7 lport=22 }"; a path reaches to the end. */
static Str part_of(Str s, Str name) {
        const char *at = memmem(s.p, s.n, name.p, name.n);
        Str rest = at ? (Str){ at + name.n, s.n - (size_t)(at - s.p) - name.n } : STR("");

        if (str_ends(rest, STR(" }")))
                rest.n -= 2;
        return rest;
}

static Str first_word(Str s) {
        const char *blank = s.n ? memchr(s.p, ' ', s.n) : NULL;

        return blank ? (Str){ s.p, (size_t)(blank - s.p) } : s;
}

/* A path or an address with a port; of other families the name. Netlink is how programs talk with the kernel. */
static void take_peer(Gather *g, Str saddr) {
        Str path = part_of(saddr, STR(" path=")), family = first_word(part_of(saddr, STR("saddr_fam=")));
        Str addr = path.n ? STR("") : first_word(part_of(saddr, STR(" laddr=")));

        if (path.n) {
                set_fact(g, FACT_PEER, path);
        } else if (addr.n) {
                set_fact(g, FACT_PEER, addr);
                set_fact(g, FACT_PORT, first_word(part_of(saddr, STR(" lport="))));
        } else {
                set_fact(g, FACT_PEER, family.n ? family : saddr);
        }
}

static void take_field(Gather *g, const Record *r, size_t i) {
        const Field *f = &g->fields.v[i];

        if (f->part == FIELD_ENRICHED)
                return;
        if (str_eq(f->name, STR("key"))) {
                add_keys(g, f);
        } else if (str_eq(f->name, STR("op"))) {
                set_fact(g, FACT_OP, op_text(&g->fields, i, r));
        } else if (r->type == AUDIT_SOCKADDR && str_eq(f->name, STR("saddr"))) {
                take_peer(g, text_of(g, f));
        } else {
                take_by_row(g, r, f);
        }
}

static void take_path(Gather *g) {
        const Field *name = field_find(&g->fields, STR("name")),
                    *kind = field_find(&g->fields, STR("nametype"));

        if (!name || !kind || str_eq(kind->value, STR("PARENT")))
                return;
        if (!g->facts->v[FACT_PATH].n) {
                set_fact(g, FACT_PATH, text_of(g, name));
                if (g->facts->v[FACT_PATH].n)
                        set_fact(g, FACT_PATH_KIND, kind->value);
        } else if (str_eq(kind->value, STR("CREATE"))) {
                set_fact(g, FACT_NEW_PATH, text_of(g, name));
        } else {
                set_fact(g, FACT_PATH_2, text_of(g, name));
        }
}

/* a0=… a1=… ; an argument that is spread over records (a3[0]=…) is left out, the sentence is cut long before. */
static void take_argv(Gather *g) {
        Buf words = BUF_INIT;

        for (size_t i = 0; i < g->fields.n && words.n < FACTS_TEXT_MAX; i++) {
                const Field *f = &g->fields.v[i];
                uint64_t number;

                if (f->part == FIELD_ENRICHED || f->name.n < 2 || f->name.p[0] != 'a' ||
                    !str_u64((Str){ f->name.p + 1, f->name.n - 1 }, 10, &number))
                        continue;
                if (words.n)
                        buf_putc(&words, ' ');
                buf_str(&words, facts_clip(text_of(g, f), FACTS_TEXT_MAX));
        }
        set_fact(g, FACT_ARGV, buf_view(&words));
        buf_done(&words);
}

static void take_record(Gather *g, const Record *r) {
        if (r->type == AUDIT_PROCTITLE || r->type == AUDIT_EOE)
                return;
        if (field_split(&g->fields, r) < 0) {
                g->error = -ENOMEM;
                return;
        }
        meaning_begin(g->m, r, &g->fields);
        if (r->type == AUDIT_PATH) {
                take_path(g);
        } else if (r->type == AUDIT_EXECVE) {
                take_argv(g);
        } else {
                for (size_t i = 0; i < g->fields.n && !g->error; i++)
                        take_field(g, r, i);
        }
}

static FactsResult result_of(Str res) {
        static const Str good[] = { STR_INIT("success"), STR_INIT("yes"), STR_INIT("1") };
        static const Str bad[] = { STR_INIT("failed"), STR_INIT("failure"), STR_INIT("fail"), STR_INIT("no"),
                                   STR_INIT("0") };

        for (size_t i = 0; i < ARRAY_SIZE(good); i++)
                if (str_eq(res, good[i]))
                        return FACTS_SUCCESS;
        for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
                if (str_eq(res, bad[i]))
                        return FACTS_FAILED;
        return FACTS_UNKNOWN;
}

/* SYSCALL and what the kernel adds to it say how; a record that has a sentence of its own says what. */
static const Record *speaker(const Event *event, const Record *preferred) {
        if (preferred && sentence_knows(preferred->type))
                return preferred;
        for (const Record *r = event->records; r; r = r->next)
                if (sentence_knows(r->type))
                        return r;
        for (const Record *r = event->records; r; r = r->next)
                if (r->type == AUDIT_SYSCALL)
                        return r;
        return preferred ? preferred : event->records;
}

/* The kernel writes AppArmor's records as AVC and says which kind in a field (security/apparmor/audit.c). */
static int32_t type_of(const Facts *f) {
        static const struct {
                Str verdict;
                int32_t type;
        } types[] = {
                { STR_INIT("DENIED"), AUDIT_APPARMOR_DENIED },
                { STR_INIT("ALLOWED"), AUDIT_APPARMOR_ALLOWED },
                { STR_INIT("AUDIT"), AUDIT_APPARMOR_AUDIT },
                { STR_INIT("STATUS"), AUDIT_APPARMOR_STATUS },
                { STR_INIT("HINT"), AUDIT_APPARMOR_HINT },
                { STR_INIT("ERROR"), AUDIT_APPARMOR_ERROR },
                { STR_INIT("KILLED"), AUDIT_APPARMOR_KILL },
        };

        for (size_t i = 0; f->type == AUDIT_AVC && i < ARRAY_SIZE(types); i++)
                if (str_eq(f->v[FACT_VERDICT], types[i].verdict))
                        return types[i].type;
        return f->type;
}

/* io_uring does what system calls do, under numbers of its own (linux/io_uring.h: enum io_uring_op); here are
 * those that the kernel audits. */
static Str syscall_of_uring(Str op) {
        static const struct {
                uint64_t op;
                Str syscall;
        } ops[] = {
                { 9, STR_INIT("sendmsg") },    { 10, STR_INIT("recvmsg") },   { 13, STR_INIT("accept") },
                { 16, STR_INIT("connect") },   { 17, STR_INIT("fallocate") }, { 18, STR_INIT("openat") },
                { 26, STR_INIT("send") },      { 27, STR_INIT("recv") },      { 28, STR_INIT("openat2") },
                { 34, STR_INIT("shutdown") },  { 35, STR_INIT("renameat") },  { 36, STR_INIT("unlinkat") },
                { 37, STR_INIT("mkdirat") },   { 38, STR_INIT("symlinkat") }, { 39, STR_INIT("linkat") },
                { 41, STR_INIT("fsetxattr") }, { 42, STR_INIT("setxattr") },  { 45, STR_INIT("socket") },
                { 55, STR_INIT("ftruncate") }, { 56, STR_INIT("bind") },      { 57, STR_INIT("listen") },
        };
        uint64_t n;

        for (size_t i = 0; str_u64(op, 10, &n) && i < ARRAY_SIZE(ops); i++)
                if (ops[i].op == n)
                        return ops[i].syscall;
        return op;
}

int facts_gather(Facts *ret, Arena *arena, Meaning *m, const Event *event, const Record *preferred) {
        const Record *first = speaker(event, preferred);
        Facts facts = { .type = first->type };
        Gather g = { .facts = &facts, .arena = arena, .m = m, .fields = FIELD_VEC_INIT };
        unsigned n = 0;
        Str *keys;

        take_record(&g, first);
        for (const Record *r = event->records; r && !g.error && n < FACTS_RECORDS_MAX; r = r->next, n++)
                if (r != first)
                        take_record(&g, r);
        field_vec_done(&g.fields);
        keys = arena_alloc(arena, sizeof(Str) * (facts.n_keys + 1));
        if (!keys || g.error)
                return -ENOMEM;
        memcpy(keys, g.keys, sizeof(Str) * facts.n_keys);
        facts.keys = keys;
        facts.result = result_of(facts.v[FACT_RES]);
        facts.type = type_of(&facts);
        if (facts.type == AUDIT_KERN_MODULE && !facts.v[FACT_OP].n)
                facts.v[FACT_OP] = facts.v[FACT_SYSCALL]; /* the record itself does not say which way */
        if (facts.type == AUDIT_URINGOP)
                facts.v[FACT_SYSCALL] = syscall_of_uring(facts.v[FACT_SYSCALL]);
        *ret = facts;
        return 0;
}

bool facts_name_hidden(Str acct) {
        static const Str hidden[] = { STR_INIT(""),          STR_INIT("?"),       STR_INIT("(invalid user)"),
                                      STR_INIT("(unknown)"), STR_INIT("UNKNOWN"), STR_INIT("(unknown user)"),
                                      STR_INIT("(none)"),    STR_INIT("(null)") };

        for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
                if (str_eq(acct, hidden[i]))
                        return true;
        return false;
}

Str facts_basename(Str path) {
        const char *slash = path.n ? memrchr(path.p, '/', path.n) : NULL;

        if (!slash || slash + 1 == path.p + path.n)
                return path;
        return (Str){ slash + 1, (size_t)(path.p + path.n - slash - 1) };
}

bool facts_is_sshd(Str exe) { return str_starts(facts_basename(exe), STR("sshd")); }
