/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What is told to people: one rule's hit on one event, with the sentence that says who did what; or something
 * about ourselves (a digest, a loss, a test).
 *
 * An Alert borrows nothing: it owns its texts (one arena), so that sinks may keep it; several share one by
 * reference. Its id depends on the rule and the event alone: a repeat can be recognised. Texts are raw
 * bytes; each sink makes them inert for its own place (base/escape.h). Bounded: texts are cut at
 * ALERT_TEXT_MAX bytes, lists at ALERT_LIST_MAX, and all together so that neither the JSON nor the packed
 * form (alert-pack.h) is larger than ALERT_MAX; what was cut is marked `truncated`. */
#include "alert/facts.h"
#include "alert/redact.h"
#include "base/arena.h"
#include "rule/rule.h"

#define ALERT_MAX         65536u /* bytes of any form, the records included */
#define ALERT_TEXT_MAX    1024u  /* of one text */
#define ALERT_LIST_MAX    32u    /* tags, keys, references */
#define ALERT_RECORDS_MAX 32768u /* of the records */

typedef enum {
        ALERT_EVENT,  /* a rule hit an event */
        ALERT_DIGEST, /* stands for several alerts that were held back or folded */
        ALERT_OWN,    /* about aulert itself: lost records, a process that was replaced */
        ALERT_TEST,   /* somebody tries a sink */
        _ALERT_KIND_N,
} AlertKind;

typedef struct {
        Arena arena;
        unsigned n_refs;
        size_t room; /* bytes that may still be kept, as JSON */
        AlertKind kind;
        Str id;                               /* 32 hexadecimal digits */
        Str rule_id, rule_title, description; /* RuleInfo */
        RuleLevel level;
        const Str *tags;
        size_t n_tags;
        const Str *references; /* of the rule */
        size_t n_references;
        Str event_id; /* [node/]sec.ms:serial; "" unless ALERT_EVENT */
        int64_t sec;  /* of the event, since the epoch */
        uint32_t ms;
        Str node;
        Str sentence;                /* "alice logged in over ssh from 192.0.2.7" */
        Str actor;                   /* who is behind it: the login user, else the user of the process */
        Str as_user;                 /* whom the process ran as, where that is another than the actor */
        Str category;                /* Kind: "user-login", "audit-rule" */
        Str action;                  /* Kind: what was done, in fixed words: "opened-file" */
        Str operation;               /* the same as the record names it: a system call, op= */
        Str object;                  /* to what: a path, an account, an address, a unit */
        Str object_kind;             /* Kind: "file", "account" */
        Str result;                  /* "success", "failed", or "" where the event does not say */
        Str user;                    /* who did it, or tried; "" where nobody is known */
        Str addr;                    /* from where; "" where not known */
        Str exe, pid, ses, terminal; /* of the process that did it; "" where not known */
        const Str *keys;             /* audit keys of the event */
        size_t n_keys;
        Str records;       /* the event's, as they came in, one a line, each with its newline */
        bool truncated;    /* something was cut; the event has it all */
        uint32_t n_folded; /* ALERT_DIGEST: how many alerts it stands for */
        Facts facts;       /* what the sentence was made of; nothing in an alert that was unpacked */
} Alert;

/* From one hit. Secrets in the event's command lines are not in it (redact.h); @redact NULL: by the lists that
 * are built in. 0 or -ENOMEM. One reference, the caller's. */
int alert_new(Alert **ret, const RuleHit *hit, Meaning *m, const Redact *redact);

typedef struct {
        AlertKind kind; /* ALERT_DIGEST, ALERT_OWN, ALERT_TEST */
        RuleLevel level;
        Str rule_id, title, sentence;
        Str description; /* "": none */
        Str records;     /* a digest's lines; "": none */
        Str unique;      /* two with the same rule_id and unique have the same id; "": no two have */
        int64_t sec;     /* when; 0: now */
        uint32_t n_folded;
} AlertOwn;

/* About ourselves. Everything is copied, and cut as the texts of other alerts. 0 or -ENOMEM. */
int alert_new_own(Alert **ret, const AlertOwn *own);

/* An alert that says that it is a test. 0 or -ENOMEM. */
int alert_new_test(Alert **ret);

Alert *alert_ref(Alert *a);
Alert *alert_unref(Alert *a); /* takes NULL, returns NULL */

/* The name that somebody tried, found elsewhere (the record of the failure hides it): the sentence is made
 * again. @local: an account of this name exists here. 0 or -ENOMEM. */
int alert_set_attempted(Alert *a, Str name, bool local);

bool alert_has_tag(const Alert *a, Str tag);

/* A rule about logins carries this tag: its alerts go through Attempts. */
#define ALERT_TAG_LOGIN STR("aulert.login")

/* The first tag of an alert whose rule hit only because /proc told the parent process: RuleHit.live_parent. */
#define ALERT_TAG_LIVE_PARENT STR("aulert.parent-from-proc")

const char *alert_level_name(RuleLevel level); /* "informational" … "critical" */
bool alert_level_from_name(Str name, RuleLevel *ret);
const char *alert_kind_name(AlertKind kind); /* "event", "digest", "own", "test" */

/* One line of JSON, newline included; its members are described in aulert-alert(5). At most ALERT_MAX bytes,
 * with the records or without. */
#define ALERT_SCHEMA 1
void alert_json(Buf *out, const Alert *a);
void alert_json_records(Buf *out, const Alert *a);

/* For a terminal, two lines: local time, level and sentence; rule and event. Inert. @color: with escape
 * sequences of ours. */
void alert_text(Buf *out, const Alert *a, bool color);
