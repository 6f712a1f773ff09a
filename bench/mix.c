/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include "mix.h"

#define GS          "\x1d" /* auditd puts it before what it adds when log_format=ENRICHED */
#define MAX_RECORDS 12     /* of one event that this program writes */
#define TICK_MS     4      /* the kernel stamps records with a coarse clock: 250 Hz */
#define PER_TICK    80     /* events: two processors under load write some 20,000 a second */
#define USER_UID    5101

/* One event that is being written: its lines, and where each ends. */
typedef struct {
        Buf text;
        size_t end[MAX_RECORDS];
        unsigned n;
        uint64_t serial;
        int64_t ms;
} Draft;

typedef struct {
        const char *comm, *exe, *args, *cwd, *key;
        unsigned weight; /* of 100 */
} App;

/* Words of @args stand where the kernel has NULs between arguments. A comm with a space is logged in hex. */
static const App apps[] = {
        { "indexer", "/usr/bin/indexer", "/usr/bin/indexer\x1f--watch\x1f/srv/data", "/srv/data", "files",
          46 },
        { "python3", "/usr/bin/python3.11", "python3\x1f/opt/app/worker.py", "/opt/app", "files", 18 },
        { "cat", "/usr/bin/cat", "cat\x1f/etc/hostname", "/home/alice", "files", 10 },
        { "bash", "/usr/bin/bash", "-bash", "/home/alice", "files", 8 },
        { "find", "/usr/bin/find", "find\x1f/srv\x1f-name\x1f*.csv", "/srv", "files", 6 },
        { "git", "/usr/bin/git", "git\x1fstatus", "/home/alice/src", "files", 4 },
        { "nginx", "/usr/sbin/nginx", "nginx: worker process", "/",
          "web\x01"
          "files",
          3 },
        { "dash", "/usr/bin/dash",
          "sh\x1f-c\x1f"
          "date",
          "/tmp", NULL, 2 },
        { "Web Content", "/usr/lib/firefox/firefox", "/usr/lib/firefox/firefox\x1f-contentproc",
          "/home/alice", "files", 2 },
        { "sshd", "/usr/sbin/sshd", "sshd: alice [priv]", "/", NULL, 1 },
};

static uint64_t scramble(uint64_t v) {
        v = (v ^ v >> 30) * 0xbf58476d1ce4e5b9u;
        v = (v ^ v >> 27) * 0x94d049bb133111ebu;
        return v ^ v >> 31;
}

static uint64_t draw(Mix *w) { return scramble(w->random += 0x9e3779b97f4a7c15u); }
static uint64_t pick(Mix *w, uint64_t n) { return draw(w) % n; }
static bool chance(Mix *w, uint64_t part, uint64_t of) { return pick(w, of) < part; }

static const App *pick_app(Mix *w) {
        unsigned at = (unsigned)pick(w, 100), i = 0;

        while (at >= apps[i].weight)
                at -= apps[i++].weight;
        return &apps[i];
}

static uint64_t pointer(uint64_t i) {
        return (i & 1 ? 0x7f0000000000u : 0x550000000000u) + (scramble(i) & 0xfffffffff8u);
}

static uint64_t inode_of(const char *name) {
        uint64_t h = 1469598103934665603u;

        while (*name)
                h = (h ^ (uint8_t)*name++) * 1099511628211u;
        return 300000 + h % 9000000;
}

/* As the kernel's audit_log_n_untrustedstring(): quoted, or in hex when a byte would not be safe
 * between quotes. */
static void put_untrusted(Buf *b, const char *text, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (text[i] < 0x21 || text[i] == '"' || text[i] > 0x7e) {
                        for (i = 0; i < n; i++)
                                buf_printf(b, "%02X", (uint8_t)text[i]);
                        return;
                }
        buf_putc(b, '"');
        buf_put(b, text, n);
        buf_putc(b, '"');
}

static void put_untrustedz(Buf *b, const char *text) { put_untrusted(b, text, strlen(text)); }

