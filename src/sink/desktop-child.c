/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>
#include "base/escape.h"
#include "sink/desktop-child.h"

#define GROUPS_MAX  256
#define ANSWER_USEC 1500000u /* for one answer of the bus */
#define LIFE_S      3u       /* should the parent not end us */

/* AddressSanitizer reserves terabytes. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define MEMORY_BYTES RLIM_INFINITY
#else
#define MEMORY_BYTES (256u << 20)
#endif

#define SERVICE   "org.freedesktop.Notifications"
#define OBJECT    "/org/freedesktop/Notifications"
#define INTERFACE "org.freedesktop.Notifications"

typedef struct {
        int status;
        char text[200];
} Answer;

static void say(Answer *a, int status, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void say(Answer *a, int status, const char *fmt, ...) {
        va_list ap;

        a->status = status;
        va_start(ap, fmt);
        vsnprintf(a->text, sizeof(a->text), fmt, ap);
        va_end(ap);
}

static void put_text(Buf *out, Str s) {
        uint32_t n = (uint32_t)s.n;

        buf_put(out, &n, sizeof(n));
        buf_str(out, s);
}

void desktop_request_write(Buf *out, const DesktopRequest *q) {
        buf_put(out, &q->urgency, sizeof(q->urgency));
        buf_put(out, &q->timeout_ms, sizeof(q->timeout_ms));
        put_text(out, q->icon);
        put_text(out, q->summary);
        put_text(out, q->body);
}

static bool get(Str *rest, void *ret, size_t n) {
        if (rest->n < n)
                return false;
        memcpy(ret, rest->p, n);
        rest->p += n;
        rest->n -= n;
        return true;
}

static bool get_text(Str *rest, Str *ret) {
        uint32_t n;

        if (!get(rest, &n, sizeof(n)) || rest->n < n)
                return false;
        *ret = (Str){ rest->p, n };
        rest->p += n;
        rest->n -= n;
        return true;
}

bool desktop_request_read(Str s, DesktopRequest *ret) {
        DesktopRequest q;

        if (!get(&s, &q.urgency, sizeof(q.urgency)) || q.urgency > 2 ||
            !get(&s, &q.timeout_ms, sizeof(q.timeout_ms)) || q.timeout_ms > INT_MAX ||
            !get_text(&s, &q.icon) || !get_text(&s, &q.summary) || !get_text(&s, &q.body) || s.n)
                return false;
        *ret = q;
        return true;
}

static void limit_self(void) {
        static const struct {
                int what;
                rlim_t most;
        } limits[] = {
                { RLIMIT_CORE, 0 },
                { RLIMIT_CPU, LIFE_S },
                { RLIMIT_NOFILE, 32 },
                { RLIMIT_FSIZE, 0 },
#if !defined(__SANITIZE_ADDRESS__)
                { RLIMIT_AS, MEMORY_BYTES },
#endif
        };

        for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
                setrlimit((__rlimit_resource_t)limits[i].what,
                          &(struct rlimit){ limits[i].most, limits[i].most });
        alarm(LIFE_S);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* There must be no way back to what we were. */
static bool is_only(uid_t uid, gid_t gid) {
        uid_t r, e, s;
        gid_t rg, eg, sg;

        if (getresuid(&r, &e, &s) < 0 || r != uid || e != uid || s != uid)
                return false;
        if (getresgid(&rg, &eg, &sg) < 0 || rg != gid || eg != gid || sg != gid)
                return false;
        return uid == 0 || (setuid(0) < 0 && seteuid(0) < 0 && getuid() == uid && geteuid() == uid);
}

static int become(uid_t uid) {
        gid_t groups[GROUPS_MAX];
        struct passwd pw, *found = NULL;
        int n = GROUPS_MAX;
        char text[16384];

        if (getpwuid_r(uid, &pw, text, sizeof(text), &found) != 0 || !found)
                return -ENOENT;
        if (geteuid() == 0) {
                if (getgrouplist(pw.pw_name, pw.pw_gid, groups, &n) < 0)
                        n = GROUPS_MAX; /* more than that: the first ones */
                if (setgroups((size_t)n, groups) < 0 || setresgid(pw.pw_gid, pw.pw_gid, pw.pw_gid) < 0 ||
                    setresuid(uid, uid, uid) < 0)
                        return -errno;
        }
        if (!is_only(uid, pw.pw_gid))
                return -EPERM;
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of ids takes it away */
        return 0;
}

/* Connects to the very socket whose owner was looked at, whatever happens to its name meanwhile. */
static int connect_checked(const char *path, uid_t uid) {
        struct sockaddr_un addr = { .sun_family = AF_UNIX };
        int place = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), fd, r = 0;
        struct stat st;

        if (place < 0)
                return -errno;
        if (fstat(place, &st) < 0 || !S_ISSOCK(st.st_mode) || st.st_uid != uid) {
                close(place);
                return -EPERM;
        }
        snprintf(addr.sun_path, sizeof(addr.sun_path), "/proc/self/fd/%d", place);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
                r = -errno;
        close(place);
        if (r == 0)
                return fd;
        if (fd >= 0)
                close(fd);
        return r;
}

