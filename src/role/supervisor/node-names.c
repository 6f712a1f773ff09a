/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include "role/config/config.h"
#include "role/supervisor/node-names.h"

#define FOLDER      "/etc/audit"
#define CMDLINE_MAX 4096u

typedef struct {
        Str format, name;
        bool listens; /* to other machines */
} AuditdConf;

static void add_name(EchoSelf *self, Str name) {
        if (!name.n || name.n >= ECHO_NODE_MAX || self->n_nodes == ECHO_NODES)
                return;
        memcpy(self->nodes[self->n_nodes], name.p, name.n);
        self->nodes[self->n_nodes++][name.n] = 0;
}

static Str trimmed(Str s) {
        while (s.n && (s.p[0] == ' ' || s.p[0] == '\t'))
                s = (Str){ s.p + 1, s.n - 1 };
        while (s.n && strchr(" \t\r", s.p[s.n - 1]))
                s.n--;
        return s;
}

/* key = value (auditd.conf(5)); the last one of a key counts. */
static void take_line(AuditdConf *c, Str line) {
        const char *eq = line.n ? memchr(line.p, '=', line.n) : NULL;
        Str key, value;

        if (!eq)
                return;
        key = trimmed((Str){ line.p, (size_t)(eq - line.p) });
        value = trimmed((Str){ eq + 1, (size_t)(line.p + line.n - eq - 1) });
        if (str_ieq(key, STR("name_format")))
                c->format = value;
        else if (str_ieq(key, STR("name")))
                c->name = value;
        else if (str_ieq(key, STR("tcp_listen_port")))
                c->listens = true;
}

static AuditdConf parse(Str conf) {
        AuditdConf c = { .format = STR(""), .name = STR("") };

        while (conf.n) {
                const char *nl = memchr(conf.p, '\n', conf.n);
                Str line = trimmed((Str){ conf.p, nl ? (size_t)(nl - conf.p) : conf.n });

                if (line.n && line.p[0] != '#')
                        take_line(&c, line);
                conf = nl ? (Str){ nl + 1, (size_t)(conf.p + conf.n - nl - 1) } : STR("");
        }
        return c;
}

/* Addresses that only count within one network have a like elsewhere. */
static const void *address_of(const struct sockaddr *a) {
        if (a && a->sa_family == AF_INET)
                return &((const struct sockaddr_in *)(const void *)a)->sin_addr;
        if (a && a->sa_family == AF_INET6 &&
            !IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr))
                return &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        return NULL;
}

static void add_addresses(EchoSelf *self, bool loopback) {
        struct ifaddrs *all, *a;
        char text[INET6_ADDRSTRLEN];

        if (loopback) { /* Debian's hosts(5) has the host name there */
                add_name(self, STR("127.0.0.1"));
                add_name(self, STR("127.0.1.1"));
                add_name(self, STR("::1"));
        }
        if (getifaddrs(&all) < 0)
                return;
        for (a = all; a; a = a->ifa_next) {
                const void *address = address_of(a->ifa_addr);

                if (address && !(a->ifa_flags & IFF_LOOPBACK) &&
                    inet_ntop(a->ifa_addr->sa_family, address, text, sizeof(text)))
                        add_name(self, str_from(text));
        }
        freeifaddrs(all);
}

void node_names_of(EchoSelf *self, Str conf) {
        AuditdConf c = parse(conf);

        self->n_nodes = 0;
        if (str_ieq(c.format, STR("user")))
                add_name(self, c.name);
        else if (str_ieq(c.format, STR("numeric")))
                add_addresses(self, !c.listens);
}

static Str next_word(Str *rest) {
        size_t n = strnlen(rest->p, rest->n), whole = n < rest->n ? n + 1 : n;
        Str word = { rest->p, n };

        *rest = (Str){ rest->p + whole, rest->n - whole };
        return word;
}

static void put_folder(Buf *path, int64_t auditd) {
        char name[64], words[CMDLINE_MAX];
        Str rest = { words, 0 }, word, folder = STR(FOLDER);
        FILE *f;

        snprintf(name, sizeof(name), "/proc/%lld/cmdline", (long long)auditd);
        f = fopen(name, "re");
        if (f) {
                rest.n = fread(words, 1, sizeof(words), f);
                fclose(f);
        }
        word = next_word(&rest);
        if (word.n < 6 || memcmp(word.p + word.n - 6, "auditd", 6) != 0)
                rest.n = 0;
        while (rest.n) {
                word = next_word(&rest);
                if (str_eqz(word, "-c") && rest.n)
                        folder = next_word(&rest);
        }
        buf_str(path, folder);
}

void node_names_find(EchoSelf *self, int64_t auditd) {
        Buf path = BUF_INIT, conf = BUF_INIT;

        self->n_nodes = 0;
        put_folder(&path, auditd);
        buf_putz(&path, "/auditd.conf");
        if (buf_z(&path) && config_read_file(path.p, &conf) == 0)
                node_names_of(self, buf_view(&conf));
        buf_done(&path);
        buf_done(&conf);
}
