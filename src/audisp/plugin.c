/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "audisp/frame.h"
#include "audisp/start.h"
#include "base/clock.h"
#include "base/log.h"

#define FLUSH_MAX 1024u /* records; then the others have their turn */
#define DYING_MS  100u  /* a process closes its descriptors before it has ended */

void plugin_init(Plugin *p, Conf *conf, const Version *version, const PluginOptions *options) {
        *p = (Plugin){ .conf = *conf,
                       .version = version,
                       .options = *options,
                       .fd = -1,
                       .queue = BUF_INIT,
                       .spill = SPILL_INIT };
        p->conf.args[0] = p->conf.path;
        if (!p->options.queue)
                p->options.queue = version->queue;
        *conf = (Conf){ 0 };
}

void plugin_done(Plugin *p) {
        plugin_close(p);
        buf_done(&p->queue);
        spill_done(&p->spill);
        conf_done(&p->conf);
}

int plugin_start(Plugin *p) {
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        r = start_program(&p->pid, &p->conf, p->version, p->options.friendly, p->was_started, fds[0]);
        close(fds[0]);
        if (r < 0) {
                close(fds[1]);
                return r;
        }
        fcntl(fds[1], F_SETFL, O_NONBLOCK); /* ours alone: the plugin's end blocks, as auditd's */
        p->fd = fds[1];
        p->sent = 0;
        p->was_started = true;
        return 0;
}

bool plugin_runs(const Plugin *p) { return p->pid > 0; }

static bool queue_full(const Plugin *p) { return p->n_spilled || p->n_queued >= p->options.queue; }

bool plugin_waits(const Plugin *p) { return !p->given_up && !queue_full(p); }

bool plugin_has_room(const Plugin *p) {
        return p->given_up || !queue_full(p) || (p->options.spills && spill_has_room(&p->spill));
}

bool plugin_reap(Plugin *p) {
        if (p->pid <= 0 || waitpid(p->pid, &p->status, WNOHANG) != p->pid)
                return false;
        p->pid = 0;
        return true;
}

void plugin_close(Plugin *p) {
        if (p->fd >= 0)
                close(p->fd);
        p->fd = -1;
}

size_t plugin_unread(const Plugin *p) {
        int n = 0;

        return p->fd >= 0 && ioctl(p->fd, SIOCOUTQ, &n) == 0 && n > 0 ? (size_t)n : 0;
}

