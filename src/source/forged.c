/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "source/forged.h"

static int nibble(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The path in "saddr=0100…", up to its first NUL; an abstract one begins behind its NUL. */
static Str unix_path(Str hex, char into[static FORGED_MAX]) {
        size_t n = 0;

        if (!str_starts(hex, STR("saddr=0100")))
                return STR_NULL;
        hex = (Str){ hex.p + 10, hex.n - 10 };
        if (str_starts(hex, STR("00")))
                hex = (Str){ hex.p + 2, hex.n - 2 };
        for (size_t i = 0; i + 1 < hex.n && n < FORGED_MAX; i += 2) {
                int high = nibble(hex.p[i]), low = nibble(hex.p[i + 1]);

                if (high < 0 || low < 0 || !(high | low))
                        break;
                into[n++] = (char)(high << 4 | low);
        }
        return (Str){ into, n };
}

/* Readers of logs there are that skip blanks before it: ausearch does. */
static bool is_like_a_record(Str text) {
        while (text.n && (*text.p == ' ' || *text.p == '\t'))
                text = (Str){ text.p + 1, text.n - 1 };
        return str_starts(text, STR("type=")) || str_starts(text, STR("node="));
}

/* What auditd added for the path, to the end of the line; the first "path=" is its own. */
static Str added_path(Str line) {
        static const char mark[] = "path=";
        const char *end = line.p + line.n, *p = memchr(line.p, 0x1D, line.n);

        p = p ? memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1) : NULL;
        if (!p)
                return (Str){ line.p, line.n };
        p += sizeof(mark) - 1;
        return (Str){ p, (size_t)(end - p) };
}

bool forged_begin(Forged *f, Str line, size_t body) {
        char bytes[FORGED_MAX];
        Str path = unix_path((Str){ line.p + body, line.n - body }, bytes), rest;
        const char *nl = path.n ? memchr(path.p, '\n', path.n) : NULL;

        f->n = 0;
        f->tried = false;
        if (!nl)
                return false;
        rest = (Str){ nl + 1, (size_t)(path.p + path.n - nl - 1) };
        if (str_eq(added_path(line), (Str){ path.p, (size_t)(nl - path.p) })) {
                memcpy(f->text, rest.p, rest.n);
                f->text[rest.n] = '\n'; /* " }" and the end of the line */
                f->n = (unsigned)rest.n + 1;
        }
        while (nl) {
                f->tried |= is_like_a_record(rest);
                nl = rest.n ? memchr(rest.p, '\n', rest.n) : NULL;
                if (nl)
                        rest = (Str){ nl + 1, (size_t)(rest.p + rest.n - nl - 1) };
        }
        return f->tried;
}

/* Each part of the path is a line; behind the last one (auditd cuts abstract ones at 108 bytes) auditd's " }" follows. */
bool forged_take(Forged *f, Str line) {
        Str rest = { f->text, f->n }, end = STR(" }");

        if (line.n < rest.n && rest.p[line.n] == '\n' && str_starts(rest, line) && line.n + 1 < rest.n) {
                f->n -= (unsigned)line.n + 1;
                memmove(f->text, f->text + line.n + 1, f->n);
                return true;
        }
        f->n = 0;
        return str_ends(line, end) && line.n - end.n < rest.n &&
               str_starts(rest, (Str){ line.p, line.n - end.n });
}
