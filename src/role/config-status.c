/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/config-yaml.h"

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

void conf_take_status(ConfLoader *l, const ConfNode *value, void *into) {
        static const ConfKey keys[] = { { "socket", take_socket },
                                        { "group", take_group },
                                        { "losses", take_losses } };
        ConfigStatus *status = &((Config *)into)->status;

        if (str_eqz(conf_scalar(value), "off"))
                status->off = true;
        else
                conf_map(l, value, "status", keys, ARRAY_SIZE(keys), status);
}
