/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* What a rule looks at: the named values of one record, or of one process_creation, network_connection or file_event.
 *
 * Only fields that some rule names are taken. A field may have several values. A record that lacks a field sees that of its
 * event's SYSCALL, CWD and PROCTITLE records, which are read when somebody asks. Values are decoded (hexadecimal text, socket
 * addresses) and live until the next event. Linear in the size of the event. */
#include "rule/set.h"

typedef struct {
        Str text;
        bool null;     /* (null) without quotes */
        uint32_t next; /* the next value of the field: index + 1, or 0 */
} Value;

/* The values of one thing. */
typedef struct {
        uint32_t *heads; /* for each field: index + 1 of its first value, or 0 */
        uint32_t *tails;
        uint32_t *fields; /* those that have values, in order of appearance */
        size_t n_fields;
        Value *values;
        size_t n, cap;
} View;

typedef enum { CONTEXT_SYSCALL, CONTEXT_CWD, CONTEXT_PROCTITLE, _CONTEXT_N } ContextKind;

/* A slot of the table of names. */
typedef struct {
        uint64_t head; /* the first 8 bytes, zeros behind a shorter name */
        uint32_t n;    /* length; 0: the slot is empty */
        uint32_t id;
} FieldName;

typedef enum { CALL_UNKNOWN, CALL_OTHER, CALL_EXEC, CALL_NETWORK } CallKind;

/* What the event's SYSCALL record says, for the categories. */
typedef struct {
        bool known;   /* there is such a record */
        bool success; /* success=yes */
        Str name;     /* of the system call, "" unknown */
        CallKind kind;
        Str exit, exe, uid, user, ses, auid;
        int64_t pid, ppid; /* -1: not there */
} Facts;

/* Where a value stands in the text of a Tail. */
typedef struct {
        bool known, quoted;
        uint16_t at, n;
} Part;

#define TAILS     1024u
#define TAIL_TEXT 640u
#define FRONTS    256u

/* A SYSCALL record from " auid=" on: who called. Remembered, since processes call many times. */
typedef struct {
        uint16_t n;
        bool usual;        /* false: facts stand where they are not expected, read the whole record */
        bool enriched;     /* auditd added SYSCALL= */
        const void *quiet; /* set by the matcher: the plan for which none of its fields holds a literal */
        struct {
                const void *plan;
                uint64_t front; /* Front.id */
        } none[4]; /* the same: plans for which no field that others inherit from such a record holds one */
        Part exe, call, uid, user, ses;
        char text[TAIL_TEXT];
} Tail;

/* A SYSCALL record before " exit=": which call it was. Remembered, since there are few. */
typedef struct {
        uint8_t n;
        bool success;
        uint64_t id; /* another one for each text */
        CallKind kind;
        Str name;             /* of the system call, "" unknown */
        const void *quiet[2]; /* as in Tail; what is made from these fields depends on Tail.enriched */
        char text[64];
} Front;

/* The fields between: numbers, in this order (audit_log_exit() in the kernel's auditsc.c). */
typedef enum {
        HEAD_EXIT,
        HEAD_A0,
        HEAD_A1,
        HEAD_A2,
        HEAD_A3,
        HEAD_ITEMS,
        HEAD_PPID,
        HEAD_PID,
        _HEAD_N
} HeadField;

typedef struct {
        Front *front;
        Str head[_HEAD_N];
        Tail *tail;
        uint32_t tail_at; /* in the record's text */
} Call;

/* A PATH record as the kernel writes it, up to " dev=", and the rest, in which few records differ. */
typedef enum { PATH_ITEM, PATH_NAME, PATH_INODE, _PATH_N } PathField;

typedef struct {
        Str head[_PATH_N]; /* as logged */
        bool quoted;       /* name= is */
        Str tail;
} Path;

