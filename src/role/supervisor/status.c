/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "role/account/counters.h"
#include "role/places.h"
#include "role/supervisor/status.h"

typedef struct {
        StatusServer *server;
        int fd; /* -1: free */
        sd_event_source *io, *late;
        Buf text; /* what he is to be told; none yet: he waits for it */
        size_t told;
} Client;

struct StatusServer {
        StatusOptions options;
        char *path;
        int fd;
        struct stat st; /* of the socket's file */
        sd_event_source *listen;
        Client clients[STATUS_CLIENTS];
        bool asked;
        Buf text; /* as it was told last */
        uint64_t told_ns;
};

static void drop(Client *c) {
        sd_event_source_disable_unref(c->io);
        sd_event_source_disable_unref(c->late);
        if (c->fd >= 0)
                close(c->fd);
        buf_done(&c->text);
        *c = (Client){ .server = c->server, .fd = -1, .text = BUF_INIT };
        sd_event_source_set_enabled(c->server->listen, SD_EVENT_ON);
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        drop(userdata);
        return 0;
}

static int tell(sd_event_source *s, int fd, uint32_t events, void *userdata) {
        Client *c = userdata;
        ssize_t n = 1;

        while (n > 0 && c->told < c->text.n) {
                n = send(c->fd, c->text.p + c->told, c->text.n - c->told, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (n > 0)
                        c->told += (size_t)n;
        }
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        drop(c);
        return 0;
}

static void give(Client *c) {
        buf_str(&c->text, buf_view(&c->server->text));
        if (c->text.failed || sd_event_add_io(c->server->options.loop, &c->io, c->fd, EPOLLOUT, tell, c) < 0)
                drop(c);
}

static void on_account(void *userdata, const AccountPart parts[ACCOUNT_PARTS]) {
        StatusServer *s = userdata;

        s->asked = false;
        s->told_ns = clock_monotonic_ns();
        buf_clear(&s->text);
        s->options.describe(s->options.userdata, &s->text);
        for (size_t i = 0; i < ACCOUNT_PARTS; i++) {
                Str rest = parts[i].lines, line;

                while (counters_next_line(&rest, &line))
                        buf_printf(&s->text, "%s\t" STR_FMT "\n", parts[i].role, STR_ARG(line));
                if (parts[i].silent)
                        buf_printf(&s->text, "%s\tsilent\n", parts[i].role);
        }
        buf_putz(&s->text, STATUS_END);
        for (size_t i = 0; i < STATUS_CLIENTS; i++)
                if (s->clients[i].fd >= 0 && !s->clients[i].io)
                        give(&s->clients[i]);
}

static int on_connection(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        StatusServer *s = userdata;
        Client *c = NULL;

        for (size_t i = 0; i < STATUS_CLIENTS && !c; i++)
                if (s->clients[i].fd < 0)
                        c = &s->clients[i];
        if (!c) { /* until one goes */
                sd_event_source_set_enabled(source, SD_EVENT_OFF);
                return 0;
        }
        c->fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (c->fd < 0)
                return 0;
        if (sd_event_add_time_relative(s->options.loop, &c->late, CLOCK_MONOTONIC, STATUS_MS * 1000ull, 10000,
                                       on_late, c) < 0) {
                drop(c);
                return 0;
        }
        if (s->text.n && !s->text.failed && clock_monotonic_ns() - s->told_ns < STATUS_FRESH_MS * NS_PER_MS) {
                give(c);
        } else if (!s->asked) {
                s->asked = true;
                s->options.question(s->options.userdata);
                account_ask(s->options.account, ACCOUNT_STATUS, on_account, s);
        }
        return 0;
}

/* Against others that start at the same time. Who can read the folder can hold its lock too, so nobody waits for it. The
 * folder is made when only its last part is missing. */
static int lock_folder(const char *path) {
        char *copy = strdup(path), *folder = copy ? dirname(copy) : NULL;
        int fd = -ENOMEM;

        if (folder) {
                (void)mkdir(folder, 0755);
                fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
                if (fd < 0)
                        fd = -errno;
                else
                        (void)flock(fd, LOCK_EX | LOCK_NB);
        }
        free(copy);
        return fd;
}

static bool somebody_listens(const struct sockaddr_un *at) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        bool yes = fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof(*at)) == 0 || errno == EAGAIN);

        if (fd >= 0)
                close(fd);
        return yes;
}

