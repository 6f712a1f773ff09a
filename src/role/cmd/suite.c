/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <stdio.h>
#include <unistd.h>
#include "base/escape.h"
#include "base/log.h"
#include "role/cmd/suite-file.h"
#include "role/cmd/suite.h"
#include "role/input.h"
#include "role/role.h"
#include "role/rules.h"
#include "rule/set.h"

#define MAX_DEPTH 32
#define MAX_HITS  100000u /* of one test; more is a failure of its own */
#define MAX_SHOWN 20u     /* hits listed for a test that failed, of each kind */

typedef struct {
        Buf out;
        unsigned n, n_failed;
        int error; /* of the output */
} Suite;

/* Lines "rule-id<TAB>event-id". */
typedef struct {
        Arena arena;
        Str *v;
        size_t n, cap, dropped;
        int error;
} Hits;

static void hits_add(Hits *h, Str rule, Str event) {
        char *p;

        if (h->n == MAX_HITS) {
                h->dropped++;
                return;
        }
        if (h->n == h->cap) {
                size_t cap = h->cap ? h->cap * 2 : 64;
                Str *v = reallocarray(h->v, cap, sizeof(*v));

                if (!v) {
                        h->error = -ENOMEM;
                        return;
                }
                h->v = v;
                h->cap = cap;
        }
        p = arena_alloc(&h->arena, rule.n + 1 + event.n);
        if (!p) {
                h->error = -ENOMEM;
                return;
        }
        memcpy(p, rule.p, rule.n);
        p[rule.n] = '\t';
        memcpy(p + rule.n + 1, event.p, event.n);
        h->v[h->n++] = (Str){ p, rule.n + 1 + event.n };
}

static int by_bytes(const Str *a, const Str *b) {
        int r = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

        return r ? r : (a->n > b->n) - (a->n < b->n);
}

static int compare_strs(const void *a, const void *b) { return by_bytes(a, b); }

/* In order, each once. */
static void hits_settle(Hits *h) {
        size_t n = 0;

        if (h->n)
                qsort(h->v, h->n, sizeof(*h->v), compare_strs);
        for (size_t i = 0; i < h->n; i++)
                if (!n || !str_eq(h->v[n - 1], h->v[i]))
                        h->v[n++] = h->v[i];
        h->n = n;
}

static void hits_done(Hits *h) {
        arena_done(&h->arena);
        free(h->v);
}

/* ---- one test ---- */

typedef struct {
        RuleState *state;
        Hits hits;
        Buf id;
} Run;

static void on_hit(void *userdata, const RuleHit *hit) {
        Run *run = userdata;

        buf_clear(&run->id);
        event_id_format(&run->id, &hit->event->id);
        if (run->id.failed)
                run->hits.error = -ENOMEM;
        else
                hits_add(&run->hits, hit->rule->id, buf_view(&run->id));
}

static void on_event(void *userdata, const Event *event) {
        Run *run = userdata;
        int r = rule_state_match(run->state, event, on_hit, run);

        if (r)
                run->hits.error = r;
}

/* *ret_status is that of the input. 0 or -errno. */
static int replay(Run *run, RuleSet *set, const SuiteTest *t, int *ret_status) {
        InputOptions input = { .mode = EVENT_WHOLE, .event = on_event, .userdata = run };
        int r = rule_state_new(&run->state, set);

        if (r)
                return r;
        *ret_status = input_run(&input, t->captures, t->n_captures);
        r = rule_state_flush(run->state, on_hit, run);
        run->state = rule_state_free(run->state);
        hits_settle(&run->hits);
        return r ? r : run->hits.error;
}

static const RuleInfo *find_rule(const RuleSet *set, Str id) {
        const RuleInfo *info;

        for (size_t i = 0; (info = rule_set_info(set, i)); i++)
                if (str_eq(info->id, id))
                        return info;
        return NULL;
}

/* The rule whose hits a plain list gives: there must be one alone that can hit. */
static const RuleInfo *only_rule(const RuleSet *set, size_t *ret_n) {
        const RuleInfo *info = NULL;
        size_t n = 0;

        for (size_t i = 0; i < set->n_rules + set->n_correlations; i++) {
                bool silent =
                        i < set->n_rules ? set->rules[i].silent : set->correlations[i - set->n_rules].silent;

                if (silent)
                        continue;
                info = rule_set_info(set, i);
                n++;
        }
        *ret_n = n;
        return info;
}

