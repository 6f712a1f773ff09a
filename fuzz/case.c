/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "fuzz/case.h"

Case *case_new(void) {
        Case *c = calloc(1, sizeof(*c));

        for (size_t i = 0; c && i < CASE_LINES; i++)
                c->line[i] = BUF_INIT;
        return c;
}

Case *case_free(Case *c) {
        for (size_t i = 0; c && i < CASE_LINES; i++)
                buf_done(&c->line[i]);
        free(c);
        return NULL;
}

void case_copy(Case *to, const Case *from) {
        to->n = from->n;
        to->by_reader = from->by_reader;
        to->unended = from->unended;
        to->noise = from->noise;
        for (size_t i = 0; i < from->n; i++) {
                buf_clear(&to->line[i]);
                buf_str(&to->line[i], buf_view(&from->line[i]));
        }
}

bool case_failed(const Case *c) {
        for (size_t i = 0; i < c->n; i++)
                if (c->line[i].failed)
                        return true;
        return false;
}

void case_text(const Case *c, Buf *out) {
        for (size_t i = 0; i < c->n; i++) {
                buf_str(out, buf_view(&c->line[i]));
                if (!c->unended || i + 1 < c->n)
                        buf_putc(out, '\n');
        }
}

static void show_byte(Buf *out, unsigned char b) {
        if (b < 0x20 || b > 0x7E || b == '\\')
                buf_printf(out, "\\x%02X", b);
        else
                buf_putc(out, (char)b);
}

void case_show(const Case *c, Buf *out) {
        for (size_t i = 0; i < c->n; i++) {
                buf_printf(out, "%4zu |", i + 1);
                for (size_t k = 0; k < c->line[i].n; k++)
                        show_byte(out, (unsigned char)c->line[i].p[k]);
                buf_putz(out, c->unended && i + 1 == c->n ? "| (no newline)\n" : "|\n");
        }
}
