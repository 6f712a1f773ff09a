/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/log.h"
#include "meaning/proc.h"
#include "role/engine/engine.h"

#define SETTLE_NS  (RULE_SETTLE_MS * UINT64_C(1000000))
#define OVERDUE_NS (2 * SETTLE_NS) /* where other machines' events keep coming */
#define REFRESH_NS (5 * NS_PER_S)

const CounterDesc engine_counter_descs[] = {
        { "events_matched", "events shown to the rules", offsetof(EngineCounters, events), false },
        { "rule_hits", "times a rule was true", offsetof(EngineCounters, hits), false },
        { "alerts", "alerts made", offsetof(EngineCounters, alerts), false },
        { "alerts_no_memory", "alerts lost because memory ran out", offsetof(EngineCounters, no_memory),
          true },
};
const size_t engine_n_counter_descs = ARRAY_SIZE(engine_counter_descs);

struct Engine {
        AlertFn fn;
        void *userdata;
        Meaning *meaning;
        RuleSet *rules;
        RuleState *state;
        Echo *echo;         /* or NULL */
        Proc *proc;         /* or NULL */
        Loader *loader;     /* of rules that are to come; NULL: none */
        uint64_t settle_ns; /* when to decide what still waits for earlier events, CLOCK_MONOTONIC */
        uint64_t
                overdue_ns; /* when to decide at the latest about the first overdue_events, CLOCK_MONOTONIC */
        uint64_t overdue_events;
        uint64_t refreshed_ns; /* when names were last read again */
        Attempts *attempts;
        Redact redact; /* in redact_arena */
        Arena redact_arena;
        EngineCounters counters;
        Alert *login; /* of the event at hand: the most severe of the rules about logins */
};

static void on_alert(void *userdata, Alert *alert) {
        Engine *e = userdata;

        e->counters.alerts++;
        e->fn(e->userdata, alert);
}

int engine_new(Engine **ret, AlertFn fn, void *userdata) {
        Engine *e = calloc(1, sizeof(*e));
        int r;

        if (!e)
                return -ENOMEM;
        e->fn = fn;
        e->userdata = userdata;
        e->settle_ns = e->overdue_ns = UINT64_MAX;
        r = meaning_new(&e->meaning);
        if (r == 0)
                r = attempts_new(&e->attempts, e->meaning, on_alert, e);
        if (r < 0) {
                engine_free(e);
                return r;
        }
        *ret = e;
        return 0;
}

int engine_set_redact(Engine *e, const Redact *redact) {
        Arena arena = ARENA_INIT;
        Str *names = arena_alloc(&arena, (redact->n_names + 1) * sizeof(*names));

        for (size_t i = 0; names && i < redact->n_names; i++) {
                names[i] = arena_str(&arena, redact->names[i]);
                if (!names[i].p)
                        names = NULL;
        }
        if (!names) {
                arena_done(&arena);
                return -ENOMEM;
        }
        arena_done(&e->redact_arena);
        e->redact_arena = arena;
        e->redact = (Redact){ .names = names, .n_names = redact->n_names, .off = redact->off };
        return 0;
}

bool engine_redacts(const Engine *e) { return !e->redact.off; }
const Redact *engine_redact(const Engine *e) { return &e->redact; }
Meaning *engine_meaning(const Engine *e) { return e->meaning; }

int engine_set_self(Engine *e, const EchoSelf *self) { return echo_new(&e->echo, self); }
Echo *engine_echo(const Engine *e) { return e->echo; }

Engine *engine_free(Engine *e) {
        if (!e)
                return NULL;
        loader_free(e->loader);
        attempts_free(e->attempts);
        rule_state_free(e->state);
        proc_free(e->proc);
        echo_free(e->echo);
        rule_set_unref(e->rules);
        meaning_free(e->meaning);
        arena_done(&e->redact_arena);
        free(e);
        return NULL;
}

static void on_diag(void *userdata, RuleDiagKind kind, const char *file, unsigned line, unsigned column,
                    const char *text) {
        size_t *n_errors = userdata;

        *n_errors += kind == RULE_DIAG_ERROR;
        log_msg(kind == RULE_DIAG_ERROR ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "%s:%u:%u: %s: %s", file, line,
                column, kind == RULE_DIAG_ERROR ? "error" : "warning", text);
}

uint64_t engine_n_rules(const Engine *e) { return e->rules ? rule_set_stats(e->rules)->loaded : 0; }

static void end_event(Engine *e) {
        if (!e->login)
                return;
        attempts_add(e->attempts, e->login);
        e->login = alert_unref(e->login);
}

