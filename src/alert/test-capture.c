/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "alert/test-capture.h"
#include "base/buf.h"

static void replay(Buf *text, EventFn fn, void *userdata) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        EventAssembler *a;
        Str rest = buf_view(text);

        buf_reserve(text, RECORD_SLACK);
        rest.p = text->p;
        if (event_assembler_new(&a, EVENT_DEFAULT, &limits, fn, userdata) < 0)
                abort();
        for (const char *nl; rest.n && (nl = memchr(rest.p, '\n', rest.n));) {
                size_t n = (size_t)(nl - rest.p);

                event_add(a, (Str){ rest.p, n });
                rest.p += n + 1;
                rest.n -= n + 1;
        }
        event_flush(a);
        event_assembler_free(a);
}

void capture_replay_text(const char *lines, EventFn fn, void *userdata) {
        Buf text = BUF_INIT;

        buf_putz(&text, lines);
        replay(&text, fn, userdata);
        buf_done(&text);
}

bool capture_replay(const char *name, EventFn fn, void *userdata) {
        Buf path = BUF_INIT, text = BUF_INIT;
        ssize_t n = 0;
        int fd;

        buf_printf(&path, "%s/%s", CAPTURES, name);
        fd = buf_z(&path) ? open(path.p, O_RDONLY | O_CLOEXEC) : -1;
        buf_done(&path);
        if (fd < 0)
                return false;
        while (buf_reserve(&text, 65536) && (n = read(fd, text.p + text.n, 65536)) > 0)
                text.n += (size_t)n;
        close(fd);
        if (n == 0)
                replay(&text, fn, userdata);
        buf_done(&text);
        return n == 0;
}
