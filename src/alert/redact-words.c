/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Secrets that only who knows the program can tell: mysql -p…, curl -u user:…, sshpass -p …. */
#include "alert/facts.h"
#include "alert/redact-scan.h"

#define SQL     (1u << 0)
#define CURL    (1u << 1)
#define SSHPASS (1u << 2)
#define OPENSSL (1u << 3)
#define SMB     (1u << 4)
#define LDAP    (1u << 5)
#define REDIS   (1u << 6)
#define MONGO   (1u << 7)
#define MSSQL   (1u << 8)
#define LOGIN_P (1u << 9) /* docker login -p */
#define ZIP     (1u << 10)
#define SEVENZ  (1u << 11)
#define RDP     (1u << 12)
#define SNMP    (1u << 13)
#define IPMI    (1u << 14)
#define FTP     (1u << 15)
#define KEYGEN  (1u << 16)
#define HTPASS  (1u << 17)
#define WPA     (1u << 18)
#define USERMOD (1u << 19)
#define LDAPPW  (1u << 20)
#define CONFIG  (1u << 21) /* aws configure set NAME VALUE */

/* In the order of their bytes: they are searched for by halves. */
static const struct {
        Str name;
        unsigned program;
} programs[] = {
        { STR_INIT("7z"), SEVENZ },
        { STR_INIT("7za"), SEVENZ },
        { STR_INIT("7zr"), SEVENZ },
        { STR_INIT("7zz"), SEVENZ },
        { STR_INIT("aws"), CONFIG },
        { STR_INIT("az"), LOGIN_P },
        { STR_INIT("bcp"), MSSQL },
        { STR_INIT("buildah"), LOGIN_P },
        { STR_INIT("curl"), CURL },
        { STR_INIT("curlie"), CURL },
        { STR_INIT("docker"), LOGIN_P },
        { STR_INIT("gcloud"), CONFIG },
        { STR_INIT("git"), CONFIG },
        { STR_INIT("helm"), LOGIN_P },
        { STR_INIT("htdigest"), HTPASS },
        { STR_INIT("htpasswd"), HTPASS },
        { STR_INIT("ipmitool"), IPMI },
        { STR_INIT("keydb-cli"), REDIS },
        { STR_INIT("ldapadd"), LDAP },
        { STR_INIT("ldapcompare"), LDAP },
        { STR_INIT("ldapdelete"), LDAP },
        { STR_INIT("ldapexop"), LDAP },
        { STR_INIT("ldapmodify"), LDAP },
        { STR_INIT("ldapmodrdn"), LDAP },
        { STR_INIT("ldappasswd"), LDAP | LDAPPW },
        { STR_INIT("ldapsearch"), LDAP },
        { STR_INIT("ldapwhoami"), LDAP },
        { STR_INIT("lftp"), FTP },
        { STR_INIT("mariabackup"), SQL },
        { STR_INIT("mariadb"), SQL },
        { STR_INIT("mariadb-admin"), SQL },
        { STR_INIT("mariadb-check"), SQL },
        { STR_INIT("mariadb-dump"), SQL },
        { STR_INIT("mariadb-import"), SQL },
        { STR_INIT("mariadb-show"), SQL },
        { STR_INIT("mongo"), MONGO },
        { STR_INIT("mongodump"), MONGO },
        { STR_INIT("mongoexport"), MONGO },
        { STR_INIT("mongoimport"), MONGO },
        { STR_INIT("mongorestore"), MONGO },
        { STR_INIT("mongosh"), MONGO },
        { STR_INIT("mongostat"), MONGO },
        { STR_INIT("mongotop"), MONGO },
        { STR_INIT("mount.cifs"), SMB },
        { STR_INIT("mycli"), SQL },
        { STR_INIT("mysql"), SQL },
        { STR_INIT("mysqladmin"), SQL },
        { STR_INIT("mysqlbinlog"), SQL },
        { STR_INIT("mysqlcheck"), SQL },
        { STR_INIT("mysqldump"), SQL },
        { STR_INIT("mysqlimport"), SQL },
        { STR_INIT("mysqlpump"), SQL },
        { STR_INIT("mysqlsh"), SQL },
        { STR_INIT("mysqlshow"), SQL },
        { STR_INIT("mysqlslap"), SQL },
        { STR_INIT("ncftp"), FTP },
        { STR_INIT("ncftpget"), FTP },
        { STR_INIT("ncftpput"), FTP },
        { STR_INIT("nerdctl"), LOGIN_P },
        { STR_INIT("net"), SMB },
        { STR_INIT("newusers"), USERMOD },
        { STR_INIT("nmblookup"), SMB },
        { STR_INIT("npm"), CONFIG },
        { STR_INIT("oc"), LOGIN_P },
        { STR_INIT("openssl"), OPENSSL },
        { STR_INIT("osql"), MSSQL },
        { STR_INIT("pip"), CONFIG },
        { STR_INIT("pnpm"), CONFIG },
        { STR_INIT("podman"), LOGIN_P },
        { STR_INIT("rar"), SEVENZ },
        { STR_INIT("rdesktop"), RDP },
        { STR_INIT("redis-cli"), REDIS },
        { STR_INIT("rpcclient"), SMB },
        { STR_INIT("skopeo"), LOGIN_P },
        { STR_INIT("smbcacls"), SMB },
        { STR_INIT("smbclient"), SMB },
        { STR_INIT("smbget"), SMB },
        { STR_INIT("smbmap"), SMB },
        { STR_INIT("smbtree"), SMB },
        { STR_INIT("snmpbulkget"), SNMP },
        { STR_INIT("snmpbulkwalk"), SNMP },
        { STR_INIT("snmpget"), SNMP },
        { STR_INIT("snmpgetnext"), SNMP },
        { STR_INIT("snmpset"), SNMP },
        { STR_INIT("snmpstatus"), SNMP },
        { STR_INIT("snmptable"), SNMP },
        { STR_INIT("snmptrap"), SNMP },
        { STR_INIT("snmpwalk"), SNMP },
        { STR_INIT("sqlcmd"), MSSQL },
        { STR_INIT("ssh-keygen"), KEYGEN },
        { STR_INIT("sshpass"), SSHPASS },
        { STR_INIT("tsql"), MSSQL },
        { STR_INIT("unrar"), SEVENZ },
        { STR_INIT("unzip"), ZIP },
        { STR_INIT("useradd"), USERMOD },
        { STR_INIT("usermod"), USERMOD },
        { STR_INIT("valkey-cli"), REDIS },
        { STR_INIT("winexe"), SMB },
        { STR_INIT("wlfreerdp"), RDP },
        { STR_INIT("wmic"), SMB },
        { STR_INIT("wpa_passphrase"), WPA },
        { STR_INIT("xfreerdp"), RDP },
        { STR_INIT("xfreerdp3"), RDP },
        { STR_INIT("xtrabackup"), SQL },
        { STR_INIT("yarn"), CONFIG },
        { STR_INIT("zip"), ZIP },
        { STR_INIT("zipcloak"), ZIP },
};

