/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include "audisp/frame.h"

static Str type_of(Str line) {
        const char *p = line.p, *end = line.p + line.n, *stop;

        if (str_starts(line, STR("node="))) {
                p = memchr(line.p, ' ', line.n);
                if (!p)
                        return STR("");
                p++;
        }
        if ((size_t)(end - p) < 5 || memcmp(p, "type=", 5) != 0)
                return STR("");
        p += 5;
        stop = memchr(p, ' ', (size_t)(end - p));
        return stop ? (Str){ p, (size_t)(stop - p) } : STR("");
}

static uint32_t number_of(Str type) {
        char name[40];

        if (type.n >= sizeof(name))
                return 0;
        memcpy(name, type.p, type.n);
        name[type.n] = 0;
        if (!strncmp(name, "UNKNOWN[", 8))
                return (uint32_t)strtoul(name + 8, NULL, 10);
        return (uint32_t)audit_name_to_msg_type(name);
}

bool frame_is_type(Str line, const char *type) { return str_eqz(type_of(line), type); }

Str frame_stamp(Str line) {
        static const char mark[] = "msg=audit(";
        const char *p = memmem(line.p, line.n < 512 ? line.n : 512, mark, sizeof(mark) - 1), *end;

        end = p ? memchr(p, ')', (size_t)(line.p + line.n - p)) : NULL;
        return end ? (Str){ p, (size_t)(end + 1 - p) } : STR("");
}

bool frame_time(Str line, double *ret_sec) {
        Str stamp = frame_stamp(line);
        char text[32] = { 0 };

        if (stamp.n < 12)
                return false;
        memcpy(text, stamp.p + 10, stamp.n - 10 < sizeof(text) - 1 ? stamp.n - 10 : sizeof(text) - 1);
        *ret_sec = strtod(text, NULL);
        return true;
}

size_t frame_eoe(char *into, size_t room, Str line) {
        Str stamp = frame_stamp(line);
        size_t node = str_starts(line, STR("node=")) ? (size_t)(type_of(line).p - 5 - line.p) : 0;
        int n;

        if (!stamp.n || node + stamp.n + 16 > room)
                return 0;
        n = snprintf(into, room, "%.*stype=EOE %.*s: \n", (int)node, line.p, (int)stamp.n, stamp.p);
        return n > 0 && (size_t)n < room ? (size_t)n : 0;
}

size_t frame_binary(char *into, Str line, bool padded) {
        bool formatted = str_starts(line, STR("node=")) || memchr(line.p, 0x1d, line.n);
        Str stamp = frame_stamp(line), text = line;
        uint32_t head[4] = { formatted, 16, number_of(type_of(line)), 0 };

        if (!formatted && stamp.n) /* behind "msg=" */
                text = (Str){ stamp.p + 4, (size_t)(line.p + line.n - stamp.p - 4) };
        if (text.n > FRAME_TEXT_MAX - 1)
                text.n = FRAME_TEXT_MAX - 1;
        head[3] = (uint32_t)text.n;
        memcpy(into, head, sizeof(head));
        memcpy(into + sizeof(head), text.p, text.n);
        if (!padded)
                return sizeof(head) + text.n;
        memset(into + sizeof(head) + text.n, 0, FRAME_TEXT_MAX - text.n);
        return FRAME_MAX;
}