typedef struct {
        const RuleSet *set;
        const Event *event;
        const Record *context_records[_CONTEXT_N];
        bool context_read[_CONTEXT_N];
        View context[_CONTEXT_N];
        View own;
        const View *current;
        ContextKind current_context; /* _CONTEXT_N: current is none of them */
        Facts facts;
        bool facts_read, all_facts_read;
        FieldVec split, syscall_split;
        const Record *split_of; /* what is in split; NULL: nothing */
        bool syscall_is_split;
        FieldVec named, syscall_named; /* the same, only fields of some names */
        bool syscall_is_named;
        Tail *tails;   /* TAILS of them, by hash */
        Front *fronts; /* FRONTS of them, the same */
        unsigned turn; /* which of two places is filled next */
        uint64_t last_front;
        Call call; /* of the event's SYSCALL record, once call_known and if call_usual */
        bool call_known, call_usual;
        uint32_t id_head[_HEAD_N], id_path[_PATH_N], id_arg[10]; /* a0 to a9 */
        const uint64_t *wanted;  /* bits of fields that are taken now; NULL: all that rules name */
        const FieldNames *taken; /* their names, and those that they are made from; NULL: all */
        Arena text;              /* decoded values of the event */
        Buf decoded;             /* a value on its way to text */
        Buf pairs, args;         /* keywords of the current record; the event's joined arguments */
        bool args_known;         /* args holds them */
        size_t n_names;
        FieldName *names;        /* the fields that rules use, by the hash of their names */
        uint8_t **kinds;         /* by record type, then by field: FieldKind + 1, 0 not known yet */
        View glance[_CONTEXT_N]; /* context records, only the fields of context_wanted */
        bool glance_read[_CONTEXT_N];
        const uint64_t *context_wanted;  /* set by the matcher: what anybody wants of context records */
        const FieldNames *fact_names;    /* of all Facts */
        const FieldNames *context_names; /* and of which names; with those of Facts when they are asked for */
        bool context_keywords[_CONTEXT_N]; /* read with keywords */
        uint8_t context_alone[_CONTEXT_N]; /* its one field is the usual one: 0 not known yet, 1 no, 2 yes */
        uint32_t id_msg, id_timestamp, id_serial, id_node, id_syscall, id_SYSCALL, id_ARCH, id_saddr[4],
                id_key, id_cwd, id_proctitle;
        bool keywords;          /* some rule has keywords */
        bool category_keywords; /* one for a category has */
        uint32_t id_category[16];
        bool failed; /* memory ran out: the view lacks something */
} Viewer;

int viewer_init(Viewer *v, const RuleSet *set);
void viewer_done(Viewer *v);

/* Everything that follows is about this event. */
void viewer_event(Viewer *v, const Event *event);

/* Makes @r the current view (all EXECVE records of the event are one: pass the first). */
void viewer_record(Viewer *v, const Record *r, bool keywords);

/* As viewer_record(), but with only those fields of the record itself whose bits are set in @wanted: for finding out whether a closer look
 * is worth it. No keywords. @names: those of @wanted. Context records give what context_wanted says, which must include @wanted. */
const View *viewer_glance(Viewer *v, const Record *r, const uint64_t *wanted, const FieldNames *names);

/* What the event's SYSCALL record says, or NULL: it has none that is as the kernel writes it, and has to be read as a whole. Valid until
 * the next event. */
Call *viewer_call(Viewer *v);

/* False: this PATH record is not as the kernel writes it, and has to be read as a whole. */
bool viewer_path(const Record *r, Path *ret);

/* The name of a Path, decoded, lent until the next event. */
Str viewer_path_name(Viewer *v, const Path *p);

/* The names that fields whose bits are set in @wanted are made from. */
void viewer_names(const Viewer *v, const uint64_t *wanted, FieldNames *ret);

/* True: of the fields in @wanted some come from a record's header. */
bool viewer_needs_header(const Viewer *v, const uint64_t *wanted);

/* Adds the names that Facts are made from: @all, or those of viewer_facts(). */
void viewer_fact_names(FieldNames *ret, bool all);

/* Where the current record would inherit a field from, of those in context_wanted; NULL: from nowhere. */
const View *viewer_glance_source(Viewer *v, uint32_t field);

/* True: this CWD or PROCTITLE record has the one field that is usual, and nobody wants that. Cheap. */
bool viewer_lacks_all(Viewer *v, const Record *r, const uint64_t *wanted);

/* True: the event's CWD and PROCTITLE records have the one field that is usual, and nobody wants those. */
bool viewer_has_usual_context(Viewer *v, const uint64_t *wanted);

/* The fields of a record, split once for as long as no other record is asked for. */
const FieldVec *viewer_split(Viewer *v, const Record *r);

/* The bytes that a field stands for, lent until the next event. */
Str viewer_text(Viewer *v, int type, const Field *f);

/* Makes the event's view of a category the current one; false: it has none. VIEW_FILE: @r is the PATH record. */
bool viewer_category(Viewer *v, ViewKind kind, const Record *r);

/* The fields of a parent process, for the current view of VIEW_PROCESS. STR_NULL: not known. */
void viewer_parent(Viewer *v, Str image, Str command_line);

/* known, success, name, exe, pid and ppid: what is asked of every event. */
const Facts *viewer_facts(Viewer *v);
const Facts *viewer_all_facts(Viewer *v);

/* The arguments of EXECVE with blanks between, STR_NULL without such a record; lent until the next event. */
Str viewer_command_line(Viewer *v);
Str viewer_proctitle(Viewer *v);

/* The first value of a field for the current view, inherited ones included, or NULL. */
const Value *viewer_value(Viewer *v, uint32_t field);

/* The view that a field of the current one comes from, or NULL: it has none. */
const View *viewer_source(Viewer *v, uint32_t field);

/* Reads the context records and says how many views there are; for matchers that go through all fields. */
const View *viewer_context(Viewer *v, ContextKind kind);

static inline const Value *view_next(const View *view, const Value *value) {
        return value->next ? &view->values[value->next - 1] : NULL;
}

/* Facts about types that the views rest on (linux/audit.h). */
bool view_type_is_end(int type);
