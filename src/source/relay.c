/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "base/shared.h"
#include "source/relay.h"

#define SHARED_BYTES ((sizeof(RelayShared) + 4095) / 4096 * 4096)
#define ALL_BYTES    (SHARED_BYTES + RELAY_BYTES)

int relay_make(void) { return shared_make("aulert-relay", ALL_BYTES); }

int relay_map(Relay *ret, int fd) {
        char *p;
        int r = shared_map(fd, ALL_BYTES, PROT_READ | PROT_WRITE, &p);

        if (r < 0)
                return r;
        *ret = (Relay){ (RelayShared *)p, p + SHARED_BYTES };
        return 0;
}

void relay_unmap(Relay *r) {
        if (r->shared)
                munmap(r->shared, ALL_BYTES);
        *r = (Relay){ 0 };
}

const RelayNote *relay_note(const Relay *r) { return &r->shared->notes[r->shared->which & 1]; }

/* The bytes first, then the note, then which of the two counts: a signal ends us between any of them. */
static void take_note(Relay *r, const RelayNote *note) {
        uint32_t other = 1 - (r->shared->which & 1);

        r->shared->notes[other] = *note;
        __atomic_store_n(&r->shared->which, other, __ATOMIC_RELEASE);
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        if (note->given && note->partition >= 0 && (uint32_t)note->partition < RELAY_PARTITIONS)
                r->shared->next[note->partition] = note->next + 1;
}

void relay_resume(Relay *r, uint64_t taken) {
        RelayNote note = *relay_note(r);

        if (taken > note.end)
                taken = note.end;
        if (taken > r->shared->sent)
                r->shared->sent = taken;
        if (note.end - r->shared->sent > RELAY_BYTES || note.whole > note.end) /* what we did not write */
                note.whole = note.end = r->shared->sent;
        take_note(r, &note);
}

size_t relay_room(const Relay *r) { return RELAY_BYTES - (size_t)(relay_note(r)->end - r->shared->sent); }

void relay_put(Relay *r, Str bytes, const RelayNote *note) {
        RelayNote next = *note;
        uint64_t end = relay_note(r)->end;
        size_t at = end % RELAY_BYTES, k = RELAY_BYTES - at < bytes.n ? RELAY_BYTES - at : bytes.n;
        const char *nl = bytes.n ? memrchr(bytes.p, '\n', bytes.n) : NULL;

        memcpy(r->bytes + at, bytes.p, k);
        memcpy(r->bytes, bytes.p + k, bytes.n - k);
        next.end = end + bytes.n;
        next.whole = nl ? end + (uint64_t)(nl + 1 - bytes.p) : relay_note(r)->whole;
        take_note(r, &next);
}

bool relay_drop_rest(Relay *r) {
        RelayNote note = *relay_note(r);
        bool sent = r->shared->sent > note.whole;

        if (note.end == note.whole)
                return false;
        note.end = sent ? r->shared->sent : note.whole;
        take_note(r, &note);
        if (sent)
                relay_put(r, STR("\n"), &note);
        return true;
}

int relay_send(Relay *r, int sock) {
        const RelayNote *note = relay_note(r);

        for (;;) {
                uint64_t sent = r->shared->sent, to = relay_room(r) < RELAY_ROOM ? note->end : note->whole;
                size_t at = sent % RELAY_BYTES, k;
                ssize_t n;

                if (sent >= to)
                        return 0;
                k = RELAY_BYTES - at < to - sent ? RELAY_BYTES - at : (size_t)(to - sent);
                n = send(sock, r->bytes + at, k, MSG_DONTWAIT | MSG_NOSIGNAL);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                __atomic_store_n(&r->shared->sent, sent + (size_t)n, __ATOMIC_RELEASE);
        }
}

int64_t relay_next(const Relay *r, int32_t partition) {
        return partition >= 0 && (uint32_t)partition < RELAY_PARTITIONS ? r->shared->next[partition] - 1 : -1;
}
