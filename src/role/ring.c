/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include "base/hash.h"
#include "base/shared.h"
#include "role/ipc.h"
#include "role/ring.h"

#define SHARED_BYTES ((sizeof(RingShared) + 4095) / 4096 * 4096)
#define ALL_BYTES    (SHARED_BYTES + RING_BYTES + 2 * (size_t)RING_STATE_MAX)

int ring_make(void) {
        int fd = shared_make("aulert-ring", ALL_BYTES), r;
        Ring ring;

        if (fd < 0)
                return fd;
        r = ring_map(&ring, fd);
        if (r < 0) {
                close(fd);
                return r;
        }
        memcpy(ring.shared->secret, hash_secret, sizeof(hash_secret));
        ring_unmap(&ring);
        return fd;
}

int ring_open_to_read(int fd) {
        char name[32];
        int r;

        snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
        r = open(name, O_RDONLY | O_CLOEXEC);
        return r < 0 ? -errno : r;
}

static int map(Ring *ret, int fd, int protection) {
        char *p;
        int r = shared_map(fd, ALL_BYTES, protection, &p);

        if (r < 0)
                return r;
        ret->shared = (RingShared *)p;
        ret->bytes = p + SHARED_BYTES;
        ret->states[0] = ret->bytes + RING_BYTES;
        ret->states[1] = ret->states[0] + RING_STATE_MAX;
        return 0;
}

int ring_map(Ring *ret, int fd) { return map(ret, fd, PROT_READ | PROT_WRITE); }
int ring_map_to_read(Ring *ret, int fd) { return map(ret, fd, PROT_READ); }

void ring_unmap(Ring *r) {
        if (r->shared)
                munmap(r->shared, ALL_BYTES);
        *r = (Ring){ 0 };
}

/* The oldest byte that is still there. */
static uint64_t oldest(const Ring *r) {
        uint64_t end = r->shared->blank > r->shared->head ? r->shared->blank : r->shared->head;

        return end > RING_BYTES ? end - RING_BYTES : 0;
}

/* Blank is what was blank, and what comes behind it up to RING_READ_MAX from the head. That is said only when it is so: killed
 * before, we leave behind the head what a successor must not take for something that was read. */
static void make_blank(Ring *r) {
        RingShared *s = r->shared;
        uint64_t from = s->blank > s->head ? s->blank : s->head, to = s->head + RING_READ_MAX;
        size_t at = from % RING_BYTES, n = (size_t)(to - from), k = RING_BYTES - at < n ? RING_BYTES - at : n;

        memset(r->bytes + at, RING_BLANK, k);
        memset(r->bytes, RING_BLANK, n - k);
        __atomic_store_n(&s->blank, to, __ATOMIC_RELEASE);
}

void ring_begin(Ring *r) {
        RingShared *s = r->shared;
        size_t found = 0;

        if (s->beat & 1)
                s->beat++;
        if (s->blank > s->head + RING_READ_MAX) /* no engine of ours wrote that */
                s->blank = s->head;
        for (uint64_t i = s->head; i < s->blank; i++)
                if (r->bytes[i % RING_BYTES] != RING_BLANK)
                        found = (size_t)(i + 1 - s->head);
        s->head += found;
        s->begun = true;
        s->ending = false;
        make_blank(r);
}

ssize_t ring_read(Ring *r, int fd, size_t room, const char **ret) {
        size_t at = r->shared->head % RING_BYTES;
        ssize_t n;

        if (room > RING_BYTES - at)
                room = RING_BYTES - at;
        if (room > RING_READ_MAX)
                room = RING_READ_MAX;
        n = read(fd, r->bytes + at, room);
        if (n <= 0)
                return n;
        *ret = r->bytes + at;
        __atomic_add_fetch(&r->shared->head, (size_t)n, __ATOMIC_RELEASE);
        make_blank(r);
        return n;
}

size_t ring_get(const Ring *r, uint64_t *from, char *into, size_t room) {
        uint64_t head = r->shared->head;
        size_t at, k;

        if (*from < oldest(r))
                *from = oldest(r);
        if (*from >= head)
                return 0;
        at = *from % RING_BYTES;
        k = RING_BYTES - at;
        if (k > head - *from)
                k = head - *from;
        if (k > room)
                k = room;
        memcpy(into, r->bytes + at, k);
        *from += k;
        return k;
}

