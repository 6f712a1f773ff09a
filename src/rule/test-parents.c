/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which processes wait for what will be known of their parents, and for how long. */
#include "rule/test-rules.h"
#include "rule/state.h"

static unsigned n_hits;

static void on_hit(void *userdata, const RuleHit *hit) { n_hits++; }

static void on_event(void *userdata, const Event *event) {
        assert_int_equal(rule_state_match(userdata, event, on_hit, NULL), 0);
}

typedef struct {
        RuleState *state;
        EventAssembler *assembler;
        unsigned serial;
} Stream;

static Stream start(const char *detection) {
        EventLimits limits = EVENT_LIMITS_DEFAULT;
        char text[1024];
        Stream s = { 0 };

        assert_in_range(snprintf(text, sizeof(text),
                                 "title: r\nid: r\nlogsource: {product: linux, category: process_creation}\n"
                                 "detection: {%s}\n",
                                 detection),
                        1, sizeof(text) - 1);
        s.state = test_rules(text);
        assert_int_equal(event_assembler_new(&s.assembler, EVENT_DEFAULT, &limits, on_event, s.state), 0);
        n_hits = 0;
        return s;
}

static void exec(Stream *s, unsigned ms, unsigned pid, unsigned ppid, const char *exe) {
        char id[64], line[256];

        snprintf(id, sizeof(id), "msg=audit(%u.%03u:%u):", 1700000000 + ms / 1000, ms % 1000, ++s->serial);
        event_add(s->assembler,
                  (Str){ line, (size_t)snprintf(line, sizeof(line),
                                                "type=SYSCALL %s arch=c000003e syscall=59 success=yes exit=0 "
                                                "ppid=%u pid=%u exe=\"%s\"",
                                                id, ppid, pid, exe) });
        event_add(s->assembler, (Str){ line, (size_t)snprintf(line, sizeof(line), "type=EOE %s ", id) });
}

static void end(Stream *s) {
        event_assembler_free(s->assembler);
        assert_int_equal(rule_state_flush(s->state, on_hit, NULL), 0);
        rule_state_free(s->state);
}

static void check(const char *detection, size_t waiting, unsigned hits) {
        Stream s = start(detection);

        exec(&s, 0, 10, 1, "/usr/sbin/nginx");
        exec(&s, 1, 11, 10, "/bin/ls");
        exec(&s, 2, 12, 10, "/bin/sh");
        exec(&s, 3, 13, 1, "/bin/sh");
        assert_int_equal(s.state->queue.n, waiting);
        end(&s);
        assert_int_equal(n_hits, hits);
}

static void only_what_may_hold_waits(void **state) {
        check("s: {ParentImage|endswith: /nginx, Image|endswith: /sh}, condition: s", 2, 1);
        check("s: {Image|endswith: /sh}, p: {ParentImage|endswith: /nginx}, condition: s and not p", 2, 1);
        check("s: {Image|endswith: /true}, p: {ParentImage|endswith: /nginx}, condition: s and p", 0, 0);
        check("s: {Image|endswith: /sh}, p: {ParentImage|endswith: /nginx}, condition: s or p", 4, 3);
        check("p: {ParentImage|endswith: /nginx}, condition: p", 4, 2);
        check("p: {ParentImage|endswith: /nginx}, condition: not p", 4, 2);
        check("s: {Image|endswith: /ls, ParentImage: null}, condition: s", 1, 0);
        /* a word may stand in what the parent says */
        check("k: [nginx], p: {ParentImage|endswith: /nginx}, condition: k and p", 4, 2);
        check("k: [nginx], p: {ParentImage|endswith: /none}, condition: k and not p", 4, 3);
        check("k: [nginx], condition: k", 4, 3);
        check("k: [nginx], s: {Image|endswith: /sh}, condition: k and s", 2, 1);
}

/* 60,000 processes in two seconds are more than are remembered. */
static void a_flood_does_not_part_child_and_parent(void **state) {
        Stream s = start("s: {ParentImage|endswith: /nginx, Image|endswith: /sh}, condition: s");

        exec(&s, 0, 10, 1, "/usr/sbin/nginx");
        for (unsigned i = 0; i < 60000; i++) {
                if (i == 10000)
                        exec(&s, i / 30, 11, 10, "/bin/sh");
                exec(&s, i / 30, 100 + i, 1, "/bin/true");
        }
        assert_int_equal(n_hits, 1);
        assert_int_equal(s.state->counters.queue_forced, 1);
        end(&s);
        assert_int_equal(n_hits, 1);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(only_what_may_hold_waits),
                cmocka_unit_test(a_flood_does_not_part_child_and_parent),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
