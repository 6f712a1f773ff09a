/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "alert/alert-keep.h"
#include "alert/alert-pack.h"

#define VERSION   2
#define TRUNCATED 1u

/* Order and limits of the texts; a new one needs a new VERSION. */
static const struct {
        size_t offset;
        size_t max;
} texts[] = {
        { offsetof(Alert, id), 32 },
        { offsetof(Alert, rule_id), ALERT_TEXT_MAX },
        { offsetof(Alert, rule_title), ALERT_TEXT_MAX },
        { offsetof(Alert, description), ALERT_TEXT_MAX },
        { offsetof(Alert, event_id), ALERT_TEXT_MAX },
        { offsetof(Alert, node), ALERT_TEXT_MAX },
        { offsetof(Alert, sentence), ALERT_TEXT_MAX },
        { offsetof(Alert, actor), ALERT_TEXT_MAX },
        { offsetof(Alert, as_user), ALERT_TEXT_MAX },
        { offsetof(Alert, category), ALERT_TEXT_MAX },
        { offsetof(Alert, action), ALERT_TEXT_MAX },
        { offsetof(Alert, operation), ALERT_TEXT_MAX },
        { offsetof(Alert, object), ALERT_TEXT_MAX },
        { offsetof(Alert, object_kind), ALERT_TEXT_MAX },
        { offsetof(Alert, result), ALERT_TEXT_MAX },
        { offsetof(Alert, user), ALERT_TEXT_MAX },
        { offsetof(Alert, addr), ALERT_TEXT_MAX },
        { offsetof(Alert, exe), ALERT_TEXT_MAX },
        { offsetof(Alert, pid), ALERT_TEXT_MAX },
        { offsetof(Alert, ses), ALERT_TEXT_MAX },
        { offsetof(Alert, terminal), ALERT_TEXT_MAX },
        { offsetof(Alert, records), ALERT_RECORDS_MAX },
};

static const struct {
        size_t list, n;
} lists[] = {
        { offsetof(Alert, tags), offsetof(Alert, n_tags) },
        { offsetof(Alert, references), offsetof(Alert, n_references) },
        { offsetof(Alert, keys), offsetof(Alert, n_keys) },
};

#define MEMBER(_alert, _offset, _type) ((_type *)((char *)(_alert) + (_offset)))

static void put_number(Buf *out, uint64_t v, unsigned n) {
        char bytes[8];

        for (unsigned i = 0; i < n; i++)
                bytes[i] = (char)(v >> (8 * i));
        buf_put(out, bytes, n);
}

static void put_text(Buf *out, Str s) {
        put_number(out, s.n, 2);
        buf_str(out, s);
}

int alert_pack(Buf *out, const Alert *a) {
        put_number(out, VERSION, 1);
        put_number(out, a->kind, 1);
        put_number(out, a->level, 1);
        put_number(out, a->truncated ? TRUNCATED : 0, 1);
        put_number(out, (uint64_t)a->sec, 8);
        put_number(out, a->ms, 4);
        put_number(out, a->n_folded, 4);
        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                put_text(out, *MEMBER(a, texts[i].offset, const Str));
        for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
                const Str *list = *MEMBER(a, lists[i].list, const Str *const);
                size_t n = *MEMBER(a, lists[i].n, const size_t);

                put_number(out, n, 1);
                for (size_t k = 0; k < n; k++)
                        put_text(out, list[k]);
        }
        return out->failed ? -ENOMEM : 0;
}

typedef struct {
        Str rest;
        size_t cost; /* as JSON */
        bool bad;
} Reader;

static uint64_t get_number(Reader *r, unsigned n) {
        uint64_t v = 0;

        if (r->rest.n < n) {
                r->bad = true;
                return 0;
        }
        for (unsigned i = 0; i < n; i++)
                v |= (uint64_t)(uint8_t)r->rest.p[i] << (8 * i);
        r->rest = (Str){ r->rest.p + n, r->rest.n - n };
        return v;
}

static Str get_text(Reader *r, size_t max) {
        size_t n = get_number(r, 2);
        Str s = { r->rest.p, n };

        if (r->bad || n > r->rest.n || n > max) {
                r->bad = true;
                return STR("");
        }
        for (size_t i = 0; i < n; i++)
                r->cost += alert_cost((uint8_t)s.p[i]);
        r->bad |= r->cost > ALERT_ROOM;
        r->rest = (Str){ r->rest.p + n, r->rest.n - n };
        return s;
}

static void get_head(Reader *r, Alert *a) {
        uint64_t version = get_number(r, 1), kind = get_number(r, 1), level = get_number(r, 1),
                 flags = get_number(r, 1), ms;

        a->sec = (int64_t)get_number(r, 8);
        ms = get_number(r, 4);
        a->n_folded = (uint32_t)get_number(r, 4);
        r->bad |= version != VERSION || kind >= _ALERT_KIND_N || level >= _RULE_LEVEL_N ||
                  flags > TRUNCATED || ms > 999;
        if (r->bad)
                return;
        a->kind = (AlertKind)kind;
        a->level = (RuleLevel)level;
        a->truncated = flags & TRUNCATED;
        a->ms = (uint32_t)ms;
}

/* Texts borrow from the copy of the bytes that the arena holds. */
static bool get_list(Reader *r, Alert *a, size_t i) {
        size_t n = get_number(r, 1);
        Str *list = NULL;

        if (n > ALERT_LIST_MAX)
                r->bad = true;
        if (r->bad)
                return true;
        list = arena_alloc(&a->arena, sizeof(Str) * (n + 1));
        if (!list)
                return false;
        for (size_t k = 0; k < n; k++)
                list[k] = get_text(r, ALERT_TEXT_MAX);
        *MEMBER(a, lists[i].list, const Str *) = list;
        *MEMBER(a, lists[i].n, size_t) = n;
        return true;
}

static bool is_id(Str id) {
        for (size_t i = 0; i < id.n; i++)
                if (!((id.p[i] >= '0' && id.p[i] <= '9') || (id.p[i] >= 'a' && id.p[i] <= 'f')))
                        return false;
        return id.n == 32;
}

int alert_unpack(Alert **ret, Str bytes) {
        Reader r = { 0 };
        bool memory;
        Alert *a;

        if (bytes.n > ALERT_PACK_MAX || !bytes.n)
                return ALERT_E_BAD;
        if (alert_begin(&a, ALERT_EVENT) < 0)
                return -ENOMEM;
        a->room = 0;
        r.rest = arena_str(&a->arena, bytes);
        memory = r.rest.p;
        if (memory) {
                get_head(&r, a);
                for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                        *MEMBER(a, texts[i].offset, Str) = get_text(&r, texts[i].max);
                for (size_t i = 0; memory && i < ARRAY_SIZE(lists); i++)
                        memory = get_list(&r, a, i);
        }
        if (!memory || r.bad || r.rest.n || !is_id(a->id)) {
                alert_unref(a);
                return memory ? ALERT_E_BAD : -ENOMEM;
        }
        *ret = a;
        return 0;
}