static void start_event(Mix *w, Draft *d) {
        if (chance(w, 1, PER_TICK))
                w->ms += chance(w, 1, 200) ? TICK_MS * (1 + (int64_t)pick(w, 300)) : TICK_MS;
        buf_clear(&d->text);
        d->n = 0;
        d->ms = w->ms;
        d->serial = ++w->serial;
}

static void start_record(Draft *d, const char *type) {
        buf_printf(&d->text, "type=%s msg=audit(%lld.%03lld:%llu): ", type, (long long)(d->ms / 1000),
                   (long long)(d->ms % 1000), (unsigned long long)d->serial);
}

static void end_record(Draft *d) {
        buf_putc(&d->text, '\n');
        d->end[d->n++] = d->text.n;
}

static const char *uid_name(unsigned uid) {
        return uid == 0 ? "root" : uid == USER_UID ? "alice" : uid == 33 ? "www-data" : "unset";
}

typedef struct {
        unsigned number;
        const char *name;
        uint64_t a[4];
        long exit;
        unsigned items, pid, ppid, uid;
        const App *app;
} Call;

static void put_syscall(Mix *w, Draft *d, const Call *c) {
        Buf *b = &d->text;
        bool root = c->uid == 0;

        start_record(d, "SYSCALL");
        buf_printf(b,
                   "arch=c000003e syscall=%u success=%s exit=%ld a0=%llx a1=%llx a2=%llx a3=%llx items=%u ",
                   c->number, c->exit < 0 ? "no" : "yes", c->exit, (unsigned long long)c->a[0],
                   (unsigned long long)c->a[1], (unsigned long long)c->a[2], (unsigned long long)c->a[3],
                   c->items);
        buf_printf(b,
                   "ppid=%u pid=%u auid=%u uid=%u gid=%u euid=%u suid=%u fsuid=%u egid=%u sgid=%u fsgid=%u "
                   "tty=%s ses=%d comm=",
                   c->ppid, c->pid, USER_UID, c->uid, c->uid, c->uid, c->uid, c->uid, c->uid, c->uid, c->uid,
                   root ? "(none)" : "pts0", 5);
        put_untrustedz(b, c->app->comm);
        BUF_LIT(b, " exe=");
        put_untrustedz(b, c->app->exe);
        BUF_LIT(b, " key=");
        if (c->app->key)
                put_untrustedz(b, c->app->key);
        else
                BUF_LIT(b, "(null)");
        if (!w->raw) {
                const char *who = uid_name(c->uid);

                buf_printf(
                        b,
                        GS
                        "ARCH=x86_64 SYSCALL=%s AUID=\"%s\" UID=\"%s\" GID=\"%s\" EUID=\"%s\" SUID=\"%s\" ",
                        c->name, uid_name(USER_UID), who, who, who, who);
                buf_printf(b, "FSUID=\"%s\" EGID=\"%s\" SGID=\"%s\" FSGID=\"%s\"", who, who, who, who);
        }
        end_record(d);
}

static void put_cwd(Draft *d, const App *app) {
        start_record(d, "CWD");
        BUF_LIT(&d->text, "cwd=");
        put_untrustedz(&d->text, app->cwd);
        end_record(d);
}

static void put_proctitle(Draft *d, const char *args, size_t n) {
        char title[128]; /* the kernel keeps so much: MAX_PROCTITLE_AUDIT_LEN */

        if (n > sizeof(title))
                n = sizeof(title);
        for (size_t i = 0; i < n; i++)
                title[i] = args[i] == '\x1f' ? '\0' : args[i];
        start_record(d, "PROCTITLE");
        BUF_LIT(&d->text, "proctitle=");
        put_untrusted(&d->text, title, n);
        end_record(d);
}

typedef struct {
        const char *name, *nametype, *mode;
        uint64_t inode; /* 0: there is no such file */
        unsigned owner;
} Path;

