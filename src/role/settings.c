/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "role/ipc.h"
#include "role/settings.h"

/* Made and read by the same program: the machine's own form. */
typedef struct {
        uint64_t max_line, n_files, n_names, redact_off;
        EventLimits limits;
        uint64_t intake;
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

int settings_make(const Config *config) {
        const Head head = { .max_line = config->max_line,
                            .n_names = config->redact.n_names,
                            .redact_off = config->redact.off,
                            .limits = config->limits,
                            .intake = config->kafka.topic != NULL };
        Making m = { .out = BUF_INIT };
        int r;

        buf_put(&m.out, &head, sizeof(head));
        for (size_t i = 0; i < config->redact.n_names; i++) {
                buf_str(&m.out, config->redact.names[i]);
                buf_putc(&m.out, 0);
        }
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

static int take(Settings *s) {
        RuleFile *files;
        Str rest = s->bytes, *names;
        Head head;

        if (rest.n < sizeof(head))
                return -EBADMSG;
        memcpy(&head, rest.p, sizeof(head));
        rest = (Str){ rest.p + sizeof(head), rest.n - sizeof(head) };
        if (head.n_files > rest.n || head.n_names > rest.n)
                return -EBADMSG;
        s->max_line = head.max_line;
        s->limits = head.limits;
        s->intake = head.intake;
        s->files = files = calloc(head.n_files + 1, sizeof(*files));
        s->redact.names = names = calloc(head.n_names + 1, sizeof(*names));
        s->redact.off = head.redact_off;
        if (!files || !names)
                return -ENOMEM;
        for (; s->redact.n_names < head.n_names; s->redact.n_names++)
                if (!(names[s->redact.n_names] = next_text(&rest)).p)
                        return -EBADMSG;
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
        *s = (Settings){ 0 };
}