uint64_t ring_next_line(const Ring *r, uint64_t place, uint64_t *passed) {
        uint64_t head = r->shared->head, from = place;

        if (place >= oldest(r))
                return place;
        place = oldest(r);
        while (place < head && r->bytes[place++ % RING_BYTES] != '\n')
                ;
        *passed += place - from;
        return place;
}

static bool same_event(const RingEvent *e, const RecordId *id) {
        size_t n = id->node.n < RING_NODE_MAX ? id->node.n : RING_NODE_MAX;

        return e->set && e->serial == id->serial && e->sec == id->sec && e->ms == id->ms && e->n_node == n &&
               !memcmp(e->node, id->node.n ? id->node.p : "", n);
}

void ring_note_event(Ring *r, const RecordId *id) {
        RingEvent *e = &r->shared->event;

        e->sec = id->sec;
        e->ms = id->ms;
        e->serial = id->serial;
        e->n_node = (uint16_t)(id->node.n < RING_NODE_MAX ? id->node.n : RING_NODE_MAX);
        if (e->n_node)
                memcpy(e->node, id->node.p, e->n_node);
        __atomic_signal_fence(__ATOMIC_SEQ_CST); /* a signal ends us, and others look at what we leave */
        e->set = true;
}

bool ring_blame(Ring *r) {
        RingShared *s = r->shared;
        RingPoison *p = &s->poison[s->n_poison % RING_POISON_MAX];

        if (!s->event.set && !s->line.n)
                return false;
        *p = (RingPoison){ 0 };
        if (s->event.set) {
                p->event = s->event;
                if (p->event.n_node > RING_NODE_MAX)
                        p->event.n_node = RING_NODE_MAX;
        } else {
                p->line = s->line;
        }
        s->n_poison++;
        s->event.set = false;
        s->line.n = 0;
        return true;
}

size_t ring_n_poison(const Ring *r) {
        return r->shared->n_poison < RING_POISON_MAX ? r->shared->n_poison : RING_POISON_MAX;
}

const RingPoison *ring_poison(const Ring *r, size_t i) { return &r->shared->poison[i]; }

bool ring_is_poison_event(const Ring *r, const RecordId *id) {
        for (size_t i = 0, n = ring_n_poison(r); i < n; i++)
                if (same_event(&r->shared->poison[i].event, id))
                        return true;
        return false;
}

bool ring_is_poison_line(const Ring *r, Str line) {
        for (size_t i = 0, n = ring_n_poison(r); i < n; i++) {
                const RingLine *l = &r->shared->poison[i].line;

                if (l->n && l->n == line.n &&
                    !memcmp(l->head, line.p, line.n < RING_LINE_HEAD ? line.n : RING_LINE_HEAD))
                        return true;
        }
        return false;
}

unsigned ring_free_state(const Ring *r) { return r->shared->n_state == 1; }

void ring_keep_state(Ring *r, unsigned i, uint64_t place, uint64_t seq, size_t bytes) {
        r->shared->states[i].place = place;
        r->shared->states[i].seq = seq;
        r->shared->states[i].bytes = bytes;
        __atomic_store_n(&r->shared->n_state, i + 1, __ATOMIC_RELEASE);
}

bool ring_state(const Ring *r, Str *ret, uint64_t *ret_place, uint64_t *ret_seq) {
        uint32_t n = __atomic_load_n(&r->shared->n_state, __ATOMIC_ACQUIRE);

        if (n != 1 && n != 2)
                return false;
        if (r->shared->states[n - 1].bytes > RING_STATE_MAX)
                return false;
        *ret = (Str){ r->states[n - 1], r->shared->states[n - 1].bytes };
        *ret_place = r->shared->states[n - 1].place;
        *ret_seq = r->shared->states[n - 1].seq;
        return true;
}

int ring_take_state(Ring *r, int fd) {
        Str state;
        int k;

        if (r->shared->begun)
                return 0;
        k = fd < 0 ? -EBADF : ipc_memfd_map(fd, RING_STATE_MAX, &state);
        if (k < 0 || !state.n)
                return k;
        memcpy(r->states[0], state.p, state.n);
        ring_keep_state(r, 0, 0, 0, state.n);
        munmap((void *)(uintptr_t)state.p, state.n);
        return 0;
}

void ring_forget(Ring *r) {
        r->shared->states[0].place = r->shared->head;
        r->shared->states[0].seq = 0;
        r->shared->states[0].bytes = 0;
        r->shared->n_state = 1;
}
