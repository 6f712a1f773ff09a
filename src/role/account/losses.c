/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdlib.h>
#include "base/hash.h"
#include "role/account/losses.h"

typedef struct {
        const char *role;
        const CounterDesc *desc;
        uint64_t sink; /* a hash of its name */
        uint64_t value, grown;
        unsigned echo; /* growth that alerts about losses may have caused */
        bool seen;
} Loss;

struct Losses {
        Loss losses[LOSSES_MAX];
        size_t n;
        uint64_t tell_at, wait_ms;
};

Losses *losses_new(void) { return calloc(1, sizeof(Losses)); }

Losses *losses_free(Losses *l) {
        free(l);
        return NULL;
}

static Loss *find(Losses *l, const char *role, const CounterLine *line) {
        uint64_t sink = hash_str(line->sink);

        for (size_t i = 0; i < l->n; i++)
                if (l->losses[i].desc == line->kind.desc && l->losses[i].sink == sink &&
                    !strcmp(l->losses[i].role, role))
                        return &l->losses[i];
        if (l->n == LOSSES_MAX)
                return NULL;
        l->losses[l->n] = (Loss){ .role = role, .desc = line->kind.desc, .sink = sink };
        return &l->losses[l->n++];
}

static uint64_t grow(Loss *loss, uint64_t value) {
        uint64_t by = value >= loss->value ? value - loss->value : value;
        uint64_t echo = by < loss->echo ? by : loss->echo;

        loss->value = value;
        loss->echo -= (unsigned)echo;
        loss->grown += by - echo;
        return by - echo;
}

/* Those that were not told are zero: their process is a new one. */
static void forget_unseen(Losses *l, const char *role) {
        for (size_t i = 0; i < l->n; i++)
                if (!l->losses[i].seen && !strcmp(l->losses[i].role, role))
                        l->losses[i].value = 0;
}

static bool is_excepted(const CounterLine *line, StrList except) {
        for (size_t i = 0; i < except.n; i++)
                if (str_eqz(except.v[i], line->kind.desc->name))
                        return true;
        return false;
}

static uint64_t look_at(Losses *l, const AccountPart *part, const LossesOptions *options) {
        uint64_t grown = 0;
        Str rest = part->lines, text;
        CounterLine line;

        while (counters_next_line(&rest, &text)) {
                Loss *loss;

                if (!counters_parse(text, options->sinks, &line) || !line.kind.desc->loss ||
                    is_excepted(&line, options->except))
                        continue;
                loss = find(l, part->role, &line);
                if (!loss || loss->seen)
                        continue;
                loss->seen = true;
                grown += grow(loss, line.value);
        }
        if (!part->silent && !part->absent)
                forget_unseen(l, part->role);
        return grown;
}

static Str name_of(const Loss *loss, StrList sinks) {
        for (size_t i = 0; i < sinks.n; i++)
                if (hash_str(sinks.v[i]) == loss->sink)
                        return sinks.v[i];
        return STR("");
}

static void tell_one(Buf *out, const Loss *loss, StrList sinks) {
        Str sink = name_of(loss, sinks);

        buf_printf(out, "%s %llu %s (%s", out->n ? "," : "", (unsigned long long)loss->grown,
                   loss->desc->help, loss->desc->name);
        if (sink.n)
                buf_printf(out, " of " STR_FMT, STR_ARG(sink));
        buf_putc(out, ')');
}

static void tell(Losses *l, StrList sinks, Buf *out) {
        const size_t room =
                LOSSES_TEXT - sizeof("aulert lost:, and 999 more kinds of losses: aulert status tells");
        Buf list = BUF_INIT;
        size_t left_out = 0;

        for (size_t i = 0; i < l->n; i++) {
                size_t n = list.n;

                if (!l->losses[i].grown)
                        continue;
                tell_one(&list, &l->losses[i], sinks);
                if (list.n > room) {
                        list.n = n;
                        left_out++;
                }
                l->losses[i].grown = 0;
        }
        buf_putz(out, "aulert lost:");
        buf_str(out, buf_view(&list));
        if (left_out)
                buf_printf(out, "%s %zu more kinds of losses: aulert status tells", list.n ? ", and" : "",
                           left_out);
        buf_done(&list);
}

bool losses_look(Losses *l, const AccountPart parts[ACCOUNT_PARTS], const LossesOptions *options,
                 uint64_t now, Buf *out) {
        uint64_t grown = 0, waiting = 0;

        for (size_t i = 0; i < l->n; i++)
                l->losses[i].seen = false;
        for (size_t i = 0; i < ACCOUNT_PARTS; i++)
                grown += look_at(l, &parts[i], options);
        for (size_t i = 0; i < l->n; i++)
                waiting += l->losses[i].grown;
        if (now < l->tell_at)
                return false;
        if (!grown)
                l->wait_ms = 0;
        if (!waiting)
                return false;
        tell(l, options->sinks, out);
        l->wait_ms = l->wait_ms ? l->wait_ms * 2 : options->every_ms;
        if (l->wait_ms > LOSSES_WAIT_MAX_MS)
                l->wait_ms = LOSSES_WAIT_MAX_MS;
        l->tell_at = now + l->wait_ms;
        for (size_t i = 0; i < l->n; i++)
                if (!strcmp(l->losses[i].role, "deliver") && l->losses[i].echo < LOSSES_ECHO)
                        l->losses[i].echo++;
        return true;
}
