/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include "fuzz/shrink.h"

typedef struct {
        Case *best, *trial;
        ShrinkTest test;
        void *userdata;
        unsigned n_tries;
} Shrink;

static bool keep_trial(Shrink *s) {
        if (s->n_tries >= SHRINK_TRIES || !s->trial->n || case_failed(s->trial))
                return false;
        s->n_tries++;
        if (!s->test(s->userdata, s->trial))
                return false;
        case_copy(s->best, s->trial);
        return true;
}

static bool without_lines(Shrink *s, size_t from, size_t n) {
        Case *t = s->trial;

        case_copy(t, s->best);
        for (size_t i = from; i + n < t->n; i++) {
                buf_clear(&t->line[i]);
                buf_str(&t->line[i], buf_view(&t->line[i + n]));
        }
        t->n -= n;
        return keep_trial(s);
}

static bool without_bytes(Shrink *s, size_t line, size_t from, size_t n) {
        Buf *b;

        case_copy(s->trial, s->best);
        b = &s->trial->line[line];
        memmove(b->p + from, b->p + from + n, b->n - from - n);
        b->n -= n;
        return keep_trial(s);
}

static bool drop_lines(Shrink *s) {
        bool any = false;

        for (size_t n = s->best->n / 2; n; n /= 2)
                for (size_t i = 0; i + n <= s->best->n;) {
                        if (without_lines(s, i, n))
                                any = true;
                        else
                                i += n;
                }
        return any;
}

static bool drop_bytes(Shrink *s) {
        bool any = false;

        for (size_t k = 0; k < s->best->n; k++)
                for (size_t n = s->best->line[k].n / 2; n; n /= 2)
                        for (size_t i = 0; i + n <= s->best->line[k].n;) {
                                if (without_bytes(s, k, i, n))
                                        any = true;
                                else
                                        i += n;
                        }
        return any;
}

/* One by one is the plain way. */
static bool plainer(Shrink *s) {
        bool any = false;

        if (s->best->by_reader) {
                case_copy(s->trial, s->best);
                s->trial->by_reader = false;
                any |= keep_trial(s);
        }
        if (s->best->unended) {
                case_copy(s->trial, s->best);
                s->trial->unended = false;
                any |= keep_trial(s);
        }
        return any;
}

int shrink(Case *c, ShrinkTest test, void *userdata) {
        Shrink s = { .best = c, .trial = case_new(), .test = test, .userdata = userdata };
        bool any = true;

        if (!s.trial)
                return -ENOMEM;
        while (any && s.n_tries < SHRINK_TRIES) {
                any = plainer(&s);
                any |= drop_lines(&s);
                any |= drop_bytes(&s);
        }
        case_free(s.trial);
        return 0;
}
