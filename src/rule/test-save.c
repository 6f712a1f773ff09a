/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stream that is cut, and goes on in a state that was saved and restored, gives the hits of the whole. */
#include "base/test-support.h"
#include "rule/rule.h"

static uint64_t random_state;

static unsigned draw(unsigned n) {
        random_state = random_state * 6364136223846793005u + 1442695040888963407u;
        return (unsigned)(random_state >> 33) % n;
}

/* ---- rules ---- */

#define PLAIN(id)                                                                           \
        "title: " id "\nid: " id "\nname: " id                                              \
        "\nlogsource: {product: linux, service: auditd}\ndetection: {s: {cmd|contains: " id \
        "}, condition: s}\n---\n"
#define PARENT(id)                                                                                           \
        "title: " id "\nid: " id "\nname: " id "\nlogsource: {product: linux, category: process_creation}\n" \
        "detection: {s: {ParentImage|endswith: " id "}, condition: s}\n---\n"

static void random_correlation(Buf *out, unsigned n) {
        static const char *const kinds[] = { "event_count", "value_count", "value_sum",
                                             "value_avg",   "temporal",    "temporal_ordered" };
        static const char *const ops[] = { "gte", "gte", "gt", "lt", "eq", "lte", "neq" };
        static const char *const rules[] = { "x", "y", "z", "px", "py" };
        const char *kind = kinds[draw(6)];
        unsigned first = draw(5), counted = kind[0] == 'e' ? 1 : kind[0] == 'v' ? 2 : 0;

        buf_printf(out,
                   "title: k%u\nid: k%u\nname: k%u\ncorrelation:\n  type: %s\n  timespan: %us\n  generate: "
                   "true\n",
                   n, n, n, kind, 1 + draw(6));
        if (counted == 1 && n && draw(3) == 0)
                buf_printf(out, "  rules: [k%u]\n", draw(n));
        else
                buf_printf(out, "  rules: [%s, %s]\n", rules[first], rules[(first + 1 + draw(4)) % 5]);
        if (draw(3))
                buf_putz(out, "  group-by: [pid]\n");
        if (counted)
                buf_printf(out, "  condition: {%s: %u%s}\n", ops[draw(7)], 1 + draw(4),
                           counted == 2 ? ", field: id" : "");
        buf_putz(out, "---\n");
}

static void on_diag(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                    const char *text) {
        if (kind == RULE_DIAG_ERROR)
                fail_msg("%u:%u: %s", line, column, text);
}

static RuleSet *load(const Buf *text, const RuleOptions *options) {
        char path[] = "/tmp/aulert-test-save-XXXXXX.yml";
        const char *paths[] = { path };
        int fd = mkstemps(path, 4);
        RuleSet *set;

        assert_int_equal(write(fd, text->p, text->n), (ssize_t)text->n);
        close(fd);
        assert_int_equal(rule_set_load(&set, paths, 1, options, on_diag, NULL), 0);
        unlink(path);
        return set;
}

/* ---- events ---- */

#define N_EVENTS 80u

typedef struct {
        Buf lines[N_EVENTS];
        int64_t at[N_EVENTS], comes[N_EVENTS];
} Stream;

static void make_event(Buf *out, unsigned i, int64_t at) {
        static const char *const programs[] = { "/bin/px", "/bin/py", "/bin/sh" };
        char id[64];

        snprintf(id, sizeof(id), "audit(%lld.%03d:%u)", (long long)(1700000000 + at / 1000), (int)(at % 1000),
                 100 + i);
        if (draw(3)) {
                buf_printf(out, "type=USER_CMD msg=%s: pid=%u id=%u cmd=\"%s%s\"\n", id, draw(3), draw(4),
                           draw(2) ? "x" : "", draw(2) ? "y" : "z");
                return;
        }
        buf_printf(out,
                   "type=SYSCALL msg=%s: arch=c000003e syscall=59 success=yes exit=0 a0=1 ppid=%u pid=%u "
                   "id=%u exe=\"%s\"\n"
                   "type=EXECVE msg=%s: argc=2 a0=\"sh\" a1=\"%u\"\ntype=PROCTITLE msg=%s: proctitle=7368\n",
                   id, draw(4), draw(4), draw(4), programs[draw(3)], id, draw(9), id);
}

