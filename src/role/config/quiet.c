/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <time.h>
#include "role/config/quiet.h"

#define DAY (24u * 60)

static bool parse_time(Str s, unsigned *ret) {
        uint64_t hours, minutes;

        if (s.n != 5 || s.p[2] != ':' || !str_u64((Str){ s.p, 2 }, 10, &hours) ||
            !str_u64((Str){ s.p + 3, 2 }, 10, &minutes) || hours > 24 || minutes > 59 ||
            hours * 60 + minutes > DAY)
                return false;
        *ret = (unsigned)(hours * 60 + minutes) % DAY;
        return true;
}

bool quiet_parse(Str text, Quiet *ret) {
        unsigned from, to;

        if (text.n != 11 || text.p[5] != '-' || !parse_time((Str){ text.p, 5 }, &from) ||
            !parse_time((Str){ text.p + 6, 5 }, &to) || from == to)
                return false;
        ret->from = from;
        ret->to = to;
        return true;
}

int64_t quiet_until(const Quiet *q, int64_t now) {
        time_t sec = (time_t)(now / 1000), end;
        struct tm tm;
        unsigned minute;

        if (q->from == q->to || !localtime_r(&sec, &tm))
                return 0;
        minute = (unsigned)(tm.tm_hour * 60 + tm.tm_min);
        if (q->from < q->to ? minute < q->from || minute >= q->to : minute < q->from && minute >= q->to)
                return 0;
        tm.tm_mday += minute >= q->to; /* its end is tomorrow */
        tm.tm_hour = (int)q->to / 60;
        tm.tm_min = (int)q->to % 60;
        tm.tm_sec = 0;
        tm.tm_isdst = -1; /* as it will be then */
        end = mktime(&tm);
        return end > sec ? (int64_t)end * 1000 : now + 60000;
}
