/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/pack.h"
#include "role/engine/loader.h"

struct Loader {
        LoaderJob job;
        pthread_t thread;
        bool running; /* to be joined */
        int fd;
        atomic_bool stop;
        /* the thread's until it was joined */
        RuleSet *set;
        int result;
        Buf said;
        uint64_t unsaid;
};

static bool on_stop(void *userdata) { return atomic_load(&((Loader *)userdata)->stop); }

static void on_diag(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                    const char *text) {
        Loader *l = userdata;

        if (l->said.n > LOADER_SAY_MAX) {
                l->unsaid++;
                return;
        }
        pack_u8(&l->said, kind == RULE_DIAG_ERROR);
        pack_u32(&l->said, line);
        pack_u32(&l->said, column);
        pack_text(&l->said, (Str){ file, strlen(file) + 1 });
        pack_text(&l->said, (Str){ text, strlen(text) + 1 });
}

static void *work(void *userdata) {
        const RuleOptions options = { .stop = on_stop };
        Loader *l = userdata;
        uint64_t one = 1;

        l->result = l->job.load(l->job.job, &l->set, &options, on_diag, l);
        while (write(l->fd, &one, sizeof(one)) < 0 && errno == EINTR)
                ;
        return NULL;
}

static int start_thread(Loader *l) {
        sigset_t all, old;
        int r;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&l->thread, NULL, work, l);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        l->running = r == 0;
        return -r;
}

int loader_start(Loader **ret, const LoaderJob *job) {
        Loader *l = calloc(1, sizeof(*l));
        int r;

        if (!l) {
                if (job->drop)
                        job->drop(job->job);
                return -ENOMEM;
        }
        l->job = *job;
        l->said = BUF_INIT;
        l->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = l->fd < 0 ? -errno : start_thread(l);
        if (r < 0)
                loader_free(l);
        else
                *ret = l;
        return r;
}

int loader_fd(const Loader *l) { return l->fd; }

static void join(Loader *l) {
        if (l->running)
                pthread_join(l->thread, NULL);
        l->running = false;
}

/* Text and file carry their NUL. */
static void say_all(const Loader *l, RuleDiagFn diag, void *userdata) {
        Unpack in = UNPACK_INIT(buf_view(&l->said));
        char text[80];

        while (in.rest.n) {
                RuleDiagKind kind = unpack_u8(&in) ? RULE_DIAG_ERROR : RULE_DIAG_WARNING;
                uint32_t line = unpack_u32(&in), column = unpack_u32(&in);
                Str file = unpack_text(&in, in.rest.n), what = unpack_text(&in, in.rest.n);

                if (in.bad)
                        return; /* memory ran out while it was written */
                diag(userdata, kind, file.p, line, column, what.p);
        }
        if (!l->unsaid)
                return;
        snprintf(text, sizeof(text), "%llu more errors and warnings; put these right first",
                 (unsigned long long)l->unsaid);
        diag(userdata, RULE_DIAG_ERROR, "rules", 0, 0, text);
}

int loader_finish(Loader *l, RuleSet **ret, RuleDiagFn diag, void *userdata) {
        join(l);
        say_all(l, diag, userdata);
        if (l->result == 0) {
                *ret = l->set;
                l->set = NULL;
        }
        return l->result;
}

Loader *loader_free(Loader *l) {
        if (!l)
                return NULL;
        atomic_store(&l->stop, true);
        join(l);
        rule_set_unref(l->set);
        if (l->job.drop)
                l->job.drop(l->job.job);
        if (l->fd >= 0)
                close(l->fd);
        buf_done(&l->said);
        free(l);
        return NULL;
}

/* ---- from paths ---- */

typedef struct {
        size_t n;
        const char *v[];
} Paths;

static int load_paths(void *job, RuleSet **ret, const RuleOptions *options, RuleDiagFn diag, void *userdata) {
        const Paths *p = job;

        return rule_set_load(ret, p->v, p->n, options, diag, userdata);
}

static void drop_paths(void *job) {
        Paths *p = job;

        for (size_t i = 0; i < p->n; i++)
                free((char *)p->v[i]);
        free(p);
}

bool loader_job_paths(LoaderJob *ret, const char *const *paths, size_t n_paths) {
        Paths *p = calloc(1, sizeof(*p) + n_paths * sizeof(*p->v));

        for (size_t i = 0; p && i < n_paths; i++) {
                p->v[p->n++] = strdup(paths[i]);
                if (p->v[i])
                        continue;
                p->n--;
                drop_paths(p);
                p = NULL;
        }
        *ret = (LoaderJob){ .load = load_paths, .drop = drop_paths, .job = p };
        return p;
}
