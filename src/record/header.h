/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* Takes the header of a record apart: node, type, time, serial, and where the body starts.
 *
 * Two readings. The strict one accepts what kernel and auditd write ("[node=N ]type=T
 * msg=audit(SEC.MS:SERIAL): ") and refuses the rest. The compatible one accepts whatever libauparse 3.0.9
 * takes for a header. Most headers repeat the time and serial of the record before them: HeaderCache
 * remembers those digits and compares instead of computing. */
#include "record/record.h"

#define HEADER_TYPES    1024u /* slots; half of them are used at most, then names are looked up each time */
#define HEADER_NAME_MAX 31u   /* bytes of a type name; longer: not a record */
#define HEADER_NODE_MAX \
        255u /* bytes of a node name, as in gethostname(2) and auditd.conf name; longer: not a record */

typedef struct {
        uint64_t head, tail; /* the first and last eight bytes: all of a name of up to sixteen */
        int32_t type;
        uint8_t len;
        char name[HEADER_NAME_MAX];
} HeaderType;

typedef struct {
        char stamp[32]; /* the digits "SEC.MS:SERIAL):" of the last header */
        unsigned stamp_len;
        int64_t sec;
        uint32_t ms;
        uint64_t serial;
        unsigned n_types;
        HeaderType types[HEADER_TYPES];
} HeaderCache;

enum {
        _HEADER_E_SUCCESS,
        HEADER_E_NO_RECORD, /* does not start as a record */
        HEADER_E_NO_END,    /* starts as one, but time and serial do not end in "):" */
};

/* Strict. Fills all of *ret_record but next (n_fields: -1), and *ret_id (node borrowed from @line).
 * RECORD_SLACK bytes follow @line. */
int header_parse(HeaderCache *cache, Str line, Record *ret_record, RecordId *ret_id);

/* As libauparse 3.0.9 reads it: time and node from the first 80 (340 with a node) bytes, type from the
 * first field. Also counts fields, into ret_record->n_fields. HEADER_E_NO_RECORD: libauparse ignores the
 * line. *ret_bad: it takes the time, but fails on the fields. */
int header_parse_compat(Str line, Record *ret_record, RecordId *ret_id, bool *ret_bad);