static unsigned find_program(Str name) {
        size_t low = 0, high = ARRAY_SIZE(programs);

        while (low < high) {
                size_t middle = (low + high) / 2;
                Str other = programs[middle].name;
                int order = memcmp(name.p, other.p, name.n < other.n ? name.n : other.n);

                if (order == 0 && name.n == other.n)
                        return programs[middle].program;
                if (order < 0 || (order == 0 && name.n < other.n))
                        high = middle;
                else
                        low = middle + 1;
        }
        return 0;
}

/* Which part of a word is the secret. */
typedef enum { WHOLE = 1, AFTER_COLON, AFTER_PERCENT, AFTER_COMMA } Part;

#define NEXT   1u /* the word after the option */
#define JOINED 2u /* the rest of the option's word */

static const struct {
        unsigned programs;
        const char *option;
        unsigned where;
        Part part;
} options[] = {
        { SQL, "-p", JOINED, WHOLE },
        { CURL, "-u", NEXT | JOINED, AFTER_COLON },
        { CURL, "-U", NEXT | JOINED, AFTER_COLON },
        { CURL, "--user", NEXT, AFTER_COLON },
        { CURL, "--user=", JOINED, AFTER_COLON },
        { CURL, "--proxy-user", NEXT, AFTER_COLON },
        { CURL, "--proxy-user=", JOINED, AFTER_COLON },
        { CURL, "-E", NEXT | JOINED, AFTER_COLON },
        { CURL, "--cert", NEXT, AFTER_COLON },
        { CURL, "-b", NEXT | JOINED, WHOLE },
        { CURL, "--cookie", NEXT, WHOLE },
        { SSHPASS, "-p", NEXT | JOINED, WHOLE },
        { OPENSSL, "-k", NEXT, WHOLE },
        { OPENSSL, "-K", NEXT, WHOLE },
        { SMB, "-U", NEXT | JOINED, AFTER_PERCENT },
        { SMB, "--user", NEXT, AFTER_PERCENT },
        { SMB, "--user=", JOINED, AFTER_PERCENT },
        { SMB, "-p", NEXT, WHOLE },
        { LDAP, "-w", NEXT | JOINED, WHOLE },
        { LDAPPW, "-s", NEXT | JOINED, WHOLE },
        { LDAPPW, "-a", NEXT | JOINED, WHOLE },
        { REDIS, "-a", NEXT | JOINED, WHOLE },
        { MONGO, "-p", NEXT | JOINED, WHOLE },
        { MSSQL, "-P", NEXT | JOINED, WHOLE },
        { LOGIN_P, "-p", NEXT, WHOLE },
        { ZIP, "-P", NEXT | JOINED, WHOLE },
        { SEVENZ, "-p", JOINED, WHOLE },
        { SEVENZ, "-hp", JOINED, WHOLE },
        { RDP, "-p", NEXT, WHOLE },
        { RDP, "/p:", JOINED, WHOLE },
        { SNMP, "-c", NEXT | JOINED, WHOLE },
        { SNMP, "-A", NEXT | JOINED, WHOLE },
        { SNMP, "-X", NEXT | JOINED, WHOLE },
        { IPMI, "-P", NEXT | JOINED, WHOLE },
        { FTP, "-u", NEXT, AFTER_COMMA },
        { FTP, "-p", NEXT, WHOLE },
        { KEYGEN, "-N", NEXT, WHOLE },
        { KEYGEN, "-P", NEXT, WHOLE },
        { USERMOD, "-p", NEXT, WHOLE },
};

