/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "alert/alert-keep.h"
#include "alert/kind.h"
#include "alert/sentence.h"

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

const char *alert_kind_name(AlertKind kind) {
        static const char *const names[_ALERT_KIND_N] = {
                [ALERT_EVENT] = "event",
                [ALERT_DIGEST] = "digest",
                [ALERT_OWN] = "own",
                [ALERT_TEST] = "test",
        };

        return names[kind];
}

static bool keep(Alert *a, Str s, Str *ret) { return alert_keep(a, s, ALERT_TEXT_MAX, ret); }

static bool keep_sentence(Alert *a) {
        Buf text = BUF_INIT;
        bool ok;

        sentence_write(&text, &a->facts, a->rule_title);
        ok = !text.failed && keep(a, buf_view(&text), &a->sentence);
        buf_done(&text);
        return ok && keep(a, sentence_user(&a->facts), &a->user) &&
               keep(a, sentence_addr(&a->facts), &a->addr) && keep(a, sentence_object(&a->facts), &a->object);
}

static bool keep_facts(Alert *a) {
        const Str *v = a->facts.v;
        Kind kind = kind_of(&a->facts);

        return keep_sentence(a) && keep(a, sentence_actor(&a->facts), &a->actor) &&
               keep(a, sentence_as(&a->facts), &a->as_user) && keep(a, kind.category, &a->category) &&
               keep(a, kind.action, &a->action) && keep(a, kind.object, &a->object_kind) &&
               keep(a, sentence_operation(&a->facts), &a->operation) &&
               keep(a, sentence_result(&a->facts), &a->result) && keep(a, v[FACT_EXE], &a->exe) &&
               keep(a, v[FACT_PID], &a->pid) && keep(a, v[FACT_SES], &a->ses) &&
               keep(a, v[FACT_TERMINAL], &a->terminal) &&
               alert_keep_list(a, a->facts.keys, a->facts.n_keys, &a->keys, &a->n_keys);
}

static bool keep_identity(Alert *a, const RuleHit *hit) {
        const RecordId *id = &hit->event->id;
        Buf event_id = BUF_INIT;
        bool ok;

        a->level = hit->rule->level;
        a->sec = id->sec;
        a->ms = id->ms;
        event_id_format(&event_id, id);
        ok = !event_id.failed && alert_make_id(a, hit->rule->id, buf_view(&event_id)) &&
             keep(a, buf_view(&event_id), &a->event_id) && keep(a, id->node, &a->node) &&
             keep(a, hit->rule->id, &a->rule_id) && keep(a, hit->rule->title, &a->rule_title);
        buf_done(&event_id);
        return ok;
}

/* The rule's, and what there is to say about this hit. */
static bool keep_tags(Alert *a, const RuleHit *hit) {
        Str tags[ALERT_LIST_MAX];
        size_t n = hit->rule->n_tags;

        if (!hit->live_parent)
                return alert_keep_list(a, hit->rule->tags, n, &a->tags, &a->n_tags);
        a->truncated |= n > ALERT_LIST_MAX - 1;
        n = n > ALERT_LIST_MAX - 1 ? ALERT_LIST_MAX - 1 : n;
        tags[0] = ALERT_TAG_LIVE_PARENT;
        if (n)
                memcpy(tags + 1, hit->rule->tags, n * sizeof(*tags));
        return alert_keep_list(a, tags, n + 1, &a->tags, &a->n_tags);
}

static bool keep_rule(Alert *a, const RuleInfo *rule) {
        return alert_keep_list(a, rule->references, rule->n_references, &a->references, &a->n_references) &&
               keep(a, rule->description, &a->description);
}

static bool keep_records(Alert *a, const Event *event) {
        Buf text = BUF_INIT;
        bool ok;

        for (const Record *r = event->records; r; r = r->next) {
                buf_str(&text, r->text);
                buf_putc(&text, '\n');
                if (text.n > ALERT_RECORDS_MAX)
                        break;
        }
        a->room -= a->room < ALERT_SPARE ? a->room : ALERT_SPARE;
        ok = !text.failed && alert_keep(a, buf_view(&text), ALERT_RECORDS_MAX, &a->records);
        a->room += ALERT_SPARE;
        buf_done(&text);
        return ok;
}

static bool keep_event(Alert *a, const RuleHit *hit, Meaning *m, const Redact *redact) {
        Arena arena = ARENA_INIT;
        const Record *record;
        Event event;
        bool ok;

        ok = redact_event(redact, &arena, hit->event, hit->record, &event, &record) == 0 &&
             facts_gather(&a->facts, &a->arena, m, &event, record) == 0 && keep_facts(a) &&
             keep_tags(a, hit) && keep_rule(a, hit->rule) && keep_records(a, &event);
        arena_done(&arena);
        return ok;
}

int alert_new(Alert **ret, const RuleHit *hit, Meaning *m, const Redact *redact) {
        Alert *a;

        if (alert_begin(&a, ALERT_EVENT) < 0)
                return -ENOMEM;
        if (!keep_identity(a, hit) || !keep_event(a, hit, m, redact)) {
                alert_unref(a);
                return -ENOMEM;
        }
        *ret = a;
        return 0;
}

/* No two of this process, and no two processes, make the same. */
static Str make_unique(char text[static 64]) {
        static uint64_t n_made;
        struct timespec now;

        clock_gettime(CLOCK_REALTIME, &now);
        return (Str){ text, (size_t)snprintf(text, 64, "%lld.%09ld %llu", (long long)now.tv_sec, now.tv_nsec,
                                             (unsigned long long)n_made++) };
}

int alert_new_own(Alert **ret, const AlertOwn *own) {
        char text[64];
        Str unique = own->unique.n ? own->unique : make_unique(text);
        Alert *a;

        if (alert_begin(&a, own->kind) < 0)
                return -ENOMEM;
        a->level = own->level;
        a->sec = own->sec ? own->sec : time(NULL);
        a->n_folded = own->n_folded;
        if (!keep(a, own->rule_id, &a->rule_id) || !keep(a, own->title, &a->rule_title) ||
            !alert_make_id(a, own->rule_id, unique) || !keep(a, own->sentence, &a->sentence) ||
            !keep(a, own->description, &a->description) ||
            !alert_keep(a, own->records, ALERT_RECORDS_MAX, &a->records)) {
                alert_unref(a);
                return -ENOMEM;
        }
        *ret = a;
        return 0;
}

int alert_new_test(Alert **ret) {
        return alert_new_own(ret, &(AlertOwn){ .kind = ALERT_TEST,
                                               .level = RULE_MEDIUM,
                                               .rule_id = STR("aulert-test"),
                                               .title = STR("Test alert"),
                                               .sentence = STR("this is a test alert of aulert") });
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
        return keep_sentence(a) ? 0 : -ENOMEM;
}

bool alert_has_tag(const Alert *a, Str tag) {
        for (size_t i = 0; i < a->n_tags; i++)
                if (str_eq(a->tags[i], tag))
                        return true;
        return false;
}
