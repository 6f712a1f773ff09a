/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a correlation, or surely a mistake, is said at the right place. */
#include "rule/test-said.h"

/* A rule, and a correlation that counts it: row.yaml is what the correlation says. */
#define COUNTED HEAD "  s: {a0: x}\n  condition: s\n---\ntitle: c\nid: c\ncorrelation:\n"

static const Row correlations[] = {
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 5, lt: 5}\n", 14, 14,
          "no number meets" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {lt: 1}\n", 14, 14,
          "never holds" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gt: 4, lt: 5}\n", 14, 14,
          "no number meets" },
        { COUNTED "  type: value_avg\n  rules: [x]\n  timespan: 1h\n  condition: {field: a1, gt: 4, lt: 5}\n",
          0, 0, "" },
        { COUNTED "  type: value_sum\n  rules: [x]\n  timespan: 1h\n  condition: {field: a1, lt: -1}\n", 0, 0,
          "" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gt: 0, neq: 1, neq: 2}\n",
          14, 30, "twice" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gt: 1, lte: 4}\n", 0, 0,
          "" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {lt: 2}\n", 0, 0, "" },
        { COUNTED
          "  type: event_count\n  rules: [x]\n  timeframe: 1h\n  timespan: 1h\n  condition: {gte: 5}\n",
          13, 3, "write timespan" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 5}\n"
                  "---\ntitle: d\nid: d\ncorrelation: {type: temporal, rules: [x], timespan: 1h}\n"
                  "---\ntitle: e\nid: d\ncorrelation: {}\n",
          20, 1, "is taken" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 5}\n"
                  "---\ntitle: d\nid: x\ncorrelation: {type: temporal, rules: [x], timespan: 1h}\n",
          16, 1, "is taken" },
        { COUNTED
          "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 5}\n"
          "---\ntitle: d\nid: c\nlogsource: {product: linux}\ndetection: {s: {a0: x}, condition: s}\n",
          16, 1, "is taken" },
        { COUNTED
          "  type: event_count\n  rules: [x]\n  group-by: [a1, ~]\n  timespan: 1h\n  condition: {gte: 5}\n",
          13, 18, "must hold names" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  aliases: {a: {x: ~}}\n  "
                  "group-by: [a]\n  condition: {gte: 5}\n",
          14, 13, "names no field" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 2}\n"
                  "---\ntitle: f\nfilter: {rules: [c], s: {a0: x}, condition: not s}\n",
          17, 18, "that it counts" },
        { COUNTED "  type: event_count\n  rules: [x, x]\n  timespan: 1h\n  condition: {gte: 5}\n", 12, 14,
          "stands twice" },
        { COUNTED "  type: temporal_ordered\n  rules: [x, x]\n  timespan: 1h\n", 0, 0, "" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 131071}\n", 14, 14,
          "write 131070" },
        { COUNTED "  type: value_count\n  rules: [x]\n  timespan: 1h\n  condition: {field: a1, gt: 65535}\n",
          14, 14, "write 65534" },
        { COUNTED "  type: value_sum\n  rules: [x]\n  timespan: 1h\n  condition: {field: a1, gt: 5000000}\n",
          0, 0, "" },
        { COUNTED "  type: temporal\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 2}\n", 14, 14,
          "number of these rules" },
        { COUNTED
          "  type: event_count\n  rules: [x]\n  group_by: [a1]\n  timespan: 1h\n  condition: {gte: 5}\n",
          13, 3, "write group-by" },
        { COUNTED
          "  type: event_count\n  rules: [x]\n  timespan: 1h\n  condition: {gte: 5}\ngenerate: true\n",
          15, 11, "under \"correlation\"" },
        { COUNTED
          "  type: event_count\n  rules: [x]\n  timespan: 1h\n  aliases: [a]\n  condition: {gte: 5}\n",
          14, 12, "map of maps" },
        { COUNTED "  type: event_count\n  rules: [x]\n  timespan: 1h\n  aliases: {a: {x: a1, y: a2}}\n  "
                  "group-by: [a]\n  condition: {gte: 5}\n",
          14, 24, "no rule of this id" },
        { COUNTED
          "  type: event_count\n  rules: [n]\n  timespan: 1h\n  condition: {gte: 2}\n---\n"
          "title: a\nname: n\nlogsource: {product: linux}\ndetection: {s: {a0: x}, condition: s}\n---\n"
          "title: b\nname: n\nlogsource: {product: linux}\ndetection: {s: {a0: y}, condition: s}\n",
          12, 11, "write ids" },
};

static void correlations_are_checked(void **state) {
        for (size_t i = 0; i < ARRAY_SIZE(correlations); i++) {
                Said said;

                rule_set_unref(load(correlations[i].yaml, &said));
                if (said.errors + said.warnings != !!*correlations[i].says ||
                    said.line != correlations[i].line || said.column != correlations[i].column ||
                    !strstr(said.text, correlations[i].says))
                        fail_msg("row %zu: %u errors, %u warnings, first at %u:%u: %s", i, said.errors,
                                 said.warnings, said.line, said.column, said.text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(correlations_are_checked),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
