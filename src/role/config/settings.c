/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "role/config/settings.h"
#include "role/ipc.h"

/* Made and read by the same program: the machine's own form. */
typedef struct {
        uint64_t max_line, n_files, n_names, redact_off;
        EventLimits limits;
        uint64_t intake, n_events, catch_up;
        EchoSelf self;
} Head;

typedef struct {
        uint64_t n_text;
        int32_t error, has_text;
} FileHead;

typedef struct {
        Buf out;
        uint64_t n_files;
} Making;

static int add_file(void *userdata, const RuleFile *file) {
        Making *m = userdata;
        const FileHead head = { .n_text = file->text.n, .error = file->error, .has_text = !!file->text.p };

        if (m->out.n + file->text.n > SETTINGS_MAX)
                return -EFBIG;
        buf_put(&m->out, file->path, strlen(file->path) + 1);
        buf_put(&m->out, &head, sizeof(head));
        buf_str(&m->out, file->text);
        m->n_files++;
        return m->out.failed ? -ENOMEM : 0;
}

static void put_list(Buf *out, StrList list) {
        const uint64_t n = list.n;

        buf_put(out, &n, sizeof(n));
        for (size_t i = 0; i < list.n; i++) {
                buf_str(out, list.v[i]);
                buf_putc(out, 0);
        }
}

static void put_match(Buf *out, const EventMatch *m) {
        put_list(out, m->types);
        put_list(out, m->keys);
        put_list(out, m->nodes);
        put_list(out, m->users);
}

static void put_event_route(Buf *out, const EventRoute *route) {
        const uint64_t n_not = route->n_not;

        put_match(out, &route->match);
        buf_put(out, &n_not, sizeof(n_not));
        for (size_t i = 0; i < route->n_not; i++)
                put_match(out, &route->not [i]);
        put_list(out, route->to);
}

int settings_make(const Config *config, const EchoSelf *self) {
        const Head head = { .max_line = config->max_line,
                            .n_names = config->redact.n_names,
                            .redact_off = config->redact.off,
                            .limits = config->limits,
                            .intake = config->kafka.topic != NULL,
                            .n_events = config->n_events,
                            .catch_up = config->catch_up != NULL,
                            .self = *self };
        Making m = { .out = BUF_INIT };
        int r;

        buf_put(&m.out, &head, sizeof(head));
        for (size_t i = 0; i < config->redact.n_names; i++) {
                buf_str(&m.out, config->redact.names[i]);
                buf_putc(&m.out, 0);
        }
        for (size_t i = 0; i < config->n_events; i++)
                put_event_route(&m.out, &config->events[i]);
        r = rule_files_walk(config->rules, config->n_rules, add_file, &m);
        if (r == 0 && m.out.failed)
                r = -ENOMEM;
        if (r == 0) {
                memcpy(m.out.p + offsetof(Head, n_files), &m.n_files, sizeof(m.n_files));
                r = ipc_memfd("aulert-settings", buf_view(&m.out));
        }
        buf_done(&m.out);
        return r;
}

/* The next text, and its NUL; .p NULL where there is none. */
static Str next_text(Str *rest) {
        const char *end = rest->n ? memchr(rest->p, 0, rest->n) : NULL;
        Str text = { end ? rest->p : NULL, end ? (size_t)(end - rest->p) : 0 };

        if (end)
                *rest = (Str){ end + 1, rest->n - text.n - 1 };
        return text;
}

static bool next_file(Str *rest, RuleFile *ret) {
        FileHead head;

        ret->path = next_text(rest).p;
        if (!ret->path || rest->n < sizeof(head))
                return false;
        memcpy(&head, rest->p, sizeof(head));
        *rest = (Str){ rest->p + sizeof(head), rest->n - sizeof(head) };
        if (head.n_text > rest->n)
                return false;
        ret->error = head.error;
        ret->text = head.has_text ? (Str){ rest->p, head.n_text } : STR_NULL;
        *rest = (Str){ rest->p + head.n_text, rest->n - head.n_text };
        return true;
}

