/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include "rule/select.h"

/* What is known of an expression before any value is seen. */
typedef enum { NEVER, CERTAIN, OPEN } Truth;

#define NO_TRIGGER UINT64_MAX

typedef struct {
        Truth truth;
        uint64_t weight; /* how often its triggers are expected; NO_TRIGGER: it has none */
} Outlook;

/* Fields whose values are few, and how often any one of them is expected. */
static uint64_t commonness(Str field) {
        static const struct {
                const char *name;
                uint32_t weight;
        } fields[] = {
                { "success", 800000 },   { "arch", 800000 }, { "ARCH", 800000 }, { "nametype", 400000 },
                { "items", 400000 },     { "exit", 300000 }, { "uid", 300000 },  { "euid", 300000 },
                { "gid", 300000 },       { "UID", 300000 },  { "EUID", 300000 }, { "User", 300000 },
                { "Initiated", 300000 }, { "auid", 200000 }, { "AUID", 200000 }, { "mode", 200000 },
                { "argc", 200000 },      { "res", 200000 },  { "ses", 50000 },   { "tty", 50000 },
                { "op", 50000 },         { "acct", 50000 },
        };

        for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
                if (str_eqz(field, fields[i].name))
                        return fields[i].weight;
        return 0;
}

/* A number that is not 0: one user who is not root, say. */
static bool is_selective(const Trigger *t) {
        Str s = t->lit.text;

        if (t->present || t->lit.kind != LIT_EXACT || !s.n || str_eqz(s, "0") || s.n > 9)
                return false;
        for (size_t i = 0; i < s.n; i++)
                if (s.p[i] < '0' || s.p[i] > '9')
                        return false;
        return true;
}

/* Of the system calls, those that people audit and that come all the time. */
static uint64_t call_weight(Str name) {
        static const char *const often[] = { "open", "openat", "execve", "connect", "2", "257", "59", "42" };

        for (size_t i = 0; i < ARRAY_SIZE(often); i++)
                if (str_eqz(name, often[i]))
                        return 100000;
        return 3000;
}

