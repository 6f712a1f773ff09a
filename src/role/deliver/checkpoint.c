/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "base/log.h"
#include "base/pack.h"
#include "role/deliver/checkpoint.h"
#include "role/ipc.h"

#define TAG     PACK_TAG('C', 'K', 'P', 'T')
#define VERSION 1
#define AROUND  64u /* bytes around a state, at most */

const CounterDesc checkpoint_counter_descs[] = {
        { "states_stored", "states of the engine written to disk for a later run",
          offsetof(CheckpointCounters, written), false },
        { "states_not_stored", "states of the engine that could not be written to disk",
          offsetof(CheckpointCounters, failed), true },
        { "states_missed", "states of the engine that had changed before they could be copied",
          offsetof(CheckpointCounters, missed), false },
        { "states_damaged", "stored states of the engine that were damaged or foreign, and set aside",
          offsetof(CheckpointCounters, damaged), true },
};
const size_t checkpoint_n_counter_descs = ARRAY_SIZE(checkpoint_counter_descs);

int checkpoint_open(Checkpoint *c, const char *spool_path) {
        buf_clear(&c->path);
        if (!spool_path)
                return 0;
        buf_putz(&c->path, spool_path);
        buf_putz(&c->path, ".state");
        return buf_z(&c->path) ? 0 : -ENOMEM;
}

void checkpoint_close(Checkpoint *c) { buf_done(&c->path); }

static int write_all(int fd, Str bytes) {
        while (bytes.n) {
                ssize_t n = write(fd, bytes.p, bytes.n);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0)
                        bytes = (Str){ bytes.p + n, bytes.n - (size_t)n };
        }
        return fdatasync(fd) < 0 ? -errno : 0;
}

static int replace(const char *path, Str bytes) {
        char *new = NULL;
        int r, fd;

        if (asprintf(&new, "%s.new", path) < 0)
                return -ENOMEM;
        unlink(new); /* of somebody who was killed; never a link that leads elsewhere */
        fd = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
        r = fd < 0 ? -errno : write_all(fd, bytes);
        if (fd >= 0 && close(fd) < 0 && r == 0)
                r = -errno;
        if (r == 0 && rename(new, path) < 0)
                r = -errno;
        if (r < 0)
                unlink(new);
        free(new);
        return r;
}

/* The engine writes the other one meanwhile; should it have come round to this one, the copy is worth nothing. */
static bool copy(Buf *out, const Ring *ring, uint64_t i) {
        uint64_t place, seq, now_place, now_seq;
        size_t begun;
        Str state, now;

        if (i > 1 || !ring_state(ring, &state, &place, &seq) || state.p != ring->states[i])
                return false;
        begun = pack_begin(out, TAG, VERSION);
        pack_text(out, state);
        pack_end(out, begun);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (!ring_state(ring, &now, &now_place, &now_seq) || now.p != state.p || now.n != state.n ||
            now_place != place || now_seq != seq)
                return false;
        pack_seal(out, 0);
        return true;
}

void checkpoint_write(Checkpoint *c, const Ring *ring, uint64_t i) {
        Buf out = BUF_INIT;
        int r;

        if (!c->path.n)
                return;
        if (!copy(&out, ring, i)) {
                c->counters.missed++;
                buf_done(&out);
                return;
        }
        r = out.failed ? -ENOMEM : replace(c->path.p, buf_view(&out));
        buf_done(&out);
        if (r == 0)
                c->counters.written++;
        else
                c->counters.failed++;
        if (r < 0 && !c->failing)
                log_error("%s: %s: a start after this one may miss something", c->path.p, strerror(-r));
        c->failing = r < 0;
}

/* ---- reading ---- */

static int set_aside(Checkpoint *c) {
        char *to = NULL;

        c->counters.damaged++;
        if (asprintf(&to, "%s.damaged-%lld", c->path.p, (long long)time(NULL)) < 0)
                return -ENOMEM;
        if (rename(c->path.p, to) < 0)
                log_error("%s: damaged or foreign, and cannot be set aside: %s", c->path.p, strerror(errno));
        else
                log_error("%s: damaged or foreign; set aside as %s", c->path.p, to);
        free(to);
        return CHECKPOINT_E_DAMAGED;
}

static int take(Checkpoint *c, Str file, int *ret_fd) {
        Unpack all = { .bad = true }, part;
        Str state;

        if (unpack_unseal(file, &all.rest) == 0)
                all.bad = false;
        part = unpack_part(&all, TAG, VERSION);
        state = unpack_text(&part, RING_STATE_MAX);
        if (all.bad || unpack_end(&part) || unpack_end(&all) || !state.n)
                return set_aside(c);
        *ret_fd = ipc_memfd("aulert-state", state);
        return *ret_fd < 0 ? *ret_fd : 0;
}

static int read_file(Checkpoint *c, int fd, int *ret_fd) {
        struct stat st;
        void *p;
        int r;

        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size > RING_STATE_MAX + AROUND)
                return set_aside(c);
        p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
                return -errno;
        r = take(c, (Str){ p, (size_t)st.st_size }, ret_fd);
        munmap(p, (size_t)st.st_size);
        return r;
}

int checkpoint_read(Checkpoint *c, int *ret_fd) {
        int fd, r;

        *ret_fd = -1;
        if (!c->path.n)
                return 0;
        fd = open(c->path.p, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        r = read_file(c, fd, ret_fd);
        close(fd);
        return r;
}
