/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <libaudit.h>
#include <stdlib.h>
#include "base/hash.h"
#include "meaning/record-memo.h"

static bool is_of(const RecordMemo *m, const Record *r, Str body) {
        return m->type == r->type && m->n_body == body.n && !memcmp(m->body, body.p, body.n);
}

RecordMemo *record_memo_at(RecordMemo **slots, const Record *r) {
        Str body = record_body(r), name = record_type_name(r);
        RecordMemo *pair;

        /* other spellings of the type ("path", "1302") would show in the JSON */
        if ((r->type != AUDIT_PATH && r->type != AUDIT_CWD && r->type != AUDIT_PROCTITLE) ||
            body.n > RECORD_MEMO_BODY ||
            !(str_eq(name, STR("PATH")) || str_eq(name, STR("CWD")) || str_eq(name, STR("PROCTITLE"))))
                return NULL;
        if (unlikely(!*slots)) {
                *slots = calloc(RECORD_MEMO_SLOTS, sizeof(**slots));
                if (!*slots)
                        return NULL;
        }
        pair = &(*slots)[(hash_bytes(body.p, body.n, 0) >> 32) % (RECORD_MEMO_SLOTS / 2) * 2];
        if (is_of(pair, r, body))
                return pair;
        if (is_of(pair + 1, r, body))
                return pair + 1;
        pair->turn = !pair->turn;
        return pair + pair->turn;
}

void record_memo_store(RecordMemo *m, uint64_t generation, const Record *r, Str json) {
        Str body = record_body(r);

        if (json.n > RECORD_MEMO_JSON || memmem(json.p, json.n, "unknown(", 8))
                return;
        m->generation = generation;
        m->type = r->type;
        m->n_body = (uint16_t)body.n;
        m->n_json = (uint16_t)json.n;
        memcpy(m->body, body.p, body.n);
        memcpy(m->json, json.p, json.n);
}
