/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* aulert status: asks the service that runs how it is, and what was lost. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "base/log.h"
#include "role/account/status-lines.h"
#include "role/args.h"
#include "role/config/config-read.h"
#include "role/places.h"
#include "role/role.h"

#define ANSWER_MS 10000 /* between two pieces of it */

/* Why nobody answers at @path, and what to do. */
static int say_nobody(const char *path, int error) {
        if (error == ENOENT || error == ECONNREFUSED)
                log_error("no aulert listens on %s: start the service (aulert-run(8)), or name the "
                          "configuration "
                          "that it uses",
                          path);
        else if (error == EACCES || error == EPERM)
                log_error("%s: only root and the group of the socket may ask: try it as root", path);
        else
                log_error("%s: %s", path, strerror(error));
        return STATUS_INPUT;
}

static int connect_to(const char *path) {
        struct sockaddr_un at = { .sun_family = AF_UNIX };
        int fd;

        if (strlen(path) >= sizeof(at.sun_path))
                return -ENAMETOOLONG;
        strcpy(at.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (struct sockaddr *)&at, sizeof(at)) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

/* All that it says. 0 or -errno; -ETIMEDOUT: it is there, and says nothing. */
static int listen_to(int fd, Buf *answer) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        ssize_t n = 1;

        while (n > 0 && answer->n < STATUS_BYTES_MAX && buf_reserve(answer, 65536)) {
                int r = poll(&p, 1, ANSWER_MS);

                if (r <= 0)
                        return r ? -errno : -ETIMEDOUT;
                n = recv(fd, answer->p + answer->n, 65536, 0);
                if (n > 0)
                        answer->n += (size_t)n;
        }
        return n < 0 ? -errno : answer->failed ? -ENOMEM : 0;
}

static int ask(const char *path, Buf *answer) {
        int fd = connect_to(path), r;

        if (fd < 0)
                return say_nobody(path, -fd);
        r = listen_to(fd, answer);
        close(fd);
        if (r == 0 && answer->n)
                return STATUS_DONE;
        log_error("%s: %s", path,
                  r < 0 ? strerror(-r) : "it was closed without an answer: is the service ending?");
        return STATUS_INPUT;
}

static int show(Str answer, void (*print)(Buf *out, const Status *s)) {
        Status *s = calloc(1, sizeof(*s));
        Buf out = BUF_INIT;
        int r = s ? status_parse(s, answer) : -ENOMEM;

        if (r == 0) {
                print(&out, s);
                buf_attach(&out, STDOUT_FILENO);
                r = out.failed ? -ENOMEM : buf_flush(&out);
        }
        if (r < 0 && r != -EPIPE)
                log_error("output: %s", strerror(-r));
        buf_done(&out);
        if (s)
                status_done(s);
        free(s);
        return r < 0 ? STATUS_INPUT : STATUS_DONE;
}

/* 0: *path is where it is; else an exit status: what is wrong was logged. */
static int find_socket(const char *config_path, Buf *path) {
        Config *config = NULL;

        if (config_path || access(places_config(), R_OK) == 0) {
                config = config_read(config_path ? config_path : places_config());
                if (!config)
                        return STATUS_USAGE;
        }
        if (config && config->status.off) {
                log_error("%s has status: off, so its aulert has no socket to ask", config->path);
                config_free(config);
                return STATUS_USAGE;
        }
        if (config && config->status.socket)
                buf_putz(path, config->status.socket);
        else
                places_status(path, true);
        config_free(config);
        return buf_z(path) ? 0 : STATUS_INPUT;
}

int cmd_status(int argc, char **argv) {
        const char *format = "text";
        const ArgsOption options[] = { { "format", .value = &format } };
        void (*print)(Buf * out, const Status *s) = status_text;
        Buf path = BUF_INIT, answer = BUF_INIT;
        size_t n;
        int r = args_parse(argc, argv, options, ARRAY_SIZE(options), &n);

        if (r)
                return r;
        if (n > 1)
                return role_usage(argv[0], "one configuration at most");
        if (!strcmp(format, "json"))
                print = status_json;
        else if (strcmp(format, "text") != 0)
                return role_usage(argv[0], "--format is text or json, not %s", format);
        r = find_socket(n ? argv[1] : NULL, &path);
        if (!r)
                r = ask(path.p, &answer);
        if (!r)
                r = show(buf_view(&answer), print);
        buf_done(&path);
        buf_done(&answer);
        return r;
}