/* Events come up to two seconds late. */
static void stream_init(Stream *s) {
        static const unsigned steps[] = { 0, 1, 100, 400, 900, 2500 };
        int64_t at = 0;

        for (unsigned i = 0; i < N_EVENTS; i++) {
                s->lines[i] = BUF_INIT;
                at += steps[draw(6)];
                make_event(&s->lines[i], i, at);
                s->at[i] = at;
                s->comes[i] = at + (draw(2) ? draw(1999) : 0);
        }
        for (unsigned i = 1; i < N_EVENTS; i++)
                for (unsigned k = i; k && s->comes[k] < s->comes[k - 1]; k--) {
                        int64_t t = s->comes[k];
                        Buf b = s->lines[k];

                        s->comes[k] = s->comes[k - 1];
                        s->comes[k - 1] = t;
                        s->lines[k] = s->lines[k - 1];
                        s->lines[k - 1] = b;
                }
}

static void stream_done(Stream *s) {
        for (unsigned i = 0; i < N_EVENTS; i++)
                buf_done(&s->lines[i]);
}

/* ---- the two ways ---- */

typedef struct {
        RuleState *state;
        Buf hits;
        bool only_shared; /* leave out rules that are not in both sets */
        bool adopts; /* the same state goes on with the other set; else one that was saved and restored */
} Desk;

static void on_hit(void *userdata, const RuleHit *hit) {
        Desk *d = userdata;

        if (d->only_shared && !str_starts(hit->rule->id, STR("k")))
                return;
        buf_str(&d->hits, hit->rule->id);
        buf_putc(&d->hits, ' ');
        event_id_format(&d->hits, &hit->event->id);
        buf_printf(&d->hits, " %u\n", hit->event->n_records);
}

static void on_event(void *userdata, const Event *event) {
        Desk *d = userdata;

        assert_int_equal(rule_state_match(d->state, event, on_hit, d), 0);
}

static void feed(Desk *d, const Buf *lines) {
        EventAssembler *a;

        assert_int_equal(event_assembler_new(&a, EVENT_DEFAULT, NULL, on_event, d), 0);
        for (size_t at = 0; at < lines->n;) {
                const char *end = memchr(lines->p + at, '\n', lines->n - at);
                size_t n = (size_t)(end - lines->p) - at;
                char *copy = calloc(1, n + STR_SLACK);

                memcpy(copy, lines->p + at, n);
                event_add(a, (Str){ copy, n });
                event_detach(a);
                free(copy);
                at += n + 1;
        }
        event_flush(a);
        event_assembler_free(a);
}

static void save(RuleState *state, Buf *out) { assert_int_equal(rule_state_save(state, out), 0); }

static void move(Desk *d, RuleSet *set, bool same) {
        Buf saved = BUF_INIT, again = BUF_INIT;
        Unpack in;

        if (d->adopts) {
                assert_int_equal(rule_state_adopt(d->state, set), 0);
                return;
        }
        save(d->state, &saved);
        rule_state_free(d->state);
        assert_int_equal(rule_state_new(&d->state, set), 0);
        in = UNPACK_INIT(buf_view(&saved));
        assert_int_equal(rule_state_restore(d->state, &in), 0);
        assert_int_equal(unpack_end(&in), 0);
        save(d->state, &again);
        if (same)
                assert_int_equal(again.n, saved.n);
        buf_done(&saved);
        buf_done(&again);
}

/* @cuts: of a hundred events, how many the state is moved behind. */
static void run(Desk *d, RuleSet *set, RuleSet *later, const Stream *s, unsigned cuts) {
        *d = (Desk){ .hits = BUF_INIT, .only_shared = d->only_shared, .adopts = d->adopts };
        assert_int_equal(rule_state_new(&d->state, set), 0);
        for (unsigned i = 0; i < N_EVENTS; i++) {
                feed(d, &s->lines[i]);
                if (draw(100) < cuts)
                        move(d, later, later == set);
        }
        assert_int_equal(rule_state_flush(d->state, on_hit, d), 0);
        rule_state_free(d->state);
}

static size_t n_lines(const Buf *b) {
        size_t n = 0;

        for (size_t i = 0; i < b->n; i++)
                n += b->p[i] == '\n';
        return n;
}

static size_t one_round(uint64_t seed, bool edge, bool plain, bool adopts) {
        RuleOptions options = { .correlation_edge = edge, .plain = plain };
        Buf rules = BUF_INIT;
        Desk whole = { 0 }, cut = { .adopts = adopts };
        Stream s;
        RuleSet *set;
        size_t n;

        random_state = seed;
        buf_putz(&rules, PLAIN("x") PLAIN("y") PLAIN("z") PARENT("px") PARENT("py"));
        for (unsigned i = 0; i < 10; i++)
                random_correlation(&rules, i);
        set = load(&rules, &options);
        stream_init(&s);
        run(&whole, set, set, &s, 0);
        run(&cut, set, set, &s, seed % 4 ? 5 : 40);
        n = n_lines(&whole.hits);
        if (!str_eq(buf_view(&whole.hits), buf_view(&cut.hits)))
                fail_msg("seed %llu:\n%s\nbut cut:\n%s", (unsigned long long)seed, buf_z(&whole.hits),
                         buf_z(&cut.hits));
        stream_done(&s);
        rule_set_unref(set);
        buf_done(&rules);
        buf_done(&whole.hits);
        buf_done(&cut.hits);
        return n;
}