/* What SYSCALL, CWD and PROCTITLE records have, and other records inherit. */
static bool is_context(Str field) {
        static const char *const names[] = { "success", "exit",  "arch", "syscall", "SYSCALL", "ARCH",
                                             "ppid",    "pid",   "auid", "uid",     "gid",     "euid",
                                             "suid",    "fsuid", "egid", "sgid",    "fsgid",   "tty",
                                             "ses",     "comm",  "exe",  "key",     "cwd",     "proctitle",
                                             "AUID",    "UID",   "GID",  "EUID",    "SUID",    "FSUID",
                                             "EGID",    "SGID",  "FSGID" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (str_eqz(field, names[i]))
                        return true;
        return false;
}

static bool is_common_text(Str s) {
        static const char *const texts[] = { "/usr/bin/", "/usr/sbin/", "/bin/", "/usr/",
                                             "/lib/",     "/usr/lib/",  "/etc/", "/home/",
                                             "/tmp/",     "/root/",     "bin/",  "/usr" };

        for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
                if (str_eqz(s, texts[i]))
                        return true;
        return false;
}

static uint64_t weigh(const Selection *s, const Trigger *t) {
        static const uint32_t by_length[] = { 500000, 100000, 20000, 3000, 800, 400, 250 };
        Str field = s->ast->fields[t->field].name;
        size_t n = t->lit.text.n;
        uint64_t w;

        if (t->present)
                w = 500000;
        else if (t->lit.kind == LIT_EXACT)
                w = n ? 100 : 20000;
        else
                w = is_common_text(t->lit.text)
                            ? 20000
                            : by_length[n < ARRAY_SIZE(by_length) ? n : ARRAY_SIZE(by_length) - 1];
        if (str_eqz(field, "syscall") || str_eqz(field, "SYSCALL"))
                w = t->present || t->lit.kind != LIT_EXACT ? 500000 : call_weight(t->lit.text);
        else if (w < commonness(field))
                w = is_selective(t) ? 50000 : commonness(field);
        if (s->audit && !s->syscall && is_context(field))
                w *= 8;
        return w;
}

/* ---- the trigger of one test ---- */

/* In the logged line a value may end, or be quoted, where the decoded pairs have a blank or nothing: keywords are looked for by a part
 * of them that is inside one name or value in every form of the text. */
static Str longest_piece(Str s) {
        Str best = { s.p, 0 };

        for (size_t i = 0, start = 0; i <= s.n; i++)
                if (i == s.n || strchr(" =\"'(),\x1d", s.p[i]) || (uint8_t)s.p[i] < 0x20) {
                        if (i - start > best.n)
                                best = (Str){ s.p + start, i - start };
                        start = i + 1;
                }
        return best;
}

static Lit best_literal(const Selection *s, const Test *t) {
        const Pattern *p = &t->pattern;
        bool pieces = s->audit && t->field == FIELD_KEYWORDS;
        Lit best = { .text = STR_NULL };
        Str plain;

        if (pattern_plain(p, &plain) && !pieces)
                return (Lit){ LIT_EXACT, plain, 0 };
        for (size_t i = 0; i < p->n; i++) {
                Str text = p->v[i].text;

                if (p->v[i].kind != PATTERN_LITERAL)
                        continue;
                if (pieces)
                        text = longest_piece(text);
                if (!text.n || (best.text.p && text.n <= best.text.n))
                        continue;
                best.text = text;
                best.kind = pieces ? LIT_INSIDE : !i ? LIT_PREFIX : i + 1 == p->n ? LIT_SUFFIX : LIT_INSIDE;
        }
        return best;
}

static int lower_copy(const Selection *s, Str *text) {
        Str copy = arena_str(&s->ast->arena, *text);

        if (!copy.p)
                return -ENOMEM;
        for (size_t i = 0; i < copy.n; i++)
                if (copy.p[i] >= 'A' && copy.p[i] <= 'Z')
                        ((char *)copy.p)[i] |= 0x20;
        *text = copy;
        return 0;
}

static bool may_trigger(const Selection *s, uint32_t field) {
        Str name = s->ast->fields[field].name;

        switch (s->from) {
        case SELECT_OWN: return field != FIELD_KEYWORDS && !str_starts(name, STR("Parent"));
        case SELECT_PARENTS: return str_eqz(name, "ParentImage") || str_eqz(name, "ParentCommandLine");
        default: return true;
        }
}

/* The triggers of a test into @v, at most REGEX_MAX_LITERALS. 0 or -ENOMEM; *ret_n 0: it has none. */
static int test_triggers(const Selection *s, const Test *t, Trigger *v, size_t *ret_n) {
        Str literals[REGEX_MAX_LITERALS];
        size_t n = 0;

        *ret_n = may_trigger(s, t->field);
        if (!*ret_n)
                return 0;
        v[0] = (Trigger){ .field = t->field, .present = true };
        switch (t->kind) {
        case TEST_NULL: *ret_n = 0; return 0;
        case TEST_PATTERN:
                v[0].lit = best_literal(s, t);
                v[0].present = !v[0].lit.text.p;
                if (!v[0].present && t->cased)
                        return lower_copy(s, &v[0].lit.text);
                break;
        case TEST_REGEX:
                if (!regex_literals(t->regex_text, &s->ast->arena, literals, &n))
                        break;
                for (size_t i = 0; i < n; i++) {
                        Str text = s->audit && t->field == FIELD_KEYWORDS ? longest_piece(literals[i])
                                                                          : literals[i];

                        if (!text.n)
                                break;
                        v[i] = (Trigger){ .field = t->field, .lit = { LIT_INSIDE, text, 0 } };
                        *ret_n = i + 1;
                }
                if (*ret_n != n || v[0].present) {
                        v[0] = (Trigger){ .field = t->field, .present = true };
                        *ret_n = 1;
                }
                break;
        default: break;
        }
        /* the presence of keywords in a line says nothing */
        if (s->audit && t->field == FIELD_KEYWORDS && v[0].present)
                *ret_n = 0;
        return 0;
}

static int test_weight(const Selection *s, const Test *t, uint64_t *ret) {
        Trigger v[REGEX_MAX_LITERALS];
        size_t n;
        int r = test_triggers(s, t, v, &n);

        *ret = n ? 0 : NO_TRIGGER;
        for (size_t i = 0; i < n; i++)
                *ret += weigh(s, &v[i]);
        return r;
}

/* ---- expressions ---- */

static bool is_known(const Selection *s, uint32_t test, Truth *ret) {
        if (!s->known || !(s->known[test / 64] >> test % 64 & 1))
                return false;
        *ret = s->truth[test / 64] >> test % 64 & 1 ? CERTAIN : NEVER;
        return true;
}

static int look(const Selection *s, const Expr *x, Outlook *ret);

static int look_and(const Selection *s, const Expr *x, Outlook *ret) {
        Outlook o;

        *ret = (Outlook){ CERTAIN, NO_TRIGGER };
        for (size_t i = 0; i < x->n; i++) {
                int r = look(s, x->v[i], &o);

                if (r)
                        return r;
                if (o.truth == NEVER) {
                        *ret = o;
                        return 0;
                }
                if (o.truth == OPEN)
                        ret->truth = OPEN;
                if (o.truth == OPEN && o.weight < ret->weight)
                        ret->weight = o.weight;
        }
        return 0;
}

static int look_or(const Selection *s, const Expr *x, Outlook *ret) {
        Outlook o;

        *ret = (Outlook){ NEVER, 0 };
        for (size_t i = 0; i < x->n; i++) {
                int r = look(s, x->v[i], &o);

                if (r)
                        return r;
                if (o.truth == CERTAIN) {
                        *ret = o;
                        return 0;
                }
                if (o.truth == NEVER)
                        continue;
                ret->truth = OPEN;
                ret->weight = o.weight == NO_TRIGGER || ret->weight == NO_TRIGGER ? NO_TRIGGER
                                                                                  : ret->weight + o.weight;
        }
        return 0;
}

static int look(const Selection *s, const Expr *x, Outlook *ret) {
        int r;

        switch (x->kind) {
        case EXPR_TEST:
                *ret = (Outlook){ OPEN, NO_TRIGGER };
                if (is_known(s, x->test, &ret->truth))
                        return 0;
                return test_weight(s, &s->ast->tests[x->test], &ret->weight);
        case EXPR_NAME: return look(s, x->v[0], ret);
        case EXPR_NOT:
                r = look(s, x->v[0], ret);
                ret->weight = NO_TRIGGER;
                ret->truth = ret->truth == OPEN ? OPEN : ret->truth == NEVER ? CERTAIN : NEVER;
                return r;
        case EXPR_AND: return look_and(s, x, ret);
        default: return look_or(s, x, ret);
        }
}

static int push(TriggerList *list, const Trigger *t, uint32_t id) {
        if (list->n == list->cap) {
                size_t cap = list->cap ? list->cap * 2 : 64;
                Trigger *v = reallocarray(list->v, cap, sizeof(*v));

                if (!v)
                        return -ENOMEM;
                list->v = v;
                list->cap = cap;
        }
        list->v[list->n] = *t;
        list->v[list->n++].lit.id = id;
        return 0;
}

/* Adds the triggers of an expression that has some. */
static int collect(const Selection *s, const Expr *x, uint32_t id, TriggerList *list);

static int collect_test(const Selection *s, const Expr *x, uint32_t id, TriggerList *list) {
        Trigger v[REGEX_MAX_LITERALS];
        size_t n;
        int r = test_triggers(s, &s->ast->tests[x->test], v, &n);

        for (size_t i = 0; i < n && !r; i++)
                r = push(list, &v[i], id);
        return r;
}

static int collect_and(const Selection *s, const Expr *x, uint32_t id, TriggerList *list) {
        const Expr *best = NULL;
        uint64_t least = NO_TRIGGER;
        Outlook o;

        for (size_t i = 0; i < x->n; i++) {
                int r = look(s, x->v[i], &o);

                if (r)
                        return r;
                if (o.truth == OPEN && o.weight < least) {
                        best = x->v[i];
                        least = o.weight;
                }
        }
        return best ? collect(s, best, id, list) : 0;
}

static int collect(const Selection *s, const Expr *x, uint32_t id, TriggerList *list) {
        Outlook o;
        int r = 0;

        switch (x->kind) {
        case EXPR_TEST: return collect_test(s, x, id, list);
        case EXPR_NAME: return collect(s, x->v[0], id, list);
        case EXPR_AND: return collect_and(s, x, id, list);
        case EXPR_OR:
                for (size_t i = 0; i < x->n && !r; i++) {
                        r = look(s, x->v[i], &o);
                        if (!r && o.truth == OPEN)
                                r = collect(s, x->v[i], id, list);
                }
                return r;
        default: return 0;
        }
}

int select_triggers(const Selection *s, const Expr *rule, uint32_t id, TriggerList *list, SelectResult *ret) {
        Outlook o;
        int r = look(s, rule, &o);

        if (r)
                return r;
        *ret = o.truth == NEVER                            ? SELECT_NEVER
               : o.truth == OPEN && o.weight != NO_TRIGGER ? SELECT_TRIGGERS
                                                           : SELECT_ALWAYS;
        return *ret == SELECT_TRIGGERS ? collect(s, rule, id, list) : 0;
}
