/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "role/account/account.h"

typedef struct {
        Account *account;
        uint64_t number; /* 0: free */
        AccountWhat what;
        bool asked[ACCOUNT_CHILDREN], waits[ACCOUNT_CHILDREN];
        unsigned n_waits;
        Buf answers[ACCOUNT_CHILDREN];
        sd_event_source *timer;
        AccountFn fn;
        void *userdata;
} Question;

struct Account {
        sd_event *loop;
        const Child *children[ACCOUNT_CHILDREN];
        void (*print_own)(void *userdata, Buf *out, bool only_loss);
        void *userdata;
        uint64_t number;
        Question questions[ACCOUNT_MAX];
};

int account_new(Account **ret, sd_event *loop, const Child *const children[ACCOUNT_CHILDREN],
                void (*print_own)(void *userdata, Buf *out, bool only_loss), void *userdata) {
        Account *a = calloc(1, sizeof(*a));

        if (!a)
                return -ENOMEM;
        a->loop = loop;
        memcpy(a->children, children, sizeof(a->children));
        a->print_own = print_own;
        a->userdata = userdata;
        *ret = a;
        return 0;
}

static void forget(Question *q) {
        sd_event_source_disable_unref(q->timer);
        for (size_t i = 0; i < ACCOUNT_CHILDREN; i++)
                buf_done(&q->answers[i]);
        *q = (Question){ 0 };
}

Account *account_free(Account *a) {
        if (!a)
                return NULL;
        for (size_t i = 0; i < ACCOUNT_MAX; i++)
                if (a->questions[i].number)
                        forget(&a->questions[i]);
        free(a);
        return NULL;
}

static void answer(Question *q) {
        Account *a = q->account;
        Question done = *q;
        Buf own = BUF_INIT;
        AccountPart parts[ACCOUNT_PARTS] = { { .role = "supervisor" } };

        a->print_own(a->userdata, &own, q->what == ACCOUNT_LOSSES);
        parts[0].lines = buf_view(&own);
        for (size_t i = 0; i < ACCOUNT_CHILDREN; i++) {
                parts[1 + i] = (AccountPart){ .role = a->children[i]->options->role,
                                              .lines = buf_view(&done.answers[i]),
                                              .silent = q->waits[i],
                                              .absent = !q->asked[i] };
        }
        sd_event_source_disable_unref(q->timer);
        *q = (Question){ 0 }; /* for whoever asks next, from within the answer */
        done.fn(done.userdata, parts);
        for (size_t i = 0; i < ACCOUNT_CHILDREN; i++)
                buf_done(&done.answers[i]);
        buf_done(&own);
}

static int on_late(sd_event_source *s, uint64_t usec, void *userdata) {
        answer(userdata);
        return 0;
}

void account_ask(Account *a, AccountWhat what, AccountFn fn, void *userdata) {
        Question spare = { 0 }, *q = &spare;

        for (size_t i = 0; i < ACCOUNT_MAX && q == &spare; i++)
                if (!a->questions[i].number)
                        q = &a->questions[i];
        *q = (Question){ .account = a, .number = ++a->number, .what = what, .fn = fn, .userdata = userdata };
        for (size_t i = 0; i < ACCOUNT_CHILDREN; i++) {
                q->answers[i] = BUF_INIT;
                q->asked[i] = q != &spare &&
                              child_tell(a->children[i], IPC_COUNTERS, q->number, what, STR(""), -1) == 0;
                q->waits[i] = q->asked[i];
                q->n_waits += q->waits[i];
        }
        if (!q->n_waits || sd_event_add_time_relative(a->loop, &q->timer, CLOCK_MONOTONIC,
                                                      ACCOUNT_MS * 1000ull, 10000, on_late, q) < 0)
                answer(q);
}

void account_take(Account *a, const Child *child, uint64_t number, Str lines) {
        unsigned who = 0;

        while (who < ACCOUNT_CHILDREN - 1 && a->children[who] != child)
                who++;
        for (size_t i = 0; i < ACCOUNT_MAX; i++) {
                Question *q = &a->questions[i];

                if (!number || q->number != number || !q->waits[who])
                        continue;
                buf_str(&q->answers[who], lines);
                q->waits[who] = false;
                if (!--q->n_waits)
                        answer(q);
        }
}

void account_join(Buf *out, const AccountPart parts[ACCOUNT_PARTS]) {
        for (size_t i = 0; i < ACCOUNT_PARTS; i++) {
                buf_str(out, parts[i].lines);
                if (parts[i].silent)
                        buf_printf(out, "%s_silent 1\n", parts[i].role);
        }
}
