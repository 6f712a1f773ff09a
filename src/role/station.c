/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>
#include "base/log.h"
#include "role/station.h"

void station_tell(IpcType type, uint64_t a, uint64_t b, Str payload) {
        if (payload.n > IPC_PAYLOAD_MAX)
                payload.n = IPC_PAYLOAD_MAX;
        (void)ipc_send(IPC_FD_CONTROL, type, a, b, payload, -1);
}

static void tell_log(int level, const char *text) {
        station_tell(IPC_LOG, (uint64_t)level, 0, str_from(text));
}

int station_become(const char *uid_text, const char *gid_text) {
        uint64_t uid, gid;

        if (!strcmp(uid_text, "-"))
                return 0;
        if (!str_u64(str_from(uid_text), 10, &uid) || !str_u64(str_from(gid_text), 10, &gid) || !uid ||
            !gid || uid >= UINT32_MAX || gid >= UINT32_MAX)
                return -EINVAL;
        return sandbox_become((uid_t)uid, (gid_t)gid);
}

static int become(const char *uid, const char *gid) {
        pid_t parent = getppid();
        int r = station_become(uid, gid);

        if (r < 0)
                return r;
        /* a change of ids takes it away (prctl(2)), so it comes behind */
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
                return -errno;
        return parent == getppid() ? 0 : -ESRCH;
}

int station_become_reader(const char *uid, const char *gid, SandboxReader what) {
        int r = geteuid() == 0 ? sandbox_leave_root() : 0;

        if (r == 0)
                r = become(uid, gid);
        return r < 0 ? r : sandbox_reader(what);
}

static int on_control(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Station *s = userdata;
        IpcMessage m;
        int r;

        while ((r = ipc_receive(fd, &s->room, &m)) > 0 || r == -EBADMSG) {
                if (r < 0)
                        continue;
                s->message(s->userdata, &m);
                if (m.fd >= 0)
                        close(m.fd);
        }
        if (r == -EAGAIN)
                return 0;
        return sd_event_exit(s->loop, 0); /* nobody is there any more */
}

int station_open(Station *s, const char *uid, const char *gid) {
        static const int deaf[] = { SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2 };
        sigset_t child;
        int r;

        for (size_t i = 0; i < ARRAY_SIZE(deaf); i++)
                signal(deaf[i], SIG_IGN);
        sigemptyset(&child);
        sigaddset(&child, SIGCHLD);
        sigprocmask(SIG_SETMASK, &child, NULL); /* as sd_event_add_child() wants it */
        log_to(tell_log);
        r = become(uid, gid);
        if (r < 0)
                return r;
        r = sd_event_new(&s->loop);
        if (r < 0)
                return r;
        return sd_event_add_io(s->loop, &s->control, IPC_FD_CONTROL, EPOLLIN, on_control, s);
}

void station_close(Station *s) {
        sd_event_source_disable_unref(s->control);
        sd_event_unref(s->loop);
}
