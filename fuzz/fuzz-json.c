/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is shown of an event, whatever its records say: one line of well-formed JSON in UTF-8, and text
 * that is inert on a terminal. */
#include "base/escape.h"
#include "event/event.h"
#include "fuzz/json-check.h"
#include "fuzz/target.h"
#include "meaning/event-json.h"
#include "meaning/event-text.h"

typedef struct {
        Meaning *meaning;
        Buf out;
} Shown;

/* No C0 but the newline, no DEL, no C1. */
static bool is_inert(Str s) {
        for (size_t i = 0; i < s.n; i++) {
                unsigned char c = (unsigned char)s.p[i], next = i + 1 < s.n ? (unsigned char)s.p[i + 1] : 0;

                if ((c < 0x20 && c != '\n') || c == 0x7F || (c == 0xC2 && next < 0xA0))
                        return false;
        }
        return true;
}

static void on_event(void *userdata, const Event *e) {
        Shown *s = userdata;

        buf_clear(&s->out);
        CHECK(event_json(&s->out, s->meaning, e) == 0);
        CHECK(s->out.n && memchr(s->out.p, '\n', s->out.n) == s->out.p + s->out.n - 1);
        CHECK(escape_is_utf8(buf_view(&s->out)) && is_inert(buf_view(&s->out)));
        CHECK(json_check((Str){ s->out.p, s->out.n - 1 }));
        buf_clear(&s->out);
        CHECK(event_text(&s->out, s->meaning, e) == 0);
        CHECK(escape_is_utf8(buf_view(&s->out)) && is_inert(buf_view(&s->out)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static Shown s; /* its caches go on from input to input, as they do in a stream */
        Str rest = { (const char *)data, n }, line;
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        char *copy = target_copy(rest, '"');
        EventAssembler *a;

        if (!s.meaning) {
                s.out = BUF_INIT;
                CHECK(meaning_new(&s.meaning) == 0);
                meaning_only_snapshot(s.meaning);
        }
        rest.p = copy;
        limits.open_events = 256; /* smaller tables are sooner made */
        CHECK(event_assembler_new(&a, EVENT_DEFAULT, &limits, on_event, &s) == 0);
        while (target_line(&rest, &line))
                event_add(a, line);
        event_flush(a);
        event_assembler_free(a);
        free(copy);
        return 0;
}