static ssize_t put(Plugin *p, const char *bytes, size_t n) {
        if (p->fd < 0) {
                errno = EPIPE;
                return -1;
        }
        return send(p->fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void count_queued(Plugin *p) {
        p->n_queued++;
        if (p->n_queued > p->n_queued_most)
                p->n_queued_most = p->n_queued;
}

static void tell_spill(Plugin *p, int r) {
        bool *told = r < 0 ? &p->told_no_spill : &p->told_spill;

        if (!*told && r < 0)
                log_error("%s is behind, and what waits for it cannot be kept in a file: %s; the others wait "
                          "for it "
                          "(TMPDIR names another folder)",
                          p->conf.name, strerror(-r));
        else if (!*told)
                log_notice("%s is slower than its input: what does not fit its queue waits in a file",
                           p->conf.name);
        *told = true;
}

static void tell_full(Plugin *p) {
        if (!p->told_full)
                log_warning("%s is behind by more than %llu MiB, which is all that may wait in a file: the "
                            "others "
                            "wait for it (--overflow drop leaves out what it does not take)",
                            p->conf.name, SPILL_MAX >> 20);
        p->told_full = true;
}

/* False: there is no room, and the others have to wait. */
static bool spill(Plugin *p, Str record) {
        Buf item = BUF_INIT;
        uint32_t len = (uint32_t)record.n;
        int r = -ENOMEM;

        if (!spill_has_room(&p->spill))
                return false;
        buf_put(&item, &len, sizeof(len));
        buf_str(&item, record);
        if (!item.failed)
                r = spill_put(&p->spill, buf_view(&item));
        buf_done(&item);
        tell_spill(p, r);
        if (r == 0 && !spill_has_room(&p->spill))
                tell_full(p);
        if (r == -ENOMEM) {
                p->dropped++;
                return true;
        }
        p->n_spilled++;
        count_queued(p);
        return true;
}

static void unspill(Plugin *p) {
        int n = spill_take(&p->spill, &p->queue);

        if (n >= 0) {
                p->n_spilled -= (size_t)n;
                return;
        }
        log_error("%s: %zu records that waited in a file are lost: %s", p->conf.name, p->n_spilled,
                  strerror(-n));
        p->dropped += p->n_spilled;
        p->n_queued -= p->n_spilled;
        p->n_spilled = 0;
        spill_done(&p->spill);
}

static bool enqueue(Plugin *p, const char *bytes, size_t n, bool may_drop) {
        uint32_t len = (uint32_t)n;

        if (queue_full(p) && !may_drop && !p->given_up && p->options.spills)
                return spill(p, (Str){ bytes, n });
        if (queue_full(p) || p->given_up) {
                p->dropped += may_drop || p->given_up;
                return may_drop || p->given_up;
        }
        buf_put(&p->queue, &len, sizeof(len));
        buf_put(&p->queue, bytes, n);
        if (p->queue.failed) {
                p->dropped++;
                return true;
        }
        count_queued(p);
        return true;
}

bool plugin_write(Plugin *p, Str line, bool may_drop) {
        char frame[FRAME_MAX];
        const char *bytes = line.p;
        size_t n = line.n + 1;
        ssize_t k = -1;

        if (p->conf.binary) {
                n = frame_binary(frame, line, p->version->padded);
                bytes = frame;
        }
        if (p->n_queued)
                return enqueue(p, bytes, n, may_drop);
        k = put(p, bytes, n);
        if (k == (ssize_t)n) {
                p->written++;
                return true;
        }
        if (!enqueue(p, bytes, n, may_drop))
                return false;
        if (k > 0)
                p->sent = (size_t)k;
        return true;
}

static void drop_first(Plugin *p, size_t n) {
        p->queue_done += sizeof(uint32_t) + n;
        p->sent = 0;
        p->n_queued--;
        p->written++;
        if (p->n_queued == p->n_spilled) {
                buf_clear(&p->queue);
                p->queue_done = 0;
                if (p->n_spilled)
                        unspill(p);
        } else if (p->queue_done > (256u << 10) && p->queue_done > p->queue.n / 2) {
                memmove(p->queue.p, p->queue.p + p->queue_done, p->queue.n - p->queue_done);
                p->queue.n -= p->queue_done;
                p->queue_done = 0;
        }
}

/* It has died: as auditd, again, and the record that it did not take once more. */
static int restart(Plugin *p) {
        int r;

        plugin_close(p);
        if (!plugin_wait(p, DYING_MS)) {
                kill(p->pid, SIGKILL);
                plugin_wait(p, DYING_MS);
        }
        if (p->restarts >= p->options.max_restarts) {
                p->given_up = true;
                p->dropped += p->n_queued;
                p->n_queued = p->n_spilled = p->queue_done = p->sent = 0;
                buf_clear(&p->queue);
                spill_done(&p->spill);
                return -ECHILD;
        }
        p->restarts++;
        r = plugin_start(p);
        if (r < 0)
                p->given_up = true;
        return r;
}

int plugin_flush(Plugin *p) {
        for (unsigned i = 0; p->n_queued && i < FLUSH_MAX; i++) {
                uint32_t n;
                ssize_t k;

                memcpy(&n, p->queue.p + p->queue_done, sizeof(n));
                k = put(p, p->queue.p + p->queue_done + sizeof(n) + p->sent, n - p->sent);
                if (k < 0 && (errno == EAGAIN || errno == EINTR))
                        return 0;
                if (k < 0) {
                        int r = restart(p);

                        if (r < 0)
                                return r;
                        continue;
                }
                p->sent += (size_t)k;
                if (p->sent == n)
                        drop_first(p, n);
        }
        return 0;
}

static void sleep_ms(unsigned ms) {
        struct timespec t = { ms / 1000, ms % 1000 * 1000000l };

        while (nanosleep(&t, &t) < 0 && errno == EINTR)
                ;
}

bool plugin_wait(Plugin *p, unsigned ms) {
        uint64_t until = clock_monotonic_ns() + ms * NS_PER_MS;

        for (;;) {
                if (plugin_reap(p) || p->pid <= 0)
                        return true;
                if (clock_monotonic_ns() >= until)
                        return false;
                sleep_ms(1);
        }
}

void plugin_stop(Plugin *p) {
        if (p->version->eof_first) {
                plugin_close(p);
                if (p->pid > 0 && !plugin_wait(p, p->version->term_to_eof_ms))
                        kill(p->pid, SIGTERM);
                return;
        }
        if (p->pid > 0)
                kill(p->pid, SIGTERM);
        sleep_ms(p->version->term_to_eof_ms);
        plugin_close(p);
}

const char *plugin_end_text(const Plugin *p, char *buf) {
        const char *hint = "";

        if (WIFSIGNALED(p->status)) {
                snprintf(buf, PLUGIN_END_TEXT, "was ended by SIG%s", sigabbrev_np(WTERMSIG(p->status)));
                return buf;
        }
        if (WEXITSTATUS(p->status) == 127) /* ld.so(8): nothing of the program has run */
                hint = " (which is how it ends when a library is not found: see ldd(1))";
        snprintf(buf, PLUGIN_END_TEXT, "exited with status %d%s", WEXITSTATUS(p->status), hint);
        return buf;
}