static void put_path(Mix *w, Draft *d, unsigned item, const Path *p) {
        Buf *b = &d->text;

        start_record(d, "PATH");
        buf_printf(b, "item=%u name=", item);
        put_untrustedz(b, p->name);
        if (p->inode)
                buf_printf(b, " inode=%llu dev=fe:00 mode=%s ouid=%u ogid=%u rdev=00:00",
                           (unsigned long long)p->inode, p->mode, p->owner, p->owner);
        buf_printf(b, " nametype=%s cap_fp=0 cap_fi=0 cap_fe=0 cap_fver=0 cap_frootid=0", p->nametype);
        if (!w->raw && p->inode)
                buf_printf(b, GS "OUID=\"%s\" OGID=\"%s\"", uid_name(p->owner), uid_name(p->owner));
        end_record(d);
}

/* Names as often as a capture has them: a few that every program opens, and some two thousand others. */
static const char *pick_name(Mix *w, char buf[static 128]) {
        static const char *const common[] = {
                "/etc/ld.so.cache",  "/lib/x86_64-linux-gnu/libc.so.6", "/etc/hostname",      "/etc/passwd",
                "/proc/self/status", "/usr/lib/locale/locale-archive",  "/etc/nsswitch.conf", "/dev/null",
        };
        unsigned i = (unsigned)pick(w, 2210);

        if (chance(w, 2, 5))
                return common[pick(w, ARRAY_SIZE(common))];
        snprintf(buf, 128,
                 i % 97 == 0  ? "/srv/data/annual report %04u.csv"
                 : i % 5 == 0 ? "/opt/app/lib/python3.11/site-packages/module_%04u/__init__.py"
                 : i % 3 == 0 ? "object-%04u.idx"
                              : "/srv/data/2026/archive/object-%04u.csv",
                 i);
        return buf;
}

/* A process runs one program: a new one comes now and then, and with each execve. */
static void fill_call(Mix *w, Call *c) {
        unsigned *pid;

        c->app = pick_app(w);
        pid = &w->pids[c->app - apps];
        if (!*pid || chance(w, 1, 60))
                *pid = w->pid += 1 + (unsigned)pick(w, 3);
        c->pid = *pid;
        c->ppid = *pid - 3;
        c->uid = c->app->comm[0] == 'n' ? 33 : strcmp(c->app->comm, "sshd") ? USER_UID : 0;
        c->a[1] = pointer(chance(w, 38, 100) ? pick(w, 3000) : draw(w));
}

static void write_open(Mix *w, Draft *d) {
        static const char *const modes[] = {
                "0100644", "0100644", "0100755", "0100600", "040755", "0100444"
        };
        static const uint64_t flags[] = { 0x80000, 0x80000, 0x80000, 0, 0x90800, 0x80241 };
        char name[128];
        bool fails = chance(w, 1, 9);
        Call c = { .number = 257, .name = "openat", .items = 1 };
        Path p = { .name = pick_name(w, name), .nametype = fails ? "UNKNOWN" : "NORMAL" };

        fill_call(w, &c);
        c.exit = !fails ? 3 + (long)pick(w, 3) : chance(w, 4, 5) ? -2 : -13;
        c.a[0] = 0xffffff9c;
        c.a[2] = flags[pick(w, ARRAY_SIZE(flags))];
        c.a[3] = c.a[2] == 0x80241 ? 0x1b6 : 0;
        if (!fails)
                p.inode = inode_of(p.name);
        p.mode = modes[p.inode % ARRAY_SIZE(modes)];
        p.owner = p.name[1] == 's' ? USER_UID : 0;
        put_syscall(w, d, &c);
        put_cwd(d, c.app);
        put_path(w, d, 0, &p);
        put_proctitle(d, c.app->args, strlen(c.app->args));
}

