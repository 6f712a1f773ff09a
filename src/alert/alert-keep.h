/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* How an Alert takes texts: within what room it has left, counted as the JSON that comes of them, so that
 * every form of it stays below ALERT_MAX. The most important texts are to be kept first. */
#include "alert/alert.h"

/* What all texts of one alert may come to, as alert_cost() counts. */
#define ALERT_ROOM (ALERT_MAX - 2048u)

/* At least what escape_json() makes of @c; bad UTF-8 becomes three bytes. */
static inline size_t alert_cost(uint8_t c) {
        if (likely(c >= 0x20 && c < 0x7F))
                return c == '"' || c == '\\' ? 2 : 1;
        return c >= 0x80 ? 3 : 6; /* \u001b */
}

/* For the sentence of alert_set_attempted(), that is made later. */
#define ALERT_SPARE 8192u

/* 0 or -ENOMEM. One reference. */
int alert_begin(Alert **ret, AlertKind kind);

/* A copy of @s, cut at @max bytes and at the room there is. False: no memory. @s may be NULL. */
bool alert_keep(Alert *a, Str s, size_t max, Str *ret);
bool alert_keep_list(Alert *a, const Str *list, size_t n, const Str **ret, size_t *ret_n);

/* From the rule's id and @what, both whole: 32 hexadecimal digits. */
bool alert_make_id(Alert *a, Str rule_id, Str what);
