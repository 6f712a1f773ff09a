/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "base/clock.h"
#include "base/hash.h"
#include "base/pack.h"
#include "role/engine/keep.h"
#include "role/ipc.h"

const CounterDesc keep_counter_descs[] = {
        { "states_kept", "states kept for a successor of the engine", offsetof(KeepCounters, kept), false },
        { "states_too_large", "states not kept because they are too large", offsetof(KeepCounters, too_large),
          true },
        { "states_no_memory", "states not kept because memory ran out", offsetof(KeepCounters, no_memory),
          true },
        { "states_bad", "states that could not be restored", offsetof(KeepCounters, bad), true },
};
const size_t keep_n_counter_descs = ARRAY_SIZE(keep_counter_descs);

static uint64_t next_take_ns(const Keep *k) {
        uint64_t wait = KEEP_MS * NS_PER_MS;

        return k->taken_ns + (k->cost_ns * KEEP_SHARE > wait ? k->cost_ns * KEEP_SHARE : wait);
}

static uint64_t next_offer_ns(const Keep *k, size_t bytes) {
        return k->offered_ns ? k->offered_ns + KEEP_STORE_MS * NS_PER_MS * (1 + (bytes >> 20)) : 0;
}

bool keep_is_due(const Keep *k, uint64_t place, uint64_t seq, bool moved, uint64_t now_ns) {
        if (k->pending || (place == k->taken_place && seq == k->seq && !moved))
                return false;
        return place - k->taken_place > RING_BYTES / 2 || now_ns >= next_take_ns(k);
}

uint64_t keep_next_ns(const Keep *k, const Ring *ring, uint64_t seq) {
        uint64_t at = !k->pending && seq != k->seq ? next_take_ns(k) : UINT64_MAX, place, counts;
        Str state;

        if (!k->unoffered || !ring_state(ring, &state, &place, &counts) || counts == k->offered_seq ||
            next_offer_ns(k, state.n) > at)
                return at;
        return next_offer_ns(k, state.n);
}

#define KEEP_TAG     PACK_TAG('K', 'E', 'E', 'P')
#define KEEP_VERSION 3

static int put(const Keep *k, Buf *out, Engine *engine, const EventAssembler *assembler) {
        size_t begun = pack_begin(out, KEEP_TAG, KEEP_VERSION);
        Buf lines = BUF_INIT;
        int r;

        pack_u64(out, hash_secret[0]);
        pack_u64(out, hash_secret[1]);
        pack_text(out, event_delivered(assembler));
        event_open_lines(assembler, &lines);
        pack_text(out, lines.n ? buf_view(&lines) : STR(""));
        pack_u8(out, k->seen != NULL);
        if (k->seen)
                seen_save(k->seen, out);
        r = lines.failed ? -ENOMEM : engine_save(engine, out);
        buf_done(&lines);
        pack_end(out, begun);
        return out->failed ? -ENOMEM : r;
}

void keep_take(Keep *k, Ring *ring, Engine *engine, const EventAssembler *assembler, uint64_t place,
               uint64_t seq) {
        Buf out = BUF_INIT;
        int r;

        k->taken_ns = clock_monotonic_ns();
        k->taken_place = place;
        k->seq = seq;
        r = put(k, &out, engine, assembler);
        if (r < 0) {
                k->counters.no_memory++;
        } else if (out.n > RING_STATE_MAX) {
                k->counters.too_large++;
        } else {
                k->slot = ring_free_state(ring);
                memcpy(ring->states[k->slot], out.p, out.n);
                k->pending = true;
                k->place = place;
                k->bytes = out.n;
        }
        buf_done(&out);
        k->cost_ns = clock_monotonic_ns() - k->taken_ns;
}

bool keep_settle(Keep *k, Ring *ring, uint64_t committed) {
        if (!k->pending || committed < k->seq)
                return false;
        ring_keep_state(ring, k->slot, k->place, k->seq, k->bytes);
        k->pending = false;
        k->unoffered = true;
        k->counters.kept++;
        return true;
}

void keep_offer(Keep *k, const Ring *ring, int link, bool last) {
        uint64_t now = clock_monotonic_ns(), place, seq;
        Str state;

        if (!k->unoffered || link < 0 || !ring_state(ring, &state, &place, &seq))
                return;
        if (!last && now < next_offer_ns(k, state.n))
                return;
        if (ipc_send(link, IPC_STATE, seq, state.p == ring->states[1], STR(""), -1) < 0)
                return;
        k->unoffered = false;
        k->offered_ns = now;
        k->offered_seq = seq;
}

static Unpack open_state(Str state, uint64_t ret_secret[2]) {
        Unpack all = UNPACK_INIT(state), part = unpack_part(&all, KEEP_TAG, KEEP_VERSION);

        ret_secret[0] = unpack_u64(&part);
        ret_secret[1] = unpack_u64(&part);
        return part;
}

void keep_adopt_secret(Ring *ring) {
        uint64_t place, seq, secret[2];
        Str state;

        if (!ring->shared->begun && ring_state(ring, &state, &place, &seq) && state.n &&
            !open_state(state, secret).bad)
                memcpy(ring->shared->secret, secret, sizeof(secret));
}

static bool take_seen(Keep *k, Unpack *part) {
        Seen *other = NULL;
        bool fine;

        if (!unpack_bool(part))
                return !part->bad;
        if (!k->seen) /* it was wanted before the configuration changed */
                other = seen_new();
        fine = (k->seen || other) && seen_restore(k->seen ? k->seen : other, part);
        seen_free(other);
        return fine;
}

static int take(Keep *k, Str state, Engine *engine, EventAssembler *assembler, Str *ret_open) {
        uint64_t secret[2];
        Unpack part = open_state(state, secret);
        Str delivered;

        delivered = unpack_text(&part, state.n);
        *ret_open = unpack_text(&part, state.n);
        if (part.bad || memcmp(secret, hash_secret, sizeof(secret)) != 0 || !take_seen(k, &part))
                return PACK_E_BAD;
        event_set_delivered(assembler, delivered);
        return engine_restore(engine, part.rest);
}

int keep_restore(Keep *k, const Ring *ring, Engine *engine, EventAssembler *assembler, Str *ret_open,
                 uint64_t *ret_place, uint64_t *ret_seq) {
        Str state;
        int r;

        *ret_open = STR("");
        *ret_place = *ret_seq = 0;
        if (!ring_state(ring, &state, ret_place, ret_seq) || !state.n)
                return 0;
        k->taken_place = *ret_place;
        r = take(k, state, engine, assembler, ret_open);
        if (r) {
                k->counters.bad++;
                *ret_open = STR("");
        }
        return r;
}
