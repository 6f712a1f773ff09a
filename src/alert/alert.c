/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <time.h>
#include "alert/alert.h"
#include "alert/sentence.h"
#include "base/escape.h"
#include "base/sha256.h"

static const Str level_names[_RULE_LEVEL_N] = {
        [RULE_INFORMATIONAL] = STR_INIT("informational"),
        [RULE_LOW] = STR_INIT("low"),
        [RULE_MEDIUM] = STR_INIT("medium"),
        [RULE_HIGH] = STR_INIT("high"),
        [RULE_CRITICAL] = STR_INIT("critical"),
};

const char *alert_level_name(RuleLevel level) { return level_names[level].p; }

bool alert_level_from_name(Str name, RuleLevel *ret) {
        for (RuleLevel l = 0; l < _RULE_LEVEL_N; l++)
                if (str_eq(name, level_names[l])) {
                        *ret = l;
                        return true;
                }
        return false;
}

static bool keep(Alert *a, Str s, Str *ret) {
        if (s.n > ALERT_TEXT_MAX)
                s.n = ALERT_TEXT_MAX;
        *ret = arena_str(&a->arena, s);
        return ret->p;
}

static bool keep_list(Alert *a, const Str *list, size_t n, const Str **ret, size_t *ret_n) {
        Str *copy;

        if (n > ALERT_LIST_MAX)
                n = ALERT_LIST_MAX;
        copy = arena_alloc(&a->arena, sizeof(Str) * (n + 1));
        for (size_t i = 0; copy && i < n; i++)
                if (!keep(a, list[i], &copy[i]))
                        return false;
        *ret = copy;
        *ret_n = n;
        return copy;
}

/* The id is the same whenever and wherever the same rule meets the same event. */
static bool make_id(Alert *a) {
        uint8_t digest[32];
        char *hex = arena_alloc(&a->arena, 33);
        Sha256 sum;

        if (!hex)
                return false;
        sha256_init(&sum);
        sha256_add(&sum, a->rule_id);
        sha256_add(&sum, (Str){ "", 1 });
        sha256_add(&sum, a->event_id);
        sha256_finish(&sum, digest);
        for (int i = 0; i < 16; i++) {
                hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
                hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
        }
        a->id = (Str){ hex, 32 };
        return true;
}

static bool make_sentence(Alert *a) {
        Buf text = BUF_INIT;
        bool ok;

        sentence_write(&text, &a->facts, a->rule_title);
        ok = !text.failed && keep(a, buf_view(&text), &a->sentence);
        buf_done(&text);
        a->user = sentence_user(&a->facts);
        a->addr = sentence_addr(&a->facts);
        return ok;
}

static bool copy_hit(Alert *a, const RuleHit *hit) {
        const RuleInfo *rule = hit->rule;
        const RecordId *id = &hit->event->id;
        Buf event_id = BUF_INIT;
        bool ok;

        a->level = rule->level;
        a->sec = id->sec;
        a->ms = id->ms;
        event_id_format(&event_id, id);
        ok = !event_id.failed && keep(a, buf_view(&event_id), &a->event_id) && keep(a, id->node, &a->node) &&
             keep(a, rule->id, &a->rule_id) && keep(a, rule->title, &a->rule_title) &&
             keep_list(a, rule->tags, rule->n_tags, &a->tags, &a->n_tags) && make_id(a);
        buf_done(&event_id);
        return ok;
}

int alert_new(Alert **ret, const RuleHit *hit, Meaning *m) {
        Alert *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->n_refs = 1;
        if (!copy_hit(a, hit) || facts_gather(&a->facts, &a->arena, m, hit->event, hit->record) < 0 ||
            !make_sentence(a)) {
                alert_unref(a);
                return -ENOMEM;
        }
        a->keys = a->facts.keys;
        a->n_keys = a->facts.n_keys;
        *ret = a;
        return 0;
}

int alert_new_test(Alert **ret) {
        Alert *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        *a = (Alert){ .n_refs = 1,
                      .rule_id = STR("aulert-test"),
                      .rule_title = STR("Test alert"),
                      .level = RULE_MEDIUM,
                      .event_id = STR("0.000:0"),
                      .sec = time(NULL),
                      .sentence = STR("this is a test alert of aulert") };
        if (!make_id(a)) {
                alert_unref(a);
                return -ENOMEM;
        }
        *ret = a;
        return 0;
}

