/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "rule/timepart.h"

/* Exactly @n digits at *p. */
static bool digits(const char **p, unsigned n, int *ret) {
        int v = 0;

        for (unsigned i = 0; i < n; i++) {
                if ((*p)[i] < '0' || (*p)[i] > '9')
                        return false;
                v = v * 10 + (*p)[i] - '0';
        }
        *p += n;
        *ret = v;
        return true;
}

static bool take(const char **p, char c) {
        if (**p != c)
                return false;
        ++*p;
        return true;
}

/* "", "Z", "+hh:mm", "+hhmm", "+hh": the seconds that it is ahead of UTC. */
static bool zone(const char **p, long *ret) {
        int hours = 0, minutes = 0;
        bool behind = **p == '-';

        *ret = 0;
        if (!**p || take(p, 'Z') || take(p, 'z'))
                return true;
        if (!take(p, '+') && !take(p, '-'))
                return false;
        if (!digits(p, 2, &hours))
                return false;
        if (**p && ((void)take(p, ':'), !digits(p, 2, &minutes)))
                return false;
        *ret = (behind ? -1L : 1L) * (hours * 3600L + minutes * 60L);
        return hours < 24 && minutes < 60;
}

static bool clock_part(const char **p, struct tm *t) {
        int fraction;

        if (!take(p, 'T') && !take(p, 't') && !take(p, ' '))
                return **p == '\0';
        if (!digits(p, 2, &t->tm_hour) || !take(p, ':') || !digits(p, 2, &t->tm_min))
                return false;
        if (take(p, ':') && !digits(p, 2, &t->tm_sec))
                return false;
        if (take(p, '.') || take(p, ','))
                while (digits(p, 1, &fraction))
                        continue;
        return t->tm_hour < 24 && t->tm_min < 60 && t->tm_sec <= 60;
}

/* timegm() makes the 2nd of March of the 30th of February. */
static bool is_day(const struct tm *t) {
        struct tm date = { .tm_year = t->tm_year, .tm_mon = t->tm_mon, .tm_mday = t->tm_mday };

        timegm(&date);
        return date.tm_mon == t->tm_mon && date.tm_mday == t->tm_mday;
}

static bool iso(const char *z, time_t *ret) {
        struct tm t = { 0 };
        long ahead;

        if (!digits(&z, 4, &t.tm_year) || !take(&z, '-') || !digits(&z, 2, &t.tm_mon) || !take(&z, '-') ||
            !digits(&z, 2, &t.tm_mday))
                return false;
        t.tm_year -= 1900;
        t.tm_mon--;
        if (!is_day(&t) || !clock_part(&z, &t) || !zone(&z, &ahead) || *z)
                return false;
        *ret = timegm(&t) - ahead;
        return true;
}

static bool epoch(const char *z, time_t *ret) {
        int d;
        uint64_t v = 0;

        if (*z < '0' || *z > '9')
                return false;
        while (digits(&z, 1, &d)) {
                v = v * 10 + (uint64_t)d;
                if (v > UINT64_C(1) << 40)
                        return false;
        }
        if (take(&z, '.'))
                while (digits(&z, 1, &d))
                        continue;
        *ret = (time_t)v;
        return *z == '\0';
}

static int iso_week(const struct tm *t) {
        char text[8];

        return strftime(text, sizeof(text), "%V", t) ? atoi(text) : 0;
}

bool timepart_read(Str s, TimePart part, int *ret) {
        char z[48];
        struct tm t;
        time_t when;

        if (!s.n || s.n >= sizeof(z) || memchr(s.p, 0, s.n))
                return false;
        memcpy(z, s.p, s.n);
        z[s.n] = '\0';
        if ((!epoch(z, &when) && !iso(z, &when)) || !gmtime_r(&when, &t))
                return false;
        switch (part) {
        case TIME_MINUTE: *ret = t.tm_min; break;
        case TIME_HOUR: *ret = t.tm_hour; break;
        case TIME_DAY: *ret = t.tm_mday; break;
        case TIME_WEEK: *ret = iso_week(&t); break;
        case TIME_MONTH: *ret = t.tm_mon + 1; break;
        default: *ret = t.tm_year + 1900; break;
        }
        return true;
}