static void write_two_paths(Mix *w, Draft *d) {
        char name[128];
        uint64_t i = pick(w, 1900);
        Call c = { .number = 87, .name = "unlink", .items = 2 };
        Path dir = { "/srv/data/tmp", "PARENT", "040755", 655362, USER_UID };
        Path file = { name, "DELETE", "0100644", 700000 + i, USER_UID };

        snprintf(name, sizeof(name), "/srv/data/tmp/part-%04u", (unsigned)(i % 40));
        fill_call(w, &c);
        c.a[0] = pointer(10000 + i);
        c.a[2] = pick(w, 3);
        c.a[3] = pointer(20000 + i % 150);
        put_syscall(w, d, &c);
        put_cwd(d, c.app);
        put_path(w, d, 0, &dir);
        put_path(w, d, 1, &file);
        put_proctitle(d, c.app->args, strlen(c.app->args));
}

static const char *pick_argument(Mix *w, char buf[static 64]) {
        static const char *const shapes[] = { "--option-%u", "/srv/data/in-%04u.csv", "with some words %u",
                                              "%u" };
        unsigned i = (unsigned)pick(w, 1975);

        snprintf(buf, 64, shapes[i % ARRAY_SIZE(shapes)], i);
        return buf;
}

/* Appends the program's arguments to @args, 0x1F between them, as App has them. */
static void put_execve(Mix *w, Draft *d, const App *app, Buf *args) {
        unsigned argc = 1 + (unsigned)pick(w, 4) + chance(w, 1, 4);
        char word[64];

        start_record(d, "EXECVE");
        buf_printf(&d->text, "argc=%u a0=", argc);
        put_untrustedz(&d->text, app->exe);
        buf_putz(args, app->exe);
        for (unsigned i = 1; i < argc; i++) {
                pick_argument(w, word);
                buf_printf(&d->text, " a%u=", i);
                put_untrustedz(&d->text, word);
                buf_putc(args, '\x1f');
                buf_putz(args, word);
        }
        end_record(d);
}

static void write_exec(Mix *w, Draft *d) {
        uint64_t i = pick(w, 1970);
        Buf args = BUF_INIT;
        Call c = { .number = 59, .name = "execve", .items = 2 };
        Path exe = { NULL, "NORMAL", "0100755", 332000, 0 };
        Path loader = { "/lib64/ld-linux-x86-64.so.2", "NORMAL", "0100755", 332383, 0 };

        fill_call(w, &c);
        c.pid = w->pids[c.app - apps] = ++w->pid;
        c.ppid = c.pid - 3;
        c.a[0] = pointer(30000 + i % 400);
        c.a[2] = pointer(40000 + i);
        c.a[3] = scramble(i % 250);
        exe.name = c.app->exe;
        exe.inode += (uint64_t)(c.app - apps);
        put_syscall(w, d, &c);
        put_execve(w, d, c.app, &args);
        put_cwd(d, c.app);
        put_path(w, d, 0, &exe);
        put_path(w, d, 1, &loader);
        put_proctitle(d, args.p, args.n);
        buf_done(&args);
}

static void write_socket(Mix *w, Draft *d) {
        unsigned i = (unsigned)pick(w, 2800), port = 1024 + i % 64, host = i / 64 + 1;
        Call c = { .number = 42, .name = "connect", .items = 0, .a = { 3 + i % 5 } };

        fill_call(w, &c);
        c.exit = chance(w, 1, 3) ? -115 : 0;
        c.a[2] = 0x10;
        c.a[3] = pointer(50000 + i % 10);
        put_syscall(w, d, &c);
        start_record(d, "SOCKADDR");
        buf_printf(&d->text, "saddr=0200%04XC00002%02X0000000000000000", port, host);
        if (!w->raw)
                buf_printf(&d->text, GS "SADDR={ saddr_fam=inet laddr=192.0.2.%u lport=%u }", host, port);
        end_record(d);
        put_proctitle(d, c.app->args, strlen(c.app->args));
}

