/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "base/clock.h"
#include "source/kafka-ledger.h"

void ledger_init(Ledger *l, uint64_t rebuild_ms) {
        *l = (Ledger){ .rebuild_ns = rebuild_ms * NS_PER_MS, .mark = 1 };
}

void ledger_done(Ledger *l) {
        free(l->partitions);
        free(l->entries);
        *l = (Ledger){ 0 };
}

LedgerPartition *ledger_partition(Ledger *l, int32_t partition) {
        size_t n = (size_t)partition + 1;
        LedgerPartition *more;

        if (partition < 0 || n > LEDGER_PARTITIONS)
                return NULL;
        if (n <= l->n_partitions)
                return &l->partitions[partition];
        more = reallocarray(l->partitions, n, sizeof(*more));
        if (!more)
                return NULL;
        l->partitions = more;
        for (; l->n_partitions < n; l->n_partitions++)
                more[l->n_partitions] = (LedgerPartition){ .next = -1, .done = -1, .committed = -1 };
        return &more[partition];
}

static int push(Ledger *l, const LedgerEntry *entry) {
        if (l->first > 1024 && l->first > l->n / 2) {
                memmove(l->entries, l->entries + l->first, (l->n - l->first) * sizeof(*l->entries));
                for (size_t i = 0; i < l->n_partitions; i++)
                        l->partitions[i].entry -=
                                l->first; /* only looked at when its mark is the current one */
                l->n -= l->first;
                l->first = 0;
        }
        if (l->n == l->cap) {
                size_t cap = l->cap ? 2 * l->cap : 256;
                LedgerEntry *more = reallocarray(l->entries, cap, sizeof(*more));

                if (!more)
                        return -ENOMEM;
                l->entries = more;
                l->cap = cap;
        }
        l->entries[l->n++] = *entry;
        return 0;
}

/* Its entry under the mark that is next. */
static int note(Ledger *l, LedgerPartition *p, const LedgerEntry *entry) {
        if (p->mark != l->mark) {
                if (push(l, entry) < 0)
                        return -ENOMEM;
                p->mark = l->mark;
                p->entry = l->n - 1;
        }
        l->entries[p->entry] = *entry;
        return 0;
}

/* What was given out and is not known to be safe is told with the next mark. When its last message came in is not known. */
static void go_on(Ledger *l, LedgerPartition *p, int32_t partition, int64_t again) {
        const LedgerEntry entry = { l->mark, partition, p->next, 0 };

        if (!p->n_samples && again >= 0)
                p->samples[p->n_samples++] = (LedgerSample){ 0, again };
        if (p->mark != l->mark)
                (void)note(l, p, &entry); /* no memory: the next message says as much */
}

/* What we gave out need not be seen again: our reader knows it. But between then and the place to begin again somebody else
 * may have read more than is worth it. */
int64_t ledger_assign(Ledger *l, int32_t partition, int64_t committed, int64_t again) {
        LedgerPartition *p = ledger_partition(l, partition);
        int64_t start = again >= 0 && again < committed ? again : committed;

        if (!p)
                return committed;
        p->owned = true;
        p->committed = committed;
        p->done = -1; /* who had it meanwhile may have committed more */
        if (p->next >= 0 && (p->next >= start || committed < 0)) {
                go_on(l, p, partition, start);
                return p->next;
        }
        p->n_samples = 0;
        return start;
}

void ledger_resume(Ledger *l, int32_t partition, int64_t next) {
        LedgerPartition *p = ledger_partition(l, partition);

        if (p)
                p->next = next;
}

void ledger_revoke(Ledger *l, int32_t partition) {
        LedgerPartition *p = ledger_partition(l, partition);

        if (p)
                p->owned = false;
}

/* Keeps one place every 1/32 of the time that is to be seen again. */
static void sample(const Ledger *l, LedgerPartition *p, int64_t offset, uint64_t now_ns) {
        if (p->n_samples && now_ns - p->samples[p->n_samples - 1].ns < l->rebuild_ns / 32)
                return;
        if (p->n_samples ==
            LEDGER_SAMPLES) /* what is not safe yet is older than all of them: rare, and costs precision only */
                memmove(&p->samples[1], &p->samples[2], (--p->n_samples - 1) * sizeof(*p->samples));
        p->samples[p->n_samples++] = (LedgerSample){ now_ns, offset };
}

int ledger_add(Ledger *l, int32_t partition, int64_t offset, uint64_t now_ns) {
        LedgerPartition *p = ledger_partition(l, partition);
        const LedgerEntry entry = { l->mark, partition, offset + 1, now_ns };

        if (!p)
                return -ENOMEM;
        sample(l, p, offset, now_ns);
        if (note(l, p, &entry) < 0)
                return -ENOMEM;
        p->next = offset + 1;
        return 0;
}

uint64_t ledger_mark(Ledger *l) {
        return l->first < l->n && l->entries[l->n - 1].mark == l->mark ? l->mark++ : 0;
}

void ledger_safe(Ledger *l, uint64_t mark) {
        if (mark >= l->mark)
                return;
        for (; l->first < l->n && l->entries[l->first].mark <= mark; l->first++) {
                const LedgerEntry *e = &l->entries[l->first];

                l->partitions[e->partition].done = e->next;
                l->partitions[e->partition].done_ns = e->ns;
        }
}

/* The last place that is old enough; the oldest one where none is: what was seen of the partition is not more than that. Older ones
 * are no longer needed. */
static int64_t begin_again(const Ledger *l, LedgerPartition *p) {
        size_t i = 0;

        while (i + 1 < p->n_samples && p->samples[i + 1].ns + l->rebuild_ns <= p->done_ns)
                i++;
        memmove(p->samples, p->samples + i, (p->n_samples - i) * sizeof(*p->samples));
        p->n_samples -= i;
        return p->n_samples && l->rebuild_ns ? p->samples[0].offset : p->done;
}

void ledger_uncommitted(Ledger *l, int32_t partition) {
        LedgerPartition *p = ledger_partition(l, partition);

        if (p)
                p->committed = -1;
}

bool ledger_commit(Ledger *l, int32_t partition, int64_t *ret_offset, int64_t *ret_again) {
        LedgerPartition *p = ledger_partition(l, partition);

        if (!p || !p->owned || p->done < 0 || p->done <= p->committed)
                return false;
        *ret_offset = p->committed = p->done;
        *ret_again = begin_again(l, p);
        return true;
}