static int expect(const SuiteFile *f, const RuleSet *set, const SuiteTest *t, Hits *wanted) {
        size_t n;
        const RuleInfo *only = only_rule(set, &n);

        if (!t->by_rule && n != 1)
                return suite_file_error(
                        f, t->at, "%zu rules can hit here; write hits as a map, \"rule-id: [event ids]\"", n);
        for (size_t i = 0; i < t->n_hits; i++) {
                const SuiteHit *h = &t->hits[i];

                if (h->rule.p && !find_rule(set, h->rule))
                        return suite_file_error(f, h->at, "no rule that is loaded has the id \"%.*s\"",
                                                (int)(h->rule.n > 60 ? 60 : h->rule.n), h->rule.p);
                if (h->event.p)
                        hits_add(wanted, h->rule.p ? h->rule : only->id, h->event);
        }
        hits_settle(wanted);
        return wanted->error;
}

/* ---- TAP ---- */

/* "#" and line ends mean something in TAP. */
static void put_text(Suite *s, Str text) {
        Buf inert = BUF_INIT;

        escape_terminal(&inert, text);
        for (size_t i = 0; i < inert.n; i++) {
                if (inert.p[i] == '#')
                        buf_putc(&s->out, '\\');
                buf_putc(&s->out, inert.p[i]);
        }
        buf_done(&inert);
}

static Str stem(const char *path) {
        const char *slash = strrchr(path, '/');
        Str name = str_from(slash ? slash + 1 : path);
        const char *end = memmem(name.p, name.n, ".test.y", 7);

        return end ? (Str){ name.p, (size_t)(end - name.p) } : name;
}

static void result(Suite *s, const SuiteFile *f, Str name, bool ok) {
        s->n_failed += !ok;
        buf_printf(&s->out, "%sok %u - ", ok ? "" : "not ", ++s->n);
        put_text(s, stem(f->path));
        buf_putz(&s->out, ": ");
        put_text(s, name);
        buf_putc(&s->out, '\n');
}

static void list(Suite *s, const char *what, const Hits *some, const Hits *others) {
        size_t n = 0, k = 0;

        for (size_t i = 0; i < some->n; i++) {
                while (k < others->n && by_bytes(&others->v[k], &some->v[i]) < 0)
                        k++;
                if (k < others->n && str_eq(others->v[k], some->v[i]))
                        continue;
                if (n++ < MAX_SHOWN) {
                        const char *tab = memrchr(some->v[i].p, '\t', some->v[i].n);
                        size_t at = (size_t)(tab - some->v[i].p);

                        buf_printf(&s->out, "#   %s ", what);
                        escape_terminal(&s->out, (Str){ tab + 1, some->v[i].n - at - 1 });
                        buf_putz(&s->out, " of rule ");
                        escape_terminal(&s->out, (Str){ some->v[i].p, at });
                        buf_putc(&s->out, '\n');
                }
        }
        if (n > MAX_SHOWN)
                buf_printf(&s->out, "#   and %zu more %s\n", n - MAX_SHOWN, what);
}

static bool same(const Hits *a, const Hits *b) {
        if (a->n != b->n || a->dropped)
                return false;
        for (size_t i = 0; i < a->n; i++)
                if (!str_eq(a->v[i], b->v[i]))
                        return false;
        return true;
}

static void judge(Suite *s, const SuiteFile *f, const SuiteTest *t, const Hits *wanted, const Hits *got,
                  int status) {
        bool ok = !status && same(wanted, got);

        result(s, f, t->name, ok);
        if (status)
                buf_putz(&s->out, "#   a capture could not be read\n");
        if (got->dropped)
                buf_printf(&s->out, "#   more than %u hits\n", MAX_HITS);
        if (!ok) {
                list(s, "missing", wanted, got);
                list(s, "unexpected", got, wanted);
        }
}

static int run_test(Suite *s, const SuiteFile *f, RuleSet *set, const SuiteTest *t) {
        Run run = { .id = BUF_INIT };
        Hits wanted = { 0 };
        int status = 0, r = expect(f, set, t, &wanted);

        if (r == SUITE_E_BAD)
                result(s, f, t->name, false);
        r = r ? r : replay(&run, set, t, &status);
        if (!r)
                judge(s, f, t, &wanted, &run.hits, status);
        hits_done(&wanted);
        hits_done(&run.hits);
        buf_done(&run.id);
        return r < 0 ? r : 0;
}