static void a_cut_stream_hits_as_the_whole(void **state) {
        size_t n = 0;

        for (uint64_t seed = 1; seed <= 40; seed++)
                n += one_round(seed, seed % 5 == 0, seed % 7 == 0, false);
        assert_true(n > 40 * 100);
}

/* A reload decides nothing early: what waits, waits on. */
static void a_reload_changes_no_hit(void **state) {
        for (uint64_t seed = 200; seed <= 240; seed++)
                (void)one_round(seed, seed % 5 == 0, seed % 7 == 0, true);
}

/* The correlations that are in both sets go on as if nothing had happened; the rules stand in another order. */
static void correlations_that_stay_go_on(void **state) {
        for (uint64_t seed = 100; seed < 120; seed++) {
                Buf both = BUF_INIT, before = BUF_INIT, after = BUF_INIT;
                Desk whole = { .only_shared = true }, cut = { .only_shared = true, .adopts = seed % 2 };
                RuleSet *set, *later;
                Stream s;

                random_state = seed;
                for (unsigned i = 0; i < 6; i++)
                        random_correlation(&both, i);
                buf_putz(&before, PLAIN("x") PLAIN("y") PLAIN("z") PARENT("px") PARENT("py") PLAIN("q"));
                buf_putz(&before, "title: g\nid: g\ncorrelation: {type: event_count, rules: [q], timespan: "
                                  "1m, condition: {gte: 1}}\n---\n");
                buf_putz(&after, "title: h\nid: h\ncorrelation: {type: event_count, rules: [z], timespan: "
                                 "1m, condition: {lt: 9}, group-by: [cmd]}\n---\n");
                buf_putz(&after, PARENT("py") PARENT("px") PLAIN("w") PLAIN("z") PLAIN("y") PLAIN("x"));
                buf_str(&before, buf_view(&both));
                buf_str(&after, buf_view(&both));
                set = load(&before, NULL);
                later = load(&after, NULL);
                stream_init(&s);
                run(&whole, set, set, &s, 0);
                run(&cut, set, later, &s, 5);
                if (!str_eq(buf_view(&whole.hits), buf_view(&cut.hits)))
                        fail_msg("seed %llu:\n%s\nbut cut:\n%s", (unsigned long long)seed, buf_z(&whole.hits),
                                 buf_z(&cut.hits));
                stream_done(&s);
                rule_set_unref(set);
                rule_set_unref(later);
                buf_done(&both);
                buf_done(&before);
                buf_done(&after);
                buf_done(&whole.hits);
                buf_done(&cut.hits);
        }
}

static void foreign_bytes_are_refused(void **state) {
        Buf rules = BUF_INIT, saved = BUF_INIT;
        Desk d = { .hits = BUF_INIT };
        size_t n_taken = 0;
        RuleSet *set;
        Stream s;

        random_state = 7;
        buf_putz(&rules, PLAIN("x") PLAIN("y") PLAIN("z") PARENT("px") PARENT("py"));
        for (unsigned i = 0; i < 10; i++)
                random_correlation(&rules, i);
        set = load(&rules, NULL);
        stream_init(&s);
        assert_int_equal(rule_state_new(&d.state, set), 0);
        for (unsigned i = 0; i < N_EVENTS / 2; i++)
                feed(&d, &s.lines[i]);
        save(d.state, &saved);
        for (unsigned i = 0; i < 1500; i++) {
                Str copy =
                        i % 3 ? test_mangled(buf_view(&saved), i)
                              : (Str){ memcpy(malloc(saved.n), saved.p, saved.n), draw((unsigned)saved.n) };
                Unpack in = UNPACK_INIT(copy);

                if (!rule_state_restore(d.state, &in)) {
                        n_taken++;
                        for (unsigned k = N_EVENTS / 2; k < N_EVENTS / 2 + 12; k++)
                                feed(&d, &s.lines[k]);
                        rule_state_flush(d.state, on_hit, &d);
                }
                free((char *)copy.p);
        }
        assert_true(n_taken > 100 && n_taken < 1400);
        rule_state_free(d.state);
        rule_set_unref(set);
        stream_done(&s);
        buf_done(&rules);
        buf_done(&saved);
        buf_done(&d.hits);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_cut_stream_hits_as_the_whole),
                cmocka_unit_test(a_reload_changes_no_hit),
                cmocka_unit_test(correlations_that_stay_go_on),
                cmocka_unit_test(foreign_bytes_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
