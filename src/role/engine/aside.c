/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "role/engine/aside.h"
#include "role/engine/role-engine.h"

const CounterDesc engine_role_counter_descs[] = {
        { "events_set_aside", "events not looked at because one like it ended the engine",
          offsetof(EngineRoleCounters, events_aside), true },
        { "lines_set_aside", "lines not looked at because one like it ended the engine",
          offsetof(EngineRoleCounters, lines_aside), true },
        { "ring_overrun_bytes", "bytes that were overwritten before a new engine could read them again",
          offsetof(EngineRoleCounters, overrun), true },
};
const size_t engine_role_n_counter_descs = ARRAY_SIZE(engine_role_counter_descs);

static void tell_set_aside(Outbox *outbox, const char *what, Str unique, Str records) {
        Alert *alert;

        if (alert_new_own(&alert,
                          &(AlertOwn){ .kind = ALERT_OWN,
                                       .level = RULE_HIGH,
                                       .rule_id = STR("aulert-set-aside"),
                                       .title = STR("Something in the audit stream ended the analysis"),
                                       .sentence = str_from(what),
                                       .description = STR("It was left out, and no rule has seen it. This is "
                                                          "a mistake of aulert: please report it."),
                                       .unique = unique,
                                       .records = records }) < 0)
                return;
        outbox_put(outbox, alert);
        alert_unref(alert);
}

/* Secrets in it must stay here, and to look for them may be what ended the engine: only the header goes out,
 * which says what to look for in the log. */
static Str showable(bool redacts, Str line, size_t body) { return redacts ? (Str){ line.p, body } : line; }

static size_t header_of(Str line) {
        const char *end = line.n ? memmem(line.p, line.n < 512 ? line.n : 512, "):", 2) : NULL;

        return end ? (size_t)(end - line.p) + 2 : 0;
}

void aside_event(Outbox *outbox, const Event *event, bool redacts) {
        Buf records = BUF_INIT, what = BUF_INIT, id = BUF_INIT;

        for (const Record *r = event->records; r && records.n < ALERT_RECORDS_MAX; r = r->next) {
                buf_str(&records, showable(redacts, r->text, r->body));
                buf_putc(&records, '\n');
        }
        event_id_format(&id, &event->id);
        buf_putz(&what, "event ");
        buf_str(&what, buf_view(&id));
        buf_putz(&what, " ended the engine and was set aside");
        if (buf_z(&what))
                tell_set_aside(outbox, what.p, buf_view(&id), buf_view(&records));
        buf_done(&records);
        buf_done(&what);
        buf_done(&id);
}

void aside_line(Outbox *outbox, Str line, bool redacts) {
        Str shown = showable(redacts, line, header_of(line));

        tell_set_aside(outbox, "a record ended the engine and was set aside", line, shown);
}