static int run_tests(Suite *s, const SuiteFile *f) {
        RulesReport report;
        RuleSet *set = NULL;
        int r = rules_load(&set, f->rules, f->n_rules, &f->options, true, &report);

        if (r)
                return r;
        if (report.errors)
                result(s, f, STR("the rules load"), false);
        for (size_t i = 0; i < f->n_tests && !report.errors && !r; i++)
                r = run_test(s, f, set, &f->tests[i]);
        rule_set_unref(set);
        return r;
}

static int run_file(Suite *s, const char *path) {
        SuiteFile f;
        int r = suite_file_read(&f, path);

        if (r == SUITE_E_BAD)
                result(s, &f, STR("the test file can be used"), false);
        r = r ? r : run_tests(s, &f);
        suite_file_done(&f);
        if (buf_flush(&s->out) < 0 && !s->error)
                s->error = s->out.error;
        return r < 0 ? r : 0;
}

/* ---- the walk ---- */

static bool is_test_file(const char *name) {
        return str_ends(str_from(name), STR(".test.yml")) || str_ends(str_from(name), STR(".test.yaml"));
}

static int wanted_entry(const struct dirent *e) { return e->d_name[0] != '.'; }

static void cannot_read(Suite *s, const char *path, int error) {
        SuiteFile f = { .path = path };

        suite_file_error(&f, NULL, "cannot be read: %s; check the path and its permissions", strerror(error));
        result(s, &f, STR("it can be read"), false);
}

static int walk(Suite *s, const char *path, unsigned depth);

static int walk_entry(Suite *s, const char *path, const char *name, unsigned depth) {
        struct stat st;
        char *full;
        int r = 0;

        if (asprintf(&full, "%s%s%s", path, str_ends(str_from(path), STR("/")) ? "" : "/", name) < 0)
                return -ENOMEM;
        if (lstat(full, &st) == 0 && (S_ISDIR(st.st_mode) || (S_ISREG(st.st_mode) && is_test_file(name))))
                r = walk(s, full, depth + 1);
        free(full);
        return r;
}

static int walk_dir(Suite *s, const char *path, unsigned depth) {
        struct dirent **entries;
        int n, r = 0;

        n = depth > MAX_DEPTH ? (errno = ELOOP, -1) : scandir(path, &entries, wanted_entry, alphasort);
        if (n < 0) {
                cannot_read(s, path, errno);
                return 0;
        }
        for (int i = 0; i < n; i++) {
                if (!r)
                        r = walk_entry(s, path, entries[i]->d_name, depth);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int walk(Suite *s, const char *path, unsigned depth) {
        struct stat st;

        if (stat(path, &st) < 0) {
                cannot_read(s, path, errno);
                return 0;
        }
        if (S_ISDIR(st.st_mode))
                return walk_dir(s, path, depth);
        if (is_test_file(path))
                return run_file(s, path);
        suite_file_error(&(SuiteFile){ .path = path }, NULL,
                         "this is no file of tests; give a directory, or a file NAME.test.yml");
        result(s, &(SuiteFile){ .path = path }, STR("it is a file of tests"), false);
        return 0;
}

static int finish(Suite *s) {
        buf_printf(&s->out, s->n ? "1..%u\n" : "1..%u # SKIP there is no file NAME.test.yml\n", s->n);
        if (buf_flush(&s->out) < 0 && !s->error)
                s->error = s->out.error;
        if (s->error && s->error != EPIPE)
                log_error("output: %s", strerror(s->error));
        if (s->error)
                return STATUS_INPUT;
        return s->n_failed ? STATUS_USAGE : s->n ? STATUS_DONE : STATUS_NOTHING;
}

int suite_run(const char *const *paths, size_t n_paths) {
        Suite s = { .out = BUF_INIT };
        int r = 0, status;

        buf_attach(&s.out, STDOUT_FILENO);
        for (size_t i = 0; i < n_paths && !r; i++)
                r = walk(&s, paths[i], 0);
        if (r) {
                log_error("%s", strerror(-r));
                buf_putz(&s.out, "Bail out! memory ran out\n");
        }
        status = finish(&s);
        buf_done(&s.out);
        return r ? STATUS_INPUT : status;
}