/* What was met so far in one simple command. */
typedef struct {
        unsigned programs;
        Part pending;  /* the next word holds a secret */
        bool cautious; /* it may be an option instead: the one before was known by its name only */
        bool batch;    /* htpasswd -b */
        Str word;      /* the last one */
        Str added[8];  /* programs that the administrator named and that were met */
        unsigned n_added;
} Command;

static void mark_part(Scan *s, Str word, Part part) {
        static const char signs[] = { [AFTER_COLON] = ':', [AFTER_PERCENT] = '%', [AFTER_COMMA] = ',' };
        const char *at = word.p;

        if (!word.n)
                return;
        if (part != WHOLE) {
                at = memchr(word.p, signs[part], word.n);
                if (!at)
                        return;
                at++;
        }
        scan_mark(s, (size_t)(at - s->text.p), (size_t)(word.p + word.n - s->text.p));
}

/* "x=$(/usr/bin/mysql</dev/null": what stands behind the last sign that a program may follow. */
static Str program_in(Str word) {
        size_t start = 0, end = word.n;

        for (size_t i = 0; i < word.n; i++)
                if (word.p[i] && strchr(";|&`(={!", word.p[i]))
                        start = i + 1;
        for (size_t i = start; i < end; i++)
                if (word.p[i] == '<' || word.p[i] == '>')
                        end = i;
        return facts_basename((Str){ word.p + start, end - start });
}

static void meet_program(Scan *s, Command *c, Str word) {
        Str name = program_in(word);

        if (name.n)
                c->programs |= find_program(name);
        for (size_t i = 0; s->redact && i < s->redact->n_names && c->n_added < ARRAY_SIZE(c->added); i++) {
                Str entry = s->redact->names[i];
                const char *blank = memchr(entry.p, ' ', entry.n);
                Str option;

                if (!blank || !str_eq(name, (Str){ entry.p, (size_t)(blank - entry.p) }))
                        continue;
                option = (Str){ blank + 1, (size_t)(entry.p + entry.n - blank - 1) };
                if (option.n)
                        c->added[c->n_added++] = option;
        }
}

static void take_option(Scan *s, Command *c, Str word, Str option, unsigned where, Part part) {
        if (str_eq(word, option)) {
                if (where & NEXT)
                        c->pending = part;
        } else if ((where & JOINED) && str_starts(word, option)) {
                mark_part(s, (Str){ word.p + option.n, word.n - option.n }, part);
        }
}

static void take_options(Scan *s, Command *c, Str word) {
        for (size_t i = 0; c->programs && i < ARRAY_SIZE(options); i++)
                if (options[i].programs & c->programs)
                        take_option(s, c, word, str_from(options[i].option), options[i].where,
                                    options[i].part);
        for (unsigned i = 0; i < c->n_added; i++)
                take_option(s, c, word, c->added[i], c->added[i].n == 2 ? NEXT | JOINED : NEXT, WHOLE);
        c->batch |= str_eq(word, STR("-b")) || str_eq(word, STR("-cb")) || str_eq(word, STR("-bc")) ||
                    str_eq(word, STR("-nb")) || str_eq(word, STR("-nbB")) || str_eq(word, STR("-Bb"));
        if (!c->pending && word.n > 2 && word.p[0] == '-' && !memchr(word.p, '=', word.n) &&
            redact_is_secret_name(s->redact, word, true)) {
                c->pending = WHOLE;
                c->cautious = true;
        }
}

/* curl -su user:secret: the last of several letters takes the next word. */
static void take_letters(Command *c, Str word) {
        bool letters = word.n > 2 && word.n < 8 && word.p[1] != '-';

        for (size_t i = 1; letters && i < word.n; i++)
                letters = (word.p[i] | 32) >= 'a' && (word.p[i] | 32) <= 'z';
        if (letters && (c->programs & CURL) && (word.p[word.n - 1] | 32) == 'u')
                c->pending = AFTER_COLON;
}