Alert *alert_ref(Alert *a) {
        a->n_refs++;
        return a;
}

Alert *alert_unref(Alert *a) {
        if (a && --a->n_refs == 0) {
                arena_done(&a->arena);
                free(a);
        }
        return NULL;
}

int alert_set_attempted(Alert *a, Str name, bool local) {
        if (!keep(a, name, &a->facts.attempted))
                return -ENOMEM;
        a->facts.attempted_local = local;
        return make_sentence(a) ? 0 : -ENOMEM;
}

bool alert_has_tag(const Alert *a, Str tag) {
        for (size_t i = 0; i < a->n_tags; i++)
                if (str_eq(a->tags[i], tag))
                        return true;
        return false;
}

static void json_string(Buf *out, const char *key, Str value) {
        buf_printf(out, "\"%s\":\"", key);
        escape_json(out, value);
        buf_putc(out, '"');
}

static void json_list(Buf *out, const char *key, const Str *list, size_t n) {
        buf_printf(out, "\"%s\":[", key);
        for (size_t i = 0; i < n; i++) {
                buf_putz(out, i ? ",\"" : "\"");
                escape_json(out, list[i]);
                buf_putc(out, '"');
        }
        buf_putc(out, ']');
}

/* Years beyond what struct tm holds are shown as seconds, with @ before them. */
static void put_time(Buf *out, const Alert *a, bool local) {
        time_t sec = (time_t)a->sec;
        char text[64];
        struct tm tm;

        if (!(local ? localtime_r(&sec, &tm) : gmtime_r(&sec, &tm)) || tm.tm_year > 9999 - 1900 ||
            tm.tm_year < -1900) {
                buf_printf(out, "@%lld", (long long)a->sec);
                return;
        }
        strftime(text, sizeof(text), local ? "%Y-%m-%d %H:%M:%S" : "%Y-%m-%dT%H:%M:%S", &tm);
        buf_printf(out, local ? "%s" : "%s.%03uZ", text, (unsigned)a->ms);
}

void alert_json(Buf *out, const Alert *a) {
        buf_putc(out, '{');
        json_string(out, "id", a->id);
        buf_putz(out, ",\"time\":\"");
        put_time(out, a, false);
        buf_putz(out, "\",");
        if (a->node.n) {
                json_string(out, "node", a->node);
                buf_putc(out, ',');
        }
        json_string(out, "level", level_names[a->level]);
        buf_putc(out, ',');
        json_string(out, "sentence", a->sentence);
        buf_putc(out, ',');
        json_string(out, "user", a->user);
        buf_putc(out, ',');
        json_string(out, "addr", a->addr);
        buf_putz(out, ",\"rule\":{");
        json_string(out, "id", a->rule_id);
        buf_putc(out, ',');
        json_string(out, "title", a->rule_title);
        buf_putz(out, "},");
        json_list(out, "tags", a->tags, a->n_tags);
        buf_putc(out, ',');
        json_list(out, "keys", a->keys, a->n_keys);
        buf_putc(out, ',');
        json_string(out, "event", a->event_id);
        buf_putz(out, "}\n");
}

void alert_text(Buf *out, const Alert *a, bool color) {
        static const char *const colors[_RULE_LEVEL_N] = {
                [RULE_INFORMATIONAL] = "2", [RULE_LOW] = "36",          [RULE_MEDIUM] = "33",
                [RULE_HIGH] = "1;31",       [RULE_CRITICAL] = "1;7;31",
        };

        put_time(out, a, true);
        if (color)
                buf_printf(out, "  \x1b[%sm%-13s\x1b[0m ", colors[a->level], alert_level_name(a->level));
        else
                buf_printf(out, "  %-13s ", alert_level_name(a->level));
        escape_terminal(out, a->sentence);
        buf_putz(out, color ? "\n  \x1b[2m" : "\n  ");
        escape_terminal(out, a->rule_title);
        buf_putz(out, " - event ");
        escape_terminal(out, a->event_id);
        buf_putz(out, color ? "\x1b[0m\n" : "\n");
}
