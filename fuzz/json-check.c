/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "fuzz/json-check.h"

typedef struct {
        const char *p, *end;
        unsigned depth;
} Json;

static bool take(Json *j, char c) {
        if (j->p == j->end || *j->p != c)
                return false;
        j->p++;
        return true;
}

static bool take_word(Json *j, Str word) {
        if (!str_starts((Str){ j->p, (size_t)(j->end - j->p) }, word))
                return false;
        j->p += word.n;
        return true;
}

static void skip_blanks(Json *j) {
        while (j->p < j->end && (*j->p == ' ' || *j->p == '\t'))
                j->p++;
}

static bool escaped(Json *j) {
        if (take(j, 'u')) {
                for (int i = 0; i < 4; i++)
                        if (j->p == j->end || str_hexval(*j->p++) < 0)
                                return false;
                return true;
        }
        return j->p < j->end && *j->p && strchr("\"\\/bfnrt", *j->p++);
}

static bool string(Json *j) {
        if (!take(j, '"'))
                return false;
        while (j->p < j->end) {
                unsigned char c = (unsigned char)*j->p++;

                if (c == '"')
                        return true;
                if (c < 0x20 || (c == '\\' && !escaped(j)))
                        return false;
        }
        return false;
}

static bool number(Json *j) {
        const char *start;

        take(j, '-');
        start = j->p;
        while (j->p < j->end && *j->p >= '0' && *j->p <= '9')
                j->p++;
        return j->p > start && (*start != '0' || j->p == start + 1);
}

static bool value(Json *j);

/* What stands between the brackets of an object or an array. */
static bool members(Json *j, char close, bool named) {
        skip_blanks(j);
        if (take(j, close))
                return true;
        do {
                skip_blanks(j);
                if (named && !string(j))
                        return false;
                skip_blanks(j);
                if ((named && !take(j, ':')) || !value(j))
                        return false;
                skip_blanks(j);
        } while (take(j, ','));
        return take(j, close);
}

static bool value(Json *j) {
        bool ok;

        skip_blanks(j);
        if (j->p == j->end || j->depth == JSON_CHECK_DEPTH)
                return false;
        if (*j->p == '"')
                return string(j);
        if (take_word(j, STR("true")) || take_word(j, STR("false")) || take_word(j, STR("null")))
                return true;
        if (*j->p != '{' && *j->p != '[')
                return number(j);
        j->depth++;
        ok = take(j, '{') ? members(j, '}', true) : take(j, '[') && members(j, ']', false);
        j->depth--;
        return ok;
}

bool json_check(Str text) {
        Json j = { .p = text.p, .end = text.p + text.n };

        return text.n && *text.p == '{' && value(&j) && j.p == j.end;
}