/* Of several rules about logins that one event hits, the most severe speaks: it is one login. */
static void keep_login(Engine *e, Alert *alert) {
        if (e->login && !str_eq(e->login->event_id, alert->event_id))
                end_event(e); /* a rule that had to wait tells about an earlier event */
        if (e->login && e->login->level >= alert->level) {
                alert_unref(alert);
                return;
        }
        alert_unref(e->login);
        e->login = alert;
}

/* Accounts come and go while we run. Only what is told needs to know, so nothing is looked at until there is a hit. */
static void refresh_names(Engine *e) {
        uint64_t now = clock_monotonic_ns();

        if (now - e->refreshed_ns < REFRESH_NS)
                return;
        meaning_refresh(e->meaning);
        e->refreshed_ns = now;
}

static bool is_echo(Engine *e, const RuleHit *hit) {
        Str rule = hit->rule->id.n ? hit->rule->id : hit->rule->title;

        return echo_is_own(e->echo, hit->event) && !echo_tells(e->echo, rule, clock_monotonic_ns());
}

static void on_hit(void *userdata, const RuleHit *hit) {
        Engine *e = userdata;
        Alert *alert;

        e->counters.hits++;
        if (is_echo(e, hit))
                return;
        refresh_names(e);
        if (alert_new(&alert, hit, e->meaning, &e->redact) < 0) {
                e->counters.no_memory++;
                return;
        }
        if (alert_has_tag(alert, ALERT_TAG_LOGIN)) {
                keep_login(e, alert);
                return;
        }
        on_alert(e, alert);
        alert_unref(alert);
}

static void share_proc(Engine *e) {
        char host[256] = "";

        if (!e->state || !e->proc)
                return;
        gethostname(host, sizeof(host) - 1);
        rule_state_use_proc(e->state, e->proc, str_from(host));
}

int engine_use_proc(Engine *e) {
        int r = e->proc ? 0 : proc_new(&e->proc, "/proc");

        share_proc(e);
        return r;
}

/* Windows of correlations and known processes live on. */
static int use_rules(Engine *e, RuleSet *rules) {
        int r = e->state ? rule_state_adopt(e->state, rules) : rule_state_new(&e->state, rules);

        if (r < 0) {
                rule_set_unref(rules);
                return r;
        }
        rule_set_unref(e->rules);
        e->rules = rules;
        share_proc(e);
        return 0;
}

static int take_rules(Engine *e, RuleSet *rules, size_t n_errors, size_t *ret_n_errors) {
        int r = 0;

        if (n_errors && !rule_set_stats(rules)->loaded && engine_n_rules(e)) {
                log_error("none of the rules can be run: the old ones stay");
                rule_set_unref(rules);
        } else {
                r = use_rules(e, rules);
        }
        meaning_refresh(e->meaning);
        if (ret_n_errors)
                *ret_n_errors = n_errors;
        return r;
}

int engine_load_rules(Engine *e, const char *const *paths, size_t n_paths, size_t *ret_n_errors) {
        size_t n_errors = 0;
        RuleSet *rules;
        int r = rule_set_load(&rules, paths, n_paths, NULL, on_diag, &n_errors);

        return r < 0 ? r : take_rules(e, rules, n_errors, ret_n_errors);
}

int engine_load_start(Engine *e, const LoaderJob *job) {
        if (!e->loader)
                return loader_start(&e->loader, job);
        if (job->drop)
                job->drop(job->job);
        return -EBUSY;
}

int engine_load_fd(const Engine *e) { return e->loader ? loader_fd(e->loader) : -1; }

int engine_load_finish(Engine *e, size_t *ret_n_errors) {
        size_t n_errors = 0;
        RuleSet *rules;
        int r = loader_finish(e->loader, &rules, on_diag, &n_errors);

        e->loader = loader_free(e->loader);
        return r < 0 ? r : take_rules(e, rules, n_errors, ret_n_errors);
}

/* No rule has to ask for this: who reads the log by other means is deceived, with rules or without. */
static void tell_forgery(Engine *e, const Event *event) {
        static const RuleInfo rule = {
                .id = STR_INIT("aulert-log-forgery"),
                .name = STR_INIT("aulert-log-forgery"),
                .title = STR_INIT("Audit log forgery"),
                .description =
                        STR_INIT("The path of a socket holds a newline and what looks like an audit record. "
                                 "auditd writes it into its log as it is; other programs may take it for "
                                 "something that happened."),
                .level = RULE_HIGH,
        };

        for (const Record *r = event->records; r; r = r->next)
                if (r->flags & RECORD_FORGES) {
                        on_hit(e, &(RuleHit){ .rule = &rule, .event = event, .record = r });
                        return;
                }
}