/* "aulert", if there is such a group; else nobody but who we are. */
static gid_t group_of(const char *name, bool *ret_found) {
        const struct group *g = getgrnam(name ? name : "aulert");

        *ret_found = g || !name;
        return g ? g->gr_gid : getegid();
}

/* Under another name first: when it can be seen, it has its owner and listens. */
static int bind_as(StatusServer *s, const struct sockaddr_un *at, gid_t gid) {
        struct sockaddr_un other = { .sun_family = AF_UNIX };
        int n = snprintf(other.sun_path, sizeof(other.sun_path), "%s.new", s->path);

        if (n >= (int)sizeof(other.sun_path))
                return -ENAMETOOLONG;
        if (somebody_listens(at))
                return -EADDRINUSE;
        (void)unlink(other.sun_path);
        if (bind(s->fd, (struct sockaddr *)&other, sizeof(other)) < 0)
                return -errno;
        if ((geteuid() == 0 && lchown(other.sun_path, 0, gid) < 0) || chmod(other.sun_path, 0660) < 0 ||
            listen(s->fd, 64) < 0 || lstat(other.sun_path, &s->st) < 0 ||
            rename(other.sun_path, at->sun_path) < 0) {
                int r = -errno;

                (void)unlink(other.sun_path);
                return r;
        }
        return 0;
}

static int listen_at(StatusServer *s, const char *group) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        bool found;
        gid_t gid = group_of(group, &found);
        int r, lock;

        if (strlen(s->path) >= sizeof(at.sun_path))
                return -ENAMETOOLONG;
        strcpy(at.sun_path, s->path);
        s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (s->fd < 0)
                return -errno;
        lock = lock_folder(s->path);
        if (lock < 0)
                return lock;
        r = bind_as(s, &at, gid);
        close(lock);
        if (r == 0 && !found)
                log_warning("status: there is no group %s (getent group shows those there are): only root "
                            "may ask",
                            group);
        return r < 0 ? r : sd_event_add_io(s->options.loop, &s->listen, s->fd, EPOLLIN, on_connection, s);
}

int status_open(StatusServer **ret, const ConfigStatus *config, const StatusOptions *options) {
        StatusServer *s;
        Buf standard = BUF_INIT;
        const char *path = config->socket ? config->socket : places_status(&standard, false);
        int r;

        *ret = NULL;
        if (config->off || !path) {
                buf_done(&standard);
                return 0;
        }
        s = calloc(1, sizeof(*s));
        if (s) {
                s->options = *options;
                s->fd = -1;
                s->text = BUF_INIT;
                for (size_t i = 0; i < STATUS_CLIENTS; i++)
                        s->clients[i] = (Client){ .server = s, .fd = -1, .text = BUF_INIT };
                s->path = strdup(path);
        }
        buf_done(&standard);
        r = s && s->path ? listen_at(s, config->group) : -ENOMEM;
        if (r < 0) {
                status_close(s);
                return r;
        }
        *ret = s;
        return 0;
}

StatusServer *status_close(StatusServer *s) {
        struct stat st;

        if (!s)
                return NULL;
        if (s->listen && lstat(s->path, &st) == 0 && st.st_dev == s->st.st_dev && st.st_ino == s->st.st_ino)
                (void)unlink(s->path);
        for (size_t i = 0; i < STATUS_CLIENTS; i++)
                drop(&s->clients[i]);
        sd_event_source_disable_unref(s->listen);
        if (s->fd >= 0)
                close(s->fd);
        buf_done(&s->text);
        free(s->path);
        free(s);
        return NULL;
}
