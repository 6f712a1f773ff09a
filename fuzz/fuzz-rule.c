/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rule files: whatever they hold, loading says where each mistake is, and what was loaded can be asked
 * about events. What the compiled rules find must be what they find when each is asked plainly. */
#include <sys/mman.h>
#include <unistd.h>
#include "base/buf.h"
#include "base/hash.h"
#include "fuzz/gen.h"
#include "fuzz/target.h"
#include "rule/rule.h"

#define MAX_RULES_TEXT (64u << 10)

typedef struct {
        RuleState *state;
        uint64_t hits; /* sum of what was hit: order does not matter */
} Asked;

static void on_diag(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                    const char *text) {
        CHECK(file && line && column && text && *text);
        CHECK(kind == RULE_DIAG_ERROR || kind == RULE_DIAG_WARNING);
}

static void on_hit(void *userdata, const RuleHit *hit) {
        Asked *asked = userdata;

        CHECK(hit->rule && hit->event && hit->rule->level < _RULE_LEVEL_N);
        asked->hits += hash_mix(hash_str(hit->rule->id) + hit->rule->line, hit->event->id.serial | 1);
}

static void on_event(void *userdata, const Event *e) {
        Asked *asked = userdata;

        CHECK(rule_state_match(asked->state, e, on_hit, asked) == 0);
}

/* Every recorded line, as one stream. */
static uint64_t ask(RuleSet *set) {
        Asked asked = { 0 };
        EventAssembler *a;
        char *copies[64];
        size_t n = gen_n_seeds < ARRAY_SIZE(copies) ? gen_n_seeds : ARRAY_SIZE(copies);

        CHECK(rule_state_new(&asked.state, set) == 0);
        CHECK(event_assembler_new(&a, EVENT_DEFAULT, NULL, on_event, &asked) == 0);
        for (size_t i = 0; i < n; i++) {
                Str seed = str_from(gen_seeds[i]);

                copies[i] = target_copy(seed, ' ');
                event_add(a, (Str){ copies[i], seed.n });
        }
        event_flush(a);
        CHECK(rule_state_flush(asked.state, on_hit, &asked) == 0);
        event_assembler_free(a);
        rule_state_free(asked.state);
        for (size_t i = 0; i < n; i++)
                free(copies[i]);
        return asked.hits;
}

static uint64_t load_and_ask(const char *path, bool plain) {
        RuleOptions options = { .plain = plain };
        uint64_t hits = 0;
        RuleSet *set;

        CHECK(rule_set_load(&set, &path, 1, &options, on_diag, NULL) == 0);
        for (size_t i = 0; rule_set_info(set, i); i++)
                CHECK(rule_set_info(set, i)->level < _RULE_LEVEL_N);
        if (rule_set_info(set, 0))
                hits = ask(set);
        rule_set_unref(set);
        return hits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        int fd = memfd_create("rules.yml", MFD_CLOEXEC);
        char path[32];

        CHECK(fd >= 0);
        n = n < MAX_RULES_TEXT ? n : MAX_RULES_TEXT;
        CHECK(write(fd, data, n) == (ssize_t)n);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        CHECK(load_and_ask(path, false) == load_and_ask(path, true));
        close(fd);
        return 0;
}
