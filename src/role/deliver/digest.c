/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>
#include "role/deliver/digest.h"

#define SHOWN 3u /* kinds in the sentence; the others stand in its records */

static void copy(char *into, size_t size, Str text) {
        Str cut = facts_clip(text, size - 1);

        memcpy(into, cut.n ? cut.p : "", cut.n);
        into[cut.n] = '\0';
}

static bool is_kind(const DigestKind *k, const Alert *a) {
        char title[sizeof(k->title)], user[sizeof(k->user)];

        copy(title, sizeof(title), a->rule_title);
        copy(user, sizeof(user), a->user);
        return !strcmp(k->title, title) && !strcmp(k->user, user);
}

void digest_add(Digest *d, const Alert *a, int64_t now) {
        uint32_t n = a->kind == ALERT_DIGEST && a->n_folded ? a->n_folded : 1, i = 0;

        if (!d->n)
                d->first = now;
        d->last = now;
        d->n = d->n > UINT32_MAX - n ? UINT32_MAX : d->n + n;
        d->level = a->level > d->level ? a->level : d->level;
        d->dirty = true;
        while (i < d->n_kinds && !is_kind(&d->kinds[i], a))
                i++;
        if (i == DIGEST_KINDS) {
                d->n_other += n;
                return;
        }
        if (i == d->n_kinds) {
                copy(d->kinds[i].title, sizeof(d->kinds[i].title), a->rule_title);
                copy(d->kinds[i].user, sizeof(d->kinds[i].user), a->user);
                d->kinds[i].n = 0;
                d->n_kinds++;
        }
        d->kinds[i].n += n;
        copy(d->kinds[i].sentence, sizeof(d->kinds[i].sentence), a->sentence);
}

typedef struct {
        uint8_t version, reason, level, gated;
        uint32_t n, n_kinds, n_other;
        int64_t due, first, last;
} Head;

#define VERSION 1

void digest_pack(Buf *out, const Digest *d) {
        const Head head = { VERSION,
                            (uint8_t)d->reason,
                            (uint8_t)d->level,
                            d->gated,
                            d->n,
                            d->n_kinds,
                            d->n_other,
                            d->due,
                            d->first,
                            d->last };

        buf_put(out, &head, sizeof(head));
        buf_put(out, d->kinds, d->n_kinds * sizeof(*d->kinds));
}

static bool is_text(const char *p, size_t n) { return memchr(p, 0, n); }

bool digest_unpack(Digest *d, Str *bytes) {
        Head h;
        size_t n;

        if (bytes->n < sizeof(h))
                return false;
        memcpy(&h, bytes->p, sizeof(h));
        n = sizeof(h) + h.n_kinds * sizeof(*d->kinds);
        if (h.version != VERSION || h.reason > DIGEST_RATE || h.level >= _RULE_LEVEL_N || h.gated > 1 ||
            !h.n || h.n_kinds > DIGEST_KINDS || bytes->n < n)
                return false;
        memcpy(d->kinds, bytes->p + sizeof(h), h.n_kinds * sizeof(*d->kinds));
        for (uint32_t i = 0; i < h.n_kinds; i++)
                if (!is_text(d->kinds[i].title, sizeof(d->kinds[i].title)) ||
                    !is_text(d->kinds[i].user, sizeof(d->kinds[i].user)) ||
                    !is_text(d->kinds[i].sentence, sizeof(d->kinds[i].sentence)))
                        return false;
        d->reason = (DigestReason)h.reason;
        d->level = (RuleLevel)h.level;
        d->gated = h.gated;
        d->n = h.n;
        d->n_kinds = h.n_kinds;
        d->n_other = h.n_other;
        d->due = h.due;
        d->first = h.first;
        d->last = h.last;
        *bytes = (Str){ bytes->p + n, bytes->n - n };
        return true;
}

static void put_span(Buf *out, int64_t ms) {
        long long s = ms < 0 ? 0 : ms / 1000;

        if (s >= 2 * 3600)
                buf_printf(out, "%lld hours", s / 3600);
        else if (s >= 2 * 60)
                buf_printf(out, "%lld minutes", s / 60);
        else
                buf_printf(out, "%lld seconds", s > 0 ? s : 1);
}

static void put_kind(Buf *out, const DigestKind *k) {
        buf_printf(out, "%u × %s%s%s%s", k->n, k->title, k->user[0] ? " (" : "", k->user,
                   k->user[0] ? ")" : "");
}

/* "17 alerts in 10 minutes: 12 × Failed login (root), 3 × …, 2 others" */
static void put_sentence(Buf *out, const Digest *d, int64_t now) {
        uint32_t n_left = d->n;

        buf_printf(out, d->reason == DIGEST_ONCE ? "%u more alert%s in " : "%u alert%s in ", d->n,
                   d->n == 1 ? "" : "s");
        put_span(out, now - d->first);
        for (uint32_t i = 0; i < d->n_kinds && i < SHOWN; i++) {
                buf_putz(out, i ? ", " : ": ");
                put_kind(out, &d->kinds[i]);
                n_left -= d->kinds[i].n < n_left ? d->kinds[i].n : n_left;
        }
        if (n_left)
                buf_printf(out, ", %u other%s", n_left, n_left == 1 ? "" : "s");
}

static void put_list(Buf *out, const Digest *d) {
        for (uint32_t i = 0; i < d->n_kinds; i++) {
                put_kind(out, &d->kinds[i]);
                buf_printf(out, "; the last: %s\n", d->kinds[i].sentence);
        }
        if (d->n_other)
                buf_printf(out, "%u × others\n", d->n_other);
}

int digest_alert(Alert **ret, const Digest *d, int64_t now) {
        static const Str why[] = {
                [DIGEST_ONCE] = STR_INIT("Alerts that were the same as one that had been told (once)"),
                [DIGEST_QUIET] = STR_INIT("Alerts that came in quiet hours"),
                [DIGEST_RATE] = STR_INIT("Alerts that were more than the rate of the sink allows"),
        };
        static const Str titles[] = { [DIGEST_ONCE] = STR_INIT("Repeated alerts"),
                                      [DIGEST_QUIET] = STR_INIT("Alerts of the quiet hours"),
                                      [DIGEST_RATE] = STR_INIT("Many alerts") };
        Buf sentence = BUF_INIT, list = BUF_INIT;
        int r;

        put_sentence(&sentence, d, now);
        put_list(&list, d);
        r = alert_new_own(ret, &(AlertOwn){ .kind = ALERT_DIGEST,
                                            .level = d->level,
                                            .rule_id = DIGEST_RULE,
                                            .title = titles[d->reason],
                                            .sentence = buf_view(&sentence),
                                            .description = why[d->reason],
                                            .records = buf_view(&list),
                                            .unique = STR(""),
                                            .sec = now / 1000,
                                            .n_folded = d->n });
        buf_done(&sentence);
        buf_done(&list);
        return r;
}
