/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* One audit record: a line of text with its header taken apart.
 *
 * The header is "[node=N ]type=T msg=audit(SEC.MS:SERIAL):" (auditd's string format; linux-audit specs,
 * "audit record format"). A Record borrows its text; whoever hands it out says how long it lives (an
 * event's records live as long as the Event). RECORD_SLACK readable bytes follow every text, whatever they
 * hold, so that scanning may read past the end in wide loads; they are never taken for text. */
#include <sys/types.h>
#include "base/str.h"

#define RECORD_SLACK STR_SLACK

/* Who and when: the identity of an event is all four together (kernel: audit_log_start(); auditd adds the
 * node). */
typedef struct {
        int64_t sec;     /* seconds since the epoch, as logged */
        uint32_t ms;     /* 0..999 */
        uint64_t serial; /* DAEMON_* records count on their own, from a random start */
        Str node;        /* "" where the record has none; none is different from any node */
} RecordId;

typedef struct Record Record;
struct Record {
        Record *next;      /* the next record of the same event, in order of arrival */
        Str text;          /* the whole line without its newline, cut at the first NUL; may hold one 0x1D */
        uint32_t body;     /* offset of the first byte after "msg=audit(…): " */
        uint32_t type_off; /* the name of the type as logged: text.p + type_off, type_len bytes */
        uint16_t type_len;
        uint16_t flags;
        int32_t type; /* AUDIT_… of <linux/audit.h>/<libaudit.h>; -1: a name that libaudit does not know */
        int32_t n_fields; /* compatibility mode only: fields as libauparse counts them when that was found on
                            * arrival, else -1 */
};

enum {
        RECORD_NODE = 1 << 0, /* the line starts with node= */
        RECORD_ENRICHED =
                1 << 1, /* there is a 0x1D, and what auditd added behind it (only set by the default mode) */
        RECORD_FORGES = 1 << 2, /* SOCKADDR: the path of the socket poses as records (source/forged.h) */
};

static inline Str record_type_name(const Record *r) { return (Str){ r->text.p + r->type_off, r->type_len }; }
static inline Str record_body(const Record *r) { return (Str){ r->text.p + r->body, r->text.n - r->body }; }

/* The name libaudit has for a type ("SYSCALL"), or NULL. */
const char *record_type_to_name(int type);
/* AUDIT_…, or -1: libaudit has no such name. */
int record_type_from_name(Str name);