/* A number that something follows of which each takes a byte at least. */
static bool next_number(Str *rest, uint64_t *ret) {
        if (rest->n < sizeof(*ret))
                return false;
        memcpy(ret, rest->p, sizeof(*ret));
        *rest = (Str){ rest->p + sizeof(*ret), rest->n - sizeof(*ret) };
        return *ret <= rest->n;
}

static bool next_list(Settings *s, Str *rest, StrList *ret) {
        uint64_t n;
        Str *v;

        if (!next_number(rest, &n))
                return false;
        v = arena_alloc(&s->arena, (n + 1) * sizeof(*v));
        for (uint64_t i = 0; v && i < n; i++)
                if (!(v[i] = next_text(rest)).p)
                        return false;
        *ret = (StrList){ v, n };
        return v;
}

static bool next_match(Settings *s, Str *rest, EventMatch *ret) {
        return next_list(s, rest, &ret->types) && next_list(s, rest, &ret->keys) &&
               next_list(s, rest, &ret->nodes) && next_list(s, rest, &ret->users);
}

static bool next_event_route(Settings *s, Str *rest, EventRoute *ret) {
        EventMatch * not ;
        uint64_t n;

        if (!next_match(s, rest, &ret->match) || !next_number(rest, &n))
                return false;
        ret->not = not = arena_alloc(&s->arena, (n + 1) * sizeof(*not ));
        for (; not &&ret->n_not < n; ret->n_not++)
                if (!next_match(s, rest, &not [ret->n_not]))
                        return false;
        return not &&next_list(s, rest, &ret->to);
}

static int take_events(Settings *s, Str *rest, uint64_t n) {
        EventRoute *routes = n > rest->n ? NULL : arena_alloc(&s->arena, (n + 1) * sizeof(*routes));

        if (!routes)
                return n > rest->n ? -EBADMSG : -ENOMEM;
        for (s->events = routes; s->n_events < n; s->n_events++)
                if (!next_event_route(s, rest, &routes[s->n_events]))
                        return -EBADMSG;
        return 0;
}

static int take(Settings *s) {
        RuleFile *files;
        Str rest = s->bytes, *names;
        Head head;
        int r;

        if (rest.n < sizeof(head))
                return -EBADMSG;
        memcpy(&head, rest.p, sizeof(head));
        rest = (Str){ rest.p + sizeof(head), rest.n - sizeof(head) };
        if (head.n_files > rest.n || head.n_names > rest.n)
                return -EBADMSG;
        s->max_line = head.max_line;
        s->limits = head.limits;
        s->intake = head.intake;
        s->self = head.self;
        s->catch_up = head.catch_up;
        s->files = files = calloc(head.n_files + 1, sizeof(*files));
        s->redact.names = names = calloc(head.n_names + 1, sizeof(*names));
        s->redact.off = head.redact_off;
        if (!files || !names)
                return -ENOMEM;
        for (; s->redact.n_names < head.n_names; s->redact.n_names++)
                if (!(names[s->redact.n_names] = next_text(&rest)).p)
                        return -EBADMSG;
        r = take_events(s, &rest, head.n_events);
        if (r < 0)
                return r;
        for (; s->n_files < head.n_files; s->n_files++)
                if (!next_file(&rest, &files[s->n_files]))
                        return -EBADMSG;
        return 0;
}

int settings_read(Settings *ret, int fd) {
        int r;

        *ret = (Settings){ 0 };
        if (fd < 0)
                return -EBADMSG;
        r = ipc_memfd_map(fd, SETTINGS_MAX, &ret->bytes);
        close(fd);
        if (r == 0)
                r = take(ret);
        if (r < 0)
                settings_done(ret);
        return r;
}

void settings_done(Settings *s) {
        if (s->bytes.n)
                munmap((void *)(uintptr_t)s->bytes.p, s->bytes.n);
        free((void *)(uintptr_t)s->files);
        free((void *)(uintptr_t)s->redact.names);
        arena_done(&s->arena);
        *s = (Settings){ 0 };
}
