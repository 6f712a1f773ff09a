/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "alert/alert-keep.h"
#include "alert/alert-pack.h"
#include "alert/alert-state.h"

#define TAG     PACK_TAG('A', 'L', 'R', 'T')
#define VERSION 1

int alert_save(Buf *out, const Alert *a) {
        const Facts *f = &a->facts;
        size_t begun = pack_begin(out, TAG, VERSION), packed;

        pack_u32(out, (uint32_t)a->room);
        packed = pack_begin(out, TAG, VERSION);
        if (alert_pack(out, a) < 0)
                return -ENOMEM;
        pack_end(out, packed);
        pack_u32(out, (uint32_t)f->type);
        pack_u8(out, (uint8_t)f->result);
        for (size_t i = 0; i < _FACT_N; i++)
                pack_text(out, f->v[i]);
        pack_u32(out, (uint32_t)f->n_keys);
        for (size_t i = 0; i < f->n_keys; i++)
                pack_text(out, f->keys[i]);
        pack_text(out, f->attempted);
        pack_u8(out, f->attempted_local);
        pack_end(out, begun);
        return out->failed ? -ENOMEM : 0;
}

/* What is left for the name: no more than the texts leave, whatever was written. */
static size_t room_left(uint32_t said, Str packed) {
        size_t cost = 0;

        for (size_t i = 0; i < packed.n; i++)
                cost += alert_cost((uint8_t)packed.p[i]);
        if (cost >= ALERT_ROOM)
                return 0;
        return said < ALERT_ROOM - cost ? said : ALERT_ROOM - cost;
}

static Str take_text(Alert *a, Unpack *in) {
        Str s = unpack_text(in, ALERT_TEXT_MAX), copy = STR("");

        if (!s.n)
                return copy;
        copy = arena_str(&a->arena, s);
        in->bad |= !copy.p;
        return copy;
}

static void take_facts(Alert *a, Unpack *in) {
        Facts *f = &a->facts;
        uint32_t type = unpack_u32(in), n;
        uint8_t result = unpack_u8(in);
        Str *keys;

        in->bad |= result > FACTS_FAILED;
        f->type = (int32_t)type;
        f->result = in->bad ? FACTS_UNKNOWN : (FactsResult)result;
        for (size_t i = 0; i < _FACT_N; i++)
                f->v[i] = take_text(a, in);
        n = unpack_count(in, 4);
        in->bad |= n > FACTS_KEYS_MAX;
        keys = in->bad ? NULL : arena_alloc(&a->arena, sizeof(Str) * (n + 1));
        in->bad |= !keys;
        for (uint32_t i = 0; !in->bad && i < n; i++)
                keys[f->n_keys++] = take_text(a, in);
        f->keys = keys;
        f->attempted = take_text(a, in);
        f->attempted_local = unpack_bool(in);
}

int alert_restore(Alert **ret, Unpack *in) {
        Unpack part = unpack_part(in, TAG, VERSION), packed;
        uint32_t room = unpack_u32(&part);
        Alert *a;
        int r;

        packed = unpack_part(&part, TAG, VERSION);
        if (packed.bad)
                return PACK_E_BAD;
        r = alert_unpack(&a, packed.rest);
        if (r)
                return r < 0 ? r : PACK_E_BAD;
        take_facts(a, &part);
        if (unpack_end(&part)) {
                alert_unref(a);
                return PACK_E_BAD;
        }
        a->room = room_left(room, packed.rest);
        *ret = a;
        return 0;
}