/* Who listens must be that user too: a socket can be left in place and served by another. */
static int connect_bus(const char *run_dir, uid_t uid) {
        struct ucred peer;
        socklen_t n = sizeof(peer);
        char path[PATH_MAX];
        int fd;

        if ((size_t)snprintf(path, sizeof(path), "%s/%u/bus", run_dir, uid) >= sizeof(path))
                return -ENAMETOOLONG;
        fd = connect_checked(path, uid);
        if (fd < 0)
                return fd;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.uid != uid) {
                close(fd);
                return -EPERM;
        }
        return fd;
}

static int open_bus(int fd, sd_bus **ret) {
        sd_bus *bus = NULL;
        int r = sd_bus_new(&bus);

        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r < 0) {
                close(fd);
                sd_bus_unref(bus);
                return r;
        }
        sd_bus_set_bus_client(bus, true);
        sd_bus_set_method_call_timeout(bus, ANSWER_USEC);
        r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }
        *ret = bus;
        return 0;
}

/* "body-markup": the server renders <b> and entities; without it they would be shown as they are. */
static int ask_markup(sd_bus *bus, sd_bus_error *error, bool *ret) {
        sd_bus_message *reply = NULL;
        const char *word;
        bool markup = false;
        int r = sd_bus_call_method(bus, SERVICE, OBJECT, INTERFACE, "GetCapabilities", error, &reply, "");

        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(reply, 'a', "s");
        while (r > 0 && (r = sd_bus_message_read_basic(reply, 's', &word)) > 0)
                markup |= !strcmp(word, "body-markup");
        sd_bus_message_unref(reply);
        *ret = markup;
        return r < 0 ? r : 0;
}

static int notify(sd_bus *bus, sd_bus_error *error, const DesktopRequest *q, bool markup) {
        Buf icon = BUF_INIT, summary = BUF_INIT, body = BUF_INIT;
        sd_bus_message *reply = NULL;
        int r = -ENOMEM;

        escape_terminal(&icon, q->icon);
        escape_terminal(&summary, q->summary);
        if (markup)
                escape_markup(&body, q->body);
        else
                escape_terminal(&body, q->body);
        if (buf_z(&icon) && buf_z(&summary) && buf_z(&body))
                r = sd_bus_call_method(bus, SERVICE, OBJECT, INTERFACE, "Notify", error, &reply,
                                       "susssasa{sv}i", "aulert", (uint32_t)0, icon.p, summary.p, body.p, 0,
                                       1, "urgency", "y", q->urgency, (int32_t)q->timeout_ms);
        sd_bus_message_unref(reply);
        buf_done(&icon);
        buf_done(&summary);
        buf_done(&body);
        return r;
}

static bool is_late(int r, const sd_bus_error *error) {
        return r == -ETIMEDOUT || sd_bus_error_has_name(error, SD_BUS_ERROR_TIMEOUT) ||
               sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY);
}

static void show(Answer *a, const char *run_dir, uid_t uid, const DesktopRequest *q) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *bus = NULL;
        bool markup = false;
        int fd = connect_bus(run_dir, uid), r;

        if (fd < 0) {
                say(a, fd == -EPERM || fd == -ENOENT ? DESKTOP_REFUSED : DESKTOP_FAILED, "session bus: %s",
                    strerror(-fd));
                return;
        }
        r = open_bus(fd, &bus);
        if (r >= 0)
                r = ask_markup(bus, &error, &markup);
        if (r >= 0)
                r = notify(bus, &error, q, markup);
        if (r >= 0)
                say(a, DESKTOP_SHOWN, "shown");
        else
                say(a, is_late(r, &error) ? DESKTOP_LATE : DESKTOP_FAILED, "%s",
                    error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        sd_bus_close_unref(bus);
}

static void serve(Answer *a, uid_t uid, const char *run_dir) {
        char message[DESKTOP_MESSAGE_MAX];
        DesktopRequest q;
        ssize_t n;
        int r = become(uid);

        if (r < 0) {
                say(a, DESKTOP_FAILED, "cannot become uid %u: %s", uid,
                    r == -ENOENT ? "there is no such user" : strerror(-r));
                return;
        }
        n = recv(STDIN_FILENO, message, sizeof(message), 0);
        if (n <= 0 || !desktop_request_read((Str){ message, (size_t)n }, &q)) {
                say(a, DESKTOP_FAILED, "no request");
                return;
        }
        show(a, run_dir, uid, &q);
}

int desktop_child(uid_t uid, const char *run_dir) {
        Answer a = { .status = DESKTOP_FAILED };
        char reply[sizeof(a.text) + 1];
        size_t n;

        limit_self();
        serve(&a, uid, run_dir);
        n = strlen(a.text);
        reply[0] = (char)a.status;
        memcpy(reply + 1, a.text, n);
        (void)!send(STDIN_FILENO, reply, n + 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        return a.status;
}