/* What the services say themselves: one record is the whole event. */
static void write_user(Mix *w, Draft *d) {
        static const struct {
                const char *type, *text;
                bool login; /* before the session has a user */
        } said[] = {
                { "USER_ACCT", "op=PAM:accounting grantors=pam_permit acct=\"alice\" exe=\"/usr/sbin/sshd\"",
                  true },
                { "CRED_ACQ",
                  "op=PAM:setcred grantors=pam_permit,pam_cap acct=\"alice\" exe=\"/usr/sbin/sshd\"", true },
                { "USER_START",
                  "op=PAM:session_open "
                  "grantors=pam_selinux,pam_loginuid,pam_keyinit,pam_permit,pam_unix,pam_mail,"
                  "pam_limits,pam_env,pam_env,pam_selinux acct=\"alice\" exe=\"/usr/sbin/sshd\"",
                  false },
                { "USER_LOGIN", "op=login id=5101 exe=\"/usr/sbin/sshd\"", false },
                { "USER_END",
                  "op=PAM:session_close grantors=pam_permit,pam_unix acct=\"alice\" exe=\"/usr/sbin/sshd\"",
                  false },
                { "CRED_DISP", "op=PAM:setcred grantors=pam_permit acct=\"alice\" exe=\"/usr/sbin/sshd\"",
                  false },
        };
        size_t i = pick(w, ARRAY_SIZE(said));
        unsigned host = 1 + (unsigned)pick(w, 20);

        start_record(d, said[i].type);
        buf_printf(&d->text,
                   "pid=%u uid=0 auid=%u ses=%u msg='%s hostname=192.0.2.%u addr=192.0.2.%u terminal=ssh "
                   "res=success'",
                   w->pid, said[i].login ? UINT32_MAX : USER_UID, said[i].login ? UINT32_MAX : 5,
                   said[i].text, host, host);
        if (!w->raw)
                buf_printf(&d->text, GS "UID=\"root\" AUID=\"%s\"%s", said[i].login ? "unset" : "alice",
                           strcmp(said[i].type, "USER_LOGIN") ? "" : " ID=\"alice\"");
        end_record(d);
}

static void write_event(Mix *w, Draft *d) {
        static const struct {
                void (*write)(Mix *w, Draft *d);
                unsigned weight; /* of 115,852 */
        } kinds[] = {
                { write_open, 105008 }, { write_exec, 5520 }, { write_two_paths, 3700 },
                { write_socket, 1600 }, { write_user, 24 },
        };
        uint64_t at = pick(w, 115852);
        size_t i = 0;

        if (w->exec_only)
                i = 1;
        else
                while (at >= kinds[i].weight)
                        at -= kinds[i++].weight;
        start_event(w, d);
        kinds[i].write(w, d);
        if (w->eoe && d->n > 1) {
                start_record(d, "EOE");
                end_record(d);
        }
}

static void print_records(Mix *w, Buf *out, const Draft *d, unsigned from, unsigned to) {
        size_t start = from ? d->end[from - 1] : 0;

        buf_put(out, d->text.p + start, d->end[to - 1] - start);
        w->n_records += to - from;
}

/* Two processors log at the same time: the second event starts before the first is over. */
static void print_pair(Mix *w, Buf *out, const Draft *first, const Draft *second) {
        unsigned i = first->n > 1 ? 1 + (unsigned)pick(w, first->n - 1) : first->n;
        unsigned k = second->n > 1 && chance(w, 4, 5) ? 1 + (unsigned)pick(w, second->n - 1) : second->n;

        print_records(w, out, first, 0, i);
        print_records(w, out, second, 0, k);
        if (i < first->n)
                print_records(w, out, first, i, first->n);
        if (k < second->n)
                print_records(w, out, second, k, second->n);
}

int mix_generate(Mix *w, Buf *out, uint64_t n_records) {
        Draft first = { .text = BUF_INIT }, second = { .text = BUF_INIT };

        while (w->n_records < n_records && !out->failed) {
                bool pair = chance(w, 4787, 115852 - 4787);

                write_event(w, &first);
                if (pair) {
                        write_event(w, &second);
                        print_pair(w, out, &first, &second);
                } else
                        print_records(w, out, &first, 0, first.n);
                buf_maybe_flush(out);
        }
        buf_done(&first.text);
        buf_done(&second.text);
        return buf_flush(out);
}
