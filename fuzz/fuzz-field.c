/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Headers and fields of single lines: everything found lies inside the text, in order, without overlap (so
 * the work is linear), and the fast count of fields agrees with the one that reads word by word. */
#include "fuzz/target.h"
#include "record/count.h"
#include "record/field.h"
#include "record/header.h"

/* @s must lie behind *@from; the two words that AVC records name are constants. */
static void check_inside(Str s, const char **from, const char *end) {
        CHECK(s.n <= (size_t)(end - *from));
        CHECK(s.p >= *from && s.p + s.n <= end);
        *from = s.p + s.n;
}

static void check_fields(const FieldVec *vec, const Record *r) {
        const char *at = r->text.p + r->body, *end = r->text.p + r->text.n;
        unsigned part = FIELD_KERNEL;
        size_t n_enriched = 0;

        for (size_t i = 0; i < vec->n; i++) {
                const Field *f = &vec->v[i];

                if (f->name.p >= r->text.p && f->name.p < end)
                        check_inside(f->name, &at, end);
                else
                        CHECK(str_eqz(f->name, "seresult") || str_eqz(f->name, "seperms"));
                check_inside(f->value, &at, end);
                CHECK(f->part <= FIELD_ENRICHED);
                CHECK(part != FIELD_ENRICHED || f->part == FIELD_ENRICHED);
                part = f->part;
                n_enriched += f->part == FIELD_ENRICHED;
        }
        CHECK(n_enriched == vec->n_enriched && vec->n <= FIELD_MAX);
        if (vec->msg.p)
                CHECK(vec->msg.p >= r->text.p && vec->msg.p + vec->msg.n <= end);
}

/* Where the library would read the header the same way the two counts are of the same record. */
static void check_counts(const Record *r) {
        bool bad, bad_of_text;
        int type;
        uint32_t n = count_fields(r, &bad), n_of_text = count_fields_of_text(r->text, &type, &bad_of_text);
        bool ends_in_blank = r->body == r->text.n || r->text.p[r->body - 1] == ' ';

        if (r->type < 0 || !ends_in_blank || memchr(r->text.p, 0x1D, r->body))
                return;
        CHECK(type == r->type && n == n_of_text && bad == bad_of_text);
}

static void check_line(HeaderCache *cache, FieldVec *vec, Str line) {
        Record r = { 0 };
        RecordId id;
        bool bad;

        if (header_parse_compat(line, &r, &id, &bad) == 0)
                CHECK(r.n_fields >= 0 && id.ms <= 999);
        if (header_parse(cache, line, &r, &id))
                return;
        CHECK(r.body <= line.n && r.type_off + r.type_len <= r.body && id.ms <= 999 && id.sec >= 0);
        CHECK(!id.node.n == !(r.flags & RECORD_NODE));
        CHECK(field_split(vec, &r) == 0);
        check_fields(vec, &r);
        check_counts(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static HeaderCache cache;
        Str rest = { (const char *)data, n }, line;
        FieldVec vec = FIELD_VEC_INIT;

        memset(&cache, 0, sizeof(cache));
        while (target_line(&rest, &line)) {
                char *copy = target_copy(line, n & 1 ? '=' : ' ');

                check_line(&cache, &vec, (Str){ copy, line.n });
                free(copy);
        }
        field_vec_done(&vec);
        return 0;
}
