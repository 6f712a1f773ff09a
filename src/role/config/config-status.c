/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <arpa/inet.h>
#include <netinet/in.h>
#include "role/account/counters.h"
#include "role/config/config-yaml.h"

static void take_socket(ConfLoader *l, const ConfNode *v, void *into) {
        Str path = conf_text(l, v, "socket");

        if (!path.n)
                return;
        if (path.p[0] != '/')
                conf_bad(l, v, "the path of a socket starts with /: %s", path.p);
        if (path.n > CONFIG_SOCKET_MAX)
                conf_bad(l, v, "the path of a socket has at most %u bytes", CONFIG_SOCKET_MAX);
        ((ConfigStatus *)into)->socket = path.p;
}
static void take_group(ConfLoader *l, const ConfNode *v, void *into) {
        ((ConfigStatus *)into)->group = conf_text(l, v, "group").p;
}
static void take_losses(ConfLoader *l, const ConfNode *v, void *into) {
        uint64_t *ms = &((ConfigStatus *)into)->losses_ms;

        *ms = 0;
        if (str_eqz(conf_scalar(v), "off"))
                return;
        *ms = conf_duration(l, v, "losses");
        if (*ms && *ms < 1000)
                conf_bad(l, v, "losses must be at least 1s, or off");
}

static void take_except(ConfLoader *l, const ConfNode *v, void *into) {
        StrList names = conf_list(l, v, "except");

        for (size_t i = 0; i < names.n; i++)
                if (names.v[i].n && !counters_is_loss(names.v[i]))
                        conf_bad(l, conf_item(l, v, i),
                                 "%s is no counter of losses: aulert status names them", names.v[i].p);
        ((ConfigStatus *)into)->except = names;
}

void conf_take_status(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "socket", take_socket },
                                        { "group", take_group },
                                        { "losses", take_losses },
                                        { "except", take_except } };
        ConfigStatus *status = &((Config *)into)->status;

        if (str_eqz(conf_scalar(value), "off"))
                status->off = true;
        else
                conf_map(l, value, "status", keys, ARRAY_SIZE(keys), status);
}

/* "127.0.0.1:9765", "[::1]:9765". False: it is neither, or not of this machine. */
static bool loopback(Str s, struct sockaddr_storage *ret) {
        const char *colon = memrchr(s.p, ':', s.n);
        struct sockaddr_in v4 = { .sin_family = AF_INET };
        struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
        char host[INET6_ADDRSTRLEN] = "";
        uint64_t port;
        Str h;

        if (!colon || !str_u64(str_from(colon + 1), 10, &port) || port < 1024 || port > 65535)
                return false;
        h = (Str){ s.p, (size_t)(colon - s.p) };
        if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
                h = (Str){ h.p + 1, h.n - 2 };
        if (h.n >= sizeof(host))
                return false;
        memcpy(host, h.p, h.n);
        memset(ret, 0, sizeof(*ret));
        if (inet_pton(AF_INET, host, &v4.sin_addr) == 1 && ntohl(v4.sin_addr.s_addr) >> 24 == 127) {
                v4.sin_port = htons((uint16_t)port);
                memcpy(ret, &v4, sizeof(v4));
                return true;
        }
        if (inet_pton(AF_INET6, host, &v6.sin6_addr) != 1 || !IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr))
                return false;
        v6.sin6_port = htons((uint16_t)port);
        memcpy(ret, &v6, sizeof(v6));
        return true;
}

static void take_file(ConfLoader *l, const ConfNode *v, void *into) {
        Str path = conf_text(l, v, "file");

        if (path.n)
                ((ConfigMetrics *)into)->file = conf_path(l, path);
        if (path.n && !str_ends(path, STR(".prom")))
                conf_bad(l, v, "the name of the file must end with .prom: node_exporter reads no other");
}
static void take_every(ConfLoader *l, const ConfNode *v, void *into) {
        unsigned n_bad = l->n_bad;
        uint64_t ms = conf_duration(l, v, "every");

        if (l->n_bad == n_bad && ms < 1000)
                conf_bad(l, v, "every must be at least 1s");
        ((ConfigMetrics *)into)->every_ms = ms;
}
static void take_listen(ConfLoader *l, const ConfNode *v, void *into) {
        ConfigMetrics *m = into;
        Str at = conf_text(l, v, "listen");

        m->listen = at.p;
        if (at.n && !loopback(at, &m->at))
                conf_bad(l, v,
                         "listen must be an address of this machine only and a port from 1024 on, as "
                         "127.0.0.1:9765 or "
                         "[::1]:9765, not %s: metrics are sent to who asks, without a password; for other "
                         "machines "
                         "put a server with TLS before it, or use file",
                         at.p);
}

void conf_take_metrics(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "file", take_file },
                                        { "every", take_every },
                                        { "listen", take_listen } };
        ConfigMetrics *metrics = &((Config *)into)->metrics;
        unsigned n_bad = l->n_bad;

        conf_map(l, value, "metrics", keys, ARRAY_SIZE(keys), metrics);
        if (l->n_bad == n_bad && !metrics->file && !metrics->listen)
                conf_bad(l, value, "metrics needs file, listen or both");
}
