/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "meaning/event-state.h"
#include "meaning/explained.h"

#define TIME_DIGITS 20u /* "2026-11-22T10:11:12." */

void event_state_done(EventState *s) {
        field_vec_done(&s->fields);
        buf_done(&s->text);
        buf_done(&s->exact);
        free(s->chains);
        free(s->memos);
        explained_free(s->explained);
        *s = EVENT_STATE_INIT;
}

void event_state_begin(EventState *s, const Record *record) {
        s->is_avc = record->type == AUDIT_AVC || record->type == AUDIT_USER_AVC;
}

FieldChain *event_state_chains(EventState *s, size_t n) {
        if (n > s->n_chains) {
                FieldChain *c = realloc(s->chains, n * sizeof(*c));

                if (!c)
                        return NULL;
                s->chains = c;
                s->n_chains = n;
        }
        return s->chains;
}

static bool format_second(EventState *s, int64_t sec) {
        time_t t = sec;
        char digits[32];
        struct tm tm;

        if (!gmtime_r(&t, &tm) || tm.tm_year < -1900 || tm.tm_year > 8099)
                return false;
        if (snprintf(digits, sizeof(digits), "%04d-%02d-%02dT%02d:%02d:%02d.", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec) != (int)TIME_DIGITS)
                return false;
        memcpy(s->time, digits, TIME_DIGITS);
        s->sec = sec;
        return true;
}

Str event_state_time(EventState *s, const RecordId *id, char separator) {
        if (!s->has_time || s->sec != id->sec)
                s->has_time = format_second(s, id->sec);
        if (!s->has_time)
                return STR_NULL;
        s->time[10] = separator;
        s->time[20] = (char)('0' + id->ms / 100 % 10);
        s->time[21] = (char)('0' + id->ms / 10 % 10);
        s->time[22] = (char)('0' + id->ms % 10);
        return (Str){ s->time, TIME_DIGITS + 3 };
}
