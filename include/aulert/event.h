/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One complete audit event, as a feed or a plugin hands it to a callback.
 *
 * Everything here is lent: an event, its records, fields and texts live until the callback returns, unless a function says
 * less. Bytes are an outsider's and may be anything; no NUL ends a text unless its function says so. What an event is, and the
 * format of its records, is described in auditd(8) and in the linux-audit project's "audit record format". */
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes and how many: printf("%.*s", (int)text.size, text.data). From the library data is never NULL; in a text of yours it may
 * be where size is 0. */
typedef struct {
        const char *data; /* the first byte */
        size_t size;      /* how many there are */
} AulertText;

/* An event: all records with the same node, time and serial number. */
typedef struct AulertEvent AulertEvent;
/* One record of an event: one line of the stream. */
typedef struct AulertRecord AulertRecord;
/* One name=value of a record. */
typedef struct AulertField AulertField;

/* Why an event was taken for complete. */
typedef enum {
        AULERT_ENDED_TERMINAL, /* by a record that is the last of its event */
        AULERT_ENDED_TIMEOUT,  /* by time */
        AULERT_ENDED_EOF,      /* by aulert_feed_flush() or the end of the input */
        AULERT_ENDED_LIMIT,    /* by a limit: what follows is delivered late */
} AulertEnded;

/* Seconds since the epoch, as logged. */
int64_t aulert_event_seconds(const AulertEvent *event);
/* Milliseconds within the second, 0 to 999. */
uint32_t aulert_event_milliseconds(const AulertEvent *event);
/* The serial number. DAEMON_* records count on their own. */
uint64_t aulert_event_serial(const AulertEvent *event);
/* The machine; size 0 where the records name none. */
AulertText aulert_event_node(const AulertEvent *event);
/* Not 0: an event of the same identity was delivered before. */
int aulert_event_late(const AulertEvent *event);
/* Why it is complete. */
AulertEnded aulert_event_ended(const AulertEvent *event);
/* The first record, in order of arrival. Never NULL. */
const AulertRecord *aulert_event_first(const AulertEvent *event);

/* The record behind this one, or NULL. */
const AulertRecord *aulert_record_next(const AulertRecord *record);
/* The AUDIT_… number of <linux/audit.h> and <libaudit.h>; -1: a name that libaudit does not know. */
int aulert_record_type(const AulertRecord *record);
/* The type as logged. */
AulertText aulert_record_type_name(const AulertRecord *record);
/* The whole line, without its newline. */
AulertText aulert_record_text(const AulertRecord *record);
/* The number of fields that auparse_get_num_fields() of libauparse 3.0.9 reports for it. */
uint32_t aulert_record_count_fields(const AulertRecord *record);

/* The name that libaudit has for a type, or NULL. Never freed. */
const char *aulert_type_name(int type);

/* Field @index of @record, from 0; NULL: there are no more, or memory ran out (aulert_event_error()). Fields are valid until one
 * of another record is asked for. */
const AulertField *aulert_event_field(AulertEvent *event, const AulertRecord *record, size_t index);
/* The first field of that name in @record; NULL: there is none, or memory ran out. Valid likewise. */
const AulertField *aulert_event_find(AulertEvent *event, const AulertRecord *record, const char *name);
/* 0, or -ENOMEM when a call for this event could not be answered for want of memory. */
int aulert_event_error(const AulertEvent *event);

/* The name of a field; of NULL, a field that is not there, size 0. */
AulertText aulert_field_name(const AulertField *field);
/* The value as logged, without its double quotes; of NULL, size 0. */
AulertText aulert_field_raw(const AulertField *field);
/* The value as a person reads it (uid 0 is root, hexadecimal text is decoded). @field is of the last record whose fields were
 * asked for; NULL: size 0. Valid until the next call for this event. -ENOMEM: *ret is not changed; 0 otherwise. */
int aulert_event_interpret(AulertEvent *event, const AulertField *field, AulertText *ret);

/* The event as one line of JSON, newline included (aulert-events(1)). Valid until the next aulert_event_json() or
 * aulert_event_text(); a NUL is behind it. 0 or -ENOMEM: *ret is not changed. */
int aulert_event_json(AulertEvent *event, AulertText *ret);
/* The same for people: a line for the event and one for each record, safe to show on a terminal. */
int aulert_event_text(AulertEvent *event, AulertText *ret);

/* What came of what the event tells. */
typedef enum {
        AULERT_RESULT_UNKNOWN, /* the event does not say */
        AULERT_RESULT_SUCCESS, /* it was done */
        AULERT_RESULT_FAILED,  /* it was refused, or failed */
} AulertResult;

/* The four below take the event as a whole: the record that tells what happened speaks first, the others fill what it leaves
 * open; texts are interpreted, raw bytes, and cut at 512. They are valid until the callback returns. Size 0: the event does not
 * say. 0 or -ENOMEM: *ret is not changed. */

/* Who did it: the login name (auid), else the user (uid); at a login the account that came, size 0 where sshd writes
 * "(invalid user)" for one that does not exist. 0 or -ENOMEM. */
int aulert_event_actor(AulertEvent *event, AulertText *ret);
/* What was done: the system call ("openat"), else op= ("PAM:session_open"), else the type of the record ("USER_LOGIN"). 0 or -ENOMEM. */
int aulert_event_action(AulertEvent *event, AulertText *ret);
/* To what: an account, else a command, group, path, service, network peer, process or module, whichever the event has first, in
 * this order. 0 or -ENOMEM. */
int aulert_event_object(AulertEvent *event, AulertText *ret);
/* From where: an address or the name of a host. 0 or -ENOMEM. */
int aulert_event_origin(AulertEvent *event, AulertText *ret);
/* With what result. 0 or -ENOMEM. */
int aulert_event_result(AulertEvent *event, AulertResult *ret);
/* All of it in one sentence: "alice logged in over ssh from 192.0.2.7". What an outsider can choose stands in quotes; safe to show
 * on a terminal, one line, a NUL behind it. Valid until the callback returns. 0 or -ENOMEM: *ret is not changed. */
int aulert_event_sentence(AulertEvent *event, AulertText *ret);
/* 1: an audit rule with that key (auditctl -k) made the event; 0: none did; -ENOMEM. */
int aulert_event_has_key(AulertEvent *event, const char *key);

/* Where a text is to be shown. */
typedef enum {
        AULERT_ESCAPE_TERMINAL, /* a terminal, a log, a mail: control and reordering characters become visible */
        AULERT_ESCAPE_MARKUP, /* the body of a desktop notification, XML, HTML: as above, and & < > " ' as entities */
        AULERT_ESCAPE_JSON, /* the inside of a JSON string */
} AulertEscape;

/* Makes any bytes inert there, with a NUL behind them. Valid until the next call for this event. 0; -ENOMEM or -EINVAL (no such
 * @where): *ret is not changed. */
int aulert_event_escape(AulertEvent *event, AulertText text, AulertEscape where, AulertText *ret);

#ifdef __cplusplus
}
#endif
