/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The finished JSON of records that come again word for word.
 *
 * CWD, PATH and PROCTITLE are three records of four, and most of them were seen before: the same file, folder or program. Their
 * JSON depends on type and body alone. A slot is found by a hash of the body and compared in full. Two have the same hash, so
 * that records that come in turn do not put each other out; a newer body takes over the one that did so longer ago.
 * Memory: RECORD_MEMO_SLOTS × sizeof(RecordMemo), allocated when the first record is stored. */
#include "record/record.h"

#define RECORD_MEMO_SLOTS 512u
#define RECORD_MEMO_BODY  448u
#define RECORD_MEMO_JSON  1024u

typedef struct {
        uint64_t generation; /* meaning_generation() when it was stored; 0: free */
        int32_t type;
        uint16_t n_body, n_json;
        bool turn; /* of a pair, in the first: which one was taken over last */
        char body[RECORD_MEMO_BODY];
        char json[RECORD_MEMO_JSON];
} RecordMemo;

/* The slot for a record, or NULL: it is not worth it, or there is no memory for *slots, which is allocated here and freed by
 * the caller with free(). */
RecordMemo *record_memo_at(RecordMemo **slots, const Record *record);

static inline bool record_memo_holds(const RecordMemo *m, uint64_t generation, const Record *r) {
        Str body = record_body(r);

        return m->generation == generation && m->type == r->type && m->n_body == body.n &&
               !memcmp(m->body, body.p, body.n);
}

/* Keeps @json for the record, if it fits and holds no name that may be known another time ("unknown(N)"). */
void record_memo_store(RecordMemo *m, uint64_t generation, const Record *record, Str json);
