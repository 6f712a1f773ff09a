/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Splits the body of a record into fields.
 *
 * A field is name=value. Where it ends is decided by form alone: a value in double quotes runs to the next
 * quote, another to the next blank. Kernel and auditd write text that they do not trust either in quotes,
 * when it holds no quote, blank or byte outside 0x21..0x7E, or as hexadecimal digits (kernel:
 * audit_log_untrustedstring()); whether bare digits are such text depends on the name and the type of the
 * record, so decoding belongs to meaning/.
 *
 * msg='…' of user space records is opened: the fields inside follow as fields of the record, marked
 * FIELD_USER, because a program wrote them and the kernel did not. Text up to the last apostrophe belongs
 * to it. Old PAM messages in parentheses are accepted: "(hostname=h, addr=a, terminal=t res=success)'".
 *
 * Words that are no field (avc: denied { read } for) are kept only as the pair seresult/seperms in AVC and
 * USER_AVC records, as libauparse does; for others FieldVec.has_words is set, so that a caller can show the
 * raw body.
 *
 * Linear in the length of the text, whatever it holds. Allocates only to let the vector grow. */
#include "record/record.h"

typedef enum {
        FIELD_KERNEL,   /* before msg='…': written by the kernel, or by auditd for DAEMON_* */
        FIELD_USER,     /* inside msg='…': written by a program that has CAP_AUDIT_WRITE */
        FIELD_ENRICHED, /* after 0x1D: what auditd looked up (UID="root" SYSCALL=openat SADDR={ … }) */
} FieldPart;

typedef struct {
        Str name;
        Str value;    /* as logged, without its double quotes; SADDR={ … }: what is between the braces */
        uint8_t part; /* FieldPart */
        bool quoted;  /* it stood in double quotes: never hexadecimal */
        bool braced;  /* it stood in { } */
} Field;

typedef struct {
        Field *v;
        size_t n, cap;
        size_t n_enriched; /* of them FIELD_ENRICHED; they are the last ones */
        uint64_t n_cut;    /* fields beyond FIELD_MAX, ever: dropped and counted */
        bool has_words;    /* the body holds text that is in no field */
        Str msg;           /* what stands between the apostrophes of msg='…', or STR_NULL */
} FieldVec;

#define FIELD_MAX      65536u
#define FIELD_VEC_INIT ((FieldVec){ 0 })

/* Replaces the contents of @vec by the fields of @r. Fields borrow from the record's text. 0 or -ENOMEM. */
int field_split(FieldVec *vec, const Record *r);
void field_vec_done(FieldVec *vec);

/* A set of names, roughly: it may take a name for a member that is none, never the other way round. */
typedef struct {
        uint64_t bits[32];
} FieldNames;

void field_names_add(FieldNames *names, Str name);

/* As field_split(), but fields whose names are not in @names may be left out (those inside msg='…' and the
 * pair seresult/seperms are not), and so may has_words: three times as fast where few are wanted. */
int field_split_named(FieldVec *vec, const Record *r, const FieldNames *names);

/* The first field of that name, or NULL. Linear: for code that wants one or two fields of a record. */
const Field *field_find(const FieldVec *vec, Str name);