static bool is_option(Str word) {
        return word.n >= 2 && word.p[0] == '-' && (word.p[1] == '-' || word.n == 2);
}

static void take_word(Scan *s, Command *c, Str word) {
        Part pending = c->pending;

        if (!word.n)
                return;
        if (pending && c->cautious && is_option(word))
                pending = 0;
        c->pending = 0;
        c->cautious = false;
        c->word = word;
        if (pending) {
                mark_part(s, word, pending);
                return;
        }
        if (str_starts(word, STR("pass:")))
                scan_mark(s, (size_t)(word.p + 5 - s->text.p), (size_t)(word.p + word.n - s->text.p));
        if (word.p[0] == '-' || word.p[0] == '/') {
                take_options(s, c, word);
                take_letters(c, word);
        } else if ((c->programs & CONFIG) && !memchr(word.p, '=', word.n) &&
                   redact_is_secret_name(s->redact, word, false)) {
                c->pending = WHOLE;
                c->cautious = true;
        }
        if (word.p[0] != '-')
                meet_program(s, c, word);
}

/* Programs that take the secret as their last word. */
static void end_command(Scan *s, Command *c) {
        if (c->word.n && ((c->programs & WPA) || ((c->programs & HTPASS) && c->batch)))
                mark_part(s, c->word, WHOLE);
        *c = (Command){ 0 };
}

static bool is_blank(char c) { return (uint8_t)c <= ' ' || c == 0x7F; }

static bool has_blank(Str word) {
        for (size_t i = 0; i < word.n; i++)
                if (is_blank(word.p[i]))
                        return true;
        return false;
}

void scan_words(Scan *s, size_t start, size_t end) {
        Command c = { 0 };

        while (start < end) {
                const char *p = s->text.p + start, *nul = memchr(p, 0, end - start);
                Str word = { p, nul ? (size_t)(nul - p) : end - start };

                if (has_blank(word))
                        scan_line(s, start, start + word.n, 0);
                take_word(s, &c, word);
                start += word.n + 1;
        }
        end_command(s, &c);
}

typedef struct {
        bool no_single, no_double; /* no closing quote follows any more */
} Quotes;

/* The quote that closes the one at @at, or 0. */
static size_t closing(const Scan *s, size_t at, size_t end, Quotes *quotes) {
        char quote = s->text.p[at];
        bool *none = quote == '"' ? &quotes->no_double : &quotes->no_single;

        if (*none)
                return 0;
        for (size_t i = at + 1; i < end; i++)
                if (s->text.p[i] == quote && (quote == '\'' || s->text.p[i - 1] != '\\'))
                        return i;
        *none = true;
        return 0;
}

static Str trim(Str word) {
        while (word.n && strchr("\"'\\$({`", word.p[0]) && word.p[0])
                word = (Str){ word.p + 1, word.n - 1 };
        while (word.n && strchr("\"'\\)}`;", word.p[word.n - 1]) && word.p[word.n - 1])
                word.n--;
        return word;
}

/* One word of a command line, and what is within its quotes. Only blanks part words: sudo writes command lines
 * without quotes, and a secret may hold any sign. */
static size_t next_word(Scan *s, size_t start, size_t end, unsigned depth, Quotes *quotes) {
        size_t i = start;

        while (i < end && !is_blank(s->text.p[i])) {
                bool quote = (s->text.p[i] == '"' || s->text.p[i] == '\'') &&
                             !(i > start && s->text.p[i - 1] == '\\');
                size_t close = quote && depth < SCAN_DEPTH ? closing(s, i, end, quotes) : 0;

                if (close) {
                        if (has_blank((Str){ s->text.p + i + 1, close - i - 1 }))
                                scan_line(s, i + 1, close, depth + 1);
                        i = close;
                }
                i++;
        }
        return i;
}

static bool ends_command(Str word) {
        char last = word.p[word.n - 1];

        return last == ';' || last == '|' || last == '&';
}

void scan_line(Scan *s, size_t start, size_t end, unsigned depth) {
        Quotes quotes = { 0 };
        Command c = { 0 };

        while (start < end) {
                size_t next;
                Str word;

                if (is_blank(s->text.p[start])) {
                        if (s->text.p[start] == '\n')
                                end_command(s, &c);
                        start++;
                        continue;
                }
                next = next_word(s, start, end, depth, &quotes);
                word = (Str){ s->text.p + start, next - start };
                take_word(s, &c, trim(word));
                if (ends_command(word))
                        end_command(s, &c);
                start = next;
        }
        end_command(s, &c);
}
