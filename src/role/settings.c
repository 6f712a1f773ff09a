/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "role/ipc.h"
#include "role/settings.h"

/* Made and read by the same program: the machine's own form. */
typedef struct {
        uint64_t max_line, n_rules, n_names, redact_off;
        EventLimits limits;
} Head;

int settings_make(const Config *config) {
        const Head head = { .max_line = config->max_line,
                            .n_rules = config->n_rules,
                            .n_names = config->redact.n_names,
                            .redact_off = config->redact.off,
                            .limits = config->limits };
        Buf out = BUF_INIT;
        int fd;

        buf_put(&out, &head, sizeof(head));
        for (size_t i = 0; i < config->n_rules; i++)
                buf_put(&out, config->rules[i], strlen(config->rules[i]) + 1);
        for (size_t i = 0; i < config->redact.n_names; i++) {
                buf_str(&out, config->redact.names[i]);
                buf_putc(&out, 0);
        }
        fd = out.failed ? -ENOMEM : ipc_memfd("aulert-settings", buf_view(&out));
        buf_done(&out);
        return fd;
}

/* The next text, and its NUL; .p NULL where there is none. */
static Str next_text(Str *rest) {
        const char *end = rest->n ? memchr(rest->p, 0, rest->n) : NULL;
        Str text = { end ? rest->p : NULL, end ? (size_t)(end - rest->p) : 0 };

        if (end)
                *rest = (Str){ end + 1, rest->n - text.n - 1 };
        return text;
}

static int take(Settings *s) {
        Str rest = s->bytes, *names;
        Head head;

        if (rest.n < sizeof(head))
                return -EBADMSG;
        memcpy(&head, rest.p, sizeof(head));
        rest = (Str){ rest.p + sizeof(head), rest.n - sizeof(head) };
        if (head.n_rules > rest.n || head.n_names > rest.n)
                return -EBADMSG;
        s->max_line = head.max_line;
        s->limits = head.limits;
        s->rules = calloc(head.n_rules + 1, sizeof(*s->rules));
        s->redact.names = names = calloc(head.n_names + 1, sizeof(*names));
        s->redact.off = head.redact_off;
        if (!s->rules || !names)
                return -ENOMEM;
        for (; s->n_rules < head.n_rules; s->n_rules++)
                if (!(s->rules[s->n_rules] = next_text(&rest).p))
                        return -EBADMSG;
        for (; s->redact.n_names < head.n_names; s->redact.n_names++)
                if (!(names[s->redact.n_names] = next_text(&rest)).p)
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
        free(s->rules);
        free((void *)(uintptr_t)s->redact.names);
        *s = (Settings){ 0 };
}