/* What waits is decided when no event came for some time; or when it has waited too long, whatever comes. */
static void note_pending(Engine *e) {
        if (!rule_state_pending(e->state)) {
                e->settle_ns = e->overdue_ns = UINT64_MAX;
                return;
        }
        e->settle_ns = clock_monotonic_ns() + SETTLE_NS;
        if (e->overdue_ns == UINT64_MAX) {
                e->overdue_ns = e->settle_ns - SETTLE_NS + OVERDUE_NS;
                e->overdue_events = e->counters.events;
        }
}

void engine_event(Engine *e, const Event *event) {
        e->counters.events++;
        if (unlikely(event->forges))
                tell_forgery(e, event);
        attempts_see(e->attempts, event);
        if (!e->rules)
                return;
        if (rule_state_match(e->state, event, on_hit, e) < 0)
                e->counters.no_memory++;
        end_event(e);
        note_pending(e);
}

static void settle(Engine *e) {
        if (e->state)
                rule_state_flush(e->state, on_hit, e);
        end_event(e);
        e->settle_ns = e->overdue_ns = UINT64_MAX;
}

static void decide_overdue(Engine *e) {
        rule_state_decide(e->state, e->counters.events - e->overdue_events, on_hit, e);
        end_event(e);
        e->overdue_ns = UINT64_MAX;
        note_pending(e);
}

void engine_age(Engine *e, uint64_t now_ns) {
        if (now_ns >= e->settle_ns)
                settle(e);
        else if (now_ns >= e->overdue_ns)
                decide_overdue(e);
        attempts_age(e->attempts, now_ns);
}

uint64_t engine_deadline(const Engine *e) {
        uint64_t attempts = attempts_deadline(e->attempts);

        uint64_t rules = e->settle_ns < e->overdue_ns ? e->settle_ns : e->overdue_ns;

        return attempts < rules ? attempts : rules;
}

uint64_t engine_n_events(const Engine *e) { return e->counters.events; }

uint64_t engine_n_decided(const Engine *e) {
        return e->counters.events - (e->state ? rule_state_undecided(e->state) : 0);
}

uint64_t engine_oldest_ns(const Engine *e) {
        uint64_t at = attempts_deadline(e->attempts);

        return at == UINT64_MAX ? at : at - ATTEMPT_WAIT_MS * NS_PER_MS;
}

void engine_flush(Engine *e) {
        settle(e);
        attempts_flush(e->attempts);
}

/* ---- a successor ---- */

#define SAVE_TAG     PACK_TAG('A', 'U', 'L', 'T')
#define SAVE_VERSION 1

int engine_save(Engine *e, Buf *out) {
        size_t start = out->n, begun = pack_begin(out, SAVE_TAG, SAVE_VERSION);
        int r = attempts_save(e->attempts, out);

        if (!r && e->state)
                r = rule_state_save(e->state, out);
        if (r)
                return r;
        pack_end(out, begun);
        pack_seal(out, start);
        return out->failed ? -ENOMEM : 0;
}

/* The state of the rules comes last: nothing can fail behind it. */
static int restore(Engine *e, Attempts *attempts, Unpack *in) {
        int r = attempts_restore(attempts, in);

        r = r ? r : rule_state_restore(e->state, in);
        if (r)
                return r;
        attempts_free(e->attempts);
        e->attempts = attempts;
        if (rule_state_pending(e->state))
                e->settle_ns = clock_monotonic_ns() + SETTLE_NS;
        return 0;
}

int engine_restore(Engine *e, Str saved) {
        Attempts *attempts;
        Unpack all, part;
        Str body;
        int r;

        if (!e->state || unpack_unseal(saved, &body))
                return PACK_E_BAD;
        all = UNPACK_INIT(body);
        part = unpack_part(&all, SAVE_TAG, SAVE_VERSION);
        if (unpack_end(&all))
                return PACK_E_BAD;
        r = attempts_new(&attempts, e->meaning, on_alert, e);
        if (r)
                return r;
        r = restore(e, attempts, &part);
        if (r)
                attempts_free(attempts);
        return r;
}

void engine_print_counters(const Engine *e, Buf *out, bool only_loss) {
        counter_print(out, engine_counter_descs, engine_n_counter_descs, &e->counters, only_loss);
        echo_print_counters(e->echo, out, only_loss);
        counter_print(out, attempt_counter_descs, attempt_n_counter_descs, attempts_counters(e->attempts),
                      only_loss);
        if (e->proc)
                counter_print(out, proc_counter_descs, proc_n_counter_descs, proc_counters(e->proc),
                              only_loss);
        if (e->state)
                counter_print(out, rule_counter_descs, rule_n_counter_descs, rule_counters(e->state),
                              only_loss);
        counter_print(out, meaning_counter_descs, meaning_n_counter_descs, meaning_counters(e->meaning),
                      only_loss);
}
